"""The classic pipeline with real sockets: ends that come and go in any order."""

import os
import socket
import threading
from itertools import islice
from pathlib import Path

import pytest
import zmq

from zmqwork.errors import EncodeError, TransportError, UsageError
from zmqwork.patterns.pipeline import (
    Realm,
    Sink,
    Static,
    Ventilator,
    Worker,
    collect,
    combined,
    ventilate,
    work,
)
from zmqwork.wire.pipeline import encode_items

FAST = {"patience": 20.0}


def double(number):
    return 2 * number


def until(happened, what):
    """Look again and again, for a bounded number of times."""
    pause = threading.Event()
    for _ in range(3000):
        if found := happened():
            return found
        pause.wait(0.01)
    return pytest.fail(f"it did not happen that {what}")


@pytest.fixture(params=["realm", "static"])
def where(request, endpoints):
    return "squares" if request.param == "realm" else Static(**endpoints)


@pytest.mark.parametrize(
    ("order", "where"),
    [("swv", "realm"), ("vws", "realm"), ("wvs", "realm"), ("wvs", "static")],
    indirect=["where"],
)
def test_all_arrive_whoever_comes_first(order, where, background):
    got = []
    calls = {
        "s": lambda: collect(got.append, where, kill=True, **FAST),
        "w": lambda: work(double, where),
        "v": lambda: ventilate(range(1000), where, batch=7, **FAST),
    }
    threads = {}
    for role in order:
        threads[role] = background(calls[role])
    report = threads["s"].result()
    assert sorted(got) == [2 * number for number in range(1000)]
    assert (report.received, report.total, report.missing, report.duplicates) == (1000, 1000, 0, 0)
    assert report.complete
    assert threads["v"].result().sent == 1000
    worker = threads["w"].result()
    assert (worker.done, worker.killed, worker.interrupted) == (1000, True, False)


def test_several_of_each_and_late_ones_are_found(background):
    got = []
    sinks = [background(lambda: collect(got.append, "many", ventilators=2, quiet=0.3))]
    workers = [Worker(double, "many", name=f"w{number}") for number in range(3)]
    running = [background(workers[0].run)]
    with Ventilator("many", batch=1, **FAST) as early:
        early.push_all(range(100))
        # The second sink comes late, and so do the other ventilator and the other workers.
        sinks.append(background(lambda: collect(got.append, "many", ventilators=2, quiet=0.3)))
        running += [background(worker.run) for worker in workers[1:]]
        until(lambda: early.push_all([0]) or early.report().sinks == 2, "the late sink is found")
        with Ventilator("many", batch=1, name="late", **FAST) as late:
            late.wait_for(3)
            late.push_all(range(300))
    reports = [sink.result() for sink in sinks]
    both = combined(reports)
    sent = early.report().sent + 300
    assert (both.received, both.total, both.missing, both.duplicates) == (sent, sent, 0, 0)
    assert len(got) == sent
    assert all(report.received > 0 for report in reports)
    assert set(both.workers) == {"w0", "w1", "w2"}
    assert "this is one of 2 sinks" in str(reports[0])
    late_sink = next(source for source in reports[1].sources if source.name != "late")
    assert late_sink.sent_before > 0
    for worker, thread in zip(workers, running, strict=True):
        worker.stop()
        thread.result()
        worker.close()


def test_a_killed_worker_takes_along_what_it_held(start, background):
    """What the classic pipeline loses, and that the sink says so."""
    got = []
    sink = background(lambda: collect(got.append, "killed", quiet=0.5, kill=True))
    victim, survivor = (start("work", "killed", seconds=0.001, name=name) for name in "ab")
    with Ventilator("killed", batch=4, hwm=2, **FAST) as ventilator:
        ventilator.wait_for(2)
        ventilator.push_all(range(200))
        until(lambda: victim.pid in {pid for _, pid in got}, "the victim has delivered")
        ventilator.push_all(range(200))
        victim.kill()
        ventilator.push_all(range(200))
    report = sink.result()
    assert report.total == 600
    assert report.missing > 0
    assert report.received + report.missing == report.total
    assert report.received == len(got)
    named = sum(last - first + 1 for _, first, last in report.missing_ranges())
    assert named == report.missing
    assert report.duplicates == 0
    assert f"{report.missing} missing" in str(report)
    assert "of 600" in str(report)
    assert "ended by the kill signal" in survivor.said()


