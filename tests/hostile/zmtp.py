"""A ZMTP 3.1 peer by hand (RFC 37): libzmq sends nothing illegal, and this sends what it is told.

`Peer` is a connection whose every step is a method of its own, so that a test may leave one out,
repeat it, or send something else. ::

    peer = Peer(endpoint)
    peer.greet()
    peer.ready()
    peer.send(b"frame 0", b"frame 1")
    peer.receive()  # the frames of the next message; heartbeats are answered on the way

Nothing here checks what it sends. What it reads is checked: the node must stay within the protocol.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from typing import NamedTuple

# Far above what anything here takes: a wait that reaches it is a failure.
PATIENCE = 30.0

MORE, LONG, COMMAND = 1, 2, 4


class Closed(Exception):
    """The other side has closed the connection."""


class Frame(NamedTuple):
    """One frame as it came."""

    body: bytes
    more: bool
    command: bool


def greeting(
    mechanism=b"NULL", version=(3, 1), *, server=False, signature=b"\xff\0\0\0\0\0\0\0\1\x7f"
):
    """The 64 bytes with which both sides begin."""
    return signature + bytes(version) + mechanism.ljust(20, b"\0") + bytes([server]) + bytes(31)


def frame(body=b"", *, more=False, command=False, long=None, claims=None, flags=None):
    """A frame.

    Args:
        body: what follows its head.
        more, command: flags.
        long: whether its length has eight bytes; None: if it must.
        claims: the length that its head tells; None: the true one.
        flags: all flags as one number, whatever the other arguments say.
    """
    length = len(body) if claims is None else claims
    long = length > 255 if long is None else long
    bits = MORE * more + LONG * long + COMMAND * command if flags is None else flags
    return bytes([bits]) + struct.pack(">Q" if long else ">B", length) + body


def command(name, data=b"", **options):
    """A command frame."""
    return frame(bytes([len(name)]) + name + data, command=True, **options)


def properties(**values):
    """The metadata of READY and INITIATE; underscores in a name stand for dashes."""
    out = b""
    for name, value in values.items():
        key = name.replace("_", "-").encode()
        out += bytes([len(key)]) + key + struct.pack(">I", len(value)) + value
    return out


def read_properties(data):
    """The other way."""
    out = {}
    while data:
        name, data = data[1 : 1 + data[0]], data[1 + data[0] :]
        (length,) = struct.unpack_from(">I", data)
        out[name.decode()], data = data[4 : 4 + length], data[4 + length :]
    return out


def connect(endpoint, patience):
    """A plain socket to ``tcp://HOST:PORT`` or ``ipc:///PATH``."""
    scheme, _, place = endpoint.partition("://")
    if scheme == "ipc":
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        made.settimeout(patience)
        made.connect(place)
        return made
    host, _, port = place.rpartition(":")
    return socket.create_connection((host.strip("[]"), int(port)), patience)


class Wire:
    """A connection, and bytes: no protocol yet."""

    def __init__(self, endpoint, *, patience=PATIENCE):
        self.socket = connect(endpoint, patience)
        self._lock = threading.Lock()

    def write(self, data):
        """Send bytes, in one piece also if another thread sends. `Closed`: nobody takes them."""
        try:
            with self._lock:
                self.socket.sendall(data)
        except (BrokenPipeError, ConnectionResetError):
            raise Closed from None

    def read(self, count):
        """So many bytes. `Closed`: they do not come any more."""
        data = b""
        while len(data) < count:
            try:
                piece = self.socket.recv(count - len(data))
            except ConnectionResetError:
                raise Closed from None
            if not piece:
                raise Closed
            data += piece
        return data

    def wait_closed(self):
        """Wait until the other side closes; all bytes that it sends before."""
        data = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := self.socket.recv(65_536):
                data += piece
        return data

    def is_open(self):
        """Whether the other side has not closed yet; what it has sent is passed over."""
        patience = self.socket.gettimeout()
        self.socket.setblocking(False)
        try:
            while self.socket.recv(65_536):
                pass
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        finally:
            self.socket.settimeout(patience)
        return False

    def finish(self, data=b""):
        """Send bytes and our end of the connection, if it lasts so long; what comes until theirs."""
        try:
            self.write(data)
            self.socket.shutdown(socket.SHUT_WR)
        except (Closed, OSError):
            return b""
        return self.wait_closed()

    def close(self):
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Peer(Wire):
    """A peer with the mechanism NULL: `greet`, `ready`, then messages."""

    mechanism = b"NULL"

    def greet(self, **options):
        """Send our greeting, and return theirs: (version, mechanism)."""
        self.write(greeting(**{"mechanism": self.mechanism} | options))
        return self.greeted()

    def greeted(self):
        """Their greeting."""
        theirs = self.read(64)
        assert (theirs[0], theirs[9]) == (0xFF, 0x7F), theirs[:10]
        return tuple(theirs[10:12]), theirs[12:32].rstrip(b"\0")

    def ready(self, **metadata):
        """Send READY, and return the properties of theirs."""
        self.write(command(b"READY", properties(**{"Socket_Type": b"DEALER"} | metadata)))
        return read_properties(self.expect(b"READY"))

    def open(self):
        """All that comes before messages."""
        self.greet()
        self.ready()
        return self

    def read_frame(self):
        """The next frame."""
        flags = self.read(1)[0]
        assert not flags & ~(MORE | LONG | COMMAND), f"flags {flags:#x}"
        (length,) = struct.unpack(">Q", self.read(8)) if flags & LONG else self.read(1)
        return Frame(self.read(length), bool(flags & MORE), bool(flags & COMMAND))

    def expect(self, name):
        """The data of the next command, which must be this one."""
        got = self.read_frame()
        assert got.command, got
        end = 1 + got.body[0]
        assert got.body[1:end] == name, got.body[:40]
        return got.body[end:]

    def send(self, *frames):
        """A message."""
        last = len(frames) - 1
        self.write(b"".join(self.pack(body, more=n < last) for n, body in enumerate(frames)))

    def receive(self):
        """The frames of the next message; their heartbeats are answered."""
        frames = []
        while True:
            got = self.next_frame()
            if not got.command:
                frames.append(got.body)
                if not got.more:
                    return frames
            elif got.body.startswith(b"\4PING"):
                self.write(self.pack(b"\4PONG" + got.body[7:], command=True))

    # What a mechanism does to each frame.

    def pack(self, body, *, more=False, command=False):
        """A frame on its way out."""
        return frame(body, more=more, command=command)

    def next_frame(self):
        """A frame on its way in."""
        return self.read_frame()
