"""The mechanism CURVE by hand (RFC 26): HELLO, WELCOME, INITIATE, READY, then MESSAGEs.

Each step is a method; each takes its parts as arguments, to be left as they are or lied about.
"""

from __future__ import annotations

import os
import struct

from nacl.bindings import crypto_box, crypto_box_keypair, crypto_box_open
from zmq.utils import z85
from zmtp import MORE, Frame, Peer, command, frame, properties, read_properties

_HELLO = b"CurveZMQHELLO---"
_WELCOME = b"WELCOME-"
_VOUCH = b"VOUCH---"
_INITIATE = b"CurveZMQINITIATE"
_READY = b"CurveZMQREADY---"
_OURS = b"CurveZMQMESSAGEC"
_THEIRS = b"CurveZMQMESSAGES"


class Denied(Exception):
    """The server said ERROR; the argument is its reason."""


class Pair:
    """A key pair; `of` takes the texts that zmqwork's keys are."""

    def __init__(self, public, secret):
        self.public = public
        self.secret = secret

    @classmethod
    def new(cls):
        return cls(*crypto_box_keypair())

    @classmethod
    def of(cls, public, secret):
        return cls(z85.decode(public), z85.decode(secret))


class CurvePeer(Peer):
    """A client with the mechanism CURVE.

    Args:
        endpoint: where.
        server: the public key of the server, 32 bytes.
        pair: our long-term key; None: one that nobody knows.
    """

    mechanism = b"CURVE"

    def __init__(self, endpoint, server, pair=None):
        super().__init__(endpoint)
        self.server = server
        self.pair = pair or Pair.new()
        self.session = Pair.new()  # of this connection
        self.server_session = b""
        self.cookie = b""
        self.nonce = 0

    def open(self):
        self.greet()
        self.write(self.hello())
        self.welcome()
        self.write(self.initiate())
        self.joined()
        return self

    def next_nonce(self):
        self.nonce += 1
        return struct.pack(">Q", self.nonce)

    def hello(self, *, version=b"\1\0", zeros=bytes(64), padding=bytes(72)):
        """The bytes of HELLO."""
        short = self.next_nonce()
        box = crypto_box(zeros, _HELLO + short, self.server, self.session.secret)
        return command(b"HELLO", version + padding + self.session.public + short + box)

    def welcome(self):
        """Take WELCOME in. `Denied`: the server said no."""
        data = self._answer(b"WELCOME")
        nonce, box = data[:16], data[16:]
        opened = crypto_box_open(box, _WELCOME + nonce, self.server, self.session.secret)
        self.server_session, self.cookie = opened[:32], opened[32:]

    def initiate(self, *, cookie=None, vouch_for=None, public=None, **metadata):
        """The bytes of INITIATE.

        Args:
            cookie: instead of the one that came with WELCOME.
            vouch_for: the session key for which the long-term key speaks; None: ours.
            public: the long-term key that is claimed; None: ours.
            metadata: beside Socket-Type.
        """
        vouch_nonce = os.urandom(16)
        vouched = (vouch_for or self.session.public) + self.server
        vouch = crypto_box(vouched, _VOUCH + vouch_nonce, self.server_session, self.pair.secret)
        content = (public or self.pair.public) + vouch_nonce + vouch
        content += properties(**{"Socket_Type": b"DEALER"} | metadata)
        short = self.next_nonce()
        box = crypto_box(content, _INITIATE + short, self.server_session, self.session.secret)
        return command(b"INITIATE", (cookie or self.cookie) + short + box)

    def joined(self):
        """Take READY in, and return its properties. `Denied`: the server said no."""
        data = self._answer(b"READY")
        return read_properties(self._open(data[8:], _READY + data[:8]))

    def pack(self, body, *, more=False, command=False):
        """A frame as a MESSAGE."""
        return self.message(bytes([MORE * more | (2 * command)]) + body)

    def message(self, content, *, nonce=None):
        """The bytes of a MESSAGE: `content` is a byte of flags, and a body."""
        short = nonce or self.next_nonce()
        box = crypto_box(content, _OURS + short, self.server_session, self.session.secret)
        return frame(b"\7MESSAGE" + short + box)

    def next_frame(self):
        got = self.read_frame().body
        assert got.startswith(b"\7MESSAGE"), got[:40]
        content = self._open(got[16:], _THEIRS + got[8:16])
        return Frame(content[1:], bool(content[0] & 1), bool(content[0] & 2))

    def _open(self, box, nonce):
        return crypto_box_open(box, nonce, self.server_session, self.session.secret)

    def _answer(self, wanted):
        """The data of the next command, which is this one, or an ERROR."""
        got = self.read_frame()
        assert got.command, got
        end = 1 + got.body[0]
        name, data = got.body[1:end], got.body[end:]
        if name == b"ERROR":
            raise Denied(data[1 : 1 + data[0]].decode())
        assert name == wanted, name
        return data
