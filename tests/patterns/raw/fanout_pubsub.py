"""A publisher, and its subscribers: chapter 1 of the ZeroMQ guide, "Getting the Message Out"."""

import os
import sys

import zmq
from noting import note


def publisher(context, endpoint):
    """A socket that tells everybody who is connected."""
    socket = context.socket(zmq.PUB)
    socket.linger = 0
    socket.bind(endpoint)
    return socket


def subscribe(context, endpoint, handle):
    """Do what is told, for ever."""
    socket = context.socket(zmq.SUB)
    socket.connect(endpoint)
    socket.subscribe(b"")
    while True:
        handle(socket.recv())


if __name__ == "__main__":
    endpoint, notes = sys.argv[1:]
    subscribe(zmq.Context(), endpoint, lambda told: note(notes, f"{os.getpid()} {told.decode()}"))
