from __future__ import annotations

import json
import resource
import signal
import socket
from pathlib import Path
from types import SimpleNamespace

import pytest

from zmqwork import App, __version__
from zmqwork.cli import doctor_machine as machine
from zmqwork.cli import doctor_network, doctor_peers
from zmqwork.cli.doctor_network import Network
from zmqwork.cli.survey import Survey
from zmqwork.discovery.nics import Nic
from zmqwork.discovery.sounding import Echo
from zmqwork.errors import TransportError

# The only interface that tests may speak on; and where somebody shall answer, time for that.
HERE = ("--interface", "127.0.0.1", "--timeout", "0.5")
PATIENTLY = ("--interface", "127.0.0.1", "--timeout", "3")


@pytest.fixture
def doctor(zmqwork):
    """Its findings by check, and its exit code."""

    def doctor(*words, **options):
        done = zmqwork("doctor", "-o", "json", *PATIENTLY, *words, **options)
        said = json.loads(done.stdout)
        assert done.stderr == ""
        assert said["ok"] == (done.returncode == 0)
        assert sum(said["counts"].values()) == len(said["findings"])
        return {found["check"]: found for found in said["findings"]}, done.returncode

    return doctor


def test_all_is_well(worker, doctor):
    _, told = worker("-n", "one")
    found, code = doctor("thumbs:app")
    assert code == 0
    assert {check: f["state"] for check, f in found.items()} == dict.fromkeys(
        ["python", "libraries", "open files", "memory", "clock", "local directory", "ipc", "tcp",
         "own keys", "multicast lo", "source local", "source mdns", "node one", "app"], "ok",
    )  # fmt: skip
    assert found["python"]["data"]["zmqwork"] == __version__
    assert found["multicast lo"]["data"]["came_back"] is True
    assert found["local directory"]["data"]["living"] == 1
    assert found["source local"]["text"] == "seen 1 of 1"
    assert found["node one"]["data"]["node_id"] == told["node_id"]


def test_the_table_is_plain_and_ends_with_the_counts(zmqwork):
    done = zmqwork("doctor", *HERE)
    assert done.returncode == 0
    lines = done.stdout.splitlines()
    assert lines[0].split() == ["CHECK", "FOUND"]
    assert lines[1].split()[:2] == ["ok", "python"]
    assert "what to try" in lines
    assert "        zmqwork worker MODULE:APP" in lines
    assert lines[-1].endswith("1 to look at, 0 failed")
    assert done.stdout.isascii()
    assert zmqwork("doctor", *HERE, "-o", "quiet").stdout == ""


def test_peers_that_were_named_and_do_not_answer(worker, doctor):
    _, told = worker("-n", "one", "--bind", "tcp://127.0.0.1:*")
    (node,) = [e for e in told["endpoints"] if e.startswith("tcp://")]
    with socket.create_server(("127.0.0.1", 0)) as mute, socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        silent, nobody = [f"tcp://127.0.0.1:{s.getsockname()[1]}" for s in (mute, closed)]
        words = [word for peer in (node, silent, nobody) for word in ("--peer", peer)]
        found, code = doctor("--realm", "thumbs", *words)
        assert code == 1
        assert found["source static"]["text"] == "seen 1 of 3 (1 mute, 1 refused)"
        assert found[f"peer {nobody}"]["state"] == "fail"
        assert "connection refused" in found[f"peer {nobody}"]["text"]
        assert "--bind" in found[f"peer {nobody}"]["try"][0]
        assert "says nothing" in found[f"peer {silent}"]["text"]
        assert "found by local and static" in found["node one"]["text"]


def test_a_peer_of_another_realm(worker, doctor):
    _, told = worker("-n", "one", "--bind", "tcp://127.0.0.1:*")
    (node,) = [e for e in told["endpoints"] if e.startswith("tcp://")]
    found, code = doctor("--realm", "other", "--peer", node)
    assert (code, found[f"peer {node}"]["state"]) == (1, "fail")
    assert "belongs to 'thumbs'" in found[f"peer {node}"]["text"]
    assert found[f"peer {node}"]["try"] == ["name its realm, not 'other': --realm NAME"]
    # Without a realm it is asked for its own.
    found, code = doctor("--peer", node, "--discovery", "static,mdns")
    assert (code, found[f"peer {node}"]["state"]) == (0, "warn")
    assert found[f"peer {node}"]["text"] == "a node of zmqwork: this node belongs to 'thumbs'"


