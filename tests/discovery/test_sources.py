from __future__ import annotations

import logging
import os
import shutil
import tempfile

import pytest

from zmqwork.core.link_events import PeerForgotten, PeerFound
from zmqwork.discovery.sources import Discovery, join_realm
from zmqwork.errors import ConfigError, UsageError
from zmqwork.security.pairs import new_pair

REALM = "test realm / with a slash"
A, B = "a" * 32, "b" * 32


@pytest.fixture
def make(runtime):
    made = []

    def discovery(**options):
        made.append(Discovery(REALM, **options))
        return made[-1]

    yield discovery
    for it in made:
        it.close()


def test_a_peer_is_found_once_best_endpoint_first(make, record):
    seeker, worker = make(), make()
    assert seeker.poll(0.0) == []
    worker.announce(record(A, endpoints=("tcp://127.0.0.1:1", "ipc:///x")))
    found = PeerFound(f"local:{A}", ("ipc:///x", "tcp://127.0.0.1:1"), "worker", "local", A)
    assert seeker.poll(0.05) == [found]
    assert seeker.poll(0.1) == []


def test_new_endpoints_are_found_under_the_same_key(make, record):
    seeker, worker = make(), make()
    worker.announce(record(A, endpoints=("ipc:///x",)))
    assert [event.endpoints for event in seeker.poll(0.0)] == [("ipc:///x",)]
    worker.announce(record(A, endpoints=("ipc:///y",)))
    assert seeker.poll(0.1) == [PeerFound(f"local:{A}", ("ipc:///y",), "worker", "local", A)]


def test_it_does_not_find_itself(make, record):
    first, second = make(), make()
    first.announce(record(A))
    second.announce(record(B))
    assert [event.key for event in first.poll(0.0)] == [f"local:{B}"]
    assert [event.key for event in second.poll(0.0)] == [f"local:{A}"]


def test_withdrawn_is_forgotten_but_not_dead(make, record):
    seeker, worker = make(), make()
    worker.announce(record(A))
    seeker.poll(0.0)
    worker.withdraw()
    assert seeker.poll(0.1) == [PeerForgotten(f"local:{A}")]
    assert not seeker.proof_of_death(f"local:{A}")
    worker.close()
    assert seeker.proof_of_death(f"local:{A}")


def test_killed_is_proved_at_once_and_forgotten_by_the_sweep(make, announce):
    seeker = make()
    (process,) = announce(A)
    assert [event.key for event in seeker.poll(0.0)] == [f"local:{A}"]
    assert not seeker.proof_of_death(f"local:{A}")
    process.kill()
    process.wait()
    assert seeker.proof_of_death(f"local:{A}")
    assert seeker.poll(5.0) == [PeerForgotten(f"local:{A}")]
    assert seeker.poll(10.0) == []
    assert seeker.proof_of_death(f"local:{A}")


def test_static_peers_come_first_and_stay(make):
    it = make(local=False, peers=["a:1", "tcp://b:2"])
    assert it.poll(0.0) == [
        PeerFound("static:tcp://a:1", ("tcp://a:1",), "", "static"),
        PeerFound("static:tcp://b:2", ("tcp://b:2",), "", "static"),
    ]
    assert it.poll(5.0) == []
    assert not it.proof_of_death("static:tcp://a:1")
    assert it.directory is None


def test_peers_of_the_environment_unless_given(make, monkeypatch):
    monkeypatch.setenv("ZMQWORK_PEERS", "a:1")
    assert [event.key for event in make().poll(0.0)] == ["static:tcp://a:1"]
    assert make(peers=()).poll(0.0) == []
    monkeypatch.setenv("ZMQWORK_PEERS", "a")
    with pytest.raises(ConfigError):
        make()


def test_it_looks_often_until_somebody_was_found(make, record):
    seeker, worker = make(), make()
    seeker.poll(0.0)
    assert seeker.interval == pytest.approx(0.02)
    worker.announce(record(A))
    seeker.poll(0.05)
    assert seeker.interval == pytest.approx(0.25)


def test_it_says_where_it_looked_and_what_it_saw(make, runtime, record):
    seeker, worker = make(peers=["a:1"]), make()
    worker.announce(record(A))
    seeker.poll(0.0)
    local, static = seeker.describe()
    assert local == {
        "source": "local",
        "state": "ok",
        "where": str(seeker.directory.path),
        "found": 1,
        "unlike": 0,
    }
    assert static == {"source": "static", "state": "ok", "where": "tcp://a:1", "found": 1}
    states = [source["state"] for source in make(local=False, peers=()).describe()]
    assert states == ["off", "none given"]


