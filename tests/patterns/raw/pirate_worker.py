"""A Paranoid Pirate worker, after `ppworker` in chapter 4 of the ZeroMQ guide."""

import sys
import threading
import time

import zmq
from noting import note_and_wait

READY, HEARTBEAT = b"\x01", b"\x02"
INTERVAL, LIVENESS = 1.0, 3


def connect(context, endpoint):
    """A new socket to the queue, which learns that this worker is ready."""
    queue = context.socket(zmq.DEALER)
    queue.linger = 0
    queue.connect(endpoint)
    queue.send(READY)
    return queue


def work(endpoint, handle):
    """Answer requests, for ever."""
    context = zmq.Context()
    queue, liveness, pause = connect(context, endpoint), LIVENESS, INTERVAL
    beat_at = time.monotonic() + INTERVAL
    while True:
        if queue.poll(INTERVAL * 1000):
            *envelope, body = queue.recv_multipart()
            liveness, pause = LIVENESS, INTERVAL
            if envelope:  # [client, b""]; a heartbeat has none
                queue.send_multipart([*envelope, handle(body)])
        else:
            liveness -= 1
            if not liveness:  # the queue is silent: back off, and begin anew
                queue.close()
                threading.Event().wait(pause)
                pause = min(2 * pause, 32)
                queue, liveness = connect(context, endpoint), LIVENESS
        if time.monotonic() >= beat_at:
            beat_at = time.monotonic() + INTERVAL
            queue.send(HEARTBEAT)


if __name__ == "__main__":
    endpoint, notes, go = sys.argv[1:]
    work(endpoint, lambda body: note_and_wait(body, notes, go))