def test_a_node_that_is_stopped(worker, doctor, frozen):
    process, _ = worker("-n", "one")
    with frozen(process):
        found, code = doctor()
    assert code == 0
    silent = found[f"peer worker one, process {process.pid}"]
    assert (silent["state"], silent["data"]["reach"]) == ("warn", "mute")
    assert "kill -CONT" in silent["try"][0]
    assert found["source local"]["text"] == "seen 0 of 1 (1 mute)"


def test_a_node_is_found_on_two_ways(worker, doctor, until):
    worker("-n", "one", "--discovery", "mdns,local")

    def is_found():
        found, code = doctor("--realm", "thumbs")
        return code == 0 and "found by local and mdns" in found["node one"]["text"]

    until(is_found)


def test_workers_of_another_version_of_the_code(worker, doctor, project):
    worker("-n", "one")
    text = (project / "thumbs.py").read_text()
    (project / "newer.py").write_text(text + "\n@app.task\ndef triple(value): ...\n")
    found, _ = doctor("newer:app")
    assert found["tasks"]["text"] == "worker one does not know triple"


def test_a_local_directory_that_is_not_safe(runtime, doctor):
    (runtime / "zmqwork").mkdir()
    (runtime / "zmqwork").chmod(0o777)
    found, code = doctor()
    assert code == 1
    assert found["local directory"]["state"] == "fail"
    assert "chmod 700" in found["local directory"]["text"]
    assert found["source local"]["state"] == "fail"
    assert "ipc" not in found


def test_a_local_directory_that_is_full(doctor):
    """The kernel refuses each byte that is written to a file, as a full disk does."""

    def limit():
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    found, code = doctor(preexec_fn=limit)
    assert code == 1
    assert found["local directory"]["state"] == "fail"
    assert "nothing can be written there: cannot announce in" in found["local directory"]["text"]
    assert "File too large" in found["local directory"]["text"]
    assert "df " in found["local directory"]["try"][0]


def test_a_variable_that_is_passed_over(doctor, runtime, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(runtime))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(runtime / "missing"))
    found, code = doctor()
    assert (code, found["local directory"]["state"]) == (0, "warn")
    assert f"{runtime}/zmqwork-" in found["local directory"]["text"]
    assert (
        "missing') is not used: it cannot be looked at (No such file or directory)"
        in (found["local directory"]["text"])
    )
    assert "unset it" in found["local directory"]["try"][0]


def test_a_node_whose_socket_file_was_removed(worker, doctor, frozen):
    process, told = worker("-n", "one")
    Path(told["endpoints"][0].removeprefix("ipc://")).unlink()
    with frozen(process):
        found, _ = doctor()
    silent = found[f"peer worker one, process {process.pid}"]
    assert (silent["state"], silent["data"]["reach"]) == ("warn", "refused")
    assert "it was removed" in silent["text"]
    assert "restart that node" in silent["try"][0]
    assert "--bind" not in silent["try"][0]


def test_a_socket_file_that_was_named_and_is_not_there(doctor, runtime):
    endpoint = f"ipc://{runtime}/nobody"
    found, code = doctor("--realm", "thumbs", "--peer", endpoint)
    assert (code, found[f"peer {endpoint}"]["state"]) == (1, "fail")
    assert "is that its path?" in found[f"peer {endpoint}"]["try"][0]


def test_few_descriptors(doctor):
    def limit():
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))

    found, code = doctor("--timeout", "0.5", preexec_fn=limit)
    assert (code, found["open files"]["state"]) == (0, "warn")
    assert "enough for 55 peers" in found["open files"]["text"]
    assert "LimitNOFILE" in found["open files"]["try"][0]


