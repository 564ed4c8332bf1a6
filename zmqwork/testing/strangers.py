"""Peers that speak the protocol and talk nonsense: of tasks that they never had, out of turn.

What they say is well formed, as `wire` lets nothing else through. Those who lie about results of
their own are outside of what is promised: they bring none to sinks, and are given no tasks.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from zmqwork.core.delivery import Destination, End, Floor, Have, Route
from zmqwork.core.link_events import PeerFound
from zmqwork.core.messages import (
    FAILED,
    LOST,
    Bye,
    Cancel,
    Credit,
    Demand,
    Done,
    DoneAck,
    Draining,
    Failure,
    Hello,
    Info,
    Message,
    Ping,
    Pong,
    Recall,
    Return,
    Run,
    Started,
    Tasks,
    Welcome,
)
from zmqwork.core.progress import Parts, PartsAck, Progress
from zmqwork.testing.cluster import REALM, Cluster
from zmqwork.testing.connection import Origin
from zmqwork.testing.scenario import Draft, World
from zmqwork.testing.stage import Stage

# How long one of them talks, in seconds, and how long it thinks between two messages.
_TALKS = (0.5, 3.0, 8.0)
_THINKS = (0.0, 0.1)

# The numbers of tasks that it talks of: honest ones begin at 1.
_SEQS_MAX = 60


def draw(random: Random) -> World:
    """What of this there is in a run."""
    return {"is_on": random.random() < 0.15}


def write(world: World, draft: Draft) -> None:
    """Note when strangers come."""
    if world["is_on"]:
        draft.some(1, 3, "a stranger dials")
        draft.some(0, 2, "a stranger is dialled")


class Strangers:
    """Lets them come and go."""

    def __init__(self, cluster: Cluster, stage: Stage) -> None:
        self._cluster = cluster
        self._stage = stage
        self._there: list[Stranger] = []
        self._healed = False
        stage.can("a stranger dials", self._dial)
        stage.can("a stranger is dialled", self._listen)

    def heal(self) -> None:
        """All of them are gone."""
        self._healed = True
        for stranger in self._there:
            stranger.go()

    def _come(self) -> Stranger:
        stranger = Stranger(f"stranger-{len(self._there)}", self._cluster, self._stage.random)
        self._there.append(stranger)
        self._stage.later(self._stage.random.choice(_TALKS), stranger.go)
        return stranger

    def _dial(self) -> None:
        cluster, random = self._cluster, self._stage.random
        nodes = cluster.living([*cluster.workers, *cluster.sinks])
        if nodes and not self._healed:
            cluster.network.dial(self._come(), 1, random.choice(nodes).endpoints[0])

    def _listen(self) -> None:
        if not self._healed:
            stranger, network = self._come(), self._cluster.network
            endpoint = f"mem://{stranger.name}"
            network.bind(stranger, endpoint)
            found = PeerFound(f"static:{endpoint}", (endpoint,), "worker", "static")
            self._cluster.discovery.announce(found)


class Stranger:
    """One of them: it greets as it should, and then says whatever comes to its mind.

    Attributes:
        name: for traces.
    """

    def __init__(self, name: str, cluster: Cluster, random: Random) -> None:
        self.name = name
        self._cluster = cluster
        self._random = Random(random.getrandbits(64))
        self._node_id = f"{self._random.getrandbits(128):032x}"
        self._numbers: dict[int | bytes, int] = {}
        self._gone = False

    # -- the network's side -------------------------------------------------------------------

    def link_up(self, link: int) -> None:
        """It was let in: it greets, and goes on."""
        role = self._random.choice(("producer", "producer", "worker", "sink", "observer"))
        self._say(link, Hello(1, self._node_id, role, self.name, REALM, (1, 99)))
        self._go_on(link, self._to_bound)

    def link_down(self, link: int | bytes) -> None:
        """It was thrown out."""
        self._numbers.pop(link, None)

    def deliver(self, link: int | bytes, number: int, message: Message, origin: Origin) -> None:
        """It listens to greetings only."""
        if isinstance(message, Hello) and not self._gone:
            self._numbers.pop(link, None)
            self._say(link, Welcome(message.session, self._node_id, "worker", self.name, REALM, 1))
            self._go_on(link, self._to_dialler)
        del number, origin

    def discard(self, link: int) -> None:
        """It reads at once."""

    def go(self) -> None:
        """It is gone, without a word."""
        if not self._gone:
            self._gone = True
            self._numbers.clear()
            self._cluster.network.vanish(self)
            self._cluster.discovery.withdraw(f"static:mem://{self.name}")

    # -- what it says -------------------------------------------------------------------------

    def _say(self, link: int | bytes, message: Message) -> None:
        number = self._numbers[link] = self._numbers.get(link, 0) + 1
        self._cluster.network.send(self, link, number, message)

    def _go_on(self, link: int | bytes, think: Callable[[], Message]) -> None:
        if not self._gone and link in self._numbers:
            self._cluster.clock.call_later(self._random.uniform(*_THINKS), self._talk, link, think)

    def _talk(self, link: int | bytes, think: Callable[[], Message]) -> None:
        if not self._gone and link in self._numbers:
            self._cluster.checks.marks.hit("a stranger says what it likes")
            self._say(link, think())
            self._go_on(link, think)

    def _seqs(self) -> list[int]:
        return [self._number() for _ in range(self._random.randint(1, 5))]

    def _number(self) -> int:
        return self._random.randint(1, _SEQS_MAX)

    def _anything(self) -> Message:
        """What either side may say."""
        number = self._number()
        return self._random.choice((Ping(number), Pong(number), Info(number, number)))

    def _to_bound(self) -> Message:
        """What one who dials may say, to whoever it is."""
        seqs, number = self._seqs(), self._number()
        args = [b"of nobody"] * len(seqs)
        name = self._random.choice(("quick", "steady", "nothing"))
        to = Destination(self._node_id, "", ["mem://nowhere"], self._node_id, seqs)
        thoughts: tuple[Message, ...] = (
            Tasks([Run(name, {"queue": "default"}, number, seqs, args)], number),
            Tasks([Run(name, {"queue": "default"}, 1, seqs, args, to)]),
            Cancel(seqs, hard=number % 2 == 0),
            Recall(number),
            DoneAck(number),
            Demand(number % 4),
            PartsAck(number, number),
            Route(seqs, to),
            Have(number, seqs),
            Floor(number),
            End(number, 0),
            self._anything(),
        )
        return self._random.choice(thoughts)

    def _to_dialler(self) -> Message:
        """What a worker may say, of tasks that it never had."""
        seqs, number = self._seqs(), self._number()
        attempts = [self._random.randint(0, 3) for _ in seqs]
        failure = Failure(
            number,
            self._random.randint(0, 3),
            self._random.choice((FAILED, LOST)),
            {"type": "ValueError", "text": "nonsense", "traceback": "", "final": True},
        )
        values = [b"nonsense"] * len(seqs)
        thoughts: tuple[Message, ...] = (
            Done(number, seqs, attempts, values, [], {}),
            Done(number, [], [], [], [failure], {"quick": [1.0, 0.1]}),
            Started(seqs, attempts),
            Return("draining", seqs, attempts),
            Progress(seqs, attempts, [{"fraction": 0.5}] * len(seqs)),
            Parts(number, self._random.randint(0, 3), values),
            Credit(number, 1000),
            Draining(),
            Bye(),
            self._anything(),
        )
        return self._random.choice(thoughts)