def test_the_first_worker_grabs_more_without_a_start_barrier(background):
    """The guide's slow joiner, and the cure."""

    def run(barrier):
        with (
            Sink("grab", controls=True) as sink,
            Ventilator("grab", batch=1, hwm=100) as ventilator,
        ):
            early = background(lambda: work(double, "grab", name="early"))
            if not barrier:
                ventilator.push_all(range(50))
                assert len(list(islice(sink, 50))) == 50
            late = background(lambda: work(double, "grab", name="late"))
            ventilator.wait_for(2)
            rest = range(100 if barrier else 50)
            ventilator.push_all(rest)
            ventilator.end()
            assert sorted(sink) == [2 * number for number in rest]
            sink.kill()
            assert early.result().killed
            assert late.result().killed
            return sink.report()

    assert run(barrier=True).workers == {"early": 50, "late": 50}
    report = run(barrier=False)
    assert report.workers == {"early": 75, "late": 25}
    assert report.grabbed in range(50, 76)
    assert "early delivered" in str(report)


def test_nobody_leaves_before_its_data_is_read(start, background):
    """A unix socket loses what its receiver has no room for, when the sender goes (libzmq #4660)."""
    sink = background(lambda: collect(lambda result: None, "leave", kill=True, **FAST))
    worker = start("work", "leave", hwm=1, seconds=0.0005)
    ventilator = start("ventilate", "leave", count=400, batch=1, hwm=1)
    assert "sent 400 items" in ventilator.said()
    assert sink.result().missing == 0
    assert "did 400 items" in worker.said()


def test_linger_is_bounded_and_what_it_loses_is_said(caplog, background):
    stay = threading.Event()
    sink = background(lambda: collect(lambda result: None, "linger", quiet=0.3, kill=True))
    worker = background(lambda: work(lambda number: stay.wait(20), "linger", hwm=1))
    report = ventilate(range(100), "linger", batch=1, hwm=1, linger=0.1, workers=1)
    assert report.unread_bytes
    assert "had not been taken when linger was over, and are lost" in str(report)
    assert str(report) in caplog.text
    stay.set()
    found = sink.result()
    assert found.missing > 0
    assert found.received + found.missing == found.total == 100
    worker.result()


def test_backpressure_reaches_the_generator(background):
    """Items are taken only as fast as workers take them."""
    taken = []
    go = threading.Event()

    def items():
        for number in range(1000):
            taken.append(number)
            yield bytes(16 * 1024)

    sink = background(lambda: collect(lambda result: None, "slow", kill=True))
    worker = background(lambda: work(lambda item: go.wait(20) and None, "slow", hwm=1))
    ventilator = background(lambda: ventilate(items(), "slow", batch=2, hwm=1, **FAST))
    until(lambda: len(taken) > 10, "it begins")
    before = -1
    pause = threading.Event()
    while before != len(taken):  # until it stands still
        before = len(taken)
        pause.wait(0.2)
    assert len(taken) < 500
    go.set()
    assert ventilator.result().sent == 1000
    assert sink.result().missing == 0
    worker.result()


def test_functions_that_raise_and_results_that_cannot_travel(background):
    def picky(number):
        if number % 3 == 1:
            raise ValueError(f"not {number}")
        return object() if number % 3 == 2 else number

    got = []
    sink = background(lambda: collect(got.append, "picky", kill=True))
    worker = background(lambda: work(picky, "picky"))
    ventilate(range(30), "picky", batch=10)
    report = sink.result()
    assert sorted(got) == list(range(0, 30, 3))
    assert (report.received, report.failed, report.missing) == (30, 20, 0)
    texts = {number: why for _, number, why in report.failures}
    assert texts[1] == "ValueError: not 1"
    assert "its result cannot travel: " in texts[2]
    done = worker.result()
    assert (done.done, done.failed) == (10, 20)


