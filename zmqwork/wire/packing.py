"""msgpack with its teeth drawn: lengths that a document claims are not believed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgpack import Packer, Unpacker, unpackb

from zmqwork.errors import DecodeError, EncodeError
from zmqwork.wire.limits import (
    CONTAINERS_MAX,
    FRAME_OWN_BYTES,
    HEADER_BYTES_MAX,
    UNCHECKED_BYTES,
)
from zmqwork.wire.sparse import is_sparse

# A packer keeps its buffer; one that has grown beyond this is not kept.
_KEPT_BYTES = 1024 * 1024


class Packers:
    """Packers with the same options that nobody uses at this moment.

    Making one costs more than packing a small value does, and none may be used twice at a time:
    not by two threads, and not by a finalizer or a codec that runs while it packs. Whoever packs
    takes one out. Bound: as many as were ever in use at once.
    """

    __slots__ = ("_free", "_options")

    def __init__(self, **options: Any) -> None:
        self._options = options
        self._free: list[Callable[[Any], bytes]] = []

    def pack(self, value: Any) -> bytes:
        """The value as msgpack. Raises whatever msgpack, or a `default` function, raises."""
        free = self._free
        try:
            pack = free.pop()
        except IndexError:
            pack = Packer(**self._options).pack
        data = pack(value)
        if len(data) <= _KEPT_BYTES:
            free.append(pack)
        return data


# A traceback may hold lone surrogates (a file name that is no UTF-8): it is for people, who can
# read escapes, and must not keep a failure from being told.
_headers = Packers(unicode_errors="backslashreplace")


def pack_header(fields: list[Any]) -> bytes:
    """Frame 0 of a message. EncodeError: it is too large, or holds what no message may hold."""
    try:
        data = _headers.pack(fields)
    except (TypeError, ValueError, OverflowError, BufferError) as error:
        raise EncodeError(f"a message with verb {fields[0]} cannot be packed: {error}") from error
    if len(data) > HEADER_BYTES_MAX:
        raise EncodeError(
            f"a message with verb {fields[0]} has {len(data)} bytes beside its payloads; "
            f"{HEADER_BYTES_MAX} is the limit"
        )
    return data


def unpack_header(data: bytes | memoryview) -> Any:
    """What frame 0 of a message holds. DecodeError: it is no msgpack, or a trap."""
    size = len(data)
    if size > HEADER_BYTES_MAX:
        raise DecodeError(f"frame 0 has {size} bytes; {HEADER_BYTES_MAX} is the limit")
    try:
        if size <= UNCHECKED_BYTES:
            return unpackb(data, ext_hook=_no_extension)
        walk(data)
        hook = _Containers()
        return unpackb(data, ext_hook=_no_extension, list_hook=hook, object_hook=hook)
    except DecodeError:
        raise
    except Exception as error:  # whatever it is, the bytes are to blame
        raise DecodeError(f"frame 0 is not msgpack: {explain(error)}") from error


def walk(data: bytes | memoryview) -> None:
    """Go through a document without making objects, so that all its lengths are known to be true.

    Raises whatever msgpack raises when it ends too early or is nested too deeply. (`unpackb` makes
    a list of the length that an array claims before it has seen its items, at every level.)
    """
    # msgpack copies all of it first: that is most of the work where a megabyte is one thing.
    if len(data) >= FRAME_OWN_BYTES and is_sparse(data):
        return
    unpacker = Unpacker(max_buffer_size=0)
    unpacker.feed(data)
    unpacker.skip()


def walk_all(data: bytes) -> None:
    """The same for documents one after the other, the last of which must be complete."""
    unpacker = Unpacker(max_buffer_size=0)
    unpacker.feed(data)
    while unpacker.tell() < len(data):
        unpacker.skip()


def explain(error: Exception) -> str:
    """Why msgpack refused, or user code inside it, whose exceptions may refuse to be shown."""
    try:
        text = str(error)[:300]
    except Exception:  # noqa: BLE001 - its `__str__` is the user's: it may raise anything
        text = ""
    name = type(error).__name__
    return f"{name}: {text}" if text else name


class _Containers:
    """Counts the arrays and maps of a document, up to CONTAINERS_MAX."""

    __slots__ = ("_left",)

    def __init__(self) -> None:
        self._left = CONTAINERS_MAX

    def __call__(self, container: Any) -> Any:
        self._left -= 1
        if self._left < 0:
            raise DecodeError(f"frame 0 has more than {CONTAINERS_MAX} arrays and maps")
        return container


def _no_extension(code: int, _: bytes) -> Any:
    raise DecodeError(f"frame 0 holds an extension type, {code}, which only payloads may")
