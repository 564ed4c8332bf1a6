"""The worker node: a `Runner` on a loop, around an execution pool."""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from random import Random
from typing import Self

from zmqwork.config import WorkerConfig
from zmqwork.core.effects import (
    Alarm,
    Answer,
    Execute,
    Grant,
    Interrupt,
    Left,
    Notice,
    Peek,
    Restart,
    ShowStacks,
    TakeBack,
    TakeRoster,
    Withdraw,
)
from zmqwork.core.runner import Runner
from zmqwork.core.worker_requests import (
    StacksRequested,
    UnfitDeclared,
    WorkerPauseRequested,
    WorkerResumeRequested,
)
from zmqwork.discovery.sources import Discovery
from zmqwork.errors import UsageError
from zmqwork.execution import stacks
from zmqwork.execution.pool import Pool
from zmqwork.execution.process import ProcessPool, refuse_in_child
from zmqwork.nodes.bound import BoundNode
from zmqwork.nodes.notices import log_notice
from zmqwork.nodes.requests import deliver
from zmqwork.nodes.signals import PauseSignals, StopSignals
from zmqwork.nodes.systemd import Notifier
from zmqwork.transport.guard import maker
from zmqwork.transport.loop import Loop

# A start waits no longer for the first child process; it may come later (slow imports).
_CHILD_PATIENCE = 10.0

# What the program leaves running ends with it, and takes its files along.
_EXIT_TIMEOUT = 2.0
_running: weakref.WeakSet[Worker] = weakref.WeakSet()


def stop_all() -> None:
    """At the end of the program: stop what still runs, so that it leaves no files behind."""
    # (A fork has copies of its parent's.)
    ours = [worker for worker in _running if worker.is_ours]
    for worker in ours:
        worker.request_stop()
    for worker in ours:
        worker.wait(_EXIT_TIMEOUT)


