"""Every decoder of what comes from outside, each with the one exception that it may raise."""

from __future__ import annotations

import atexit
import base64
import io
import ipaddress
import json
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgpack

import zmqwork
from tests.fuzz.engine import Target
from tests.fuzz.mutation import BYTES_MAX, join_frames, split_frames
from zmqwork import config
from zmqwork.cli import letter_import
from zmqwork.cli.arguments import argument
from zmqwork.cli.columns import TextColumns
from zmqwork.cli.formats import JsonLines, NumberLines, PlainLines
from zmqwork.cli.ranges import Ranges
from zmqwork.cli.rate import parse_rate
from zmqwork.cli.records import BadInput, Fault
from zmqwork.cli.rows import Rows
from zmqwork.core.functions import allows
from zmqwork.discovery import advert, record
from zmqwork.discovery.interfaces import Address
from zmqwork.discovery.lookup import parse_name
from zmqwork.discovery.static import parse_peer, parse_peers, split_member
from zmqwork.errors import ConfigError, DecodeError, KeysError, UsageError
from zmqwork.execution.command_failed import CommandFailed
from zmqwork.execution.frames import FrameReader
from zmqwork.execution.placeholders import Template
from zmqwork.options import TaskOptions
from zmqwork.security import bundle, chain, contents, roster
from zmqwork.transport.addresses import split_tcp
from zmqwork.wire import channel, pipeline, recording
from zmqwork.wire.codec import Decoder, encode
from zmqwork.wire.values import decode_call, decode_value, encode_call, encode_value

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = json.loads((ROOT / "tests" / "wire" / "golden.json").read_text("utf-8"))
RECORDS = json.loads((ROOT / "tests" / "wire" / "golden_records.json").read_text("utf-8"))

# A pair that is nobody's.
KEY = "=VUR5[hy1Cr9vB8LAB&q6nVOyY@PHsM]wtHc+9hh"
SECRET = "1pHUOU{saWtTyA-@pq#uKU!@f78+4uNfAlr2<HjK"


def _text(data: bytes) -> str:
    """As the words of a command line come: any bytes are some text."""
    return data.decode("utf-8", "surrogateescape")


# -- the wire --------------------------------------------------------------------------------------


def message(data: bytes) -> object:
    """One frame 0; what comes out can be relied on: it is a message like any other."""
    found = Decoder().decode([data])
    if found is not None:
        number, read = found
        *_, last = encode(number, read)
        assert len(last) > 1 or Decoder().decode(last) == found
    return type(found[1]).__name__ if found else "PART"


def link(data: bytes) -> object:
    """Messages of one link, with parts and frames beside frame 0."""
    decoder = Decoder(64 * 1024)
    count = 0
    for frames in split_frames(data):
        if frames:
            count += decoder.decode(frames) is not None
        assert decoder.reassembly_bytes <= 64 * 1024
    return str(min(count, 5))


def value(data: bytes) -> object:
    return type(decode_value(data)).__name__


def call(data: bytes) -> object:
    args, kwargs = decode_call(data)
    return f"{len(args)} {len(kwargs)}"


def classic(data: bytes) -> object:
    return type(pipeline.decode(data)).__name__


def journal(data: bytes) -> object:
    kinds = []
    for _, at, batch in recording.decode(data):
        assert at == at
        kinds += [
            name for name in ("filed", "trials", "letters", "settled") if getattr(batch, name)
        ]
    return " ".join(kinds[:3])


# -- children --------------------------------------------------------------------------------------


def child(data: bytes) -> object:
    """What a child has written, in pieces: each frame is read as its kind says."""
    reader = FrameReader()
    kinds = []
    for at in range(0, len(data), 97):
        room = reader.room()
        piece = data[at : at + 97][: len(room)]
        room[: len(piece)] = piece
        del room
        for frame in reader.received(len(piece)):
            kinds.append(str(frame[0]))
            if frame[0] == channel.OUTCOMES:
                channel.unpack_outcomes(frame)
            else:
                channel.unpack_message(frame)
    return " ".join(kinds[:3]) + ("broken" if reader.is_broken else "")


def entries(data: bytes) -> object:
    """Outcomes in shared memory, after a child has died: a count, and bytes."""
    count = int.from_bytes(data[:4], "big")
    return str(len(channel.unpack_entries(data[4:], count)))


