"""Nodes with keys: who works for whom, and what happens to those who may not."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys

import pytest
from lab import PATIENCE, Lab, keys_of_sessions, refusals, stopping, tcp_port
from node_processes import WorkerProcess

from zmqwork.errors import ConfigError, InsecureBind, KeysError
from zmqwork.security import cluster, membership
from zmqwork.security.keyring import KEYS_VARIABLE, load
from zmqwork.transport import curve

LOOPBACK = ["tcp://127.0.0.1:*"]
OTHER_KEY = "another key is there than the roster has for it, or none"


@pytest.fixture
def lab(realm, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv(KEYS_VARIABLE, raising=False)
    made = Lab(tmp_path / "lab", realm)
    yield made
    made.close()


def noted(lab):
    """What is in the audit log, kind by kind, so far."""
    path = lab.root.parent / "state" / "zmqwork" / "audit.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    found = {}
    for line in lines:
        record = json.loads(line)
        found.setdefault(record["kind"], []).append(record)
    return found


def zmqwork(lab, name, *words):
    """A command of this member; its exit code, and what it has printed."""
    keys = "none" if name is False else str(lab.place(name))
    done = subprocess.run(
        [sys.executable, "-m", "zmqwork", *words, "--keys", keys],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


@contextlib.contextmanager
def ended(process):
    """A process that is killed at the end."""
    try:
        yield process
    finally:
        process.end()


# -- together ---------------------------------------------------------------------------------


def test_a_task_runs_and_both_say_what_keys_they_have(lab):
    lab.add(node="worker", feed="producer")
    worker, producer = lab.worker("node"), lab.producer("feed")
    assert producer.ask("echo", 7).result(PATIENCE) == 7
    assert keys_of_sessions(producer) == {lab.fingerprint("node")}
    for status, name in ((worker.status(), "node"), (producer.status(), "feed")):
        assert status["keys"] == {
            "member": name, "fingerprint": lab.fingerprint(name), "cluster": "lab", "serial": 3,
            "trouble": "",
        }  # fmt: skip
        assert status["insecure"] is False


def test_processes_of_one_member_work_together(lab, monkeypatch):
    monkeypatch.setenv(KEYS_VARIABLE, str(lab.place("desk")))
    producer = lab.producer("desk")
    words = ("--pool", "thread", "-c", "1", "--discovery", "local")
    with ended(WorkerProcess(lab.realm, *words)):
        assert producer.ask("echo", "x").result(PATIENCE) == "x"


def static_producer(lab, name, *peers):
    return lab.producer(name, discovery="static", peers=peers)


def test_over_tcp_to_the_member_that_is_named(lab):
    lab.add(node="worker", other="worker", feed="producer")
    worker = lab.worker("node", bind=LOOPBACK)
    producer = static_producer(lab, "feed", f"tcp://node@127.0.0.1:{tcp_port(worker)}")
    assert producer.ask("who").result(PATIENCE) == "node"


def test_over_tcp_where_nobody_is_named_the_keys_are_tried_in_turn(lab):
    lab.add(one="worker", two="worker", three="sink", node="worker", feed="producer")
    worker = lab.worker("node", bind=LOOPBACK)
    producer = static_producer(lab, "feed", f"tcp://127.0.0.1:{tcp_port(worker)}")
    assert producer.ask("who").result(PATIENCE) == "node"
    assert keys_of_sessions(producer) == {lab.fingerprint("node")}


def test_over_tcp_to_a_member_that_is_not_there(lab, wait_until):
    lab.add(node="worker", other="worker", feed="producer")
    worker = lab.worker("node", bind=LOOPBACK)
    producer = static_producer(lab, "feed", f"tcp://other@127.0.0.1:{tcp_port(worker)}")
    future = producer.ask("who")
    wait_until(lambda: refusals(producer) == [OTHER_KEY], "it is said")
    assert not future.done()
    assert OTHER_KEY in producer.explain()


def test_results_go_to_a_sink(lab, wait_until):
    lab.add(node="worker", store="sink", feed="producer")
    sink = lab.sink("store")
    lab.worker("node")
    producer = lab.producer("feed")
    futures = [producer.ask("gather", number) for number in range(20)]
    wait_until(lambda: sorted(lab.taken) == list(range(20)), "all are stored")
    assert [future.exception(PATIENCE) for future in futures] == [None] * 20
    assert sink.status()["keys"]["member"] == "store"


# -- who looks, and who orders ----------------------------------------------------------------


def test_who_may_only_look_gets_a_status_and_no_order_is_obeyed(lab, wait_until):
    lab.add(node="worker", eye="observer")
    worker = lab.worker("node")
    eye = lab.observer("eye")
    (status,) = eye.survey()["nodes"]
    assert (status["name"], status["keys"]["member"]) == ("node", "node")
    answer = eye.order(worker.node_id, "drain", patience=0.5)
    assert answer.code == "silent"
    wait_until(lambda: "role.violation" in noted(lab), "it is noted")
    (record,) = noted(lab)["role.violation"]
    assert (record["member"], record["node"]["name"]) == ("eye", "node")
    assert "said ORDER" in record["reason"]
    assert worker.status()["state"] == "serving"
    # (Its answer may go with it: what counts here is who is obeyed.)
    lab.observer("desk").order(worker.node_id, "drain")
    assert worker.wait(20.0)


def test_ps_shows_keys(lab):
    lab.add(node="worker")
    lab.worker("node")
    code, said = zmqwork(
        lab, "desk", "ps", "--realm", lab.realm, "--discovery", "local", "-o", "json"
    )
    (node,) = json.loads(said)["nodes"]
    assert (code, node["keys"]["fingerprint"]) == (0, lab.fingerprint("node"))


@pytest.mark.parametrize(
    ("make", "roles"),
    [
        (lambda lab: lab.worker("node"), "producer sink observer admin"),
        (lambda lab: lab.producer("node"), "worker sink observer admin"),
        (lambda lab: lab.sink("node"), "worker producer observer admin"),
        (lambda lab: lab.observer("node"), "worker producer sink"),
    ],
)
def test_a_node_does_not_start_as_what_its_key_may_not_be(lab, make, roles):
    lab.add(node=roles)
    with pytest.raises(
        KeysError, match=r"node in roster 2 of lab is .*, and no .*: zmqwork keys roles node"
    ):
        make(lab)


def test_a_command_says_so(lab):
    lab.add(node="sink")
    code, said = zmqwork(lab, "node", "ps", "--realm", lab.realm, "--discovery", "local")
    assert code == 78
    assert "node in roster 2 of lab is sink, and no observer" in said


def test_a_producers_key_cannot_be_a_worker(lab, wait_until, monkeypatch):
    """Whoever has that key may use a program of its own, which does not look."""
    monkeypatch.setattr("zmqwork.transport.guard.check_role", lambda *_: None)
    lab.add(liar="producer", feed="producer")
    worker = lab.worker("liar")
    producer = lab.producer("feed")
    future = producer.ask("echo", 1)
    wait_until(lambda: refusals(producer) == ["the roster has no key for it"], "it is said")
    assert not future.done()
    assert worker.status()["producers"] == []


def test_a_workers_key_cannot_be_a_producer(lab, wait_until, monkeypatch):
    monkeypatch.setattr("zmqwork.transport.guard.check_role", lambda *_: None)
    lab.add(liar="worker", node="worker")
    worker = lab.worker("node")
    producer = lab.producer("liar")
    future = producer.ask("echo", 1)
    wait_until(lambda: refusals(producer) == ["it does not admit our key"], "it is said")
    wait_until(lambda: "auth.deny" in noted(lab), "and noted")
    assert {(r["member"], r["reason"]) for r in noted(lab)["auth.deny"]} == {
        ("liar", "its roles are worker")
    }
    assert not future.done()
    assert worker.status()["counters"]["received"] == 0


# -- with keys, and without -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("worker", "producer", "why"),
    [
        (False, "desk", "1 node here has no keys, and this one has: it does not talk to them"),
        ("desk", False, "1 node here has keys, and this one has none: they do not talk to it"),
    ],
)
def test_nodes_of_one_machine_with_and_without_do_not_meet(
    lab, wait_until, caplog, worker, producer, why
):
    lab.worker(worker)
    made = lab.producer(producer)
    future = made.ask("echo", 1)
    wait_until(lambda: why in made.status()["sources"][0]["state"], "it is said")
    waits = lambda: [text for text in caplog.messages if "no worker was found" in text]  # noqa: E731
    wait_until(waits, "who waits is told")
    assert waits()[0].endswith(f"; {why}; see: zmqwork doctor")
    assert not future.done()
    code, said = zmqwork(lab, producer, "ps", "--realm", lab.realm, "--discovery", "local")
    assert (code, why in said) == (0, True)


@pytest.mark.parametrize(
    ("worker", "looks", "why"),
    [
        (False, "desk", "it has no keys, and this node has"),
        ("desk", False, "it has keys, and this node has none"),
    ],
)
def test_also_not_by_address_and_doctor_says_why(lab, worker, looks, why):
    node = lab.worker(worker, bind=LOOPBACK)
    peer = f"tcp://127.0.0.1:{tcp_port(node)}"
    search = ("--realm", lab.realm, "--discovery", "static", "--peer", peer, "--timeout", "1")
    code, said = zmqwork(lab, looks, "ps", *search)
    assert code == 3
    assert why in said
    code, said = zmqwork(lab, looks, "doctor", *search, "-o", "json")
    (found,) = [f for f in json.loads(said)["findings"] if f["check"] == f"peer {peer}"]
    assert (code, found["state"]) == (1, "fail")
    assert any("zmqwork keys join" in advice for advice in found["try"])


def test_none_means_none_though_there_are_keys(lab, monkeypatch):
    monkeypatch.setenv(KEYS_VARIABLE, str(lab.place("desk")))
    producer = lab.producer(False)
    words = ("--pool", "thread", "-c", "1", "--keys", "none")
    with ended(WorkerProcess(lab.realm, *words)):
        assert producer.ask("echo", "x").result(PATIENCE) == "x"
    assert "keys" not in producer.status()


# -- a start that is refused ------------------------------------------------------------------


def sockets(runtime):
    return [path for path in runtime.rglob("*") if path.is_socket()]


REMEDY = ("zmqwork keys init", "zmqwork keys join")


@pytest.mark.parametrize("words", [("--bind", "tcp://0.0.0.0:*"), ("--peer", "tcp://10.1.2.3:4")])
def test_routable_without_keys_exits_78_before_anything_listens(lab, runtime, words):
    with ended(WorkerProcess(lab.realm, "--pool", "thread", *words)) as worker:
        assert worker.wait() == 78
        assert all(remedy in worker.text() for remedy in REMEDY)
        assert "Traceback" not in worker.text()
    assert sockets(runtime) == []
    assert "insecure.start" not in noted(lab)


def test_the_same_in_a_program(lab, runtime):
    app = lab.app(False)
    with pytest.raises(InsecureBind, match="zmqwork keys init"):
        app.worker(1, "thread", bind=["tcp://0.0.0.0:*"])
    with pytest.raises(InsecureBind, match="zmqwork keys init"):
        app.producer(discovery="static", peers=["tcp://10.1.2.3:4"]).start()
    with pytest.raises(InsecureBind, match="zmqwork keys init"):
        app.sinks["default"].node(bind=["tcp://0.0.0.0:*"])
    assert sockets(runtime) == []


def test_with_keys_it_is_permitted(lab):
    worker = lab.worker("desk", bind=["tcp://0.0.0.0:*"])
    assert (worker.insecure, worker.status()["insecure"]) == (False, False)


def test_keys_and_insecure_lan_contradict(lab, runtime):
    said = "nodes with keys do not talk to those without: leave out --insecure-lan, or use no keys"
    with pytest.raises(ConfigError, match=said):
        lab.app("desk").worker(1, "thread", insecure_lan=True)
    keys = str(lab.place("desk"))
    with ended(WorkerProcess(lab.realm, "--keys", keys, "--insecure-lan")) as worker:
        assert worker.wait() == 78
        assert said in " ".join(worker.text().split())
    assert sockets(runtime) == []


def test_a_node_whose_endpoint_lets_somebody_in_does_not_start(lab, runtime, monkeypatch):
    monkeypatch.setattr(curve, "serve", lambda *_: None)
    for make in (lab.worker, lab.producer, lab.sink):
        with pytest.raises(KeysError, match=r"has got in at .* without a key: this is not safe"):
            make("desk")
    assert sockets(runtime) == []


@pytest.mark.parametrize("name", ["node.toml", "roster.toml", "discovery.key"])
def test_keys_that_cannot_be_used_exit_78(lab, runtime, name):
    (lab.place("desk") / name).write_text("spoiled")
    with ended(WorkerProcess(lab.realm, "--keys", str(lab.place("desk")))) as worker:
        assert worker.wait() == 78
        assert name in worker.text()
        assert "Traceback" not in worker.text()
    assert sockets(runtime) == []


# -- revocation -------------------------------------------------------------------------------


def test_the_tasks_of_a_revoked_worker_are_run_elsewhere(lab, wait_until):
    lab.add(bad="worker", good="worker", feed="producer")
    bad = lab.worker("bad")
    producer = lab.producer("feed")
    future = producer.ask("gated")
    assert lab.begun.get(timeout=PATIENCE) == "bad"
    lab.worker("good")
    wait_until(lambda: producer.workers_known() == 2, "both are there")
    lab.open_gate("good")
    lab.revoke("bad", "feed")
    assert future.result(PATIENCE) == "good"
    assert keys_of_sessions(producer) == {lab.fingerprint("good")}
    wait_until(lambda: not bad.status()["producers"], "it has lost its producer")
    # And it does not come back, whoever of the two begins.
    lab.stack.enter_context(stopping(lab.app("bad").worker(1, "thread", name="again")))
    assert {producer.ask("who").result(PATIENCE) for _ in range(20)} == {"good"}
    assert producer.workers_known() == 1
    wait_until(lambda: "key.revoke" in noted(lab), "it is noted")
    assert {record["member"] for record in noted(lab)["key.revoke"]} == {"bad"}


def test_a_revoked_producer_is_not_heard_any_more(lab, wait_until, caplog):
    caplog.set_level("INFO", "zmqwork")
    lab.add(node="worker", bad="producer", good="producer")
    worker = lab.worker("node")
    bad, good = lab.producer("bad"), lab.producer("good")
    assert bad.ask("echo", 1).result(PATIENCE) == good.ask("echo", 2).result(PATIENCE) - 1
    lab.revoke("bad", "node", "good")
    wait_until(lambda: "it does not admit our key" in refusals(bad), "it is told")
    (account,) = wait_until(
        lambda: (found := worker.status()["producers"]) and len(found) == 1 and found, "one is left"
    )
    assert account["node_id"] == good.status()["node_id"]
    future = bad.ask("echo", 3)
    assert good.ask("echo", 4).result(PATIENCE) == 4
    assert not future.done()
    wait_until(lambda: "auth.deny" in noted(lab), "it is noted")
    assert {record["reason"] for record in noted(lab)["auth.deny"]} == {"revoked"}
    key = lab.fingerprint("bad")
    assert "roster 5 of lab is in use, in the place of 4" in caplog.messages
    assert f"key {key} of bad is not good any more, and its links end" in caplog.messages


def test_a_role_that_is_taken_away_ends_what_was_done_in_it(lab, wait_until):
    lab.add(node="worker sink", feed="producer")
    lab.worker("node")
    producer = lab.producer("feed")
    assert producer.ask("echo", 1).result(PATIENCE) == 1
    cluster.give_roles(lab.place("desk"), "node", ["sink"])
    lab.push("feed")
    wait_until(lambda: producer.workers_known() == 0, "it is no worker any more")
    cluster.give_roles(lab.place("desk"), "node", ["worker"])
    lab.push("feed")
    assert producer.ask("echo", 2).result(PATIENCE) == 2


# -- rotation ---------------------------------------------------------------------------------


def test_a_member_gets_another_key_while_it_works(lab, wait_until):
    lab.add(node="worker", feed="producer")
    worker, producer = lab.worker("node"), lab.producer("feed")
    assert producer.ask("echo", 1).result(PATIENCE) == 1
    old, path = lab.fingerprint("node"), lab.root / "new.zwk"
    cluster.rotate(lab.place("desk"), "node", 3600.0, path)
    lab.push("feed")
    membership.join(lab.place("node"), path)
    new = lab.fingerprint("node")
    assert new != old
    wait_until(lambda: worker.status()["keys"]["fingerprint"] == new, "it has the new one")
    wait_until(lambda: keys_of_sessions(producer) == {new}, "the session is under the new one")
    assert producer.ask("echo", 2).result(PATIENCE) == 2


def test_the_own_key_is_rotated_with_now(lab, wait_until):
    lab.add(feed="producer")
    worker, producer = lab.worker("desk"), lab.producer("feed")
    assert producer.ask("echo", 1).result(PATIENCE) == 1
    old = lab.fingerprint("desk")
    cluster.rotate_own(lab.place("desk"), 3600.0, at_once=False)
    lab.push("feed")
    assert zmqwork(lab, "desk", "keys", "rotate", "--now")[0] == 0
    new = lab.fingerprint("desk")
    assert new != old
    wait_until(lambda: keys_of_sessions(producer) == {new}, "the session is under the new one")
    assert worker.status()["keys"]["fingerprint"] == new
    assert producer.ask("echo", 2).result(PATIENCE) == 2


def test_after_the_overlap_the_old_key_is_out(lab, wait_until, tmp_path):
    """Somebody has a copy of the old keys."""
    lab.add(node="worker", feed="producer")
    lab.place("stolen").symlink_to(tmp_path / "stolen")
    copy_of(lab.place("node"), tmp_path / "stolen")
    thief = lab.worker("stolen")
    producer = lab.producer("feed")
    assert producer.ask("who").result(PATIENCE) == "stolen"
    path = lab.root / "new.zwk"
    cluster.rotate(lab.place("desk"), "node", 3.0, path)
    lab.push("feed")
    membership.join(lab.place("node"), path)
    lab.worker("node")
    wait_until(lambda: lab.fingerprint("node") in keys_of_sessions(producer), "the new one is in")
    wait_until(
        lambda: keys_of_sessions(producer) == {lab.fingerprint("node")}, "the old one is out"
    )
    assert {producer.ask("who").result(PATIENCE) for _ in range(10)} == {"node"}
    wait_until(lambda: not thief.status()["producers"], "it has lost its producer")


def copy_of(place, to):
    to.mkdir(mode=0o700)
    for file in place.iterdir():
        if file.suffix in (".toml", ".key"):
            (to / file.name).write_bytes(file.read_bytes())
            (to / file.name).chmod(0o600)


# -- files that are spoiled -------------------------------------------------------------------


def test_a_spoiled_roster_changes_nothing_and_that_is_said(lab, wait_until, caplog):
    lab.add(node="worker", feed="producer")
    worker, producer = lab.worker("node"), lab.producer("feed")
    assert producer.ask("echo", 1).result(PATIENCE) == 1
    path = lab.place("node") / "roster.toml"
    good = path.read_text()
    path.write_text(good[: len(good) // 2])
    trouble = wait_until(lambda: worker.status()["keys"]["trouble"], "it is said")
    assert str(path) in trouble
    assert f"the keys are not used as they are now: {trouble}" in caplog.text
    assert producer.ask("echo", 2).result(PATIENCE) == 2
    assert worker.status()["keys"]["serial"] == 3
    wait_until(lambda: "roster.refused" in noted(lab), "it is noted")
    path.write_text(good)
    wait_until(lambda: not worker.status()["keys"]["trouble"], "it is well again")
    assert keys_of_sessions(producer) == {lab.fingerprint("node")}


def test_an_older_roster_does_not_bring_a_revoked_node_back(lab, wait_until):
    lab.add(bad="worker", good="worker", feed="producer")
    path = lab.place("feed") / "roster.toml"
    old = path.read_text()
    lab.worker("bad")
    producer = lab.producer("feed")
    wait_until(lambda: producer.workers_known() == 1, "it is there")
    lab.revoke("bad", "feed")
    wait_until(lambda: producer.workers_known() == 0, "it is out")
    path.write_text(old)
    os.utime(path)
    wait_until(lambda: "older than" in producer.status()["keys"]["trouble"], "it is said")
    lab.worker("good")
    assert producer.ask("who").result(PATIENCE) == "good"
    assert producer.workers_known() == 1
    assert load(lab.place("desk")).roster.find("bad").revoked
