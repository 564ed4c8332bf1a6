"""Sinks over real sockets, with workers and producers that know the protocol alone."""

import asyncio
import dataclasses
import errno
import logging
import os
import threading
from queue import Queue

import msgpack
import pytest
from node_processes import PATIENCE
from plain_peer import PlainPeer

from zmqwork import App, StoreError, TransportError, UsageError
from zmqwork.config import SinkConfig
from zmqwork.core.delivery import HAS_HOLDING, HAS_NOT, HAS_TAKEN
from zmqwork.nodes.function_store import store_of
from zmqwork.nodes.sink import Sink
from zmqwork.starting import identity
from zmqwork.wire import verbs as v

PRODUCER = "f" * 32


class Desk:
    """A handler whose every call waits for what the test says: None, or an error to raise."""

    def __init__(self):
        self.calls = Queue()
        self.answers = Queue()

    def __call__(self, results):
        self.calls.put(list(results))
        answer = self.answers.get(timeout=PATIENCE)
        if answer is not None:
            raise answer

    def called(self):
        return self.calls.get(timeout=PATIENCE)


@pytest.fixture
def start(realm):
    """Start a sink with this handler, or store; it is stopped at the end."""
    started = []
    app = App(realm)

    def make(target, *, retries=3, begin=True, bind=(), **options):
        store = target if hasattr(target, "open") else store_of(target)
        config = SinkConfig(**identity(realm, "sink"), inbox=store.inbox, **options)
        sink = Sink(
            config, store, discovery=app.discover(), bind=bind, retries=retries, retry_delay=0.01
        )
        if begin:
            started.append(sink.start())
        return sink

    yield make
    for sink in started:
        sink.stop()


@pytest.fixture
def connect(realm):
    made = []

    def dial(sink, role="worker", node_id=None, **more):
        node_id = node_id or f"{len(made):032x}"
        endpoint = sink if isinstance(sink, str) else sink.endpoints[0]
        made.append(PlainPeer(endpoint, realm, role, node_id, **more))
        return made[-1]

    yield dial
    for peer in made:
        peer.close()


@pytest.fixture
def desk():
    made = Desk()
    yield made
    for _ in range(20):  # whoever still waits, and is stopped, may go
        made.answers.put(None)


# -- by hand


def test_results_are_acked_when_the_handler_has_returned(start, connect, desk):
    sink = start(desk)
    worker, producer = connect(sink), connect(sink, "producer", PRODUCER)
    welcome = worker.expect(v.WELCOME)
    assert (welcome[2], welcome[15:18]) == ("sink", [["default"], "", [[], []]])
    assert worker.expect(v.CREDIT)[0] >= 1
    worker.results(1, [1, 2])
    assert desk.called() == [1, 2]
    assert v.RESULTS_ACK not in worker.settle()
    producer.send(v.HAVE, 5, [1, 9])
    assert producer.expect(v.HAS) == [5, [HAS_HOLDING, HAS_NOT]]
    desk.answers.put(None)
    assert worker.ack() == 1
    producer.send(v.HAVE, 6, [1, 9])
    assert producer.expect(v.HAS) == [6, [HAS_TAKEN, HAS_NOT]]
    assert sink.stored == 2


def test_what_came_before_is_acked_and_not_handed_over_again(start, connect, desk):
    sink = start(desk)
    one, other = connect(sink), connect(sink)
    one.results(1, [1, 2])
    assert desk.called() == [1, 2]
    other.results(1, [2])
    other.results(2, [1, 2, 3])
    assert v.RESULTS_ACK not in other.settle(), "it is not stored yet"
    desk.answers.put(None)
    assert (one.ack(), other.ack()) == (1, 1)
    assert desk.called() == [3]
    desk.answers.put(None)
    assert other.ack() == 2
    assert sink.status()["duplicates"] == 3


def test_a_worker_sends_again_in_a_new_session(start, connect, desk):
    sink = start(desk)
    worker = connect(sink, node_id="ab" * 16)
    worker.results(7, [1])
    assert desk.called() == [1]
    again = connect(sink, node_id="ab" * 16, session=2)
    again.results(7, [1])
    again.settle()
    desk.answers.put(None)
    assert again.ack() == 7
    assert desk.calls.empty()


def test_workers_share_the_credit(start, connect):
    sink = start(lambda results: None, credit_count=100)
    one = connect(sink)
    assert one.expect(v.CREDIT)[0] == 100
    other = connect(sink)
    assert (one.expect(v.CREDIT)[0], other.expect(v.CREDIT)[0]) == (50, 50)