# -- discovery -------------------------------------------------------------------------------------

HERE = [Address("eth0", "10.0.0.7", ipaddress.IPv4Network("10.0.0.0/24"))]


def found_record(data: bytes) -> object:
    found = record.decode_record(data)
    if found is not None:
        assert found.best_first() is not None
        assert record.decode_record(found.encode()) == found
    return type(found).__name__


def mdns(data: bytes) -> object:
    """A TXT record; the first bytes are its port, and how many addresses it has."""
    head, text = data[:3], data[3:]
    port = int.from_bytes(head[:2], "big")
    hosts = ["10.0.0.8", "127.0.0.1", "x", "169.254.169.254", "8.8.8.8"][
        : head[2] % 6 if head[2:] else 0
    ]
    options = {"label": _text(text[:63]), "realm": advert.realm_hash("r"), "addresses": HERE}
    found = advert.judge(text, port, hosts, **options)
    sealed = advert.judge(text, port, hosts, key=b"k" * 32, members={"f" * 16}, **options)
    assert isinstance(sealed, str), "nobody can seal without the key"
    return found if isinstance(found, str) else "advert"


def peers(data: bytes) -> object:
    for found in parse_peers([_text(data)]):
        split_member(found)
    return "peers"


def peer(data: bytes) -> object:
    return parse_peer(_text(data)).partition(":")[0]


def dns_name(data: bytes) -> object:
    parse_name(_text(data))
    return "name"


def endpoint(data: bytes) -> object:
    split_tcp(_text(data))
    return "endpoint"


# -- keys ------------------------------------------------------------------------------------------


def decoded(read: Callable[[str], Any]) -> Callable[[bytes], object]:
    def run(data: bytes) -> object:
        return type(read(data.decode("utf-8", "replace"))).__name__

    return run


def read_roster(text: str) -> object:
    found = roster.decode(text)
    assert roster.decode(found.encode()) == found
    return found


class Files:
    """Readers of files, given bytes: they see a private file with that content."""

    def __init__(self) -> None:
        self._place: Path | None = None

    def _written(self, data: bytes) -> Path:
        if self._place is None:
            self._place = Path(tempfile.mkdtemp(prefix="zmqwork-fuzz-"))
            atexit.register(shutil.rmtree, self._place, ignore_errors=True)
        path = self._place / "file"
        path.unlink(missing_ok=True)
        path.write_bytes(data)
        path.chmod(0o600)
        return path

    def bundle(self, data: bytes) -> object:
        return type(bundle.read(self._written(data))).__name__

    def node(self, data: bytes) -> object:
        return type(contents.read_node(self._written(data))).__name__

    def discovery_key(self, data: bytes) -> object:
        path = self._written(data)
        path.rename(path.with_name("discovery.key"))
        return type(contents.read_discovery_key(path.parent)).__name__


FILES = Files()


def audit(data: bytes) -> object:
    lines = data.split(b"\n")
    for line in lines:
        chain.read(line)
    chain.end_of(data, whole=True)
    verdict = chain.verify([("audit", lines)])
    return "whole" if verdict.fault is None else verdict.fault.text[:20]


# -- the command line ------------------------------------------------------------------------------


def inputs(make: Callable[[Callable[[int], bytes]], Any]) -> Callable[[bytes], object]:
    """All records of an input, each read to its value; what is wrong with one is a `Fault`."""

    def run(data: bytes) -> object:
        form = make(io.BytesIO(data).read)
        count = faults = 0
        for found in form.records():
            count += 1
            if count > 1000:
                break
            if found.fault is not None:
                faults += 1
                continue
            try:
                form.value(found)
            except Fault:
                faults += 1
        return f"{min(count, 3)} {min(faults, 3)}"

    return run


def csv(read: Callable[[int], bytes]) -> Rows:
    return Rows("input", read, TextColumns)


def ranges(data: bytes) -> object:
    found = Ranges.parse(_text(data))
    assert str(Ranges.parse(str(found))) == str(found)
    return "ranges"


app = zmqwork.App("fuzz")


@app.task()
def known(x: int) -> int:
    return x


