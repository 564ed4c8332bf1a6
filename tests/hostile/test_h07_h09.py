"""H07 to H09: CURVE handshakes that stop, lie, or come with the wrong key."""

import pytest
from hostile_node import Speaker, until
from nacl.exceptions import CryptoError
from zmq.utils import z85
from zmtp import Closed, command
from zmtp_curve import Denied, Pair

from zmqwork.security.pairs import fingerprint
from zmqwork.wire import verbs as v


@pytest.fixture(scope="module")
def worker(keyed):
    return keyed


@pytest.fixture(scope="module")
def producer(lab):
    """A member that may be a producer."""
    return lab.member("producer")


@pytest.fixture
def dial(lab, node):
    made = []

    def make(pair=None):
        made.append(lab.peer(node, pair))
        return made[-1]

    yield make
    for peer in made:
        peer.close()


@pytest.fixture
def shaken(dial, producer):
    """A peer that was greeted with WELCOME."""

    def make():
        peer = dial(producer[0])
        peer.greet()
        peer.write(peer.hello())
        peer.welcome()
        return peer

    return make


def is_refused(peer):
    """Wait until it is closed; True if it got neither READY nor a message."""
    try:
        peer.joined()
    except (Closed, Denied):
        return True
    return False


def test_a_member_by_hand_is_served(dial, node, lab, producer):
    """What this client does is right: only what it leaves out or lies about can be why not."""
    pair, key, name = producer
    until(lambda: joins(dial, pair), "the node has the new roster")
    someone = Speaker(dial(pair).open(), node.realm)
    assert someone.expect(v.WELCOME)
    assert someone.run("echo", "by hand")[1] == [1]
    noted = {"fingerprint": key, "member": name}
    until(lambda: joins(dial, pair) and lab.audited("auth.accept", **noted), "it is noted")


def joins(dial, pair):
    """Whether this key is let in now."""
    try:
        dial(pair).open()
    except Closed:
        return False
    except Denied as error:
        return str(error) != "400"  # no more is said
    return True


def test_h07_a_hello_and_nothing_more(dial):
    peers = [dial() for _ in range(100)]
    for peer in peers:
        peer.greet()
        peer.write(peer.hello())
        peer.welcome()
    for peer in peers:
        assert peer.wait_closed() == b""


def test_h07_hellos_again_and_again(dial):
    peer = dial()
    peer.greet()
    hello = peer.hello()
    peer.finish(hello * 1000)
    for _ in range(300):
        again = dial()
        again.greet()
        again.write(hello)  # the very same one
        with pytest.raises(CryptoError):
            again.welcome()  # it is for the session that has been: nothing can be done with it
        again.close()


@pytest.mark.parametrize(
    "lie",
    [
        {"version": b"\2\0"},
        {"zeros": bytes(63)},
        {"padding": bytes(71)},
        {"padding": bytes(500)},
    ],
    ids=str,
)
def test_h07_a_hello_that_is_none(dial, lie):
    peer = dial()
    peer.greet()
    peer.write(peer.hello(**lie))
    with pytest.raises((Closed, Denied)):
        peer.welcome()


def test_h08_a_key_that_nobody_knows(dial, lab):
    stranger = Pair.new()
    noted = {"fingerprint": fingerprint_of(stranger), "reason": "unknown"}
    until(
        lambda: not joins(dial, stranger) and lab.audited("auth.deny", **noted), "it is noted, too"
    )


def fingerprint_of(pair):
    return fingerprint(z85.encode(pair.public).decode())


def test_h09_a_key_that_is_revoked(dial, lab, node):
    pair, key, name = lab.member("producer")
    until(lambda: joins(dial, pair), "the node has the new roster")
    someone = Speaker(dial(pair).open(), node.realm)
    someone.expect(v.WELCOME)
    lab.revoke(name)
    someone.refusal()
    someone.peer.wait_closed()
    until(
        lambda: (
            not joins(dial, pair) and lab.audited("auth.deny", fingerprint=key, reason="revoked")
        ),
        "it is not let in any more, and why is noted",
    )


def test_h08_a_role_that_may_not_dial_a_worker(dial, lab):
    pair, _, name = lab.member("worker")
    until(
        lambda: (
            not joins(dial, pair)
            and lab.audited("auth.deny", member=name, reason="its roles are worker")
        ),
        "the node has the new roster, and notes it",
    )


LIES = {
    "a cookie of another connection": lambda peer, other: peer.initiate(cookie=other.cookie),
    "a cookie that was changed": lambda peer, _: peer.initiate(
        cookie=peer.cookie[:-1] + bytes([peer.cookie[-1] ^ 1])
    ),
    "a key that is not ours": lambda peer, _: peer.initiate(public=Pair.new().public),
    "a vouch for another session": lambda peer, _: peer.initiate(vouch_for=Pair.new().public),
    "cut": lambda peer, _: peer.initiate()[:100],
    "READY in place of it": lambda peer, _: command(b"READY", b""),
    "a message in place of it": lambda peer, _: peer.message(b"\0hello"),
    "metadata without end": lambda peer, _: peer.initiate(X=bytes(60_000)),
    "a socket type that does not fit": lambda peer, _: peer.initiate(Socket_Type=b"PUB"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_h08_an_initiate_that_lies(shaken, lie):
    peer, other = shaken(), shaken()
    data = lie(peer, other)
    try:
        peer.write(data)
        peer.socket.shutdown(1)
    except (Closed, OSError):
        return
    assert is_refused(peer)


@pytest.mark.parametrize("way", ["an old nonce", "a bit turned over", "no message", "short"])
def test_h08_messages_that_are_not_ours(dial, node, producer, way):
    peer = dial(producer[0]).open()
    Speaker(peer, node.realm).expect(v.WELCOME)
    good = peer.message(b"\0hello")
    data = {
        "an old nonce": peer.message(b"\0hello", nonce=bytes(7) + b"\1"),
        "a bit turned over": good[:-1] + bytes([good[-1] ^ 1]),
        "no message": command(b"HELLO", b"x" * 194),
        "short": good[:1] + bytes([20]) + good[2:22],
    }[way]
    peer.write(data)
    peer.wait_closed()
