"""Who works: the workers that a producer knows, and the hosts they are on."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from typing import Any

from zmqwork.bench.tasks import About, about
from zmqwork.errors import NoWorker
from zmqwork.producer import Producer
from zmqwork.task import Task

# A worker whose slots are free answers in milliseconds; one of a slow network gets its time.
_ANSWER_TIMEOUT = 10.0
_LOOK_INTERVAL = 0.05
# A producer pings a worker once a second, the first time a second after it has met it.
_PING_TIMEOUT = 3.0


class Absent(NoWorker):
    """Those who are expected have not come; the text says who has. It is about no task."""

    def __str__(self) -> str:
        return self.reason


@dataclass(frozen=True, slots=True)
class Member:
    """A worker.

    Attributes:
        label: how people tell it apart.
        host: where it is; empty: it has not said it yet.
        cpus, python: of the host: its processors, and the version of its interpreter.
        slots: tasks that it runs at the same time.
        endpoint: where it is reached.
        round_trip: of the link, in seconds: the shortest of the PINGs that were seen, since a node
            that is busy answers later; None: none was answered.
        done: attempts that it has ended for this producer; a chunk of `map` is one.
    """

    label: str
    host: str
    cpus: int
    python: str
    slots: int
    endpoint: str
    round_trip: float | None
    done: int

    def transport(self, *, keyed: bool) -> str:
        """``ipc``, ``tcp``, ``tcp + CURVE``."""
        return self.endpoint.partition("://")[0] + (" + CURVE" if keyed else "")


@dataclass(frozen=True, slots=True)
class Expected:
    """Who is waited for.

    Attributes:
        hosts: how many; or their names.
        workers: how many, on whatever hosts.
    """

    hosts: int | tuple[str, ...] = 1
    workers: int = 1

    def lacking(self, members: Collection[Member]) -> str:
        """What is not there yet, for people; empty: all is."""
        here = {member.host for member in members if member.host}
        if isinstance(self.hosts, tuple):
            if absent := [name for name in self.hosts if name not in here]:
                return f"no worker on {', '.join(absent)}"
        elif len(here) < self.hosts:
            return f"{len(here)} of {self.hosts} hosts"
        return f"{len(members)} of {self.workers} workers" if len(members) < self.workers else ""


@dataclass(slots=True)
class Crew:
    """The workers of one producer, asked who they are when they are new.

    Attributes:
        task: one of somebody's own: only those that serve it count, and they do not tell how busy
            their hosts are; None: the benchmark's own.
        hint: the command that starts such a worker.
    """

    producer: Producer
    task: Task[..., Any] | None = None
    hint: str = "zmqwork bench worker"
    # Bound: the workers that the producer has met.
    _abouts: dict[str, About] = field(default_factory=dict)
    _round_trips: dict[str, float] = field(default_factory=dict)

    def look(self) -> list[Member]:
        """Everybody who is there now, by host and label."""
        found: list[Member] = []
        serving = None
        if self.task is not None:
            serving = {node_id for node_id, _ in self.producer.workers_for(self.task.spec, 0.0)}
        for worker in self.producer.status()["workers"]:
            if serving is not None and worker["node_id"] not in serving:
                continue
            label = _label(worker)
            said = self._abouts.get(label)
            found.append(
                Member(
                    label=label,
                    host=self._host(worker, said),
                    cpus=0 if said is None else said["cpus"],
                    python="" if said is None else said["python"],
                    slots=worker["slots"],
                    endpoint=worker["endpoint"],
                    round_trip=self._shortest(label, worker["round_trip"]),
                    done=worker["done"],
                )
            )
        return sorted(found, key=lambda member: (member.host, member.label))

    def ask(self) -> dict[str, About]:
        """Ask everybody who and how busy they are; by label. Who does not answer lacks."""
        if self.task is not None or not self.producer.workers_known():
            return {}
        try:
            answers = about.using(expires=_ANSWER_TIMEOUT).broadcast()
        except NoWorker:  # they have left meanwhile
            return {}
        said = answers.results(_ANSWER_TIMEOUT, return_exceptions=True)
        heard: dict[str, Any] = {k: v for k, v in said.items() if not isinstance(v, Exception)}
        self._abouts.update(heard)
        return heard

    def wait_for(
        self, expected: Expected, timeout: float, is_told: Callable[[], bool]
    ) -> list[Member]:
        """Wait until all who are expected are there, and their links are measured.

        Who `is_told` to go returns at once, with whoever is there.

        Raises:
            Absent: they are not, in time; the text says who is there.
        """
        give_up_at = time.monotonic() + timeout
        while not is_told():
            members = self.look()
            if any(not member.host for member in members):
                self.ask()
                members = self.look()
            lacking = expected.lacking(members)
            if not lacking:
                return self._measured(is_told)
            if time.monotonic() >= give_up_at:
                raise Absent("", self._absence(lacking, members, timeout))
            time.sleep(_LOOK_INTERVAL)
        return self.look()

    def _host(self, worker: dict[str, Any], said: About | None) -> str:
        """As its tasks tell; of those that cannot be asked, as its node said when it was met."""
        if said is not None:
            return said["host"]
        return "" if self.task is None else str(worker["host"])

    def _absence(self, lacking: str, members: list[Member], timeout: float) -> str:
        here = there(members) or "nobody"
        serves = ""
        if self.task is not None:
            serves = f" that serves task {self.task.name!r}"
            if others := self.producer.workers_known() - len(members):
                what = "worker does" if others == 1 else "workers do"
                serves += f" ({others} {what} not, or with other parameters, or another queue)"
        return (
            f"{lacking} after {timeout:g} s; there is {here}{serves}\n"
            f"{self.producer.explain()}\n"
            f"On each host: {self.hint}, with the same options for finding each other (and the "
            "same --realm, if any)"
        )

    def _shortest(self, label: str, round_trip: float | None) -> float | None:
        known = self._round_trips.get(label)
        if round_trip is not None and (known is None or round_trip < known):
            known = self._round_trips[label] = round_trip
        return known

    def _measured(self, is_told: Callable[[], bool]) -> list[Member]:
        give_up_at = time.monotonic() + _PING_TIMEOUT
        members = self.look()
        while any(member.round_trip is None for member in members):
            if time.monotonic() >= give_up_at or is_told():
                break
            time.sleep(_LOOK_INTERVAL)
            members = self.look()
        return members


def there(members: Collection[Member]) -> str:
    """Hosts and how many workers each has, for people."""
    counts: dict[str, int] = {}
    for member in members:
        host = member.host or "a host that has not said its name"
        counts[host] = counts.get(host, 0) + 1
    return ", ".join(
        f"{host} ({count} worker{'s' * (count > 1)})" for host, count in counts.items()
    )


def _label(worker: dict[str, Any]) -> str:
    """As `Broadcast` has it."""
    return f"{worker['name']}#{worker['node_id'][:4]}"
