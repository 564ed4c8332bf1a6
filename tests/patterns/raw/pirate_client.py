"""A Lazy Pirate client, after `lpclient` in chapter 4 of the ZeroMQ guide."""

import zmq


def ask(context, endpoint, request, timeout=2.5, retries=3):
    """The reply, or None after so many tries."""
    for _ in range(retries):
        with context.socket(zmq.REQ) as client:
            client.linger = 0
            client.connect(endpoint)
            client.send(request)
            if client.poll(timeout * 1000):
                return client.recv()
        # No reply: this socket would refuse to send again. Close it, and try with a new one.
    return None
