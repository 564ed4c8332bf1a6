"""The producer node: a `Dispatcher` on a loop, fed by any thread."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Collection, Container, Sequence
from random import Random
from typing import Any, cast

from zmqwork.config import ProducerConfig
from zmqwork.core.dispatcher import Dispatcher
from zmqwork.core.effects import (
    AddParts,
    Answer,
    Confirm,
    Effect,
    Left,
    MarkProgress,
    MarkRunning,
    Notice,
    Record,
    Reopen,
    Resubmit,
    Settle,
    TakeRoster,
    Tell,
)
from zmqwork.core.events import (
    CancelRequested,
    Claimed,
    ClaimRequested,
    EndRequested,
    OutletsRequested,
    Resubmitted,
    StopRequested,
    Submitted,
)
from zmqwork.core.happenings import ListenRequested
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import CANCELLED
from zmqwork.core.progress import ALL_PARTS, PartsTaken
from zmqwork.core.records import Legacy, Recorded, Recovered, WriteFailed
from zmqwork.discovery.record import record_of
from zmqwork.discovery.sources import Discovery
from zmqwork.nodes.asked import Asked
from zmqwork.nodes.auditing import Auditing
from zmqwork.nodes.callbacks import Callbacks
from zmqwork.nodes.notices import log_notice, with_strangers
from zmqwork.nodes.pending import Pending
from zmqwork.nodes.polling import poll_forever
from zmqwork.nodes.recorder import Recorder
from zmqwork.nodes.requests import deliver
from zmqwork.nodes.rosters import take_roster
from zmqwork.nodes.telling import Telling
from zmqwork.queues import Queues
from zmqwork.transport.addresses import refuse_routable
from zmqwork.transport.descriptors import raise_descriptor_limit
from zmqwork.transport.guard import maker
from zmqwork.transport.loop import Loop

_log = logging.getLogger("zmqwork")

# The I/O thread ends within milliseconds of being told to; if not, an interpreter's end waits.
_JOIN_TIMEOUT = 10.0

_DANGER = "offer itself as a worker of this app, and see the tasks that it gets"


class Producer(Asked):
    """A running producer. All methods may be called from any thread, except as noted.

    Args:
        config: who it is, and its limits.
        discovery: where it finds workers; the node closes it.
        settle: called on the I/O thread with each batch of settled entries.
        mark_running: the same with those whose handlers have begun.
        mark_progress: the same with those whose handlers have said how far they are.
        add_parts: the same with an entry and what its handler has yielded; None: nobody reads it.
        on_full: ``"block"`` or ``"raise"`` when `max_pending` is reached.
        callbacks: the thread for notices; the node does not close it.
        recorder: the thread of its journal, opened; the node closes it. None: it has no journal.
        legacy: what that has; its producer id is the node's.
        telling: who is told what happens to tasks; None: nobody, until `listen`.
        make_owner: makes the owner of a task that an earlier process has left.
        owner_of: makes that of a task that an observer lets begin again, of its number.

    Attributes:
        pending: what it was given and has not settled.
        auditing: what it notes in the audit log, and warns of.
        journal_failed: why it has left by itself; empty: it has not, or its I/O thread failed.
    """

    def __init__(
        self,
        config: ProducerConfig,
        *,
        discovery: Discovery,
        settle: Callable[[list[Entry]], None],
        mark_running: Callable[[list[Entry]], None],
        mark_progress: Callable[[list[Entry]], None] = lambda _: None,
        add_parts: Callable[[Entry, list[bytes]], None] | None = None,
        on_full: str = "block",
        callbacks: Callbacks | None = None,
        random: Random | None = None,
        recorder: Recorder | None = None,
        legacy: Legacy | None = None,
        telling: Telling | None = None,
        make_owner: Callable[[Recorded], object] = lambda _: None,
        owner_of: Callable[[int], object] = lambda _: None,
    ) -> None:
        raise_descriptor_limit()
        keyed = discovery.keys is not None
        exposed = refuse_routable(discovery.default_bind, insecure_lan=True, keyed=keyed)
        self.auditing = Auditing(config, "producer", exposed, _DANGER, keyed=keyed)
        self._config = config = self.auditing.marked(config)
        self._recorder = recorder
        self._legacy = legacy
        self._make_owner = make_owner
        self._owner_of = owner_of
        self._discovery = discovery
        self._settle_futures = settle
        self._mark_futures_running = mark_running
        self._callbacks = callbacks or Callbacks()
        self.journal_failed = ""
        self._notice_callbacks: list[Callable[[Notice], None]] = []
        self._left = threading.Event()
        if legacy is None:
            self.pending = Pending(config, on_full)
        else:
            self.pending = Pending(config, on_full, legacy.newest, legacy.tasks)
        self.submit, self.follow = self.pending.submit, self.pending.follow
        self.drain = self.pending.drain
        epoch = 0 if legacy is None else legacy.epoch
        machine = Dispatcher(config, random or Random(), epoch, owner_of)  # noqa: S311
        self._machine = machine
        self._telling = telling
        if telling is not None:
            machine.handle(ListenRequested(telling.kinds), 0.0)
        self._loop = self.pending.loop = Loop(
            machine,
            {
                Settle: self._settle,
                Reopen: lambda effect: self.pending.reopen(effect.entries),
                Resubmit: self._resubmit,
                TakeRoster: self._take_roster,
                MarkRunning: self._mark_running,
                Tell: self._tell,
                MarkProgress: lambda effect: mark_progress(effect.entries),
                AddParts: lambda effect: (add_parts or self._want_none)(
                    effect.entry, effect.values
                ),
                Answer: deliver,
                Notice: self._notice,
                Left: self._leave,
                Record: lambda effect: cast("Recorder", recorder).hand_over(effect),
                Confirm: lambda effect: self.pending.confirm(effect.seq),
            },
            gone=discovery.proof_of_death,
            feed=self.pending,
            make_guard=maker(discovery.keys, "producer", self.auditing.tell),
        )
        if recorder is not None:
            recorder.start(self._loop.post)
        try:
            directory = discovery.directory
            wanted = [] if directory is None else [f"ipc://{directory.socket_path(config.node_id)}"]
            self._endpoints = tuple(self._loop.bind([*wanted, *discovery.default_bind]))
            if self._endpoints:
                record = record_of(config, "producer", self._endpoints)
                discovery.announce(record, self._loop.bind_again)
        except BaseException:
            self._loop.close()
            discovery.close()
            if recorder is not None:
                recorder.close()
            raise
        self._loop.start(f"zmqwork-producer-{config.node_id[:4]}", self._prepare, self._finish)

    def _prepare(self) -> None:
        self._recover()
        self.auditing.begin(self._loop, self._endpoints)
        poll_forever(self._loop, self._discovery, auditing=self.auditing)

    def __repr__(self) -> str:
        return f"<Producer {self._config.node_id[:8]}: {self.pending.count} unsettled>"

    @property
    def node_id(self) -> str:
        """32 hexadecimal digits; their first 8 begin the ids of its tasks."""
        return self._config.node_id

    def wake(self) -> None:
        """Let the I/O thread look at what was handed over by `follow`."""
        self._loop.wake()

    @property
    def has_journal(self) -> bool:
        """Whether its tasks outlive it."""
        return self._recorder is not None

    @property
    def has_left(self) -> bool:
        """Whether it is gone: stopped, or its I/O thread failed."""
        return self._left.is_set()

    # -- tasks --------------------------------------------------------------------------------

    def end(self, patience: float, also: Collection[str] = ()) -> list[dict[str, Any]]:
        """Tell the sinks that no more comes; what they have, as `events.EndRequested` says."""
        report: list[dict[str, Any]] = self._ask(lambda r: EndRequested(r, patience, also), [])
        return report

    def outlets(self) -> list[dict[str, Any]]:
        """The sinks that were met, as `events.OutletsRequested` says."""
        return cast("list[dict[str, Any]]", self._ask(OutletsRequested, []))

    def cancel(self, seq: int, *, running: bool = False, hard: bool = False) -> bool:
        """Cancel a task; False if it has begun and is not meant to, or is settled."""
        if self._left.is_set():
            return False
        if self._loop.on_loop_thread:
            # A finaliser of the user's that happens to run here: nobody could answer.
            self.abandon([seq])
            return False
        return bool(self._ask(lambda r: CancelRequested([seq], r, running, hard), []))

    def cancel_all(self) -> None:
        """Cancel every task that has not begun."""
        if not self._left.is_set():
            self._ask(lambda r: CancelRequested(None, r), None)

    def claim(
        self, seq: int, names: Container[str], queues: Queues, heir: object, *, from_worker: bool
    ) -> Claimed | None:
        """Give a task that nobody has begun to the caller; see `events.ClaimRequested`."""
        claimed: Claimed | None = self._ask(
            lambda r: ClaimRequested(seq, names, queues, from_worker, heir, r), None
        )
        return claimed

    def abandon(self, seqs: Sequence[int]) -> None:
        """Cancel tasks that have not begun, without waiting for the answer."""
        self._loop.post(CancelRequested(list(seqs), None))

    def take_parts(self, seq: int, count: int) -> None:
        """The application has taken all parts of a task below this number."""
        self._loop.post(PartsTaken(seq, count))

    def stop(self) -> None:
        """Leave now: what is unsettled is cancelled. Waits for the I/O thread to end."""
        self.pending.stop()
        self._loop.post(StopRequested())
        if not self._loop.on_loop_thread and not self._loop.join(_JOIN_TIMEOUT):
            _log.error("%r did not end within %g s", self, _JOIN_TIMEOUT)

    # -- who listens -------------------------------------------------------------------------

    def on_notice(self, callback: Callable[[Notice], None]) -> None:
        """Call `callback` in the callback thread with what a person should know."""
        self._notice_callbacks.append(callback)

    def listen(self, telling: Telling) -> None:
        """Tell what happens to tasks from now on; the second time: of other kinds."""
        self._telling = telling
        self._ask(lambda r: ListenRequested(telling.kinds, r), None)

    # -- the loop's thread --------------------------------------------------------------------

    def _recover(self) -> None:
        """The first event, before the loop turns: what the journal has."""
        legacy = self._legacy
        if legacy is not None:
            self._legacy = None
            owners = [self._make_owner(task) for task in legacy.tasks]
            now = self._loop.clock()
            self._loop._do(self._machine.handle(Recovered(legacy, owners), now))

    def _mark_running(self, effect: MarkRunning) -> None:
        self._mark_futures_running(effect.entries)
        if self._telling is not None:
            self._telling.started(effect.entries)

    def _tell(self, effect: Tell) -> None:
        assert self._telling is not None
        self._telling.tell(effect)

    def _settle(self, effect: Settle) -> None:
        if self._telling is not None:
            self._telling.settled(effect)
        self.auditing.settled(effect.entries)
        self._settle_futures(effect.entries)
        if self._recorder is not None:
            for entry in effect.entries:
                if entry.error is not None and entry.error.get("journal") == "full":
                    self.pending.refuse(entry.seq)
        self.pending.settle(effect.entries)

    def _want_none(self, entry: Entry, values: list[bytes]) -> None:
        self.take_parts(entry.seq, ALL_PARTS)
        del values

    def _resubmit(self, effect: Resubmit) -> None:
        """A task in the place of a dead letter; it may be one more than `max_pending`."""
        if self.pending.stopped:
            self._loop.post(Resubmitted(effect.request, None, "this producer has stopped"))
            return
        seq = self.pending.follow_for(effect.spec, effect.args, self._owner_of)
        self._loop.post(Resubmitted(effect.request, seq))

    def _take_roster(self, effect: TakeRoster) -> None:
        self._loop.post(take_roster(self._discovery.keys, effect))

    def _notice(self, notice: Notice) -> None:
        notice = with_strangers(notice, self._discovery.describe)
        log_notice(notice, self.node_id)
        self.auditing.noticed(notice)
        if notice.kind == "journal_failed":
            self.journal_failed = notice.text
        for callback in self._notice_callbacks:
            self._callbacks.run(callback, notice)

    def _leave(self, effect: Left) -> None:
        del effect
        self.pending.stop()  # (it may leave of its own: its journal failed)
        # What was handed over in the last moment is taken in, and abandoned.
        if not self.pending:
            self._loop.stop()
            return
        now = self._loop.clock()
        for event in self.pending.take():
            self._loop._do(self._machine.handle(event, now))
        self._loop._do(self._machine.tick(now))
        self._leave(Left())

    def _finish(self) -> None:
        try:
            if self._loop.failed:
                self._abandon_all()
        finally:
            self._discovery.close()
            if self._recorder is not None:
                self._recorder.close()
            self.auditing.close()
            self.pending.leave()
            self._left.set()

    def _abandon_all(self) -> None:
        """The I/O thread is about to end by an error: nobody shall wait for it for ever."""
        self.pending.stop()
        # First what was decided, in case that the machine fails again.
        self._settle_all(self._loop.undone())
        try:
            self._settle_all(self._abandoned())
        except Exception:  # noqa: BLE001 - a second bug of ours must not let them wait for ever
            _log.exception("%r could not give up its tasks", self)
            # They are told, at least.
            for entry in self._machine.unsettled():
                entry.state, entry.error = CANCELLED, {"text": "its producer failed"}
                self._settle(Settle([entry]))

    def _abandoned(self) -> list[Effect]:
        """What the machine says of all tasks when it is told to stop."""
        now = self._loop.clock()
        effects = self._machine.handle(StopRequested(), now)
        for event in [*self._loop.untaken(), *self.pending.take()]:
            if isinstance(event, Submitted):
                effects += self._machine.handle(event, now)
        effects += self._machine.tick(now)
        if self._recorder is not None:  # what waits for it
            effects += self._machine.handle(WriteFailed("the I/O thread failed"), now)
        return effects

    def _settle_all(self, effects: list[Effect]) -> None:
        for effect in effects:
            if isinstance(effect, Settle):
                self._settle(effect)
