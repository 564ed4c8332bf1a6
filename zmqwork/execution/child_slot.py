"""One slot of a process pool: its child, and the next one when that is gone."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Callable, Sequence
from typing import Any

from zmqwork.core.clients import Held
from zmqwork.core.events import (
    Finished,
    SlotDied,
    SlotFailed,
    SlotReady,
)
from zmqwork.core.progress import Advanced, Yielded
from zmqwork.errors import DecodeError
from zmqwork.execution import ending, stacks
from zmqwork.execution.child_signals import ALARM
from zmqwork.execution.interpreter import Launched
from zmqwork.execution.launch import Recipe
from zmqwork.execution.link import Link
from zmqwork.execution.lookout import Lookout
from zmqwork.execution.pool import Host
from zmqwork.execution.tally import Tally
from zmqwork.wire.channel import (
    GRANTED,
    NUDGE,
    OUTCOMES,
    READY,
    SAID,
    SPENT,
    TROUBLE,
    YIELDED,
    Frame,
    Outcome,
    RunPacker,
    pack_message,
    unpack_message,
    unpack_outcomes,
)

# After a child that died without having done anything, the next one waits.
_FIRST_DELAY = 0.1
_LAST_DELAY = 5.0

# Importing the user's modules takes seconds at most; after this long it is spoken of.
_IMPORT_PATIENCE = 10.0

# A child that is replaced has so long to end by itself: exit handlers run, files are closed.
_RETIRE_TIMEOUT = 2.0

# Where the system cannot tell of a child's end by a descriptor, it is asked this often.
_EXIT_INTERVAL = 0.1

_NUDGE = pack_message(NUDGE)


class ChildSlot:
    """Keeps one child running, except while it is not wanted.

    Args:
        index: the slot.
        recipe: how to start a child.
        host: the loop.
        trouble: told, in words, why there is no child.
    """

    def __init__(
        self,
        index: int,
        recipe: Recipe,
        host: Host,
        opened: Callable[[], None],
        trouble: Callable[[str], None],
    ) -> None:
        self._index = index
        self._recipe = recipe
        self._host = host
        self._opened = opened
        self._trouble = trouble
        self._packer = RunPacker()
        self._lookout = Lookout(host, self._look)
        self._child: Launched | None = None
        self._link: Link | None = None
        self._stopped = False
        # Deaths since an attempt was last finished.
        self._deaths = 0
        # Of the present child:
        self._ready = False
        self._unwanted = False
        self._said = ""  # what else is known of its death
        self._tally: Tally | None = None

    # -- what the pool asks ---------------------------------------------------------------------

    def open(self) -> None:
        """Start a child; `SlotReady` follows once it has imported everything."""
        if self._stopped or self._child is not None:
            return
        try:
            child = self._recipe.launch()
        except OSError as error:
            self._failed(f"a child process cannot be started: {error}")
            self._replace(was_ready=False)
            return
        self._child = child
        self._ready = self._unwanted = False
        self._said = ""
        self._tally = Tally(child.page)
        self._link = Link(self._host, child.end, self._received, self._broken)
        self._link.send([self._recipe.setup])
        if child.exit_fd is not None:
            self._host.watch(child.exit_fd, lambda: self._ask(child))
        else:
            self._host.call_later(_EXIT_INTERVAL, lambda: self._ask(child))
        self._host.call_later(_IMPORT_PATIENCE, lambda: self._wonder(child))

    def execute(self, attempts: Sequence[Held]) -> None:
        """Give these to the child."""
        link, tally = self._link, self._tally
        if not self._ready or link is None or tally is None:
            return  # it has died: the machine hears of it next, and takes these back
        tally.give(attempts)
        link.send(self._packer.pack(attempts))
        if len(tally.given) > 1:
            self._lookout.arm()

    def take_back(self) -> list[Held]:
        """Take back what the child has not begun; it will pass it over."""
        return self._tally.take_back() if self._ready and self._tally is not None else []

    def peek(self) -> None:
        """Fetch the outcomes that the child has not sent."""
        if not self._ready or self._tally is None:
            return
        try:
            self._report(self._tally.peek(self._drain))
        except DecodeError as error:
            self._broken(str(error))

    def grant(self, attempt: Held, count: int) -> None:
        """Tell the child that parts of this one were read."""
        link, tally = self._link, self._tally
        if self._ready and link is not None and tally is not None:
            index = tally.index(attempt)
            if index is not None:
                link.send([pack_message(GRANTED, [index, count])])

    def cancel(self, attempt: Held) -> None:
        """Tell the child that nobody waits for this one."""
        link, tally = self._link, self._tally
        if self._ready and link is not None and tally is not None and tally.cancel(attempt):
            link.send([_NUDGE])

    def alarm(self, attempt: Held) -> None:
        """Raise `SoftTimeout` in the handler of this one."""
        tally, child = self._tally, self._child
        if self._ready and tally is not None and child is not None and tally.alarm(attempt):
            child.process.send_signal(ALARM)

    def show(self) -> None:
        """Let the child show what it does."""
        if self._ready and self._child is not None and stacks.ASKED is not None:
            stacks.show(f"slot {self._index}, process {self._child.process.pid}:")
            self._child.process.send_signal(stacks.ASKED)

    def restart(self) -> None:
        """End the child, whatever it does; another one follows, and then `SlotReady`."""
        self._ready = False
        if self._child is not None:
            self._unwanted = True
            ending.kill(self._child.process)

    def dismiss(self) -> None:
        """For ever: an idle child may end by itself, any other one is killed."""
        self._stopped = True
        if self._child is None or self._link is None:
            return
        if self._is_idle():
            self._link.finish()
        else:
            ending.kill(self._child.process)

    def close(self, timeout: float) -> None:
        """After `dismiss`: wait so long for the child, then kill it, and forget it."""
        if self._child is None:
            return
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._child.process.wait(timeout)
        self._release()

    # -- what the child says --------------------------------------------------------------------

    def _received(self, frames: list[Frame]) -> None:
        for frame in frames:
            kind = frame[0]
            if kind == OUTCOMES:
                if self._ready and self._tally is not None:
                    self._report(self._tally.take(*unpack_outcomes(frame)))
            elif kind in (SAID, YIELDED):
                self._heard(kind, unpack_message(frame))
            elif kind == READY:
                if not self._unwanted:
                    self._ready = True
                    self._opened()
                    self._host.post(SlotReady(self._index))
            elif kind == SPENT:
                self._retire()
            elif kind == TROUBLE:
                self._said = str(unpack_message(frame))
            else:
                raise DecodeError("its channel was written to by somebody else")

    def _heard(self, kind: int, message: list[Any]) -> None:
        """What a running attempt says."""
        index, *said = message
        attempt = self._tally.attempt(index) if self._ready and self._tally is not None else None
        if attempt is not None:
            self._host.post((Advanced if kind == SAID else Yielded)(attempt, *said))

    def _drain(self) -> None:
        if self._link is not None:
            self._link.drain()

    def _report(self, taken: tuple[list[Outcome], float] | None) -> None:
        if taken is not None:
            self._deaths = 0
            self._host.post(Finished(self._index, *taken))

    def _retire(self) -> None:
        """It has worked enough, and ends by itself, soon; what it has not begun is free."""
        child = self._child
        if not self._ready or child is None:
            return
        self._ready = False
        self._unwanted = True
        self._host.post(SlotDied(self._index, 0))
        # A thread of user code may keep it.
        self._host.call_later(
            _RETIRE_TIMEOUT, lambda: ending.kill(child.process) if self._child is child else None
        )

    def _look(self) -> bool:
        """Fetch outcomes that the child has not sent because its next attempt takes long."""
        tally = self._tally
        if tally is None or len(tally.given) < 2:
            return False
        self.peek()
        return self._ready and len(tally.given) > 1

    def _is_idle(self) -> bool:
        return self._ready and self._tally is not None and not self._tally.given

    def _broken(self, reason: str | None) -> None:
        """Nothing more comes through the channel; `reason` unless it was just closed."""
        self._said = reason or self._said
        # A closed channel is how a death looks at first, or what user code did: then an attempt
        # that runs may end, because its outcome will be in the page.
        if self._child is not None and (reason or self._is_idle()):
            ending.kill(self._child.process)

    # -- its end --------------------------------------------------------------------------------

    def _ask(self, child: Launched) -> None:
        # A loop may call for a descriptor whose number was another one's a moment ago.
        if self._child is not child:
            return
        if ending.is_gone(child.process):
            self._gone()
        elif child.exit_fd is None:
            self._host.call_later(_EXIT_INTERVAL, lambda: self._ask(child))

    def _gone(self) -> None:
        link, tally = self._link, self._tally
        assert link is not None
        assert tally is not None
        link.drain()
        was_ready, was_unwanted, begun = self._ready, self._unwanted, 0
        if was_ready:
            try:
                self._report(tally.rest())
            except DecodeError as error:
                self._said = self._said or str(error)
            begun = tally.begun()
        evidence = self._release()
        if was_unwanted:
            self.open()
            return
        if was_ready:
            if self._said:
                evidence["text"] = self._said
            self._host.post(SlotDied(self._index, begun, evidence))
        else:
            died = f"a child process died at its start: {ending.told(evidence)}"
            self._failed(self._said or died)
        self._replace(was_ready=was_ready)

    def _failed(self, text: str) -> None:
        self._trouble(text)
        self._host.post(SlotFailed(text.partition("\n")[0]))

    def _replace(self, *, was_ready: bool) -> None:
        """Start the next child: at once after a first death, later and later after others.

        A child that died at its start will do so again; one that a task has killed may not.
        """
        before = self._deaths - was_ready
        self._deaths += 1
        if before < 0:
            self.open()
        else:
            longest = _FIRST_DELAY if was_ready else _LAST_DELAY
            delay = min(longest, _FIRST_DELAY * 2 ** min(before, 16))
            self._host.call_later(delay, self.open)

    def _release(self) -> dict[str, Any]:
        """Reap the child that is gone, and give back all that it took; the evidence."""
        child, link = self._child, self._link
        assert child is not None
        assert link is not None
        evidence = ending.reap(child.process)
        lines, words = child.page.last_lines(), child.page.last_words()
        if words:
            stacks.show(words)
        if lines or words:
            evidence["stderr"] = "\n".join(filter(None, (lines, words)))
        if child.exit_fd is not None:
            self._host.unwatch(child.exit_fd)
            os.close(child.exit_fd)
        link.close()
        child.page.close()
        self._child = self._link = self._tally = None
        self._ready = False
        return evidence

    def _wonder(self, child: Launched) -> None:
        if self._child is child and not (self._ready or self._unwanted or self._stopped):
            self._trouble(
                f"a child process has been importing the tasks for {_IMPORT_PATIENCE:g} s"
            )