def test_raw_items_and_results_are_bytes(endpoints, caplog, background):
    where = Static(**endpoints)
    sink = background(lambda: collect(lambda result: None, where, raw=True, expect=2, kill=True))
    worker = background(lambda: work(lambda item: 5 if item == b"x" else item, where, raw=True))
    with Ventilator(where, raw=True, **FAST) as ventilator:
        ventilator.push(b"a")
        with pytest.raises(EncodeError, match="item 1 is not bytes, as raw messages are, but str"):
            ventilator.push_all(["b"])
        ventilator.push_all([b"x", bytearray(b"c")])
    assert ventilator.report().sent == 3
    assert sink.result().received == 2
    done = worker.result()
    assert (done.done, done.failed) == (2, 1)
    assert "an item failed: EncodeError: a raw result is not bytes" in caplog.text


def test_a_sink_that_comes_after_another_one_has_gone(background):
    """It is told of the ventilator as well, and what is missing is what the other one had."""
    worker = background(lambda: work(double, "after"))
    with Ventilator("after", batch=1, **FAST) as ventilator:
        with Sink("after") as first:
            ventilator.push_all(range(10))
            assert len(list(islice(first, 10))) == 10
        with Sink("after", controls=True, quiet=0.3) as second:
            until(lambda: ventilator.push_all([1]) or ventilator.report().sinks == 2, "it is told")
            ventilator.end()
            rest = list(second)
            second.kill()
        report = second.report()
        (source,) = report.sources
        assert source.sent_before >= 10
        assert source.sinks == 2
        assert report.missing >= 10
        assert report.received == len(rest)
    assert combined([first.report(), report]).missing < report.missing
    worker.result()


def test_a_slow_batch_is_told_bit_by_bit(background):
    """So that a sink does not take a slow worker for a dead one."""
    go = threading.Event()
    got = []
    sink = background(lambda: collect(got.append, "bits", kill=True))
    worker = background(
        lambda: work(lambda number: (number == 0 or go.wait(20)) and number, "bits")
    )
    with Ventilator("bits", batch=3, **FAST) as ventilator:
        ventilator._buffer = [0, 1, 2]
        ventilator.flush()
        until(lambda: got == [0], "the first one is told before the others are done")
        go.set()
    assert sink.result().received == 3
    worker.result()


def test_items_that_cannot_travel_are_named_and_left_out(background, monkeypatch):
    monkeypatch.setattr("zmqwork.wire.pipeline.PAYLOAD_BYTES_MAX", 1_000_000)
    monkeypatch.setattr("zmqwork.wire.values.PAYLOAD_BYTES_MAX", 1_000_000)
    sink = background(lambda: collect(lambda result: None, "items", kill=True))
    worker = background(lambda: work(str, "items"))
    with Ventilator("items", batch=8, **FAST) as ventilator:
        ventilator.push_all(range(8))
        before = ventilator.report().sent
        with pytest.raises(EncodeError, match=f"item {before + 3}: .*object"):
            ventilator.push_all([1, 2, 3, object(), 5, 6])
        ventilator.flush()
        assert ventilator.report().sent == before + 5
        with pytest.raises(EncodeError, match=r"item 13: .*1,000,000 is the limit"):
            ventilator.push_all([bytes(1_000_000)])
    assert sink.result().received == 13
    worker.result()


def test_large_items_travel_in_messages_of_their_own(background):
    sizes = []
    sink = background(lambda: collect(sizes.append, "large", kill=True))
    worker = background(lambda: work(len, "large"))
    with Ventilator("large", batch=64, **FAST) as ventilator:
        for _ in range(3):
            ventilator._buffer = [bytes(700_000)] * 4
            ventilator.flush()
        assert ventilator._packing.fits < 4
    assert sink.result().missing == 0
    assert sizes == [700_000] * 12
    worker.result()


@pytest.fixture
def pushing():
    """Raw PUSH sockets: connected ones, or bound ones."""
    context, made = zmq.Context(), []

    def make(endpoint, how="connect"):
        made.append(context.socket(zmq.PUSH))
        getattr(made[-1], how)(endpoint)
        return made[-1]

    yield make
    for push in made:
        push.close(0)
    context.term()


