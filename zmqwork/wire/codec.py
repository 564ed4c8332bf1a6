"""Messages to bytes and back.

A message is a multipart message whose frame 0 is a msgpack array ``[verb, number, *fields]``;
`docs/protocol.md` has the fields of each verb.
"""

from __future__ import annotations

from collections.abc import Sequence

from zmqwork.core.messages import Message
from zmqwork.errors import DecodeError
from zmqwork.wire import fields, verbs
from zmqwork.wire.limits import FRAMES_BYTES_MAX, FRAMES_MAX, REASSEMBLY_BYTES_MAX
from zmqwork.wire.packing import pack_header, unpack_header
from zmqwork.wire.parts import Frame, Transfers
from zmqwork.wire.payloads import Incoming, Outgoing
from zmqwork.wire.reading import READERS
from zmqwork.wire.writing import WRITERS


def encode(number: int, message: Message) -> list[list[Frame]]:
    """The multipart messages that carry a message, to be sent in this order over one link.

    Usually one with one frame. Large payloads are further frames, the same objects that the
    message holds, or PART messages ahead of it, which are views of them.

    Raises:
        EncodeError: the message is larger than a message may be, or holds what none may hold.
    """
    verb, write = WRITERS[type(message)]
    outgoing = Outgoing(number)
    header = pack_header([verb, number, *write(message, outgoing)])
    if not outgoing.frames and not outgoing.ahead:
        return [[header]]
    return [*outgoing.ahead, [header, *outgoing.frames]]


class Decoder:
    """Turns what comes over one link into messages. Bound: `reassembly_bytes_max` of parts."""

    __slots__ = ("_transfers",)

    def __init__(self, reassembly_bytes_max: int = REASSEMBLY_BYTES_MAX) -> None:
        self._transfers = Transfers(reassembly_bytes_max)

    @property
    def reassembly_bytes(self) -> int:
        """Bytes of parts that wait for their message."""
        return self._transfers.size_bytes

    def decode(self, frames: Sequence[Frame]) -> tuple[int, Message] | None:
        """A number and a message, or None if this was a PART of one that is yet to come.

        Raises:
            DecodeError: this is no message; after it nothing of this link can be relied on.
        """
        if not 1 <= len(frames) <= FRAMES_MAX:
            raise DecodeError(f"a message has {len(frames)} frames, not 1 to {FRAMES_MAX}")
        if len(frames) > 1 and (size := sum(map(len, frames[1:]))) > FRAMES_BYTES_MAX:
            raise DecodeError(f"frames behind frame 0 have {size} bytes, not {FRAMES_BYTES_MAX}")
        header = unpack_header(frames[0])
        if type(header) is not list or len(header) < 2 or type(header[0]) is not int:
            raise DecodeError("frame 0 is no array that begins with a verb and a number")
        verb = header[0]
        if verb == verbs.PART:
            self._transfers.take(header, frames)
            return None
        known = READERS.get(verb)
        if known is None:
            raise DecodeError(f"verb {verb} is unknown")
        fewest, read = known
        if len(header) < fewest:
            raise DecodeError(f"verb {verb} has {len(header)} items in frame 0, not {fewest}")
        number = fields.number(header[1], "a message's number", least=1)
        incoming = Incoming(frames, self._transfers)
        message = read(header, incoming)
        incoming.finish()
        return number, message