def letters(data: bytes) -> object:
    lines = io.TextIOWrapper(io.BytesIO(data), "utf-8", errors="replace")
    return str(len(list(letter_import._calls(app, lines, "letters"))))


def words(data: bytes) -> object:
    return type(argument(_text(data))).__name__


def rate(data: bytes) -> object:
    assert parse_rate(_text(data)) > 0
    return "rate"


def template(data: bytes) -> object:
    """A command, and a record for it, behind a line feed."""
    text, _, rest = data.partition(b"\n")
    made = Template(_text(text))
    value = [_text(rest), 1] if rest[:1] == b"[" else {"a": {"b": [1, "x"]}, "c": _text(rest)}
    made.line(value, 1, 1)
    return "line"


# -- settings --------------------------------------------------------------------------------------


def settings(kind: type, base: dict[str, Any]) -> Callable[[bytes], object]:
    """A map of msgpack as the settings of a node or a task."""

    def run(data: bytes) -> object:
        try:
            fields = msgpack.unpackb(data, strict_map_key=False)
        except Exception:
            return "no map"
        if type(fields) is not dict:
            return "no map"
        known = {
            k: v for k, v in fields.items() if type(k) is str and k in kind.__dataclass_fields__
        }
        kind(**base | known)
        return "settings"

    return run


def patterns(data: bytes) -> object:
    pattern, _, name = _text(data).partition("\n")
    return str(allows([pattern], name))


# -- all of them -----------------------------------------------------------------------------------

NODE = {"node_id": "0" * 32, "name": "n", "realm": "r"}
ROSTER = f"""\
cluster = "lab"
serial = 7
shared = false

[[member]]
name = "a"
roles = ["worker", "sink"]
[[member.key]]
public = "{KEY}"
until = 1.5e9
"""


def _raw(text: str) -> bytes:
    """Bytes as `tests/wire/golden.json` writes them."""
    digits, _, times = text.partition("*")
    return bytes.fromhex(digits) * int(times or 1)


def _seeds_of_links() -> Iterable[list[list[bytes]]]:
    for vector in GOLDEN["messages"]:
        sent = [[_raw(frame) for frame in frames] for frames in vector["sent"]]
        if all(len(frame) < BYTES_MAX for frames in sent for frame in frames):
            yield sent
    part = msgpack.packb([8, 1, 0, 1])
    yield [[part, b"x" * 100], [msgpack.packb([18, 1, [["t", {}, 1, [1], [1]]]])]]
    yield [[msgpack.packb([18, 1, [["t", {}, 1, [1], [None]]]]), b"x" * 100]]


def _frame(kind: int, body: bytes) -> bytes:
    return channel.HEAD.pack(len(body), kind, len(body)) + body


VALUES = [None, 1, 2**70, 1.5, "text", b"bytes", [1, [2]], {"a": 1}, (1, 2), {1, 2}, frozenset({1})]
LETTER = json.dumps(
    {"id": "1", "task": "known", "payload": base64.b64encode(encode_call((1,), {})).decode()}
)

