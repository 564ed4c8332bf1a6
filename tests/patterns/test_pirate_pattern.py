"""Request and reply: what becomes of a request when its server is killed, or slow."""

import threading

import patterns_app
import pirate_client
import pytest
from pattern_programs import PATIENCE, RAW, SILENCE

from zmqwork.patterns import pirate


class Asking(threading.Thread):
    """Somebody asks, in a thread."""

    def __init__(self, ask):
        super().__init__(daemon=True)
        self._ask = ask
        self.answer = "none yet"
        self.start()

    def run(self):
        self.answer = self._ask()

    def wait(self):
        self.join(PATIENCE)
        return self.answer


@pytest.fixture
def raw_workers(start, endpoint, notes, context, wait_until):
    """A queue and two workers, both ready."""
    start(RAW / "pirate_queue.py", endpoint("clients"), endpoint("workers"))
    words = (RAW / "pirate_worker.py", endpoint("workers"), notes.path, notes.go)
    workers = {worker.pid: worker for worker in (start(*words), start(*words))}
    notes.go.touch()

    def both_have_answered():
        pirate_client.ask(context, endpoint("clients"), b"ready?", SILENCE, 1)
        return len(set(notes.pids())) == 2

    wait_until(both_have_answered, "both workers have answered")
    notes.go.unlink()
    return workers


def test_raw_a_killed_server_takes_the_request_along(
    raw_workers, endpoint, notes, context, wait_until
):
    before = len(notes.lines())
    ask = (context, endpoint("clients"), b"question")
    asking = Asking(lambda: pirate_client.ask(*ask, SILENCE, 1))
    wait_until(lambda: len(notes.lines()) > before, "one has begun")
    raw_workers[notes.pids()[-1]].kill()
    notes.go.touch()
    assert asking.wait() is None, "though the other worker idles:"
    assert len(notes.lines()) == before + 1
    assert pirate_client.ask(*ask, PATIENCE, 1) == b"question"


def test_raw_a_slow_server_is_taken_for_dead(raw_workers, endpoint, notes, context, wait_until):
    before = len(notes.lines())
    ask = (context, endpoint("clients"), b"question", SILENCE, 2)
    asking = Asking(lambda: pirate_client.ask(*ask))
    wait_until(lambda: len(notes.lines()) == before + 2, "both work on the one question")
    assert asking.wait() is None
    notes.go.touch()


def test_a_slow_server_is_waited_for_and_a_killed_one_replaced(
    start_workers, producer, notes, wait_until
):
    workers = {worker.pid: worker for worker in start_workers(2)}
    client = pirate.Client(timeout=PATIENCE)
    question = (patterns_app.answer, "question", notes.path, str(notes.go))
    asking = Asking(lambda: client.call(*question))
    (victim,) = wait_until(notes.pids, "one has begun")
    threading.Event().wait(2 * SILENCE)  # by then the raw client has asked again, and gave up
    assert notes.pids() == [victim]
    assert asking.answer == "none yet"
    workers.pop(victim).kill()
    _, survivor = wait_until(lambda: notes.pids()[1:] and notes.pids(), "the other has begun")
    notes.go.touch()
    assert asking.wait() == ("question", survivor)
    assert [survivor] == list(workers)
