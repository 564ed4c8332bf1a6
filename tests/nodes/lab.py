"""A cluster with several members, whose nodes run in this process or in their own."""

from __future__ import annotations

import contextlib
import queue
import threading
from pathlib import Path

import zmqwork
from zmqwork.config import NodeConfig
from zmqwork.core.peer import OPEN
from zmqwork.nodes.observer import Observer
from zmqwork.security import cluster, contents, membership
from zmqwork.security.keyring import load
from zmqwork.starting import identity
from zmqwork.whereabouts import Whereabouts

PATIENCE = 30.0


class Lab:
    """The members, by name; `desk` is the first, has all roles, and changes the roster."""

    def __init__(self, root: Path, realm: str) -> None:
        self.root, self.realm = root, realm
        self.stack = contextlib.ExitStack()
        self.begun = queue.SimpleQueue()  # who has begun a gated task
        self.gates = {}  # until which they wait
        self.taken = []  # by sinks
        cluster.create(self.place("desk"), "lab", "desk")

    def place(self, name):
        return self.root / name

    def bundle(self, name):
        return self.root / f"{name}.zwk"

    def add(self, **members):
        """Members with these roles; then all have one roster."""
        for name, roles in members.items():
            cluster.add(self.place("desk"), name, roles.split(), self.bundle(name))
            membership.join(self.place(name), self.bundle(name))
        self.push()
        return self

    def push(self, *names):
        """The desk's roster for these members; for all, if none are named."""
        roster = load(self.place("desk")).roster
        for name in names or [member.name for member in roster.members]:
            if self.place(name).exists():
                contents.write_roster(self.place(name), roster)
        return roster

    def revoke(self, name, *told):
        """It is revoked; the desk knows it, and those who are told."""
        cluster.revoke(self.place("desk"), name)
        if told:
            self.push(*told)

    def fingerprint(self, name):
        return load(self.place(name)).fingerprint

    # -- nodes ------------------------------------------------------------------------------

    def app(self, name, *, discovery="local"):
        """The app as this member has it: False for its name: one without keys."""
        keys = False if name is False else str(self.place(name))
        app = zmqwork.App(self.realm, keys=keys, discovery=discovery, peers=())

        @app.task(name="echo", max_retries=0)
        def echo(value):
            return value

        @app.task(name="who", max_retries=0)
        def who():
            return str(name)

        @app.task(name="gated", max_retries=3)
        def gated():
            self.begun.put(str(name))
            self.gates.setdefault(str(name), threading.Event()).wait(PATIENCE)
            return str(name)

        @app.task(name="gather", max_retries=0, sink="default")
        def gather(value):
            return value

        @app.sink
        def take(results):
            self.taken.extend(results)

        return app

    def worker(self, name, *, bind=(), **options):
        """A worker in threads of this process."""
        node = self.app(name).worker(1, "thread", name=str(name), bind=bind, **options)
        return self.stack.enter_context(stopping(node))

    def sink(self, name):
        """A sink, which takes the results into `taken`."""
        return self.stack.enter_context(stopping(self.app(name).sinks["default"].node()))

    def producer(self, name, **options):
        """A producer, for tasks that `submit` names."""
        app = self.app(name)
        producer = self.stack.enter_context(app.producer(**options))
        self.stack.callback(producer.stop)
        producer.ask = lambda task, *args: app.tasks[task].submit(*args)
        return producer

    def observer(self, name, patience=PATIENCE):
        config = NodeConfig(**identity(self.realm, "observer"))
        discovery = self.app(name).discover(Whereabouts.of())
        return self.stack.enter_context(Observer(config, discovery, patience=patience))

    def open_gate(self, name):
        self.gates.setdefault(name, threading.Event()).set()

    def close(self):
        for gate in self.gates.values():
            gate.set()
        self.stack.close()


@contextlib.contextmanager
def stopping(node):
    """A node that leaves without finishing what it has."""
    node.start()
    try:
        yield node
    finally:
        node.stop()


def tcp_port(node):
    (endpoint,) = [endpoint for endpoint in node.endpoints if endpoint.startswith("tcp:")]
    return endpoint.rpartition(":")[2]


def keys_of_sessions(producer):
    """The keys behind the open sessions of a producer, as it has dialled them."""
    peers = list(producer._node._machine.dialer.peers.values())
    return {peer.fingerprint for peer in peers if peer.stage == OPEN}


def refusals(producer):
    return [said["why"] for said in producer.status()["refusals"]]
