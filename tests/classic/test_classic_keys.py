"""The classic pipeline with keys: every link is CURVE, and a key does what its roles permit."""

from __future__ import annotations

import gc
import logging
import os
import threading
import time
from collections import Counter

import pytest
import zmq

from zmqwork.errors import ConfigError, InsecureBind, KeysError, UsageError
from zmqwork.patterns.pipeline import Realm, Sink, Static, Ventilator, Worker, collect, work
from zmqwork.security import cluster, membership
from zmqwork.security.chain import read
from zmqwork.security.keyring import load
from zmqwork.security.pairs import new_pair
from zmqwork.transport import curve
from zmqwork.transport.monitor import Monitor
from zmqwork.wire.pipeline import (
    End,
    Results,
    Start,
    encode_end,
    encode_items,
    encode_results,
    encode_start,
)

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


class Lab:
    """A cluster: desk, which is everything, and members with one role each."""

    def __init__(self, place):
        self._place = place
        place.mkdir(exist_ok=True)
        self.desk = place / "desk"
        cluster.create(self.desk, "lab", "desk")
        for name, role in (("v", "producer"), ("w", "worker"), ("x", "worker"), ("s", "sink")):
            cluster.add(self.desk, name, [role], place / f"{name}.zwk")
        for name in "vwxs":
            self.join(name, place / f"{name}.zwk")

    def of(self, name):
        """The keys directory of a member."""
        return self._place / name

    def join(self, name, bundle):
        membership.join(self.of(name), bundle)
        self.push()

    def push(self, names="vwxs"):
        """These have the newest roster."""
        text = (self.desk / "roster.toml").read_text()
        for name in names:
            if self.of(name).exists():
                part = self.of(name) / "roster.new"
                part.touch(0o600)
                part.write_text(text)
                part.replace(self.of(name) / "roster.toml")

    def revoke(self, name):
        cluster.revoke(self.desk, name)
        self.push()

    def realm(self, name, member):
        return Realm(name, keys=self.of(member))


@pytest.fixture
def lab(tmp_path):
    return Lab(tmp_path)


