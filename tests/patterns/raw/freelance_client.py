"""A Freelance client, model one, after `flclient1` in chapter 4 of the ZeroMQ guide."""

import zmq


def ask(context, endpoints, request, timeout=1.0):
    """The reply of the first server that has one, and how many were waited for in vain."""
    for number, endpoint in enumerate(endpoints):
        with context.socket(zmq.REQ) as client:
            client.linger = 0
            client.connect(endpoint)
            client.send(request)
            if client.poll(timeout * 1000):
                return client.recv(), number
    return None, len(endpoints)
