"""The name of a run: the same when the same input is given to the same task again."""

from __future__ import annotations

import hashlib
import secrets

from zmqwork.cli.inputs import Input
from zmqwork.config import check_name
from zmqwork.errors import ConfigError, UsageError

# 80 bits: a million runs meet by chance once in 10**12 times.
_ID_BYTES = 10


def run_id(task: str, form: str, content: bytes) -> str:
    """The id of a run, 20 hexadecimal digits. It never changes: those of old runs are on disks.

    Args:
        task: the task's name.
        form: how the input is read, for what numbers its records: ``--csv ;``.
        content: what stands for all of the input: `digest_of`, or a text that says it.
    """
    digest = hashlib.blake2b(digest_size=_ID_BYTES, person=b"zmqwork run")
    for part in (task.encode(), form.encode(), content):
        # Each with its length, so that nothing can move from one to the next.
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def digest_of(source: Input) -> bytes:
    """A hash of a file's content; it is read to its end, and can be read again afterwards.

    Raises:
        UsageError: it cannot be read.
    """
    digest = hashlib.blake2b(digest_size=32)
    source.for_each_chunk(digest.update)
    return digest.digest()


def named_run(name: str) -> str:
    """``--run NAME`` is its own id.

    Raises:
        UsageError: it can be no name.
    """
    try:
        return check_name("--run", name)
    except ConfigError as error:
        raise UsageError(str(error)) from error


def unnamed_run() -> str:
    """An id for what cannot be read twice: nobody will ask for this run again."""
    return secrets.token_hex(_ID_BYTES)


def find_run(
    task: str, form: str, source: Input | str, *, name: str | None, resume: bool
) -> tuple[str, bool]:
    """The id of a run, and whether the same words will give the same one again.

    Args:
        task: the task's name.
        form: how the input is read.
        source: the input, or a text that says all of it.
        name: ``--run``, which wins.
        resume: the run is one that was begun before.

    Raises:
        UsageError: `resume`, and there is nothing to know the run by; or `name` can be none.
    """
    if name is not None:
        return named_run(name), True
    if isinstance(source, str):
        return run_id(task, form, source.encode()), True
    if source.is_file:
        return run_id(task, form, digest_of(source)), True
    if resume:
        raise UsageError(
            f"--resume: {source.name} can be read only once, so its content cannot say which run "
            "this is: give the run a name, the same each time, with --run NAME"
        )
    return unnamed_run(), False