TARGETS = [
    Target("message", "msgpack", message, DecodeError,
           [frames[-1][0] for frames in _seeds_of_links()]),
    Target("link", "frames", link, DecodeError,
           list(map(join_frames, _seeds_of_links()))),
    Target("value", "msgpack", value, DecodeError, [encode_value(v) for v in VALUES]),
    Target("call", "msgpack", call, DecodeError, [encode_call((1, "a"), {"k": (1,)})]),
    Target("classic", "msgpack", classic, None, [
        pipeline.encode_start(pipeline.Start("v", 1, "n")),
        pipeline.encode_end(pipeline.End("v", 1, 1)),
        pipeline.encode_items("v", 1, [1, 2]),
        pipeline.encode_results("v", 1, [1, 2], [(0, "no")], "w"),
    ]),
    Target("journal", "msgpack", journal, DecodeError, [_raw(v) for v in RECORDS["1"].values()]),
    Target("child", "channel", child, DecodeError, [
        channel.pack_message(channel.READY, {"a": 1}),
        channel.outcomes_head(0, 1.0, 2, 4) + b"\xc4\x01x\x80",
        _frame(channel.SAID, msgpack.packb([1, {"fraction": 0.5}])) * 3,
        struct.pack(">QBI", 2**40, 1, 5),
    ]),
    Target("entries", "channel", entries, DecodeError, [b"\0\0\0\2\xc4\x01x\x80"]),
    Target("record", "json", found_record, None, [
        record.Record("0" * 32, "worker", "n", "r", ("ipc:///x",), 1, "h", "f" * 16).encode(),
    ]),
    Target("mdns", "txt", mdns, None, [
        b"\x1f\x90\x02" + b"".join(bytes([len(f)]) + f for f in (
            b"v=1", b"id=" + b"0" * 32, b"r=worker", b"realm=" + advert.realm_hash("r").encode(), b"pk=",
        )),
    ]),
    Target("peers", "text", peers, ConfigError, [b"tcp://a:1, ipc:///x b@10.0.0.1:2", b"[::1]:5"]),
    Target("peer", "text", peer, ConfigError, [b"tcp://m@host:7071", b"ipc:///run/x"]),
    Target("dns_name", "text", dns_name, ConfigError, [b"dns://a.b:1", b"dns+srv://_z._tcp.a"]),
    Target("endpoint", "text", endpoint, ConfigError, [b"tcp://127.0.0.1:*", b"tcp://[::1]:70"]),
    Target("roster", "toml", decoded(read_roster), KeysError, [ROSTER.encode()]),
    Target("bundle", "toml", FILES.bundle, KeysError, [
        f'format = 1\nname = "a"\npublic = "{KEY}"\nsecret = "{SECRET}"\ndiscovery_key = "{"0" * 64}"\n'
        f"roster = '''\n{ROSTER}'''\n".encode(),
    ]),
    Target("node_file", "toml", FILES.node, KeysError, [
        f'name = "a"\npublic = "{KEY}"\nsecret = "{SECRET}"\n'.encode(),
    ]),
    Target("discovery_key", "text", FILES.discovery_key, KeysError, [b"0" * 64 + b"\n"]),
    Target("audit", "json", audit, None, [
        chain.seal({"event": "x"}, chain.ROOT)[0] * 2,
        chain.seal({"event": "x"}, chain.ROOT, b"torn")[0],
    ]),
    Target("plain_lines", "lines", inputs(PlainLines), None, [b"a\nb\r\n\n", b"\xef\xbb\xbfx"]),
    Target("json_lines", "lines", inputs(JsonLines), None, [b'{"a": [1, 2.5, null]}\n"x"\n\n']),
    Target("number_lines", "lines", inputs(NumberLines), None, [b"0-9,20,30-39:2\n7\n"]),
    Target("csv", "lines", inputs(csv), BadInput, [b'a,b\n1,"x ""y"" \n z"\n\n2,3\n']),
    Target("ranges", "text", ranges, UsageError, [b"0-9,20,30-39:2"]),
    Target("rate", "text", rate, UsageError, [b"100/s", b"2.5", b".5/min"]),
    Target("argument", "text", words, None, [b'{"a": 1e3}', b"text", b"[1, NaN]"]),
    Target("letters", "lines", letters, BadInput, [LETTER.encode() + b"\n"]),
    Target("template", "text", template, (UsageError, CommandFailed), [
        b"convert {/.} {a.b.0} '{c}'\nx", b"echo {}\n[x",
    ]),
    Target("patterns", "text", patterns, None, [b"a.*:b*\na.b:c[]"]),
    *(
        Target(f"{kind.__name__}", "settings", settings(kind, base), ConfigError, [
            msgpack.packb({name: f.default for name, f in kind.__dataclass_fields__.items()
                           if type(f.default) in (int, float, str, bool)}),
        ])
        for kind, base in (
            (config.Health, {}), (config.ProducerConfig, NODE), (config.WorkerConfig, NODE),
            (config.SinkConfig, NODE), (TaskOptions, {}),
        )
    ),
]  # fmt: skip

BY_NAME = {target.name: target for target in TARGETS}


def corpus_of(name: str) -> list[bytes]:
    """The inputs that were found to be of use, or to do harm once."""
    folder = Path(__file__).parent / "corpus" / name
    return [path.read_bytes() for path in sorted(folder.glob("*"))] if folder.is_dir() else []