def test_an_interface_that_is_none(zmqwork):
    done = zmqwork("doctor", "--interface", "eth99", "--timeout", "0.5", "-o", "json")
    found = {f["check"]: f for f in json.loads(done.stdout)["findings"]}
    assert (done.returncode, found["multicast eth99"]["state"]) == (1, "fail")
    assert "lo" in found["multicast eth99"]["try"][0]


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["thumbz:app"], 2, "did you mean thumbs:app?"),
        (["--timeout", "1e6"], 78, "are enough for anybody"),
        (["--peer", "gpu-1"], 2, "has no port"),
    ],
)
def test_what_cannot_be_done(zmqwork, words, code, said):
    done = zmqwork("doctor", *words)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_it_while_it_waits_for_others(start, number, code):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        peer = f"127.0.0.1:{mute.getsockname()[1]}"
        words = ("--interface", "127.0.0.1", "--realm", "thumbs", "--peer", peer)
        process = start("doctor", *words, "--timeout", "600")
        mute.settimeout(60.0)
        connection, _ = mute.accept()
        with connection:
            process.send_signal(number)
            out, err = process.communicate(timeout=60)
    # Where Ctrl-C meets an `exec` of the standard library (a dataclass that is made), Python itself
    # ends the process by that signal afterwards, whoever has handled it. To a shell it is the same.
    assert process.returncode in (code, -number)
    assert (out, err) == ("", "")


# -- what the network may tell, without a network ------------------------------------------------

LO = Nic("lo", 1, "127.0.0.1", True, True, False, False)
ETH = Nic("eth0", 2, "10.0.0.5", True, False, True, False)
WIFI = Nic("wlan0", 3, "10.0.1.5", False, False, True, False)
BRIDGE = Nic("docker0", 4, "172.17.0.1", True, False, True, True)
PLAIN = Nic("ppp0", 5, "10.0.2.5", True, False, False, False)


@pytest.fixture
def network(monkeypatch):
    def network(*names, echoes=(), nics=(LO, ETH, WIFI, BRIDGE, PLAIN)):
        monkeypatch.setattr(doctor_network, "nics", lambda: list(nics))
        monkeypatch.setattr(doctor_network, "sound", lambda nics, duration, is_wanted: list(echoes))
        return Network(names)

    return network


def test_interfaces_that_are_left_out_say_why(network):
    left_out = {finding.check: finding.text for finding in network().unusable()}
    assert left_out == {
        "multicast wlan0": "10.0.1.5 is left out: it is down",
        "multicast docker0": "172.17.0.1 is left out: bridges and tunnels are",
        "multicast ppp0": "10.0.2.5 is left out: it has no multicast",
    }
    assert network().chosen() == [LO, ETH]
    assert network("docker0", "10.0.0.5").chosen() == [ETH, BRIDGE]
    (down,) = network("wlan0").unusable()
    assert (down.state, down.text) == ("FAIL", "10.0.1.5 is down")


@pytest.mark.parametrize(
    ("names", "echo", "state", "said"),
    [
        ((), Echo(ETH, came_back=True, hosts={"10.0.0.9"}), "ok", "1 other machines speak mDNS"),
        ((), Echo(ETH, came_back=True), "warn", "no other machine spoke mDNS"),
        ((), Echo(ETH), "warn", "blocked here: nothing came back"),
        (("eth0",), Echo(ETH), "FAIL", "blocked here"),
        (("eth0",), Echo(ETH, error="cannot send: No route"), "FAIL", "cannot send: No route"),
        ((), Echo(LO, came_back=True), "ok", "out and back"),
        (
            (),
            Echo(ETH, came_back=True, hosts={"h"}, services={"_ipp._tcp.local."}, nodes={"n"},
                 heard_on={"wlan0"}),
            "ok",
            "services seen: _ipp._tcp; zmqwork nodes: 1; same network as wlan0",
        ),
        ((), Echo(LO, came_back=True, services=set("abcdef")), "ok", "a, b, c, d and 2 more"),
    ],
)  # fmt: skip
def test_blocked_is_told_from_nobody_there(network, names, echo, state, said):
    (found,) = network(*names, echoes=[echo]).sound(3.0)
    assert (found.check, found.state) == (f"multicast {echo.nic.name}", state)
    assert said in found.text
    assert bool(found.advice) == (state != "ok")


def test_a_machine_on_which_all_of_it_is_blocked_has_failed(network):
    (found,) = network(nics=[LO], echoes=[Echo(LO)]).sound(3.0)
    assert found.state == "FAIL"
    (none,) = network(nics=[]).sound(3.0)
    assert (none.state, none.text) == ("FAIL", "no interface has an IPv4 address")


def test_the_port_of_mdns_is_taken(network):
    echo, port = network(echoes=[Echo(ETH, port=40_000, came_back=True, hosts={"h"})]).sound(1.0)
    assert (echo.state, port.state) == ("ok", "FAIL")
    assert "ss -ulpn" in port.advice[0]


