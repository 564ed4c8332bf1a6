"""Work that one producer after the other goes on with: the same input, under the same numbers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from zmqwork.testing.cluster import Cluster
from zmqwork.testing.node import DEAD, Producer
from zmqwork.testing.stage import Stage
from zmqwork.testing.truth import Script

# What the stages are, by their tasks.
_FIRST, _LAST = "quick", "steady"


class Run:
    """An input whose items go to inboxes, in one stage or in two.

    In one stage each item is a task for an inbox, numbered in the order of submission. With two,
    the first result comes back, and the second task has the item's number, whenever it is its
    turn.

    Attributes:
        id: the producer id of all that do it.
        node: the producer that does it, or did last.
    """

    def __init__(
        self,
        run_id: str,
        inboxes: tuple[str, ...],
        cluster: Cluster,
        stage: Stage,
        script: Callable[[float], Script],
    ) -> None:
        self.id = run_id
        self.node: Producer | None = None
        self._cluster = cluster
        self._stage, random = stage, stage.random
        self._staged = random.random() < 0.5
        self._inboxes = random.choice((inboxes, inboxes[:1]))
        counts = [random.choice((1, 10, 40)) for _ in range(random.randint(1, 5))]
        # (Each batch is submitted alike by whoever does the run.)
        self._batches = [
            [script(random.uniform(0.001, 0.05)) for _ in range(count)] for count in counts
        ]
        self._size_bytes = random.choice((0, 100))
        self._fed = 0  # batches that its producer was given

    def begin(self) -> Producer:
        """A producer does it from the beginning, for the first time or again."""
        cluster, random = self._cluster, self._stage.random
        self.node = node = cluster.add_producer(producer_id=self.id)
        node.in_run = True
        self._fed = 0
        if random.random() < 0.5:
            self.finish()
        else:
            for _ in self._batches:
                self._stage.later(random.uniform(0.0, 10.0), self._feed, node)
        return node

    def finish(self) -> None:
        """Submit all the rest."""
        while self._fed < len(self._batches):
            assert self.node is not None
            self._feed(self.node)

    def _feed(self, node: Producer) -> None:
        if node is not self.node or node.condition == DEAD or node.stopped:
            return
        if self._fed == len(self._batches):
            return
        first = sum(map(len, self._batches[: self._fed]))
        scripts = self._batches[self._fed]
        self._fed += 1
        numbers = range(first + 1, first + len(scripts) + 1)
        if self._staged:
            self._feed_first(node, scripts, numbers)
        else:
            self._cluster.submit(
                node,
                _LAST,
                scripts,
                labels=[f"{self.id}-{number}" for number in numbers],
                size_bytes=self._size_bytes,
                sink="default",
                inbox=self._inboxes,
                max_retries=3,
                retry_backoff=0.1,
            )

    def _feed_first(self, node: Producer, scripts: list[Script], numbers: range) -> None:
        """What is known to be done goes to its last stage at once, as `ventilate` does it."""
        outlets = {outlet.id: outlet for outlet in node.machine._books.outlets}
        waiting = []
        for script, number in zip(scripts, numbers, strict=True):
            outlet = outlets.get(self._inbox_of(number))
            if outlet is not None and number in outlet.taken:
                self._feed_last(node, script, number)
            else:
                waiting.append((script, number))
        self._cluster.submit(
            node,
            _FIRST,
            [Script(script.seconds) for script, _ in waiting],
            then=[partial(self._feed_last, node, *item) for item in waiting],
        )

    def _feed_last(self, node: Producer, script: Script, number: int) -> None:
        self._cluster.submit(
            node,
            _LAST,
            [script],
            labels=[f"{self.id}-{number}"],
            size_bytes=self._size_bytes,
            bound_to=self._inbox_of(number),
            sink_seqs=[number],
            sink="default",
            inbox=self._inboxes,
            max_retries=3,
            retry_backoff=0.1,
        )

    def _inbox_of(self, number: int) -> str:
        return self._inboxes[number % len(self._inboxes)]
