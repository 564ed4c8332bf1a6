"""A step of a chain of PUSH and PULL: chapter 1 of the ZeroMQ guide, "Divide and Conquer"."""

import sys

import zmq
from noting import note_and_wait


def pusher(context, endpoints):
    """A socket that deals out what it sends to all of these, in turn."""
    socket = context.socket(zmq.PUSH)
    socket.linger = 0
    for endpoint in endpoints:
        socket.connect(endpoint)
    return socket


def work(context, endpoint, endpoints, handle):
    """Push on what `handle` makes of each message, for ever."""
    before = context.socket(zmq.PULL)
    before.bind(endpoint)
    behind = pusher(context, endpoints)
    while True:
        behind.send(handle(before.recv()))


def collect(socket, count, timeout=None):
    """The first so many messages, or those that came before the silence was too long."""
    messages = []
    while len(messages) < count and socket.poll(None if timeout is None else timeout * 1000):
        messages.append(socket.recv())
    return messages


if __name__ == "__main__":
    notes, go, endpoint, *endpoints = sys.argv[1:]
    work(zmq.Context(), endpoint, endpoints, lambda body: note_and_wait(body + b"'", notes, go))