def test_a_worker_that_ignores_its_credit_is_refused(start, connect, desk):
    sink = start(desk, credit_count=2)
    worker = connect(sink)
    worker.results(1, [1, 2, 3])
    assert desk.called() == [1, 2, 3]
    worker.results(2, [4, 5])
    code, text = worker.expect(v.REFUSED)
    assert (code, "twice the credit" in text) == ("order", True)


def test_batches_are_cut_and_gathered(start, connect, desk):
    sink = start(desk, batch=3)
    worker = connect(sink)
    worker.results(1, [1])
    assert desk.called() == [1]
    for batch in range(2, 8):
        worker.results(batch, [batch])
    worker.settle()
    for expected in ([2, 3, 4], [5, 6, 7]):
        desk.answers.put(None)
        assert desk.called() == expected
    desk.answers.put(None)
    while worker.ack() < 7:
        pass


# -- the end


def test_the_end_is_answered_when_all_is_stored(start, connect, desk):
    sink = start(desk)
    worker, producer = connect(sink), connect(sink, "producer", PRODUCER)
    worker.results(1, [1, 2, 5])
    assert desk.called() == [1, 2, 5]
    producer.send(v.END, 6, 6)
    assert v.ENDED not in producer.settle()
    assert not sink.wait_complete(0)
    desk.answers.put(None)
    assert producer.expect(v.ENDED) == [3, [[3, 6], [4, 6]]]
    assert sink.wait_complete(PATIENCE)
    (report,) = sink.reports
    assert (report["lacking"], report["missing"]) == (3, [[3, 4], [6, 6]])


def test_once_and_expect_end_the_sink(start, connect):
    sink = start(lambda results: None, once=True)
    worker, producer = connect(sink), connect(sink, "producer", PRODUCER)
    producer.expect(v.WELCOME)
    worker.results(1, [1])
    assert worker.ack() == 1
    producer.send(v.END, 1, 1)
    assert producer.expect(v.ENDED) == [1, [[], []]]
    for peer in (worker, producer):
        peer.expect(v.BYE)
    assert sink.wait(PATIENCE)
    assert (sink.exit_code, sink.status(), sink.wait_complete()) == (0, {}, True)
    other = start(lambda results: None, expect=2)
    worker = connect(other)
    worker.results(1, [1])
    worker.results(2, [2])
    worker.expect(v.BYE)
    assert other.wait(PATIENCE)
    assert (other.stored, other.exit_code) == (2, 0)


def test_a_drain_stores_what_is_here(start, connect, desk):
    sink = start(desk, batch=1)
    worker = connect(sink)
    worker.results(1, [1, 2])
    assert desk.called() == [1]
    assert not sink.drain(0)
    worker.expect(v.DRAINING)
    assert worker.expect(v.CREDIT) == [0, 0]
    for _ in range(2):
        desk.answers.put(None)
    assert worker.ack() == 1
    worker.expect(v.BYE)
    assert sink.wait(PATIENCE)
    assert (sink.stored, sink.exit_code, repr(sink)[-6:]) == (2, 0, " left>")


def test_a_handler_that_hangs_stops_neither_heartbeats_nor_the_end(start, connect, desk, caplog):
    sink = start(desk, drain_timeout=0.1)
    worker = connect(sink)
    worker.results(1, [1])
    desk.called()
    assert worker.settle()
    sink.drain()
    assert "drain took too long: 0 results are stored, 1 stay with their workers" in caplog.text
    assert "has not returned" in caplog.text
    assert worker.expect(v.BYE) == []


# -- handlers that fail


def test_a_handler_that_raises_gets_the_same_results_again(start, connect, desk, caplog):
    sink = start(desk)
    worker = connect(sink)
    worker.results(1, [1])
    desk.called()
    desk.answers.put(ValueError("not now"))
    assert desk.called() == [1]
    desk.answers.put(asyncio.CancelledError())
    assert desk.called() == [1]
    assert v.RESULTS_ACK not in worker.settle()
    desk.answers.put(None)
    assert worker.ack() == 1
    assert "1 results could not be stored (try 1 of 4), again in 0.01 s: ValueError" in caplog.text
    assert (sink.stored, sink.has_failed) == (1, False)


def test_results_that_are_tried_again_are_fresh(start, connect):
    seen = []

    def spoil(results):
        seen.append([list(result) for result in results])
        results[0].append("spoilt")
        if len(seen) == 1:
            raise ValueError

    worker = connect(start(spoil))
    worker.results(1, [1], [msgpack.packb(["as it was"])])
    assert worker.ack() == 1
    assert seen == [[["as it was"]]] * 2