def test_what_does_not_belong_here_is_counted_and_shown(endpoints, caplog, background, pushing):
    where = Static(**endpoints)
    with Sink(where, controls=True) as sink:
        collecting = background(lambda: list(sink))
        vandal = pushing(endpoints["sink"])
        vandal.send(b"\x93 not ours")
        vandal.send_multipart([b"a", b"b", b"c"])
        # A raw ventilator, where a worker expects one that numbers its items.
        stranger = pushing(endpoints["ventilator"], "bind")
        worker = background(lambda: work(double, where))
        stranger.send(b"100")
        until(lambda: "none of this pipeline" in caplog.text, "the worker says so")
        until(lambda: sink.report().foreign == 2, "the sink has counted them")
        stranger.close(0)
        ventilate(range(10), where, **FAST)
        assert sorted(collecting.result()) == list(range(0, 20, 2))
        report = sink.report()
        assert (report.received, report.missing, report.foreign) == (10, 0, 2)
        assert r"b'\x93 not ours'" in report.foreign_sample
        assert "2 foreign messages" in str(report)
        sink.kill()
    done = worker.result()
    assert (done.done, done.foreign, done.foreign_sample) == (10, 1, "b'100'")


def test_a_ventilator_at_the_sinks_endpoint(endpoints, pushing):
    """Somebody has confused the two endpoints: items are none of a sink's messages."""
    with Sink(Static(sink=endpoints["sink"]), patience=0.3) as sink:
        pushing(endpoints["sink"]).send(encode_items("v", 0, [1]))
        with pytest.raises(TransportError, match="no ventilator and no worker has sent anything"):
            list(sink)
        assert sink.report().foreign == 1


def test_nobody_is_there(where, endpoints):
    text = "in realm 'squares', through local" if isinstance(where, str) else "at ipc://"
    for call, who in [
        (lambda: ventilate([1], where, patience=0.1), "no sink is there"),
        (lambda: work(double, where, patience=0.1), "no item has come from a ventilator"),
        (lambda: collect(list, where, patience=0.1), "no ventilator and no worker has sent"),
    ]:
        with pytest.raises(TransportError, match=rf"has waited for 0\.1 s: {who}.* {text}"):
            call()


def test_no_worker_is_there(endpoints):
    with Sink("lonely"):
        with pytest.raises(TransportError, match="no worker is connected in realm 'lonely'"):
            ventilate([1], "lonely", patience=0.1)
        with (
            pytest.raises(TransportError, match="0 of 2 workers are connected"),
            Ventilator("lonely") as ventilator,
        ):
            ventilator.wait_for(2, timeout=0.1)


def test_who_waits_says_so(caplog, monkeypatch):
    monkeypatch.setattr("zmqwork.classic.waiting.SAY_INTERVAL", 0.05)
    with pytest.raises(TransportError):
        ventilate([1], "waiting", patience=0.3)
    assert "waits for 0 s: no sink is there in realm 'waiting'" in caplog.text
    assert caplog.text.count("no sink is there") >= 2


def test_a_stranger_that_is_no_zeromq_is_no_worker():
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with Ventilator(Static(ventilator=f"tcp://127.0.0.1:{port}"), linger=0) as ventilator:
        for _ in range(3):
            with socket.create_connection(("127.0.0.1", port)) as stranger:
                stranger.recv(1)  # the greeting of ZMTP
        with pytest.raises(TransportError, match="0 of 1 workers"):
            ventilator.wait_for(1, timeout=0.2)
        worker = Worker(double, Static(ventilator=f"tcp://127.0.0.1:{port}"))
        ventilator.wait_for(1)
        worker.close()
        until(lambda: ventilator.workers == 0, "the worker is counted no more")


def test_an_endpoint_that_is_taken(endpoints):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        where = Static(sink=f"tcp://127.0.0.1:{taken.getsockname()[1]}")
        with pytest.raises(TransportError, match=r"cannot bind tcp://.*somebody has it"):
            Sink(where)


def test_a_ventilator_without_a_sink(endpoints, background):
    """Typed endpoints without a sink: workers that keep what they do."""
    done = []
    worker = Worker(done.append, Static(ventilator=endpoints["ventilator"]))
    running = background(worker.run)
    report = ventilate(range(3), Static(ventilator=endpoints["ventilator"]), **FAST)
    assert (report.sent, report.sinks) == (3, 0)
    until(lambda: done == [0, 1, 2], "it is done")
    worker.stop()
    running.result()
    worker.close()


def test_a_sink_without_a_kill_signal_may_not_kill():
    with Sink("harmless") as sink, pytest.raises(UsageError, match="controls=True"):
        sink.kill()


def test_a_ventilator_may_kill(background):
    with Sink("ended") as sink:
        worker = background(lambda: work(double, "ended"))
        with Ventilator("ended", controls=True, **FAST) as ventilator:
            ventilator.push_all(range(10))
            ventilator.end()
            assert len(list(sink)) == 10
            ventilator.kill()
            assert worker.result().killed


