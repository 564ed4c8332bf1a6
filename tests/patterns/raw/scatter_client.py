"""A DEALER that deals out parts to REP servers: chapter 3 of the ZeroMQ guide, "DEALER to REP"."""

import zmq


def gather(context, endpoints, parts, timeout=None):
    """The results in order; None for those that did not come before the silence was too long."""
    results = [None] * len(parts)
    with context.socket(zmq.DEALER) as dealer:
        dealer.linger = 0
        for endpoint in endpoints:
            dealer.connect(endpoint)
        for number, part in enumerate(parts):
            dealer.send_multipart([b"", b"%d" % number, part])
        for _ in parts:
            if not dealer.poll(None if timeout is None else timeout * 1000):
                break
            _, number, result = dealer.recv_multipart()
            results[int(number)] = result
    return results