class Worker(BoundNode[WorkerConfig]):
    """A worker. `start` it beside other things, or `run` it until a signal ends it.

    `drain` finishes what is held, then leaves; `stop` kills running attempts, and gives them back.

    Args:
        config: who it is, and what it offers.
        pool: what runs the handlers; the node starts and stops it.
        discovery: where it announces itself; the node closes it.
        bind: further endpoints, as ``tcp://127.0.0.1:*``; none: what discovery needs. Its ipc
            endpoint is always there unless discovery is without a local directory.
        insecure_lan: permit routable endpoints, open to whoever reaches them.

    Attributes:
        cause: why it left: it was told to (empty), or ``idle``, ``burst`` or ``unfit``.
        notifier: where systemd is told how it is; None: nowhere. Set it before `start`.

    Raises:
        InsecureBind: an endpoint is routable; nothing was bound.
        TransportError: an endpoint cannot be bound.
    """

    role = "worker"
    danger = "run the tasks of this app"

    def __init__(
        self,
        config: WorkerConfig,
        pool: Pool,
        *,
        discovery: Discovery,
        bind: Sequence[str] = (),
        insecure_lan: bool = False,
    ) -> None:
        super().__init__(config, discovery=discovery, bind=bind, insecure_lan=insecure_lan)
        self._pool = pool
        self.cause = ""
        self.notifier: Notifier | None = None
        self._runner: Runner | None = None  # once it was started

    @property
    def has_failed(self) -> bool:
        """Whether its I/O thread ended by a bug."""
        return self._loop is not None and self._loop.failed

    @property
    def exit_code(self) -> int:
        """What the way in which it left means for a program: 0, 70 or 75, as ``cli/exits.py``."""
        if self.has_failed:
            return os.EX_SOFTWARE
        return os.EX_TEMPFAIL if self.cause == "unfit" else os.EX_OK

    def start(self) -> Self:
        """Bind, announce, and take work; returns when the first child process is up, if any.

        Raises:
            UsageError: it was started already, or made before this process was forked; or its child
                processes cannot run its tasks.
            TransportError: it cannot bind, or be announced.
        """
        self._check_unused()
        if not self._config.shares_process:
            refuse_in_child()
        self._launch(self._make_loop)
        _running.add(self)
        if isinstance(self._pool, ProcessPool):
            try:
                self._pool.wait_for_child(_CHILD_PATIENCE)
            except UsageError:
                self.stop()
                raise
        return self

    def _make_loop(self) -> Loop:
        self._runner = Runner(self._config, Random())  # noqa: S311 - delays of dials, no secrets
        return Loop(
            self._runner,
            {
                Execute: lambda effect: self._pool.execute(effect.slot, effect.attempts),
                TakeBack: lambda effect: self._pool.take_back(effect.slot),
                Peek: lambda effect: self._pool.peek(effect.slot),
                Restart: lambda effect: self._pool.restart(effect.slot),
                Alarm: lambda effect: self._pool.alarm(effect.slot, effect.attempt),
                Interrupt: lambda effect: self._pool.cancel(effect.slot, effect.attempt),
                Grant: lambda effect: self._pool.grant(effect.slot, effect.attempt, effect.count),
                ShowStacks: self._show_stacks,
                TakeRoster: self._take_roster,
                Answer: deliver,
                Notice: self._notice,
                Withdraw: lambda _: self._discovery.say_goodbye(),
                Left: self._gone,
            },
            gone=self._discovery.proof_of_death,
            after_turn=self._pool.turn,
            make_guard=maker(self._discovery.keys, self.role, self.auditing.tell),
        )

    def _notice(self, notice: Notice) -> None:
        log_notice(notice, self._config.node_id)
        self.auditing.noticed(notice)

    def request_pause(self) -> None:
        """Take nothing new, and give back what has not begun; also from a signal handler."""
        self._request(WorkerPauseRequested())

    def request_resume(self) -> None:
        """Go on after `request_pause`; also from a signal handler."""
        self._request(WorkerResumeRequested())

    def request_stacks(self) -> None:
        """Show on standard error what all threads and tasks do; also from a signal handler."""
        # At once, for it may be asked because the loop is stuck.
        stacks.show(f"\nzmqwork worker {self._config.name}, all stacks:\n{stacks.of_threads()}")
        self._request(StacksRequested())

    def declare_unfit(self, why: str) -> None:
        """Drain and leave, because something has found that it cannot do its work."""
        self._request(UnfitDeclared(why))

    def tell_ready(self) -> None:
        """Tell systemd that it serves, if there is one to be told."""
        if self.notifier is not None:
            self.notifier.ready()

    def run(self) -> int:
        """Work until a signal ends it (main thread only), and return an exit code.

        SIGTERM or the first SIGINT drains, the second gives back what runs, the third (or
        SIGQUIT) leaves at once. 0 after a drain, 130 or 143 after a second signal, 70 if the
        worker failed, 75 if it is unfit. SIGTSTP pauses, SIGCONT lets it go on, SIGUSR1 shows what
        it does.
        """
        with StopSignals(self) as signals, PauseSignals(self):
            self.notifier = Notifier.of(os.environ)
            self.start()
            self.tell_ready()
            while not self.wait(0.5):
                pass
        return self.exit_code or signals.exit_code

    # -- the loop's thread --------------------------------------------------------------------

    def _gone(self, effect: Left) -> None:
        self.cause = effect.cause
        self._leave()

    def _show_stacks(self, effect: ShowStacks) -> None:
        stacks.show(
            "\n".join(f"slot {slot}: {text}" for slot, text in effect.slots.items())
            or "no slot has anything to do"
        )
        for slot in effect.slots:
            self._pool.show(slot)

    def _prepare(self) -> None:
        assert self._loop is not None
        self._pool.start(self._loop)
        if self.notifier is not None:
            self._sign_of_life()
        super()._prepare()

    def _sign_of_life(self) -> None:
        """From the loop's thread, so that systemd hears of one that does not turn any more."""
        assert self._loop is not None
        assert self._runner is not None
        assert self.notifier is not None
        runner = self._runner
        status = f"{runner.state}, {runner.counters['executed']} attempts run"
        self.notifier.alive(status, stopping=runner.state not in ("serving", "paused"))
        self._loop.call_later(self.notifier.interval, self._sign_of_life)

    def _finish(self) -> None:
        if self.notifier is not None:
            self.notifier.alive("leaving", stopping=True)
        try:
            self._pool.stop()
        finally:
            super()._finish()
