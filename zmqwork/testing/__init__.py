"""The core without a network, a clock or processes: for the simulator, and for your own tests.

::

    clock      FakeClock: virtual time, and what happens when
    connection one link, as libzmq has it
    network    MemoryNetwork: all links, with the faults that are asked for
    pool       ScriptedPool: slots whose handlers last, fail, crash and hang as scripted
    store      places where results take effect, and stores that need time, fail and stop
    node       Node: one machine with its inbox, its turns and its effects
    journal    MemoryJournal: outlives the processes of a test, and fails as scripted
    truth      what really happened, seen from outside
    performer  does what machines want done
    discovery  who is shown to whom
    checkers   the promises that hold after every turn, one function each
    endings    those that take time
    sink_checkers, sink_endings  the same of results that go to sinks
    checks     when each of them looks         unchecked  none does, where costs are counted
    cluster    Cluster: nodes on a network, and everything that can be done to them
    faults     what goes wrong, drawn at random
    scenario   what a run does, as data: its world and its steps
    stage      performs steps, each with choices of its own
    plan       what one seed does: cast, work, faults
    sink_plan  what of it is about sinks
    runs       work that one producer after the other goes on with
    play       one run: safety, liveness, and everybody leaves
    marks      points that runs must come by
    campaign   many runs, on all processors
    shrink     cuts a run that breaks a promise down to what it needs
    sim        ``python -m zmqwork.testing.sim --seeds N | --seed S --trace``
    crowd      thousands of nodes without checkers    meter      what they cost
    scale      ``python -m zmqwork.testing.scale --workers N --producers M``
    scale_run  what it measures                       footprint  how much memory something takes

Nothing here opens a socket or starts a thread, or reads a clock (`meter` and `scale_run` do, which
measure); and nothing iterates a set: the same seed gives the same run, in every process.
"""

from __future__ import annotations

from zmqwork.testing.clock import FakeClock
from zmqwork.testing.cluster import Cluster
from zmqwork.testing.connection import Conditions
from zmqwork.testing.journal import MemoryJournal
from zmqwork.testing.network import MemoryNetwork
from zmqwork.testing.truth import Violation

__all__ = ["Cluster", "Conditions", "FakeClock", "MemoryJournal", "MemoryNetwork", "Violation"]