# -- what peers may tell -------------------------------------------------------------------------


def node(**fields):
    ways = [{"source": "local", "endpoint": "ipc://x"}]
    return {"name": "one", "role": "worker", "realm": "thumbs", "version": __version__,
            "found_by": ways, **fields}  # fmt: skip


def silent(**fields):
    return {"key": "static:tcp://a:1", "source": "static", "endpoint": "tcp://a:1", "node_id": "",
            "name": "", "role": "", "state": "refused", "stage": "resting", "why": "",
            **fields}  # fmt: skip


def findings(nodes=(), unheard=(), realm="thumbs"):
    survey = Survey([realm], list(nodes), list(unheard))
    return {
        f.check: f
        for f in doctor_peers.peers(
            survey, SimpleNamespace(realm=realm, keys=None, sources=()), 0.1
        )
    }


def test_versions_that_differ():
    found = findings([node(version="9.9.9")])["node one"]
    assert (found.state, "zmqwork 9.9.9" in found.text) == ("warn", True)


@pytest.mark.parametrize(
    ("why", "advice"),
    [
        ("it refused: this node speaks protocol 2 to 2, you speak 1 to 1", "pip install -U"),
        ("it refused: this node belongs to 'x', not to 'thumbs'", "not 'thumbs': --realm NAME"),
        ("it refused: sent bytes that are no message: frame 0", "not as a node of zmqwork"),
    ],
)
def test_each_refusal_has_its_advice(why, advice):
    found = findings(unheard=[silent(why=why)])["peer tcp://a:1"]
    assert (found.state, found.text) == ("FAIL", why)
    assert advice in found.advice[0]


def test_an_app_without_tasks():
    (found,) = doctor_peers.app_tasks(App("empty"), Survey())
    assert (found.state, found.text) == ("warn", "'empty' has tasks: none")


# -- what the machine may tell -------------------------------------------------------------------


def test_old_libraries(monkeypatch):
    versions = {"pyzmq": "26.4.1", "msgpack": "1.2.1", "zeroconf": "0.149.9"}
    monkeypatch.setattr(machine.importlib.metadata, "version", versions.get)
    monkeypatch.setattr(machine, "library", lambda: {"version": "4.3.2", "curve": False})
    _, found = machine.versions()
    assert found.state == "warn"
    assert found.advice[:2] == ("pip install -U pyzmq", "pip install -U zeroconf")
    assert "libzmq 4.3.5" in found.advice[2]
    assert "CURVE" in found.advice[3]


@pytest.mark.parametrize(
    ("memory", "state"), [((2**34, 2**33), "ok"), ((2**34, 2**28), "warn"), (None, "ok")]
)
def test_memory(monkeypatch, memory, state):
    monkeypatch.setattr(machine, "_memory", lambda: memory)
    _, found = machine.limits()
    assert found.state == state


def test_a_clock_that_goes_back(monkeypatch):
    monkeypatch.setattr(machine.clock, "now", iter([2.0, 1.0]).__next__)
    (found,) = machine.clocks()
    assert found.state == "FAIL"


def test_a_trial_that_fails(monkeypatch, runtime):
    monkeypatch.setattr(machine, "trial", lambda endpoint, timeout: "cannot bind: no")
    ipc, tcp = machine.ports(1.0)
    assert (ipc.state, tcp.state) == ("FAIL", "FAIL")
    assert "XDG_RUNTIME_DIR" in ipc.advice[0]
    assert list((runtime / "zmqwork").iterdir()) == []


def test_a_directory_without_room_for_a_trial(monkeypatch, runtime):
    def full(**options):
        raise OSError(28, "No space left on device", options["dir"])

    monkeypatch.setattr(machine.tempfile, "TemporaryDirectory", full)
    ipc, tcp = machine.ports(30.0)
    assert (ipc.state, tcp.state) == ("FAIL", "ok")
    assert "No space left on device" in ipc.text


def test_without_a_local_directory_tcp_is_tried(monkeypatch):
    def refuse():
        raise TransportError("not ours")

    monkeypatch.setattr(machine, "base_directory", refuse)
    (found,) = machine.ports(30.0)
    assert (found.check, found.state) == ("tcp", "ok")
