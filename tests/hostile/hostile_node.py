"""A worker as a user starts it, somebody honest who gives it work, and somebody who speaks by hand."""

import resource
import secrets
import socket
import subprocess
import sys
import threading
from pathlib import Path

import msgpack
import pytest
from hostile_app import app, echo
from zmtp import PATIENCE, Closed, Peer

from zmqwork.transport.endless import MESSAGE_BYTES_MAX
from zmqwork.wire import verbs as v

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KIB = 1024
RSS_GROWTH_MAX = 64 * 1024 * KIB
# Ours on the way to the limit; then libzmq's and the kernel's buffers.
ENOUGH = 24 * MESSAGE_BYTES_MAX


def until(happened, what, patience=PATIENCE):
    """Look again and again, for a bounded number of times."""
    pause = threading.Event()
    for _ in range(int(patience / 0.02)):
        found = happened()
        if found:
            return found
        pause.wait(0.02)
    return pytest.fail(f"in {patience} s it did not happen that {what}")


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as found:
        return found.getsockname()[1]


class Node:
    """A worker process. Its output is read all the time."""

    def __init__(self, realm, *words, descriptors=None):
        self.realm = realm
        self.honest = None
        self.endpoint = f"tcp://127.0.0.1:{free_port()}"
        command = [sys.executable, "-m", "zmqwork", "worker", "hostile_app:app", "-c", "1"]
        command += ["--realm", realm, "--bind", self.endpoint, *words]
        if descriptors is not None:
            command = ["sh", "-c", f'ulimit -n {descriptors}; exec "$@"', "sh", *command]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines = []
        self._reader = threading.Thread(target=lambda: self.lines.extend(self.process.stdout))
        self._reader.start()

    def is_up(self):
        return self.process.poll() is None

    def text(self):
        return "".join(self.lines)

    def rss(self):
        """Bytes of memory; those of its children are not its own."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * resource.getpagesize()

    def cpu_ticks(self):
        """Ticks (of 10 ms) that its threads ran."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def end(self):
        if self.is_up():
            self.process.kill()
        self.process.wait(PATIENCE)
        self._reader.join(PATIENCE)
        self.process.stdout.close()


class Honest:
    """A producer in this process, whose tasks all succeed, whatever else happens."""

    def __init__(self, node, *more):
        peers = [node.endpoint, *more]
        self.producer = app.producer(realm=node.realm, peers=peers, discovery="static")
        self.producer.start()
        self.work(1)

    def work(self, count=20):
        """Some tasks, and their results."""
        wanted = list(range(count))
        futures = [echo.submit(value) for value in wanted]
        assert [future.result(PATIENCE) for future in futures] == wanted

    def end(self):
        self.producer.stop()


class Speaker:
    """Says HELLO over a connection, then what it is told; knows docs/protocol.md alone.

    Args:
        peer: an open `zmtp.Peer`.
        realm: that of the node.
    """

    def __init__(self, peer, realm, *, role="producer", node_id=None, protocol=(1, 1)):
        self.peer = peer
        self.realm = realm
        self.number = 0
        self.seen = set()  # verbs that were passed over since the last `settle`
        self.node_id = node_id or secrets.token_hex(16)
        self.say(v.HELLO, 1, self.node_id, role, "hostile", realm, list(protocol), 0, 1.0)

    def say(self, verb, *fields, frames=()):
        """The next message."""
        self.number += 1
        self.peer.send(msgpack.packb([verb, self.number, *fields]), *frames)

    def hear(self, *wanted, answers=True):
        """Verb and fields of the next message of these verbs; PINGs are answered on the way.

        Not without `answers`: while somebody else is saying what has the numbers before.
        """
        for _ in range(10_000):
            frames = self.peer.receive()
            if frames == [b""]:
                continue  # the ROUTER's probe
            verb, _, *fields = msgpack.unpackb(frames[0], strict_map_key=False)
            if verb in wanted:
                return verb, fields
            self.seen.add(verb)
            if verb == v.PING and answers:
                self.say(v.PONG, fields[0])
        return pytest.fail(f"none of {wanted} came, but {self.seen}")

    def expect(self, verb):
        """The fields of the next message of this verb."""
        return self.hear(verb)[1]

    def refusal(self):
        """The code and the text of the next REFUSED."""
        return self.expect(v.REFUSED)

    def submit(self, name, *args, seq=1, attempt=1, options=None):
        """TASKS with one call."""
        call = msgpack.packb([list(args)])
        self.say(v.TASKS, [[name, options or {}, attempt, [seq], [call]]])

    def run(self, name, *args, seq=1):
        """The DONE of a call."""
        return self.take([name, {}, 1, [seq], [msgpack.packb([list(args)])]])

    def take(self, run):
        """The DONE of a run. (What exceeds the credit comes back: others have theirs, too.)"""
        for _ in range(1000):
            self.say(v.DEMAND, 3)
            while self.expect(v.CREDIT)[0] == 0:
                pass
            self.say(v.TASKS, [run])
            verb, fields = self.hear(v.DONE, v.RETURN)
            if verb == v.DONE:
                self.say(v.DONE_ACK, fields[0])
                return fields
            assert fields[0] == "over_credit", fields
        return pytest.fail("it never fitted into the credit")

    def settle(self):
        """Wait until all that was said so far was taken in."""
        self.seen.clear()
        self.say(v.PING, 77, 0.0)
        while self.expect(v.PONG)[0] != 77:
            pass


def speak(node, **options):
    """A connection, greeted and with a session."""
    return Speaker(Peer(node.endpoint).open(), node.realm, **options)


def send_for_ever(peer, size, rate=64 * 1024 * KIB):
    """Frames with MORE, until the connection is closed; how many bytes that took."""
    count = max(1, 128 * KIB // size)
    pause, sent = threading.Event(), 0
    while sent < ENOUGH:
        try:
            peer.write(b"".join(peer.pack(bytes(size), more=True) for _ in range(count)))
        except Closed:
            return sent
        sent += size * count
        pause.wait(size * count / rate)
    return pytest.fail(f"{sent} bytes of one message were taken")
