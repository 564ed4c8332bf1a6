"""H10: a frame that claims more bytes than a frame may have."""

import pytest
from zmtp import Peer, command, frame

from zmqwork.transport.options import FRAME_BYTES_MAX

MIB = 1024 * 1024
CLAIMS = [2**63, 2**64 - 1, 2**63 - 1, 100 * MIB, FRAME_BYTES_MAX + 1]


@pytest.mark.parametrize("claims", CLAIMS)
def test_h10_before_the_handshake(connect, claims):
    permitted, peer = connect(), connect()
    for one, claim in ((permitted, FRAME_BYTES_MAX), (peer, claims)):
        one.greet()
        one.write(frame(claims=claim, long=True, command=True))
    peer.wait_closed()
    # Both would end after some seconds of silence: the claim is what has ended this one.
    assert permitted.is_open()


@pytest.mark.parametrize("claims", CLAIMS)
@pytest.mark.parametrize("options", [{}, {"more": True}, {"command": True}])
def test_h10_after_it(connect, claims, options):
    permitted, peer = connect().open(), connect().open()
    for one, claim in ((permitted, FRAME_BYTES_MAX), (peer, claims)):
        one.write(frame(claims=claim, long=True, **options))
    peer.wait_closed()
    assert permitted.is_open()


def test_h10_a_large_claim_takes_no_memory_before_its_bytes_come(node):
    """128 connections that claim 8 MiB each, and send nothing of it."""
    before = node.rss()
    peers = [Peer(node.endpoint).open() for _ in range(128)]
    for peer in peers:
        peer.write(frame(claims=FRAME_BYTES_MAX, long=True))
    for peer in peers:
        peer.write(b"x")
    grown = node.rss() - before
    for peer in peers:
        peer.close()
    assert grown < 64 * MIB


@pytest.mark.parametrize("flags", [0x08, 0x10, 0x80, 0xFF, 0x05])
def test_h10_flags_that_no_frame_has(connect, flags):
    connect().open().finish(frame(b"x" * 8, flags=flags) * 1000)


@pytest.mark.parametrize("name", [b"", b"READY", b"ERROR", b"SUBSCRIBE", b"PING", b"x" * 255])
def test_h10_commands_out_of_order(connect, name):
    connect().open().finish(command(name, b"\0" * 4) * 100)
