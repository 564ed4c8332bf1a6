"""All descriptors are taken: libzmq by itself spins; a `Crowd` shuts the door, and opens it again."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = Path(__file__).with_name("crowd_program.py")
# More than it has descriptors, those in reserve, and places in its queue.
KNOCKS = 400
# A queue that is full for a moment is no shut door.
MISSED = 10


class Program:
    def __init__(self, mode):
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.host, port = self.read().removeprefix("tcp://").split(":")
        self.port = int(port)

    def read(self):
        return json.loads(self.process.stdout.readline())

    def write_line(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def crowd(self, held):
        """Connect again and again, until the kernel lets nobody in any more."""
        missed = 0
        while missed < MISSED:
            assert len(held) < KNOCKS
            try:
                held.append(socket.create_connection((self.host, self.port), 0.2))
                missed = 0
            except TimeoutError:
                missed += 1


@pytest.fixture
def program():
    made = []

    def start(mode):
        made.append(Program(mode))
        return made[-1]

    yield start
    for one in made:
        one.process.kill()
        one.process.communicate()


@pytest.fixture
def crowd():
    """Connections; closed at the end."""
    held = []
    yield held
    for one in held:
        one.close()


def test_libzmq_by_itself_tries_for_ever(program, crowd):
    """If this fails, libzmq has been mended, and `crowding` is not needed any more."""
    alone = program("alone")
    alone.crowd(crowd)
    assert alone.read() >= 100_000, "while nobody came or went"


def test_a_crowd_is_left_outside_and_who_is_inside_goes_on(program, crowd):
    watched = program("watched")
    watched.crowd(crowd)
    # Those who got in and say nothing are sent away by libzmq's HANDSHAKE_IVL.
    assert watched.read() == "open"
    for one in crowd:
        one.close()
    watched.write_line()
    times, tries, answers, let_in, still_there = watched.read()
    assert times == 1
    assert tries == 0, "once the door was shut libzmq had nothing to try"
    assert answers > 0, "who was there was answered all the time"
    assert let_in
    assert still_there