def test_after_the_end():
    with Sink("over") as sink:
        with Ventilator("over", **FAST) as ventilator:
            ventilator.end()
            with pytest.raises(UsageError, match="has said END"):
                ventilator.push(1)
        assert list(sink) == []
    with pytest.raises(UsageError, match="is closed"):
        list(sink.batches())
    ventilator.close()


def test_a_loop_that_is_left_and_another_one_goes_on(background):
    worker = background(lambda: work(double, "left"))
    with Sink("left", controls=True) as sink, Ventilator("left", batch=64, **FAST) as ventilator:
        ventilator.push_all(range(500))
        ventilator.end()
        got = list(islice(sink, 100))
        got += sink
        assert sorted(got) == list(range(0, 1000, 2))
        sink.kill()
        worker.result()


def test_a_sink_that_is_stopped(background):
    sink = Sink("stopped", patience=None)
    running = background(lambda: list(sink))
    sink.stop()
    assert running.result() == []
    sink.close()


def test_a_ventilator_that_never_says_end(start, background):
    ventilator = start("ventilate", "mute", count=10**9)
    records = Path(os.environ["XDG_RUNTIME_DIR"])
    until(lambda: list(records.glob("zmqwork/*/*.node")), "the ventilator is there")
    sink = background(lambda: collect(lambda result: None, "mute", patience=0.7, kill=True))
    done = []
    worker = background(lambda: work(done.append, "mute"))
    until(lambda: len(done) > 100, "work goes on")
    ventilator.kill()
    report = sink.result()
    assert (report.total, report.complete) == (None, False)
    assert report.received > 100
    assert "has not said END (was it killed?)" in str(report)
    worker.result()


def test_ctrl_c_ends_all_ends_with_their_reports(start):
    sink = start("collect", "ctrl", quiet=0.5, tell=True)
    worker = start("work", "ctrl", seconds=0.001)
    ventilator = start("ventilate", "ctrl", count=10**9, batch=4, hwm=2)
    assert sink.line() == "the first\n"  # so all three are at work
    for end in (ventilator, worker, sink):
        end.interrupt()
    # (Whoever is the first to go is missed by the others.)
    assert ", then Ctrl-C" in ventilator.said(complains="(ventilator .* to hear END\n)?")
    assert "ended by Ctrl-C" in worker.said()
    said = sink.said()
    assert said.startswith("received ")
    assert " missing" in said


def test_ctrl_c_where_nothing_happens(start, background):
    worker = start("work", "idle")
    sink = background(lambda: collect(lambda result: None, "idle", patience=None))
    ventilate(range(3), "idle")
    sink.result()  # the worker waits for more
    worker.interrupt()
    assert "did 3 items, 0 failed, ended by Ctrl-C" in worker.said()


def test_a_forked_child_is_refused():
    with (
        Sink("forked") as sink,
        Ventilator("forked") as ventilator,
        Worker(double, "forked") as worker,
    ):
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:  # no assertion here may reach pytest
            said = []
            for call in (
                lambda: ventilator.push(1),
                lambda: ventilator.workers,
                worker.run,
                lambda: list(sink),
            ):
                try:
                    call()
                except UsageError as error:
                    said.append(str(error))
            worker.close()
            os.write(writing, "\n".join(said).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading, "rb") as pipe:
            said = pipe.read().decode().splitlines()
        os.waitpid(child, 0)
        assert len(said) == 4
        assert all("belong to the parent" in line for line in said)
        # The parent's still work.
        done = []
        thread = threading.Thread(target=worker.run)
        thread.start()
        ventilator.push_all([1, 2])
        ventilator.end()
        done = list(sink)
        worker.stop()
        thread.join()
        assert sorted(done) == [2, 4]


def test_found_by_mdns(background):
    """On the loopback interface, where it speaks without keys."""
    where = Realm(f"mdns-{os.getpid()}", discovery="mdns")
    got = []
    sink = background(lambda: collect(got.append, where, kill=True))
    worker = background(lambda: work(double, where))
    ventilate(range(10), where)
    assert sink.result().missing == 0
    assert sorted(got) == list(range(0, 20, 2))
    assert worker.result().killed