def _full_disk():
    return OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize(
    ("error", "calls", "code", "said"),
    [
        (lambda: ValueError("no"), 3, os.EX_SOFTWARE, "): ValueError: no"),
        (_full_disk, 3, os.EX_IOERR, "No space left"),
        (lambda: StoreError("the disk is full"), 1, os.EX_IOERR, "): the disk is full"),
        (lambda: SystemExit(3), 1, os.EX_SOFTWARE, "called sys.exit(3)"),
        (KeyboardInterrupt, 1, os.EX_SOFTWARE, "): KeyboardInterrupt"),
    ],
)
def test_a_handler_that_fails_for_good_ends_the_sink(
    start, connect, caplog, error, calls, code, said
):
    seen = []

    def store(results):
        if 1 in results:
            return
        seen.append(list(results))
        raise error()

    sink = start(store, retries=2)
    worker = connect(sink)
    worker.results(1, [1])
    assert worker.ack() == 1
    worker.results(2, [2, 3])
    assert worker.expect(v.BYE) == []
    assert worker.seen.count(v.RESULTS_ACK) == 1
    assert sink.wait(PATIENCE)
    assert seen == [[2, 3]] * calls
    assert (sink.exit_code, sink.has_failed, sink.stored) == (code, True, 1)
    (gave_up,) = [r.getMessage() for r in caplog.records if "the sink gives up (" in r.getMessage()]
    assert said in gave_up
    assert "(1 results are stored, 2 stay with their workers)" in gave_up
    # What a store says of its place needs no second line, and no traceback.
    if code == os.EX_IOERR and calls == 1:
        assert [r.getMessage() for r in caplog.records if "disk is full" in r.getMessage()] == [
            gave_up
        ]
        assert not any(r.exc_info for r in caplog.records)


def test_the_log_shows_the_users_frames_alone(start, connect, caplog):
    def mine(results):
        raise ValueError("mine")

    sink = start(mine, retries=0)
    worker = connect(sink)
    worker.results(1, [1])
    worker.expect(v.BYE)
    assert sink.wait(PATIENCE)
    (record,) = [r for r in caplog.records if r.exc_info]
    text = logging.Formatter().formatException(record.exc_info)
    assert "in mine" in text
    assert "storekeeper" not in text


def test_an_error_that_cannot_be_told_is_told_as_such(start, connect, caplog):
    class Mute(Exception):
        def __str__(self):
            raise RuntimeError

    def store(results):
        raise Mute

    sink = start(store, retries=0)
    worker = connect(sink)
    worker.results(1, [1])
    worker.expect(v.BYE)
    assert sink.wait(PATIENCE)
    assert "Mute (its text cannot be had: RuntimeError)" in caplog.text


def test_a_result_that_cannot_be_opened_is_named(start, connect, caplog):
    sink = start(store_of(lambda results: list(results)), retries=0)  # noqa: PLW0108
    worker = connect(sink)
    worker.results(1, [1, 2], [b"\x01", b"\xc1"])
    worker.expect(v.BYE)
    assert sink.wait(PATIENCE)
    assert "the result of task ffffffff-102 (work) cannot be opened here" in caplog.text
    assert sink.exit_code == os.EX_SOFTWARE


def test_a_stop_does_not_wait_for_a_retry(start, connect, desk):
    sink = start(desk)
    sink._keeper._retry_delay = 10 * PATIENCE
    connect(sink).results(1, [1])
    desk.called()
    desk.answers.put(ValueError())
    sink.stop()
    assert sink.exit_code == 0
    assert not any(t.name.startswith("zmqwork-store") for t in threading.enumerate())


# -- stores


class Notebook:
    """A store that notes what is done with it."""

    inbox = "box"

    def __init__(self, error=None):
        self.error = error
        self.notes = []
        self.threads = set()

    def _note(self, *what):
        self.notes.append(what)
        self.threads.add(threading.current_thread().name)

    def open(self):
        self._note("open")
        if self.error is not None:
            raise self.error
        return {"run": [(1, 2), (5, 5)]}

    def store(self, batch):
        self._note(list(batch.results), list(batch.taken), dict(batch.floors))

    def close(self):
        self._note("close")
        raise RuntimeError("that is no reason to fail")


