"""Any of N: what a dead server costs, and one that is stuck."""

import os
import signal

import freelance_client
import patterns_app
from pattern_programs import PATIENCE, RAW, SILENCE

from zmqwork.patterns import freelance


def test_raw_a_dead_server_is_waited_for_again_and_again(start, endpoint, context):
    first, second = endpoint("one"), endpoint("two")
    servers = [start(RAW / "rep_server.py", where) for where in (first, second)]
    assert freelance_client.ask(context, [first, second], b"a", PATIENCE) == (b"A", 0)
    assert freelance_client.ask(context, [second], b"b", PATIENCE) == (b"B", 0)
    servers[0].kill()
    servers[0].wait(PATIENCE)
    for _ in range(2):
        asked = freelance_client.ask(context, [first, second], b"c", SILENCE)
        assert asked == (b"C", 1), "it learns nothing"


def test_a_stuck_worker_is_not_waited_for_and_a_dead_one_not_asked(
    start_workers, producer, notes, wait_until
):
    notes.go.touch()
    stuck, other = start_workers(2)
    asked = (patterns_app.answer, "a", notes.path, str(notes.go))
    patient = freelance.Client(timeout=PATIENCE, hedge=2, hedge_delay=PATIENCE)
    assert {patient.ask(*asked)[1] for _ in range(4)} == {stuck.pid, other.pid}
    assert len(notes.pids()) == 4, "nobody is asked twice without need"
    # Its link lives while it is stopped: nobody knows for 2 s that anything is wrong.
    stuck.send_signal(signal.SIGSTOP)
    os.waitid(os.P_PID, stuck.pid, os.WSTOPPED)  # all its threads
    client = freelance.Client(timeout=PATIENCE, hedge=2, hedge_delay=0.05)
    assert {client.ask(*asked)[1] for _ in range(4)} == {other.pid}
    assert producer.status()["counters"]["submitted"] > 8, "that is why another one was asked"
    stuck.kill()
    assert {patient.ask(*asked)[1] for _ in range(4)} == {other.pid}
    wait_until(lambda: producer.workers_known() == 1, "the dead one is forgotten")
