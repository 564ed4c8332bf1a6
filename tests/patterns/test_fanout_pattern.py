"""Every worker once: who tells the caller that one was killed, or came too late?"""

import threading

import fanout_pubsub
import patterns_app
import zmq
from pattern_programs import RAW, SILENCE

import zmqwork
from zmqwork.patterns import fanout


def test_raw_nobody_learns_who_was_told(start, endpoint, context, notes, wait_until):
    program = (RAW / "fanout_pubsub.py", endpoint("news"), notes.path)
    victim, other = start(*program), start(*program)
    with fanout_pubsub.publisher(context, endpoint("news")) as publisher:

        def both_were_told():
            publisher.send(b"hello?")
            return len(set(notes.pids())) == 2

        wait_until(both_were_told, "both have subscribed")
        victim.kill()
        victim.wait()
        publisher.send(b"reload")  # to one of two, and it says nothing
        wait_until(lambda: f"{other.pid} reload" in notes.lines(), "the other one was told")
        assert f"{victim.pid} reload" not in notes.lines()
        with context.socket(zmq.SUB) as late:
            late.connect(endpoint("news"))
            late.subscribe(b"")
            assert not late.poll(SILENCE * 1000), "and who came late is never told"


def test_each_answers_or_is_named(start_workers, producer, notes, wait_until):
    victim, other = start_workers(2)
    notes_and_go = (notes.path, str(notes.go))
    results = {}
    asking = threading.Thread(
        target=lambda: results.update(
            fanout.everywhere(patterns_app.answer, "reload", *notes_and_go)
        )
    )
    asking.start()
    wait_until(lambda: len(notes.pids()) == 2, "both have begun")
    victim.kill()
    (late,) = start_workers(1)
    notes.go.touch()
    asking.join()
    by_pid = {int(label.rpartition("#")[0].rpartition("-")[2]): results[label] for label in results}
    assert isinstance(by_pid.pop(victim.pid), zmqwork.TaskLost)
    assert by_pid == {other.pid: ("reload", other.pid)}, "who came late is known not to be told"
    assert sorted(notes.pids()) == sorted([victim.pid, other.pid])
    again = fanout.everywhere(patterns_app.answer, "reload", *notes_and_go)
    assert sorted(again.values()) == sorted(("reload", worker.pid) for worker in (other, late))
