"""What a journal writes down, as bytes: the parts of a batch, one document each.

A body is a row of msgpack documents, ``[kind, at, *fields]``; `at` is when it was written, by the
wall clock. The format has the version of the journal's schema (`SCHEMA`): whatever changes here
changes that, and the journal says how older ones are read. ::

    1 filed    [spec, numbers, args, numbers at the inbox]
    2 trial    [number, failures, crashes, losses, delay, evidence]
    3 letter   [number, state, error]
    4 settled  [state, count, numbers]
    5 removed  [count, numbers]
    6 workers  [node ids]
    7 mark     [what a trial has, checkpoint, parts]

Numbers are an array, or the first of them if each is one more than the one before. A spec is
packed by itself, ``[name, fingerprint, options that are not the default, items, inbox, node]``,
and True behind it if it streams.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields as fields_of
from typing import Any

from msgpack import Unpacker, unpackb

from zmqwork.core import lifecycle
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Filed, Letter, Trial
from zmqwork.core.trouble import EVIDENCE_MAX
from zmqwork.errors import ConfigError, DecodeError
from zmqwork.options import TaskOptions
from zmqwork.wire import fields
from zmqwork.wire.advancing import read_checkpoint, read_part
from zmqwork.wire.limits import COUNT_MAX, FINGERPRINT_BYTES_MAX, NUMBER_MAX
from zmqwork.wire.packing import Packers, explain, walk_all

# Of this format, and of the tables that it is kept in.
SCHEMA = 1

# Arguments in one document, if they are more than one task's; and numbers in one.
DOCUMENT_BYTES_MAX = 1024 * 1024
NUMBERS_MAX = 65_536

# Node ids of workers that may hold attempts.
WORKERS_MAX = 65_536
_KEYS_MAX = 256
_SPECS_MAX = 1_000

FILED, TRIAL, LETTER, SETTLED, REMOVED, WORKERS, MARK = 1, 2, 3, 4, 5, 6, 7

_packers = Packers(unicode_errors="backslashreplace")
_DEFAULTS = {f.name: f.default for f in fields_of(TaskOptions)}
_SEQUENCES = {"retry_for", "no_retry_for", "inbox"}
# Specs as bytes, and back; of a program there are a few. Bound: _SPECS_MAX each.
_packed: dict[TaskSpec, bytes] = {}
_unpacked: dict[bytes, TaskSpec] = {}


def split(batch: Batch) -> Iterator[Batch]:
    """The parts of a batch, in the order in which they count, none larger than a document."""
    for filed in batch.filed:
        for some in _pieces(filed):
            yield Batch(filed=[some])
    for trial in batch.trials:
        yield Batch(trials=[trial])
    for letter in batch.letters:
        yield Batch(letters=[letter])
    for state, seqs in batch.settled.items():
        for at in range(0, len(seqs), NUMBERS_MAX):
            yield Batch(settled={state: seqs[at : at + NUMBERS_MAX]})
    for at in range(0, len(batch.removed), NUMBERS_MAX):
        yield Batch(removed=batch.removed[at : at + NUMBERS_MAX])
    if batch.workers is not None:
        yield Batch(workers=batch.workers)


def _pieces(filed: Filed) -> Iterator[Filed]:
    count = len(filed.seqs)
    if count <= NUMBERS_MAX and sum(map(len, filed.args)) <= DOCUMENT_BYTES_MAX:
        if count:
            yield filed
        return
    begin = size = 0
    for end, args in enumerate(filed.args):
        if end > begin and (size + len(args) > DOCUMENT_BYTES_MAX or end - begin == NUMBERS_MAX):
            yield _piece(filed, begin, end)
            begin, size = end, 0
        size += len(args)
    yield _piece(filed, begin, count)


def _piece(filed: Filed, begin: int, end: int) -> Filed:
    there = slice(begin, end)
    return Filed(filed.spec, filed.seqs[there], filed.args[there], filed.sink_seqs[there])


def encode(part: Batch, at: float) -> bytes:
    """One part of a batch, as `split` makes them, as a document."""
    return _packers.pack(_document(part, at))


def _document(part: Batch, at: float) -> list[Any]:
    for filed in part.filed:
        numbers = [_numbers(filed.seqs), filed.args, _numbers(filed.sink_seqs)]
        return [FILED, at, _spec(filed.spec), *numbers]
    for t in part.trials:
        kind, mark = (TRIAL, []) if t.checkpoint is None else (MARK, [t.checkpoint, t.part])
        return [kind, at, t.seq, t.failures, t.crashes, t.losses, t.delay, t.evidence, *mark]
    for letter in part.letters:
        return [LETTER, at, letter.seq, letter.state, letter.error]
    for state, seqs in part.settled.items():
        return [SETTLED, at, state, len(seqs), _numbers(sorted(seqs))]
    if part.workers is not None:
        return [WORKERS, at, part.workers]
    return [REMOVED, at, len(part.removed), _numbers(part.removed)]


def _numbers(seqs: list[int]) -> int | list[int]:
    if len(seqs) > 1 and seqs == list(range(seqs[0], seqs[0] + len(seqs))):
        return seqs[0]
    return seqs


def _spec(spec: TaskSpec) -> bytes:
    packed = _packed.get(spec)
    if packed is None:
        options = {
            name: value
            for name, default in _DEFAULTS.items()
            if (value := getattr(spec.options, name)) != default
        }
        told = [spec.name, spec.fingerprint, options, spec.item_count, spec.inbox, spec.node]
        told += [True] if spec.streams else []
        if len(_packed) >= _SPECS_MAX:
            _packed.clear()
        packed = _packed[spec] = _packers.pack(told)
    return packed


def decode(body: bytes) -> Iterator[tuple[int, float, Batch]]:
    """The parts in a body: how many bytes each takes, when it was written, and what it is.

    Raises:
        DecodeError: this is no body, from here on.
    """
    try:
        walk_all(body)
        unpacker = Unpacker(max_buffer_size=0, ext_hook=_no_extension)
        unpacker.feed(body)
        begin = 0
        for document in unpacker:
            end = unpacker.tell()
            yield (end - begin, *_part(document))
            begin = end
    except DecodeError:
        raise
    except Exception as error:  # whatever it is, the bytes are to blame
        raise DecodeError(f"a record is not msgpack: {explain(error)}") from error


def _no_extension(code: int, _: bytes) -> Any:
    raise DecodeError(f"a record holds an extension type, {code}, which none may")


def _part(document: Any) -> tuple[float, Batch]:
    fields.array_of(document, "a record", 10, 3)
    kind, at = document[0], document[1]
    if type(at) is not float or at - at != 0.0:
        raise DecodeError("the time of a record is no finite number")
    count, read = _READERS.get(kind if type(kind) is int else 0, (0, _read_removed))
    if count != len(document):
        raise DecodeError(f"a record of {len(document)} items has a kind that is unknown")
    return at, read(document)


def _read_filed(d: list[Any]) -> Batch:
    args = fields.array_of(d[4], "arguments", NUMBERS_MAX, 1)
    if not set(map(type, args)) <= {bytes}:
        raise DecodeError("arguments that are no bytes")
    seqs = _read_numbers(d[3], len(args))
    if any(map(int.__ge__, seqs, seqs[1:])):
        raise DecodeError("the numbers of tasks are not in order")
    sink_seqs = [] if d[5] == [] else _read_numbers(d[5], len(args))
    return Batch(filed=[Filed(_read_spec(d[2]), seqs, args, sink_seqs)])


def _read_mark(d: list[Any]) -> Batch:
    batch = _read_trial(d)
    for trial in batch.trials:
        trial.checkpoint, trial.part = read_checkpoint(d[8]), read_part(d[9])
    return batch


def _read_trial(d: list[Any]) -> Batch:
    failures, crashes, losses = [fields.number(n, "a count of a trial", COUNT_MAX) for n in d[3:6]]
    delay = fields.seconds(d[6], "a delay", 0.0, float("inf"))
    evidence = fields.array_of(d[7], "evidence", EVIDENCE_MAX)
    for record in evidence:
        fields.map_of(record, "evidence", _KEYS_MAX)
        fields.plain(record, "evidence")
    seq = fields.number(d[2], "a task's number")
    return Batch(trials=[Trial(seq, failures, crashes, losses, delay, evidence)])


def _read_letter(d: list[Any]) -> Batch:
    error = fields.map_of(d[4], "a dead letter's error", _KEYS_MAX)
    fields.plain(error, "a dead letter's error")
    return Batch(letters=[Letter(fields.number(d[2], "a task's number"), _state(d[3]), error)])


def _read_settled(d: list[Any]) -> Batch:
    count = fields.number(d[3], "a count of tasks", NUMBERS_MAX)
    return Batch(settled={_state(d[2]): _read_numbers(d[4], count)})


def _read_removed(d: list[Any]) -> Batch:
    count = fields.number(d[2], "a count of tasks", NUMBERS_MAX)
    return Batch(removed=_read_numbers(d[3], count))


def _read_workers(d: list[Any]) -> Batch:
    workers = fields.array_of(d[2], "workers", WORKERS_MAX)
    return Batch(workers=tuple(fields.name(worker, "a worker") for worker in workers))


_READERS = {
    FILED: (6, _read_filed),
    TRIAL: (8, _read_trial),
    LETTER: (5, _read_letter),
    SETTLED: (5, _read_settled),
    REMOVED: (4, _read_removed),
    WORKERS: (3, _read_workers),
    MARK: (10, _read_mark),
}


def _state(value: Any) -> str:
    if value not in lifecycle.SETTLED:
        raise DecodeError("the state of a task is none of those at the end")
    return str(value)


def _read_numbers(value: Any, count: int) -> list[int]:
    if type(value) is int:
        first = fields.number(value, "the first of some numbers", NUMBER_MAX - count)
        return list(range(first, first + count))
    numbers = fields.numbers(value, "numbers", NUMBERS_MAX)
    if len(numbers) != count:
        raise DecodeError(f"{len(numbers)} numbers stand where {count} are told")
    return numbers


def _read_spec(packed: Any) -> TaskSpec:
    if type(packed) is not bytes:
        raise DecodeError("a spec is no bytes")
    spec = _unpacked.get(packed)
    if spec is None:
        if len(_unpacked) >= _SPECS_MAX:
            _unpacked.clear()
        spec = _unpacked[packed] = _spec_of(unpackb(packed, ext_hook=_no_extension))
    return spec


def _spec_of(value: Any) -> TaskSpec:
    fields.array_of(value, "a spec", 7, 6)
    name, fingerprint, told, item_count, inbox, node = value[:6]
    streams = fields.boolean(value[6], "a spec's streams") if len(value) > 6 else False
    fields.task_name(name)
    fields.text(fingerprint, "a fingerprint", FINGERPRINT_BYTES_MAX)
    fields.map_of(told, "options", len(_DEFAULTS))
    fields.number(item_count, "a count of items", COUNT_MAX, 1)
    for key in told:
        if key not in _DEFAULTS:
            raise DecodeError(
                f"it has the option {key!r}, which this zmqwork does not know: use the one that "
                "wrote it, or a newer one"
            )
    for key in _SEQUENCES & told.keys():
        told[key] = tuple(fields.array_of(told[key], "an option", _KEYS_MAX))
    try:
        options = TaskOptions(**told)
    except (ConfigError, TypeError) as error:
        raise DecodeError(f"options that no task has: {explain(error)}") from error
    if node != "":
        fields.node_id(node)
    inbox = fields.name_or_empty(inbox, "an inbox")
    return TaskSpec(name, fingerprint, options, item_count, inbox, node, streams=streams)
