"""The instruments can fail: the oracle finds each breach, the proxy does what it says."""

import socket
import subprocess
import sys

import pytest
from chaos_processes import HERE, PATIENCE
from fault_proxy import DONE, FaultProxy, Frames
from oracle import Oracle, append

GREETING = b"\xff" + bytes(63)


def record(place, *, submitted=("a",), runs=(("a", 1),), settled=(("a", "a", 1),)):
    for key in submitted:
        append(place, "submitted", key=key, producer="p")
    for key, attempt in runs:
        append(place, "runs", what="begun", key=key, attempt=attempt)
        append(place, "runs", what="ended", key=key, attempt=attempt)
    for key, name, attempt in settled:
        append(place, "settled", key=key, state="succeeded", value=[name, attempt])


def test_the_oracle_is_content(tmp_path):
    record(tmp_path, runs=[("a", 1), ("a", 2)])
    Oracle(tmp_path).verify()
    assert Oracle(tmp_path).run_twice() == {"a": [1, 2]}


@pytest.mark.parametrize(
    ("facts", "complaint"),
    [
        ({"settled": []}, "a is lost"),
        ({"settled": [("a", "a", 1)] * 2}, "settled 2 times"),
        ({"settled": [("a", "a", 2)]}, "nothing that ended gave that"),
        ({"settled": [("a", "b", 1)], "runs": [("a", 1), ("b", 1)]}, "has the result of b"),
        ({"runs": [("a", 1), ("a", 1)]}, "attempt 1 of a began twice"),
        ({"runs": [("a", 1), ("x", 1)]}, "x ran, and nobody submitted it"),
        ({"submitted": []}, "a is settled, and nobody submitted it"),
    ],
)
def test_the_oracle_finds(facts, complaint, tmp_path):
    record(tmp_path, **facts)
    assert complaint in " | ".join(Oracle(tmp_path).complaints())


def test_the_oracle_forgives_dead_producers_their_unsettled_tasks_alone(tmp_path):
    record(tmp_path, settled=[])
    Oracle(tmp_path).verify({"p"})
    record(tmp_path, submitted=["b"], runs=[], settled=[("b", "b", 1)])
    assert Oracle(tmp_path).complaints({"p"}) != []


def test_the_oracle_and_the_proxy_know_nothing_of_zmqwork():
    script = "import oracle, fault_proxy, sys; sys.exit('zmqwork' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], cwd=HERE, check=True, timeout=PATIENCE)


def frame(body, *, more=False, command=False):
    flags = more * 1 + (len(body) > 255) * 2 + command * 4
    return bytes([flags]) + len(body).to_bytes(8 if len(body) > 255 else 1, "big") + body


DONE_HEAD = frame(bytes([0x93, DONE, 1, 0]), more=True)
STREAM = [
    GREETING,
    frame(b"\x05READY", command=True),
    frame(b""),
    DONE_HEAD,
    frame(bytes([0x93, DONE]) * 300),
    frame(bytes([0x92, 4])),
]


@pytest.mark.parametrize("step", [1, 3, 64, 10_000])
def test_frames_are_cut_wherever_the_network_has_cut(step):
    stream, frames, pieces = b"".join(STREAM), Frames(), []
    for start in range(0, len(stream), step):
        pieces += frames.cut(stream[start : start + step])
    assert b"".join(piece for piece, _ in pieces) == stream
    assert [verb for _, verb in pieces if verb is not None] == [DONE, 4]


def test_what_is_not_zmtp_passes_as_it_is():
    frames = Frames()
    assert frames.cut(b"GET / HTTP/1.1") == [(b"GET / HTTP/1.1", None)]
    assert frames.cut(b"\xffrest") == [(b"\xffrest", None)]


@pytest.fixture
def ends():
    """A proxy with a dialled and an accepted socket at its two ends."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        proxy = FaultProxy(server.getsockname()[1])
        dialled = socket.create_connection(("127.0.0.1", proxy.port), PATIENCE)
        accepted, _ = server.accept()
        accepted.settimeout(PATIENCE)
        with dialled, accepted:
            dialled.sendall(b"\xff")
            assert accepted.recv(1) == b"\xff", "the link is there from end to end"
            yield proxy, dialled, accepted
        proxy.close()


def nothing_comes(sock):
    sock.setblocking(False)
    with pytest.raises(BlockingIOError):
        sock.recv(1)
    sock.settimeout(PATIENCE)


def receive(sock, count):
    data = b""
    while len(data) < count:
        more = sock.recv(count - len(data))
        assert more, f"it ended after {data!r}"
        data += more
    return data


def test_a_held_way_holds_all_and_loses_nothing(ends):
    proxy, dialled, accepted = ends
    proxy.hold(proxy.forth)
    dialled.sendall(b"held")
    accepted.sendall(b"the other way is open")
    assert receive(dialled, 21) == b"the other way is open"
    nothing_comes(accepted)
    proxy.release(proxy.forth)
    assert receive(accepted, 4) == b"held"


def test_it_stops_exactly_at_a_verb(ends):
    proxy, dialled, accepted = ends
    caught = proxy.hold_at(proxy.back, DONE)
    before = b"".join(STREAM[:3])
    accepted.sendall(before)
    assert receive(dialled, len(before)) == before
    assert not caught.is_set()
    accepted.sendall(b"".join(STREAM[3:]))
    assert caught.wait(PATIENCE)
    nothing_comes(dialled)
    proxy.release(proxy.back)
    rest = b"".join(STREAM[3:])
    assert receive(dialled, len(rest)) == rest


def test_a_cut_resets_both_sides(ends):
    proxy, dialled, accepted = ends
    proxy.cut()
    for end in (dialled, accepted):
        with pytest.raises(ConnectionResetError):
            end.recv(1)


def test_without_a_target_it_hangs_up(ends):
    proxy, _, _ = ends
    proxy.point_to(None)
    # At once, or at the first look.
    with (
        pytest.raises(ConnectionResetError),
        socket.create_connection(("127.0.0.1", proxy.port), PATIENCE) as late,
    ):
        late.recv(1)


def test_an_end_is_passed_on_unless_it_is_swallowed(ends):
    proxy, dialled, accepted = ends
    proxy.swallow_end(proxy.back)
    accepted.sendall(b"last words")
    accepted.close()
    assert receive(dialled, 10) == b"last words"
    nothing_comes(dialled)


def test_garbled_frames_keep_their_length(ends):
    proxy, dialled, accepted = ends
    proxy.garble(proxy.back)
    stream = b"".join(STREAM)
    accepted.sendall(stream)
    got = receive(dialled, len(stream))
    assert got != stream
    assert len(got) == len(stream)
