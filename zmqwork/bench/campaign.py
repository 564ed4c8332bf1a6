"""All cases, one after the other, with what is known before and after each."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence

from zmqwork.bench.cases import Case
from zmqwork.bench.course import Course
from zmqwork.bench.crew import Crew, Member
from zmqwork.bench.load import mapped, pipelined, request_reply
from zmqwork.bench.measurement import Measurement, Share
from zmqwork.bench.own import OwnCase
from zmqwork.bench.tasks import About
from zmqwork.bench.worth import plain_call
from zmqwork.whereabouts import Whereabouts

# Before its clock starts a case runs so long, at the most: links and windows have settled then.
_WARM_UP_SECONDS = 0.5
_WARM_UP_PART = 0.1


class Campaign:
    """A run of ``zmqwork bench run``.

    Args:
        crew: who works.
        cases: what is to be measured.
        where: how the sink of a pipeline, and its ventilator, find others.
        tasks_max, duration: for each case, whichever comes first.
        is_told: whether a person wants it to end; the case that is under way is the last one then.

    Attributes:
        case, course: what is under way; None: it has not begun, or is warming up.
        finished: cases that are over.
    """

    def __init__(
        self,
        crew: Crew,
        cases: Sequence[Case],
        where: Whereabouts,
        *,
        tasks_max: int,
        duration: float,
        is_told: Callable[[], bool],
    ) -> None:
        self.cases = cases
        self.case: Case | None = None
        self.course: Course | None = None
        self.finished = 0
        self._crew = crew
        self._where = where
        self._tasks_max = tasks_max
        self._duration = duration
        self._is_told = is_told

    def run(self) -> Iterator[Measurement]:
        """Measure; what has not landed a single task when it is told to end is left out.

        Raises:
            NoWorker, Stalled: nobody is there any more, or nothing comes back.
            TransportError: a result is not what was sent.
        """
        for case in self.cases:
            if self._is_told():
                return
            measurement = self._measure(case)
            self.course = None
            self.finished += 1
            if measurement.tasks:
                yield measurement

    def _measure(self, case: Case) -> Measurement:
        own = case.own if isinstance(case, OwnCase) else None
        call_seconds = plain_call(case) if own is None else own.here
        self.case = case
        self.course = None
        if case.form != "pipeline":  # which is primed by itself: its sink is new
            seconds = min(_WARM_UP_SECONDS, _WARM_UP_PART * self._duration)
            self._run(case, Course(self._tasks_max, seconds, self._is_told, case.task_seconds))
        said_before = self._crew.ask()
        before = {member.label: member.done for member in self._crew.look()}
        course = self.course = Course(
            self._tasks_max, self._duration, self._is_told, case.task_seconds
        )
        cpu_before = time.process_time()
        self._run(case, course)
        cpu_seconds = time.process_time() - cpu_before
        members = self._crew.look()
        # (A worker that was not there before has ended nothing before.)
        counts = {m.label: m.done - before.get(m.label, 0) for m in members}
        if case.form == "pipeline":
            counts = {}
        return Measurement(
            *(case.form, case.kind, case.payload_bytes, case.in_flight, case.length),
            tasks=course.landed,
            seconds=course.seconds,
            trips=course.trips,
            cpu_seconds=cpu_seconds,
            call_seconds=call_seconds,
            slots=sum(member.slots for member in members),
            workers=counts,
            hosts=_shares(members, counts, said_before, self._crew.ask()),
            result_bytes=0 if own is None else own.result_bytes,
        )

    def _run(self, case: Case, course: Course) -> None:
        if case.form == "request":
            request_reply(case, course)
        elif case.form == "map":
            mapped(case, course, self._crew.producer)
        else:
            slots = sum(member.slots for member in self._crew.look())
            pipelined(case, course, self._where, max(1, slots))


def _shares(
    members: Sequence[Member],
    counts: Mapping[str, int],
    before: Mapping[str, About],
    after: Mapping[str, About],
) -> list[Share]:
    found = []
    for host in dict.fromkeys(member.host for member in members):
        here = [member for member in members if member.host == host]
        count = sum(counts.get(member.label, 0) for member in here)
        # One worker tells it for its host.
        loads = (load(before.get(m.label), after.get(m.label)) for m in here)
        cpu = next((value for value in loads if value is not None), None)
        found.append(Share(host, len(here), sum(member.slots for member in here), count, cpu))
    return found


def load(before: About | None, after: About | None) -> float | None:
    """How busy a host was between two answers of one of its workers; None: they do not tell."""
    if before is None or after is None or before["busy"] is None or after["busy"] is None:
        return None
    worked, all_ = (a - b for a, b in zip(after["busy"], before["busy"], strict=True))
    return round(worked / all_, 4) if all_ > 0 else None
