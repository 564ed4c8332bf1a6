"""H04 to H06 against a node with keys: whoever has none is sent away before its first message."""

import pytest
from zmtp import Closed, command, frame, greeting, properties


@pytest.fixture(scope="module")
def worker(keyed):
    return keyed


@pytest.mark.parametrize("mechanism", [b"NULL", b"PLAIN", b"GSSAPI", b"", b"curve", b"X" * 20])
@pytest.mark.parametrize("server", [False, True])
def test_h04_another_mechanism(connect, node, mechanism, server):
    peer = connect()
    peer.write(greeting(mechanism, server=server))
    hello = command(b"READY", properties(Socket_Type=b"DEALER")) + frame(b"\x92\x01\x01")
    answer = peer.finish(hello)
    assert len(answer) <= 64, "no READY, no ERROR that says why, and no message"


def test_h05_a_password_is_of_no_use_and_in_no_log(connect, node, lab):
    peer = connect()
    peer.write(greeting(b"PLAIN"))
    secret = b"correct-horse"
    answer = peer.finish(command(b"HELLO", b"\5admin" + bytes([len(secret)]) + secret))
    assert len(answer) <= 64
    assert secret.decode() not in node.text()
    assert lab.audited("auth.accept"), "there is a log"
    assert all(secret.decode() not in str(record) for record in lab.audited("auth.deny"))


@pytest.mark.parametrize(
    "old",
    [
        b"\x01\x00" + b"\x05\x00hello" * 10,
        greeting()[:10] + b"\0\5\0\0" + b"\x05\x00hello" * 10,
        greeting()[:10] + b"\1\5\0\0" + b"\x00\x05hello" * 10,
        greeting(b"CURVE", version=(2, 0)) + b"\x00\x05hello" * 10,
    ],
    ids=["1.0", "1.1", "2.0", "curve of 2.0"],
)
def test_h06_an_old_version(connect, old):
    assert len(connect().finish(old)) <= 64


def test_h04_where_keys_are_asked_for_nothing_else_gets_to_a_handshake(connect):
    peer = connect()
    with pytest.raises(Closed):
        peer.open()
