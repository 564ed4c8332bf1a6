"""What of one seed's plan is about work: what is submitted, what handlers do, what is cancelled."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from zmqwork.testing.cluster import Cluster
from zmqwork.testing.node import RUNNING, Producer
from zmqwork.testing.scenario import Draft, World
from zmqwork.testing.stage import Stage
from zmqwork.testing.truth import CRASHES, FAILS, SUCCEEDS, Script

TASKS = {"quick": "1", "steady": "1", "slow": "1"}
_SECONDS = {"quick": (0.00001, 0.002), "steady": (0.005, 0.09), "slow": (0.1, 3.0)}

# Tasks of one bulk, and how long each of them runs. Most seeds have none: what happens to a few
# tasks is looked at after every turn, what happens to thousands as often as that costs little.
_MANY = 100
_BULK = (500, 2_000, 4_000)
_BULK_SECONDS = (0.00001, 0.0005)

# After how many seconds tasks expire, if they do.
_EXPIRE = (0.0, 0.01, 0.5, 5.0)
_BULK_EXPIRES = (0.5, 20.0)

# Of a bulk so many fewer hang, or kill their child: the others would wait for them for minutes.
_RARELY = 0.03

# What a handler that hangs takes: longer than each lease.
_HANGS = (5.0, 40.0)


def draw(random: Random) -> World:
    """What of this there is in a run."""
    return {"bulks": random.choice((0, 0, 0, 1, 2, 4))}


def write(world: World, draft: Draft, faults: tuple[str, ...]) -> None:
    """Note when work is submitted, asked for and cancelled."""
    draft.some(1, 12, "submit")
    draft.some(world["bulks"], world["bulks"], "submit a bulk")
    draft.some(0, 4, "ask")
    if "cancels" in faults:
        draft.some(1, 10, "cancel")


class WorkPlan:
    """Work, and what becomes of it.

    Args:
        cluster: where it is done.
        stage: where steps are performed.
        faults: the classes of faults that are on.
        options: options of the tasks that are submitted next, as other plans have them.
        script: what a handler does, as other plans want it.
    """

    def __init__(
        self,
        cluster: Cluster,
        stage: Stage,
        *,
        faults: tuple[str, ...],
        options: Callable[[], dict[str, Any]],
        script: Callable[[Script], Script],
    ) -> None:
        self._cluster = cluster
        self._stage = stage
        self._faults = faults
        self._options = options
        self._change = script
        self._healed = False
        stage.can("submit", self.submit)
        stage.can("submit a bulk", self._submit_bulk)
        stage.can("ask", self._ask)
        stage.can("cancel", self._cancel)

    def heal(self) -> None:
        """From now on nothing hangs."""
        self._healed = True

    def _producers(self) -> list[Producer]:
        return [
            producer
            for producer in self._cluster.producers
            if producer.condition == RUNNING and not (producer.stopped or producer.in_run)
        ]

    def submit(self) -> None:
        """Some work for somebody."""
        producers = self._producers()
        if producers:
            self.submit_to(*producers)

    def submit_to(self, *producers: Producer) -> None:
        """Let one of these submit some work."""
        random = self._stage.random
        name = random.choice(sorted(TASKS))
        count = random.choice((1, 3, 10, 30) if name == "slow" else (1, 3, 30, 100))
        self._submit(random.choice(producers), name, count, _SECONDS[name], _EXPIRE)

    def _submit_bulk(self) -> None:
        producers, random = self._producers(), self._stage.random
        if producers:
            producer, count = random.choice(producers), random.choice(_BULK)
            self._submit(producer, "quick", count, _BULK_SECONDS, _BULK_EXPIRES)

    def _submit(
        self,
        producer: Producer,
        name: str,
        count: int,
        seconds: tuple[float, float],
        expire: tuple[float, ...],
    ) -> None:
        random = self._stage.random
        if self._stage.most:
            count = min(count, self._stage.most)
        rarely = _RARELY if count > _MANY else 1.0
        scripts = [self.script(random.uniform(*seconds), rarely) for _ in range(count)]
        expires = None
        if "expiries" in self._faults and random.random() < 0.5:
            expires = random.choice(expire)
        self._cluster.submit(
            producer,
            name,
            scripts,
            size_bytes=random.choice((0, 0, 100)),
            expires=expires,
            max_retries=random.choice((0, 1, 3)),
            retry_backoff=random.choice((0.0, 0.1, 1.0)),
            retry_backoff_max=2.0,
            **self._options(),
        )

    def script(self, seconds: float, rarely: float = 1.0) -> Script:
        """What a handler does that takes so long; `rarely`: how often it does worse."""
        return self._change(self._fateful(seconds, rarely))

    def _fateful(self, seconds: float, rarely: float) -> Script:
        random, faults = self._stage.random, self._faults
        if "stalls" in faults and not self._healed and random.random() < 0.02 * rarely:
            seconds = random.uniform(*_HANGS)
        if "failures" in faults and random.random() < 0.2:
            failing = (FAILS,) * random.choice((1, 2, 5))
            return Script(seconds, (*failing, SUCCEEDS), final=random.random() < 0.1)
        if "children" in faults and random.random() < 0.05 * rarely:
            crashing = (CRASHES,) * random.choice((1, 2, 5))
            return Script(seconds, (*crashing, SUCCEEDS))
        return Script(seconds)

    def _cancel(self) -> None:
        random, cluster = self._stage.random, self._cluster
        producers = [p for p in cluster.producers if p.condition == RUNNING and p.next_seq]
        if producers:
            producer = random.choice(producers)
            count = random.choice((1, 5, 50))
            first = random.randint(1, producer.next_seq)
            last = min(producer.next_seq, first + count - 1)
            cluster.cancel(producer, range(first, last + 1))

    def _ask(self) -> None:
        random, cluster = self._stage.random, self._cluster
        nodes = [*cluster.producers, *cluster.workers, *cluster.sinks]
        node = random.choice(nodes) if nodes else None
        if node is not None and node.condition == RUNNING:
            seq = None
            if isinstance(node, Producer) and node.next_seq:
                seq = random.choice((None, random.randint(1, node.next_seq)))
            cluster.ask(node, seq)
