"""Bugs that are planted on purpose, each to be found by a scenario: who finds none is blind.

The apps of this suite call `plant` when they are loaded, so each process of a scenario has the bug.
"""

import os
import sys

PLANTS = {}


def planted(scenario, breach):
    """Register a bug with the scenario that has to find it, and with a pattern of what that says."""

    def mark(function):
        PLANTS[function.__name__.replace("_", "-")] = (scenario, breach, function)
        return function

    return mark


def plant():
    """Put in the bug that the environment names."""
    if name := os.environ.get("CHAOS_PLANT"):
        PLANTS[name][2]()


@planted("kill-worker", "none for")
def loses_a_task():
    """Of what a lost worker held, one task is not given to another one."""
    from zmqwork.core.books import Books

    real = Books.wait_again

    def wait_again(self, entries, how, *rest, **more):
        entries = entries[1:] if how == "lost" else entries
        return real(self, entries, how, *rest, **more)

    Books.wait_again = wait_again


@planted("resets", "ran again")
def forgets_the_inventory():
    """When a link comes back, what the worker has is taken for what never arrived."""
    from zmqwork.core import inventory

    inventory._newest = lambda held: {}


@planted("kill-all", "effects")
def forgets_its_inbox():
    """A sink that starts again does not know what it has stored."""
    from zmqwork.sinks.inbox import TransactionStore

    real = TransactionStore.open

    def opened(self):
        real(self)
        return {}

    TransactionStore.open = opened


@planted("kill-producer", "are lost|were settled")
def confirms_before_it_writes():
    """The journal says that it has written, and then writes."""
    import threading

    from zmqwork.core.records import Written
    from zmqwork.nodes.recorder import Recorder

    real, pause = Recorder._write, threading.Event()

    def write(self, journal, records):
        self._answer(Written(records[-1].number))
        pause.wait(0.2)
        real(self, journal, records)

    Recorder._write = write


@planted("stop-worker", "given up so often")
def never_gives_up():
    """A worker that is silent is waited for, however long."""
    from zmqwork.core.dispatcher import Dispatcher

    Dispatcher.lost = lambda self, peer, now: None


@planted("soak", "descriptors at first")
def leaks_descriptors():
    """Each session leaves one behind."""
    from zmqwork.transport.dealer import Dealer

    real = Dealer.close

    def close(self, **words):
        for _ in range(12):
            os.dup(1)
        real(self, **words)

    Dealer.close = close


@planted("soak", "grew from")
def leaks_memory():
    """Each event that a worker handles leaves something behind."""
    from zmqwork.core.runner import Runner

    real, left = Runner.handle, []

    def handle(self, event, now):
        left.append(b"x" * 32_768)
        return real(self, event, now)

    Runner.handle = handle


@planted("hold-interpreter", "false deaths")
def runs_tasks_beside_its_sockets():
    """Whatever a task does to the interpreter, it does to the worker's heartbeats."""
    import zmqwork.pools

    real = zmqwork.pools.make_pool

    def make_pool(name, slots, tasks, **words):
        return real("thread", slots, tasks, queues=words["queues"])

    zmqwork.pools.make_pool = make_pool
    for module in list(sys.modules.values()):
        if getattr(module, "make_pool", None) is real:
            module.make_pool = make_pool
