"""A Paranoid Pirate queue, after `ppqueue` in chapter 4 of the ZeroMQ guide."""

import sys
import time

import zmq

READY, HEARTBEAT = b"\x01", b"\x02"
INTERVAL, LIVENESS = 1.0, 3


def pass_on(clients_endpoint, workers_endpoint):
    """Give each request to the worker that has been ready for longest, for ever."""
    context = zmq.Context()
    clients, workers = context.socket(zmq.ROUTER), context.socket(zmq.ROUTER)
    clients.bind(clients_endpoint)
    workers.bind(workers_endpoint)
    ready = {}  # worker -> when it is given up, the one that is ready for longest first
    beat_at = time.monotonic() + INTERVAL
    while True:
        readable, _, _ = zmq.select([workers, clients] if ready else [workers], [], [], INTERVAL)
        if workers in readable:
            worker, *message = workers.recv_multipart()
            ready.pop(worker, None)
            ready[worker] = time.monotonic() + INTERVAL * LIVENESS
            if message not in ([READY], [HEARTBEAT]):
                clients.send_multipart(message)  # [client, b"", reply]
        if clients in readable:
            worker = next(iter(ready))
            del ready[worker]
            workers.send_multipart([worker, *clients.recv_multipart()])
        ready = {worker: at for worker, at in ready.items() if at > time.monotonic()}
        if time.monotonic() >= beat_at:
            beat_at += INTERVAL
            for worker in ready:
                workers.send_multipart([worker, HEARTBEAT])


if __name__ == "__main__":
    pass_on(*sys.argv[1:])
