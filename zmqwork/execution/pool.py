"""What a worker asks of a pool, and a pool of its worker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from zmqwork.core.clients import Held
from zmqwork.core.events import Event


class Host(Protocol):
    """The worker's loop, as a pool sees it. All but `post` are for the loop's thread only."""

    def post(self, event: Event) -> None:
        """Give the worker's machine an event; from any thread."""

    def watch(self, fileobj: int, readable: Callable[[], None]) -> None:
        """Call `readable` whenever the descriptor can be read."""

    def unwatch(self, fileobj: int) -> None:
        """Undo `watch`, before the descriptor is closed."""

    def watch_writable(self, fileobj: int, writable: Callable[[], None] | None) -> None:
        """Call `writable` whenever a watched descriptor can be written; None ends it."""

    def call_later(self, delay: float, callback: Callable[[], None]) -> None:
        """Call `callback` after `delay` seconds."""

    def clock(self) -> float:
        """Seconds, of the clock that deadlines are told by."""


class Pool(Protocol):
    """Runs attempts, slot by slot, in the order given. Called on the loop's thread.

    It posts `SlotReady` when a slot can be used (at the start, after a restart, after its child
    was replaced), `Finished` with outcomes in the order given, `SlotDied` when a child is gone;
    the machine then gives what that slot had to others, and the pool forgets it.

    Attributes:
        slots: attempts that run at the same time.
        shares_process: whether user code runs in the worker's own process.
        shares_thread: whether it runs in the loop's own thread, between two turns.
    """

    slots: int
    shares_process: bool
    shares_thread: bool

    def start(self, host: Host) -> None:
        """Begin; `SlotReady` follows for each slot."""

    def execute(self, slot: int, attempts: Sequence[Held]) -> None:
        """Run these after those that the slot has."""

    def take_back(self, slot: int) -> None:
        """Begin nothing more of what the slot has; `TakenBack` says what was not begun."""

    def peek(self, slot: int) -> None:
        """Post `Finished` at once if something has ended in the slot that was not told yet."""

    def cancel(self, slot: int, attempt: Held) -> None:
        """Tell the handler of a running attempt that nobody waits for it; best effort."""

    def grant(self, slot: int, attempt: Held, count: int) -> None:
        """The parts of a running attempt below `count` were read: its handler may go on."""

    def alarm(self, slot: int, attempt: Held) -> None:
        """Raise `SoftTimeout` in the handler of a running attempt; cancel it if it is async."""

    def show(self, slot: int) -> None:
        """Show on standard error where the slot is, unless that is seen in a thread of ours."""

    def restart(self, slot: int) -> None:
        """Forget what the slot has, kill it if that is possible; `SlotReady` follows."""

    def turn(self) -> bool:
        """Called at the end of each turn of the loop; True asks for another one at once."""

    def stop(self) -> None:
        """Kill whatever runs, and end; does nothing the second time."""