def test_a_directory_that_cannot_be_read_is_a_state_not_an_error(make, monkeypatch, record):
    seeker, worker = make(), make()
    worker.announce(record(A))
    assert len(seeker.poll(0.0)) == 1
    scandir = os.scandir

    def refused(path):
        raise OSError(24, "Too many open files")

    monkeypatch.setattr(os, "scandir", refused)
    assert seeker.poll(5.0) == []
    assert "Too many open files" in seeker.describe()[0]["state"]
    assert seeker.describe()[0]["found"] == 1
    monkeypatch.setattr(os, "scandir", scandir)
    assert seeker.poll(10.0) == []
    assert seeker.describe()[0]["state"] == "ok"


def test_a_cleaned_away_record_comes_back_by_itself(make, record):
    seeker, worker = make(), make()
    worker.announce(record(A))
    seeker.poll(0.0)
    shutil.rmtree(worker.directory.path)
    assert seeker.poll(0.1) == [PeerForgotten(f"local:{A}")]
    worker.poll(5.0)
    assert [event.key for event in seeker.poll(5.0)] == [f"local:{A}"]


def test_a_node_of_another_realm_is_a_mistake_of_ours(make, record):
    with pytest.raises(UsageError, match="realm"):
        make().announce(record(A, realm="other"))


def test_a_variable_that_is_passed_over_is_warned_of_once(make, record, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "zmqwork")
    with tempfile.TemporaryDirectory(prefix="zw-", dir="/tmp") as place:
        monkeypatch.setattr(tempfile, "tempdir", place)
        monkeypatch.setenv("XDG_RUNTIME_DIR", f"{place}/missing")
        make().poll(0.0)
        assert caplog.records == [], "who only looks around says it in words of his own"
        make().announce(record(A))
        make().announce(record(B))
        [warning] = caplog.records
        assert warning.levelname == "WARNING"
        assert f"'{place}/missing'" in warning.getMessage()
        assert f"it is {place}/zmqwork-{os.getuid()}" in warning.getMessage()


# -- keys -------------------------------------------------------------------------------------


def test_a_node_with_keys_is_found_with_its_fingerprint(make, record, cluster):
    seeker, worker = make(keys=cluster.keys("desk")), make(keys=cluster.keys("node7"))
    worker.announce(record(A))
    (found,) = seeker.poll(0.0)
    fingerprint = worker.keys.keyring.fingerprint
    assert found == PeerFound(f"local:{A}", ("ipc:///nowhere",), "worker", "local", A, fingerprint)
    assert seeker.describe()[0]["state"] == "ok"


def test_nodes_with_and_without_keys_do_not_meet_and_say_why(make, record, cluster):
    keyed, plain = make(keys=cluster.keys("desk")), make()
    keyed.announce(record(A))
    plain.announce(record(B))
    assert keyed.poll(0.0) == plain.poll(0.0) == []
    said = keyed.describe()[0]
    assert (said["found"], said["unlike"]) == (0, 1)
    assert said["state"] == "1 node here has no keys, and this one has: it does not talk to them"
    said = plain.describe()[0]
    assert (said["found"], said["unlike"]) == (0, 1)
    assert said["state"] == "1 node here has keys, and this one has none: they do not talk to it"
    plain.close()
    assert keyed.poll(5.0) == []
    assert keyed.describe()[0]["state"] == "ok"


def test_a_node_whose_own_key_changes_is_found_again_under_the_new_one(make, record, cluster):
    keys = cluster.keys("node7")
    seeker, worker = make(keys=cluster.keys("desk")), make(keys=keys)
    worker.announce(record(A))
    assert len(seeker.poll(0.0)) == 1
    keys.keyring = cluster.keyring("node7", pair=new_pair())
    worker.poll(0.1)
    (found,) = seeker.poll(0.2)
    assert (found.key, found.fingerprint) == (f"local:{A}", keys.keyring.fingerprint)
    keys.keyring = cluster.keyring("node7", without=("desk",), pair=keys.keyring.pair)
    worker.poll(0.3)
    assert seeker.poll(0.4) == [], "another roster is no other key"
    worker.withdraw()
    keys.keyring = cluster.keyring("node7")
    worker.poll(0.5)
    assert seeker.poll(0.6) == [PeerForgotten(f"local:{A}")], "withdrawn it stays"


def test_with_keys_mdns_speaks_on_the_network(cluster, runtime, monkeypatch):
    monkeypatch.delenv("ZMQWORK_PEERS", raising=False)
    keys = cluster.keys("desk")
    keyed = join_realm(REALM, ("mdns", "local"), keys=keys)
    assert (keyed.keys, keyed.default_bind) == (keys, ("tcp://0.0.0.0:*",))
    keyed.close()
    plain = join_realm(REALM, ("mdns", "local"))
    assert (plain.keys, plain.default_bind) == (None, ("tcp://127.0.0.1:*",))
    plain.close()