def test_a_store_is_opened_called_and_closed_in_one_thread(start, connect, caplog):
    notebook = Notebook()
    sink = start(notebook)
    worker, producer = connect(sink), connect(sink, "producer", PRODUCER, producer_id="run")
    welcome = producer.expect(v.WELCOME)
    assert welcome[16:18] == ["box", [[1, 5], [2, 5]]]
    producer.send(v.FLOOR, 4)
    producer.settle()
    worker.results(1, [2, 3, 4, 6, 7], producer_id="run")
    assert worker.ack() == 1
    sink.drain()
    assert notebook.notes == [
        ("open",), ([4, 6, 7], [("run", 4, 4), ("run", 6, 7)], {"run": 4}), ("close",),
    ]  # fmt: skip
    assert len(notebook.threads) == 1
    assert "could not be closed" in caplog.text
    assert sink.exit_code == 0


@pytest.mark.parametrize("error", [StoreError("out.jsonl is a directory"), KeyError("x")])
def test_a_store_that_cannot_be_opened_is_the_callers_error(start, runtime, error):
    notebook = Notebook(error)
    sink = start(notebook, begin=False)
    with pytest.raises(type(error)) as caught:
        sink.start()
    assert caught.value is error
    assert notebook.notes == [("open",), ("close",)]
    assert list(runtime.rglob("*.sock")) == []


def test_a_store_that_has_a_sink_is_left_alone(start, connect):
    notebook = Notebook()
    sink = start(notebook)
    with pytest.raises(StoreError, match="in use by another sink of this process"):
        start(notebook)
    assert notebook.notes == [("open",)]
    worker = connect(sink)
    worker.expect(v.CREDIT)
    worker.results(1, [1])
    assert worker.ack() == 1
    sink.drain()
    start(notebook).drain()
    assert [note[0] for note in notebook.notes[2:]] == ["close", "open", "close"]


def test_a_sink_that_cannot_bind_closes_its_store(start, runtime):
    first = start(print, bind=["tcp://127.0.0.1:*"])
    notebook = Notebook()
    taken = next(e for e in first.endpoints if e.startswith("tcp://"))
    sink = start(notebook, bind=[taken], begin=False)
    with pytest.raises(TransportError):
        sink.start()
    assert notebook.notes == [("open",), ("close",)]
    assert repr(sink).endswith("could not start>")
    for ask in (lambda: sink.wait_complete(PATIENCE), lambda: sink.wait(PATIENCE), sink.status):
        with pytest.raises(UsageError, match="could not start>: make another one"):
            ask()
    with pytest.raises(UsageError, match="was started already: make another one"):
        sink.start()
    sink.stop()
    assert sink.exit_code == 0
    assert notebook.notes == [("open",), ("close",)]


def test_the_exit_code_of_a_store_that_cannot_be_opened(start, caplog):
    sink = start(Notebook(StoreError("out.jsonl is a directory")), begin=False)
    assert sink.run() == os.EX_IOERR
    assert "the sink cannot begin: out.jsonl is a directory" in caplog.text


def test_coroutines_share_a_loop_that_ends_with_the_sink(start, connect):
    loops = []

    async def store(results):
        await asyncio.sleep(0)
        loops.append(asyncio.get_running_loop())

    sink = start(store)
    worker = connect(sink)
    for batch in (1, 2):
        worker.results(batch, [batch])
        assert worker.ack() == batch
    assert loops[0] is loops[1]
    sink.drain()
    assert loops[0].is_closed()


# -- misuse


def test_a_sink_is_started_once_and_by_its_own_process(start):
    sink = start(lambda results: None)
    with pytest.raises(UsageError, match="was started already"):
        sink.start()
    other = start(lambda results: None, begin=False)
    for call in (other.wait, other.status, other.wait_complete):
        with pytest.raises(UsageError, match="start it first"):
            call()
    other._config = dataclasses.replace(other.config, pid=1)
    for call in (other.start, other.wait, other.status, other.drain, other.wait_complete):
        with pytest.raises(UsageError, match="belongs to process 1"):
            call()


def test_a_block_that_fails_stops_its_sink(start, connect, desk):
    sink = start(desk, begin=False)
    with pytest.raises(ZeroDivisionError), sink:  # noqa: PT012 - it is the block that is tested
        connect(sink).results(1, [1])
        desk.called()
        desk.answers.put(None)
        raise ZeroDivisionError
    assert sink.has_left


def test_a_drain_before_the_start_is_obeyed_after_it(start):
    sink = start(lambda results: None, begin=False)
    sink.request_drain()
    assert sink.start().wait(PATIENCE)
