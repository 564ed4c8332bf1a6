"""H06: ZMTP before version 3.

Without keys libzmq speaks the old versions, too; nothing depends on the version of a peer, for all
that counts is in the messages. (With keys it refuses them: there is no CURVE before 3.0.)
"""

import pytest
from hostile_node import Speaker
from zmtp import Peer, greeting

from zmqwork.wire import verbs as v


class OldPeer(Peer):
    """ZMTP 2.0: a socket type instead of a mechanism, and an identity instead of READY."""

    def open(self):
        dealer = 5
        self.write(greeting()[:10] + bytes([1, dealer]) + b"\0\0")
        assert self.read(10)[0] == 0xFF
        self.read(2)  # the revision, and the socket type
        self.read(self.read(2)[1])  # the identity
        return self


def test_h06_zmtp_2_is_served_as_any_other(connect, node):
    speaker = Speaker(connect(OldPeer).open(), node.realm)
    assert speaker.expect(v.WELCOME)
    assert speaker.run("echo", "old")[1] == [1]


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x01\x00",  # ZMTP 1.0: an empty identity, and then
        b"\x01\x00" + b"\x05\x00junk" * 1000,
        b"\x01\x00" + b"\xff\x7f\xff\xff\xff\xff\xff\xff\xff\x00",  # a length of 2^63 - 1
        b"\x00" * 64,
        greeting(version=(0, 0)),
        greeting(version=(9, 9)),
        greeting(signature=b"\xff" * 10),
        greeting(signature=b"\xff" + bytes(9)),
    ],
)
def test_h06_what_looks_like_an_old_version(connect, garbage):
    connect().finish(garbage)