@pytest.fixture
def audited(tmp_path, monkeypatch):
    """What the audit log has of a kind."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    path = tmp_path / "state" / "zmqwork" / "audit.jsonl"

    def records(kind):
        lines = path.read_bytes().splitlines() if path.exists() else []
        return [record for record in map(read, lines) if record["kind"] == kind]

    return records


def test_each_with_its_own_key(lab, background, audited, caplog):
    caplog.set_level(logging.WARNING)
    got = []
    sink = background(lambda: collect(got.append, lab.realm("squares", "s"), kill=True, **FAST))
    worker = background(lambda: work(double, lab.realm("squares", "w")))
    with Ventilator(lab.realm("squares", "v"), batch=7, **FAST) as ventilator:
        ventilator.push_all(range(1000))
    report = sink.result()
    assert (report.received, report.missing, report.foreign) == (1000, 0, 0)
    assert sorted(got) == [2 * number for number in range(1000)]
    assert worker.result().killed
    assert caplog.records == []
    assert {record["member"] for record in audited("auth.accept")} == {"v", "w"}
    assert audited("auth.deny") == []


# -- who gets nothing -------------------------------------------------------------------------


@pytest.fixture
def stranger():
    """A socket of a program that is none of ours, connected somewhere."""
    context = zmq.Context()
    made = []

    def connect(kind, endpoint, pair=None, server=""):
        socket = context.socket(kind)
        socket.setsockopt(zmq.LINGER, 0)
        if kind == zmq.SUB:
            socket.setsockopt(zmq.SUBSCRIBE, b"")
        if pair is not None:
            curve.dial(socket, pair, server)
        monitor = Monitor(context, socket, zmq.EVENT_ALL)
        made.append((monitor, socket))
        socket.connect(endpoint)
        return socket, monitor

    yield connect
    for monitor, socket in made:
        monitor.close()
        socket.close()
    context.term()


def outcome(monitor):
    """How its handshake went: True, False, or nothing yet."""
    for event, _, _ in monitor.news():
        if event & zmq.EVENT_HANDSHAKE_SUCCEEDED:
            return ["in"]
        if event & (
            zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
            | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
            | zmq.EVENT_HANDSHAKE_FAILED_AUTH
        ):
            return ["out"]
    return []


def public(lab, name):
    return load(lab.of(name)).pair.public


def pair(lab, name):
    return load(lab.of(name)).pair


@pytest.fixture
def bound(lab, endpoints):
    """A ventilator and a sink with keys, and control, on ipc. Nobody else is there."""
    with (
        Sink(Static(sink=endpoints["sink"], keys=lab.of("s"))) as sink,
        Ventilator(
            Static(
                ventilator=endpoints["ventilator"], control=endpoints["control"], keys=lab.of("v")
            ),
            controls=True,
            batch=1,
        ) as ventilator,
    ):
        yield ventilator, sink


KINDS = [("ventilator", zmq.PULL, "v"), ("sink", zmq.PUSH, "s"), ("control", zmq.SUB, "v")]


@pytest.mark.parametrize(("what", "kind", "owner"), KINDS)
def test_strangers_get_in_nowhere(what, kind, owner, bound, lab, endpoints, stranger, audited):
    """While nobody calls anything here: the porter has a thread of its own."""
    server = public(lab, owner)
    _, plain = stranger(kind, endpoints[what])
    _, unknown = stranger(kind, endpoints[what], new_pair(), server)
    _, itself = stranger(kind, endpoints[what], pair(lab, "w"), server)
    assert until(lambda: outcome(unknown), "it was answered") == ["out"]
    assert until(lambda: outcome(plain), "it was answered") == ["out"]
    assert until(lambda: outcome(itself), "it was answered") == ["in"]
    (denied,) = until(lambda: audited("auth.deny"), "it is noted")
    assert denied["reason"] == "unknown"


@pytest.mark.parametrize(("what", "kind", "owner"), KINDS)
@pytest.mark.parametrize("name", ["v", "s"])
def test_roles_decide(name, what, kind, owner, bound, lab, endpoints, stranger):
    """Workers are let in everywhere; a sink nowhere; a ventilator only where it says START."""
    _, monitor = stranger(kind, endpoints[what], pair(lab, name), public(lab, owner))
    welcome = (name, what) == ("v", "sink")
    assert until(lambda: outcome(monitor), "it was answered") == ["in" if welcome else "out"]


def test_items_go_to_keys_alone(lab, endpoints, background, stranger):
    where = {role: endpoints[role] for role in ("ventilator", "sink")}
    plain, monitor = stranger(zmq.PULL, endpoints["ventilator"])
    tcp = {**where, "ventilator": endpoints["ventilator"]}
    # On ipc the key is this machine's own: here all are desk.
    place = Static(**tcp, keys=lab.desk)
    got = []
    sink = background(lambda: collect(got.append, place, **FAST))
    with Worker(double, place) as worker:
        running = background(worker.run)
        with Ventilator(place, **FAST) as ventilator:
            until(lambda: outcome(monitor), "the plain one was sent away")
            ventilator.push_all(range(500))
        assert sink.result().received == 500
        worker.stop()
        running.result()
    assert plain.poll(0) == 0


def test_a_key_says_what_its_role_may(lab, endpoints, stranger, audited):
    """A worker cannot say END, and so end a sink that waits for others."""
    with Sink(Static(sink=endpoints["sink"], keys=lab.of("s")), quiet=0.1) as sink:
        server = public(lab, "s")
        worker, _ = stranger(zmq.PUSH, endpoints["sink"], pair(lab, "w"), server)
        worker.send(encode_start(Start("f", 0, "forged")))
        worker.send(encode_end(End("f", 0, 1)))
        worker.send(encode_results(*Results("a", 0, ["one"], [], "w")))
        results = iter(sink)
        assert next(results) == "one"
        ventilator, _ = stranger(zmq.PUSH, endpoints["sink"], pair(lab, "v"), server)
        ventilator.send(encode_results(*Results("a", 1, ["two"], [], "v")))
        ventilator.send(encode_items("a", 0, [1]))
        ventilator.send(encode_end(End("a", 1, 1)))
        assert list(results) == []
    report = sink.report()
    assert (report.received, report.total, report.foreign) == (1, 1, 4)
    assert [source.ventilator for source in report.sources] == ["a"]
    assert {record["reason"] for record in audited("role.violation")} == {
        "it may not say Start",
        "it may not say End",
        "it may not say Results",
    }


def test_an_end_without_the_role_does_not_begin(lab):
    for make in (
        lambda: Sink(lab.realm("a", "w")),
        lambda: Ventilator(lab.realm("a", "s")),
        lambda: Worker(double, lab.realm("a", "v")),
    ):
        with pytest.raises(KeysError, match="zmqwork keys roles"):
            make()


@pytest.mark.parametrize("role", ["ventilator", "sink", "control"])
def test_a_hole_is_found_at_the_start(role, lab, endpoints, monkeypatch):
    """The self-test dials with sockets that fit: others would be refused for their kind."""
    monkeypatch.setattr(curve, "serve", lambda socket, pair: None)
    place = Static(**endpoints, keys=lab.desk)
    make = {
        "ventilator": lambda: Ventilator(place),
        "sink": lambda: Sink(place),
        "control": lambda: Sink(place, controls=True),
    }[role]
    with pytest.raises(KeysError, match="got in at"):
        make()


# -- whose key is there -----------------------------------------------------------------------


def test_an_impostor_in_the_realm_is_not_dialled(lab, background, caplog):
    """Its record is where ours are; the roster does not have its key, or not as a ventilator."""
    other = Lab(lab.desk.parent / "other")
    with (
        Ventilator(Realm("r", keys=other.of("v")), patience=0.1) as impostor,
        Worker(double, lab.realm("r", "w"), patience=0.5) as worker,
    ):
        with pytest.raises(OSError, match="1 there may not be that"):
            worker.run()
        assert impostor.workers == 0
        impostor._leave_early(interrupted=False)


@pytest.fixture
def ports():
    """Two free ones."""
    with zmq.Context() as context:
        made = []
        for _ in range(2):
            with context.socket(zmq.PULL) as socket:
                made.append(socket.bind_to_random_port("tcp://127.0.0.1"))
        return made


def test_typed_endpoints_name_the_node(lab, background, ports):
    def where(member):
        return Static(
            ventilator=f"tcp://v@127.0.0.1:{ports[0]}",
            sink=f"tcp://s@127.0.0.1:{ports[1]}",
            keys=lab.of(member),
        )

    got = []
    sink = background(lambda: collect(got.append, where("s"), **FAST))
    with Worker(double, where("w")) as worker:
        running = background(worker.run)
        with Ventilator(where("v"), **FAST) as ventilator:
            ventilator.push_all(range(100))
        assert sink.result().received == 100
        worker.stop()
        running.result()


@pytest.mark.parametrize(
    ("endpoint", "complaint"),
    [
        ("tcp://127.0.0.1:5557", "whose key is there.*4 members.*tcp://NODE@127.0.0.1:5557"),
        ("tcp://nobody@127.0.0.1:5557", "the roster has no nobody"),
        ("tcp://s@127.0.0.1:5557", "s may not be a producer; its roles: sink"),
        ("tcp://x@127.0.0.1:5557", "the key of x is revoked"),
    ],
)
def test_who_cannot_be_there_is_said(endpoint, complaint, lab):
    lab.revoke("x")
    with pytest.raises(ConfigError, match=complaint):
        Worker(double, Static(ventilator=endpoint, keys=lab.of("w")))


def test_one_key_for_all_needs_no_name(tmp_path, background, ports):
    cluster.create(tmp_path / "shared", "lab", "everybody", shared=True)
    place = Static(
        ventilator=f"tcp://127.0.0.1:{ports[0]}",
        sink=f"tcp://127.0.0.1:{ports[1]}",
        keys=tmp_path / "shared",
    )
    sink = background(lambda: collect(lambda result: None, place, **FAST))
    with Worker(double, place) as worker:
        running = background(worker.run)
        with Ventilator(place, **FAST) as ventilator:
            ventilator.push_all(range(100))
        assert sink.result().received == 100
        worker.stop()
        running.result()


def test_without_keys_other_machines_are_neither_bound_for_nor_dialled(lab, caplog):
    far = {"ventilator": "tcp://192.0.2.1:5557"}
    with pytest.raises(InsecureBind, match=r"refusing to connect to tcp://192\.0\.2\.1:5557"):
        Worker(double, Static(**far))
    Worker(double, Static(**far, insecure_lan=True)).close()
    Worker(double, Static(ventilator="tcp://v@192.0.2.1:5557", keys=lab.of("w"))).close()
    caplog.set_level(logging.WARNING)
    with Sink(Static(sink="tcp://*:*", keys=lab.of("s"))):
        pass
    assert caplog.records == []
    with pytest.raises(ConfigError, match="insecure_lan=True"):
        Sink(Static(sink="tcp://*:*", keys=lab.of("s"), insecure_lan=True))


# -- what changes while it runs ---------------------------------------------------------------


class Running:
    """Workers in threads, which are stopped at the end."""

    def __init__(self, background):
        self._background = background
        self._all = []

    def start(self, function, place, **options):
        worker = Worker(function, place, **options)
        self._all.append((worker, self._background(worker.run)))
        return worker

    def stop(self):
        for worker, thread in self._all:
            worker.stop()
            thread.result()
            worker.close()


@pytest.fixture
def workers(background):
    running = Running(background)
    yield running
    running.stop()


def test_a_revoked_worker_is_out_and_what_it_held_is_counted(lab, workers, background, audited):
    got = []
    sink = background(lambda: collect(got.append, lab.realm("r", "s"), quiet=0.5, **FAST))
    for member in "wx":
        workers.start(
            lambda number, member=member: [number, member],
            lab.realm("r", member),
            name=member,
            linger=0.0,
        )
    with Ventilator(lab.realm("r", "v"), batch=1, **FAST) as ventilator:
        ventilator.wait_for(2)
        ventilator.push_all(range(100))
        until(lambda: {by for _, by in got} == {"w", "x"}, "both have delivered")
        thief = (lab.of("x") / "roster.toml").read_text()
        cluster.revoke(lab.desk, "x")
        lab.push("vsw")
        assert (lab.of("x") / "roster.toml").read_text() == thief
        until(
            lambda: tended(ventilator, visits(audited, "auth.deny")[("sink", "")]),
            "it tries to come back",
        )
        until(
            lambda: tended(
                ventilator, visits(audited, "auth.accept", "v", "w")[("sink", "v")] >= 2
            ),
            "the ventilator is back at the sink",
        )
        until(lambda: tended(ventilator, ventilator.workers == 1), "the other worker is back")
        ventilator.push_all(range(100, 600))
    report = sink.result()
    assert {record["reason"] for record in audited("auth.deny")} == {"revoked"}
    assert report.total == 600
    assert report.received + report.missing == 600
    behind = [by for number, by in got if number >= 100]
    assert behind.count("w") == 500
    assert len(behind) == 500


def visits(audited, kind, *members):
    """How often this happened, by the role of the end where it did, and the member."""
    found = ((it["node"]["role"], it.get("member", "")) for it in audited(kind))
    return Counter(visit for visit in found if not members or visit[1] in members)


def tended(ventilator, found):
    """What was found, while the ventilator is called now and then."""
    ventilator._look(time.monotonic())
    return found


def test_a_revoked_ventilator_gets_no_worker(lab, workers, background):
    worker = workers.start(double, lab.realm("r", "w"))
    with Ventilator(lab.realm("r", "v"), batch=1, patience=0.5) as ventilator:
        ventilator.wait_for(1, timeout=20.0)
        cluster.revoke(lab.desk, "v")
        lab.push("wsx")
        until(lambda: ventilator.workers == 0, "it has left")
        ventilator._leave_early(interrupted=False)
    assert worker.report().done == 0


def test_a_key_that_is_new_to_the_other_side_is_let_in_when_it_is_not(lab, workers, caplog):
    cluster.add(lab.desk, "late", ["worker"], lab.desk.parent / "late.zwk")
    membership.join(lab.of("late"), lab.desk.parent / "late.zwk")
    with Ventilator(lab.realm("r", "v")) as ventilator:
        workers.start(double, lab.realm("r", "late"))
        until(lambda: "refuses ours" in caplog.text, "it was refused")
        assert ventilator.workers == 0
        lab.push()
        until(lambda: ventilator.workers == 1, "it has tried again")
        ventilator._leave_early(interrupted=False)


def test_a_rotated_key_is_used_and_found(lab, workers, background, audited):
    got = []
    sink = background(lambda: collect(got.append, lab.realm("r", "s"), **FAST))
    workers.start(double, lab.realm("r", "w"))
    with Ventilator(lab.realm("r", "v"), batch=1, **FAST) as ventilator:
        ventilator.push_all(range(100))
        until(lambda: len(got) == 100, "all were there")
        bundle = lab.desk.parent / "s2.zwk"
        cluster.rotate(lab.desk, "s", 3600.0, bundle)
        lab.push()
        before = public(lab, "s")
        membership.join(lab.of("s"), bundle)
        assert public(lab, "s") != before
        for member in "vw":
            until(
                lambda member=member: tended(
                    ventilator, visits(audited, "auth.accept")[("sink", member)] >= 2
                ),
                f"{member} is let in anew",
            )
        ventilator.push_all(range(100, 200))
    report = sink.result()
    assert (report.received, report.total) == (200, 200)


# -- a porter is no burden --------------------------------------------------------------------


def porters():
    return [thread for thread in threading.enumerate() if thread.name == "zmqwork-porter"]


def forget(end):
    del end
    gc.collect()


def test_its_thread_ends_with_it(lab, endpoints):
    place = Static(sink=endpoints["sink"], keys=lab.of("s"))
    with Sink(place):
        assert len(porters()) == 1
    assert porters() == []
    with pytest.raises(ConfigError):
        Sink(Static(ventilator=endpoints["ventilator"], keys=lab.of("s")))
    assert porters() == []
    with pytest.warns(ResourceWarning, match="was not closed"):
        forget(Sink(place))
    assert porters() == []


def test_a_forked_child_leaves_it_to_its_parent(lab, endpoints, stranger):
    with Sink(Static(sink=endpoints["sink"], keys=lab.of("s"))) as sink:
        child = os.fork()
        if not child:
            try:
                sink.report()
                sink.close()
                next(iter(sink))
            except UsageError:
                os._exit(42)
            finally:
                os._exit(1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 42
        _, monitor = stranger(zmq.PUSH, endpoints["sink"], pair(lab, "w"), public(lab, "s"))
        assert until(lambda: outcome(monitor), "the parent answers") == ["in"]
