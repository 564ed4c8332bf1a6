"""From items to messages of a size that travels well."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from zmqwork.errors import EncodeError
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX
from zmqwork.wire.pipeline import encode_items

# A larger batch is halved: it keeps everybody waiting, and is lost as a whole.
MESSAGE_BYTES = 1024 * 1024


class Packing:
    """How one ventilator packs its items.

    Args:
        ventilator: its id.
        batch: items of a message, at most.
        raw: each item is bytes, and a message.

    Attributes:
        fits: so many items of the size that they have lately are one message.
        rest: the items behind the one for which `messages` has raised.
    """

    def __init__(self, ventilator: str, batch: int, *, raw: bool) -> None:
        self._ventilator, self._batch, self._raw = ventilator, batch, raw
        self.fits = batch
        self.rest: list[Any] = []  # bound: one batch

    def message(self, first: int, items: list[Any]) -> bytes | None:
        """All of them as one message; None where `messages` has to look closer."""
        if self._raw:
            return None
        try:
            message = encode_items(self._ventilator, first, items)
        except EncodeError:
            return None
        if len(message) < MESSAGE_BYTES // 4:
            self.fits = min(self._batch, 2 * self.fits)
        return message if len(message) <= MESSAGE_BYTES or len(items) == 1 else None

    def messages(self, first: int, items: list[Any]) -> Iterator[tuple[bytes, int]]:
        """Each message with the number of its items, in order.

        Args:
            first: the number of the first item.
            items: at most `fits` of them.

        Raises:
            EncodeError: an item cannot travel. Its text names the item, `rest` has those behind.
        """
        self.rest = []
        if self._raw:
            yield from self._raw_messages(first, items)
            return
        message = self.message(first, items)
        if message is not None:
            yield message, len(items)
            return
        if len(items) == 1:
            try:
                encode_items(self._ventilator, first, items)
            except EncodeError as error:
                raise EncodeError(f"item {first:,}: {error}") from error
        middle = self.fits = len(items) // 2
        try:
            yield from self.messages(first, items[:middle])
        except EncodeError:
            self.rest += items[middle:]  # good, for all that is known of them
            raise
        yield from self.messages(first + middle, items[middle:])

    def _raw_messages(self, first: int, items: list[Any]) -> Iterator[tuple[bytes, int]]:
        for index, item in enumerate(items):
            self.rest = items[index + 1 :]
            yield raw_bytes(item, f"item {first + index:,}"), 1


def raw_bytes(value: Any, what: str) -> bytes:
    """What travels as a raw message.

    Raises:
        EncodeError: it cannot; the text says so of `what`.
    """
    if not isinstance(value, bytes | bytearray | memoryview):
        raise EncodeError(f"{what} is not bytes, as raw messages are, but {type(value).__name__}")
    data = bytes(value)
    if len(data) > PAYLOAD_BYTES_MAX:
        raise EncodeError(
            f"{what} has {len(data):,} bytes; {PAYLOAD_BYTES_MAX:,} is the limit: put it into a "
            "file, and send its path"
        )
    return data
