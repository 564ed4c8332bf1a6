"""One scenario while it runs: its scale, its faults, what is watched, what has been found."""

import contextlib
import random
import threading
import time
from collections import Counter

from chaos_processes import PATIENCE, is_gone, until
from oracle import append, spread
from watching import Watch

# Without one more settled task for so long, none will come; a slow machine is no defect.
STALL = 2 * PATIENCE


class Skip(Exception):
    """This machine cannot do it; says why."""


class Trial:
    """What a scenario is given.

    Args:
        scene: where it takes place; its place has the facts.
        scale: ``short``, a few seconds, or ``full``, the figures that are promised.
        seed: of whatever is chosen by chance.
        minutes: how long, where a scenario is asked for that; None: by its scale.
    """

    def __init__(self, scene, scale, seed=1, minutes=None):
        self.scene = scene
        self.full = scale == "full"
        self.minutes = minutes
        self.random = random.Random(seed)
        self.oracle = scene.oracle
        self.watch = Watch()
        self.breaches = []
        self.details = {}
        self.figures = None
        self.recovery = []
        self.stall = STALL

    def pick(self, short, full):
        """One of two values, by the scale."""
        return full if self.full else short

    def close(self):
        self.watch.close()

    # -- what is found --------------------------------------------------------------------------

    def hold(self, kept, text):
        """Note a breach, if this is not so."""
        if not kept:
            self.breaches.append(text)

    def hold_in_time(self, kept, text):
        """The same of a figure of time, which only the full scale judges: machines differ."""
        if self.full:
            self.hold(kept, text)

    def verify(self, dead_producers=()):
        """What the oracle has to complain of are breaches."""
        self.breaches += self.oracle.complaints(dead_producers)

    # -- harm -----------------------------------------------------------------------------------

    @contextlib.contextmanager
    def fault(self, kind, *programs, pids=()):
        """The block does this to these: what they had begun until its end may run again."""
        pids = [*pids, *[pid for program in programs for pid in program.family]]
        begun_at = time.monotonic()
        yield begun_at
        append(self.scene.place, "faults", kind=kind, pids=pids, begun_at=begun_at)

    def kill(self, program, kind="kill"):
        """SIGKILL, until its children are gone, too; the instant before."""
        family = program.family
        with self.fault(kind, program) as at:
            program.kill()
            until(lambda: all(map(is_gone, family)), "the children are gone")
        return at

    # -- waiting --------------------------------------------------------------------------------

    @staticmethod
    def now():
        return time.monotonic()

    def pause(self, seconds):
        """Part of the scenario: nothing is waited for."""
        threading.Event().wait(seconds)

    def until(self, happened, what, patience=PATIENCE, every=0.05):
        """Look again and again, for so many seconds; what was found."""
        give_up_at = time.monotonic() + patience
        while not (found := happened()):
            if time.monotonic() > give_up_at:
                raise AssertionError(f"in {patience:g} s it did not happen that {what}")
            self.pause(every)
        return found

    def settled(self, count):
        """Wait until so many are settled."""
        every = 0.02 if count < 5000 else 0.2
        has = self.oracle.count
        self._moving(lambda: has("settled") >= count, f"{count} are settled", every)

    def rest(self, producers):
        """Wait until each has submitted all that it was told to, and all of that is settled."""

        def is_over():
            return not any(producer.order("feeding") for producer in producers) and (
                self.oracle.count("settled") >= self.oracle.count("submitted")
            )

        self._moving(is_over, "all is submitted and settled", 0.2)

    def _moving(self, happened, what, every):
        """Wait as long as anything is settled meanwhile."""
        seen, moved_at = -1, 0.0
        while not happened():
            if (count := self.oracle.count("settled")) != seen:
                seen, moved_at = count, time.monotonic()
            elif time.monotonic() - moved_at > self.stall:
                raise AssertionError(f"{count} settled, then none for {self.stall:g} s; not {what}")
            self.pause(every)

    def workers(self, producer, count):
        """Wait until the producer knows so many workers, no more and no less."""
        self.until(lambda: producer.workers() == count, f"{count} workers are known", 2 * PATIENCE)

    # -- the report -----------------------------------------------------------------------------

    def report(self):
        """All figures of it."""
        figures = self.figures or self.oracle.figures()
        if self.recovery:
            figures["recovery_seconds"] = spread(self.recovery)
        if "throughput" not in figures:
            faults = self.oracle.read("faults")
            figures["faults"] = dict(Counter(fact["kind"] for fact in faults))
            figures["throughput"] = self.watch.throughput(
                [fact[when] for fact in faults for when in ("begun_at", "at")]
            )
        return {
            **figures,
            "memory_mib": self.watch.most(1),
            "descriptors": self.watch.most(2),
            "threads": self.watch.most(3),
            **({"details": self.details} if self.details else {}),
        }
