"""How a node introduces itself: its HELLO, and the WELCOME of each role."""

from __future__ import annotations

from itertools import islice

from zmqwork.config import (
    PROTOCOL_MAX,
    PROTOCOL_MIN,
    NodeConfig,
    ProducerConfig,
    SinkConfig,
    WorkerConfig,
)
from zmqwork.core.delivery import RANGES_MAX
from zmqwork.core.functions import ANY
from zmqwork.core.messages import DELIVER, OBEY, TAKE_PROGRESS, Hello, Welcome
from zmqwork.core.ranges import Ranges


def hello(config: NodeConfig, role: str, session: int, epoch: int) -> Hello:
    """The first message of a link that this node has dialled."""
    return Hello(
        session=session,
        node_id=config.node_id,
        role=role,
        name=config.name,
        realm=config.realm,
        protocol=(PROTOCOL_MIN, PROTOCOL_MAX),
        epoch=epoch,
        heartbeat_interval=config.health.heartbeat_interval,
        producer_id=config.producer_id if isinstance(config, ProducerConfig) else "",
        can=[TAKE_PROGRESS] if role == "producer" else [],
    )


def of_node(config: NodeConfig, role: str, hello: Hello) -> Welcome:
    """The answer of a node that shares its process with user code."""
    return Welcome(
        session=hello.session,
        node_id=config.node_id,
        role=role,
        name=config.name,
        realm=config.realm,
        protocol=min(PROTOCOL_MAX, hello.protocol[1]),
        heartbeat_interval=config.health.heartbeat_interval,
        silence_timeout=config.health.runtime_timeout,
        host=config.host,
        pid=config.pid,
        can=[OBEY] if hello.role == "observer" else [],
    )


def of_worker(config: WorkerConfig, hello: Hello, held: list[list[int]]) -> Welcome:
    """The answer of a worker, with its inventory for this producer."""
    welcome = of_node(config, "worker", hello)
    if not config.shares_process:
        welcome.silence_timeout = config.health.lost_timeout
    welcome.slots = config.slots
    welcome.queues = list(config.queues)
    welcome.weights = list(config.weights)
    welcome.strict = config.strict
    welcome.without = list(config.exclude_queues)
    welcome.tasks = config.tasks | dict.fromkeys(config.allow, ANY)
    welcome.held = held
    welcome.can.append(DELIVER)
    return welcome


def of_sink(config: SinkConfig, hello: Hello, taken: Ranges | None) -> Welcome:
    """The answer of a sink; `taken`: the numbers of this producer that it has."""
    welcome = of_node(config, "sink", hello)
    welcome.sinks = list(config.sinks)
    welcome.inbox = config.inbox
    if taken is not None:
        welcome.taken = [list(pair) for pair in islice(taken, RANGES_MAX)]
    return welcome
