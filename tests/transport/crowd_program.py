"""A bound ROUTER with few descriptors, to which somebody is connected.

Says where it is bound. ``watched``: looks at its sockets until the door was shut and is open again,
says "open", waits for a line, lets one more in, and says what it saw. ``alone``: counts how often
libzmq tries to accept, up to a bound.
"""

import json
import resource
import selectors
import sys

import zmq

from zmqwork.transport import clock
from zmqwork.transport.descriptors import raise_descriptor_limit
from zmqwork.transport.errands import Errands
from zmqwork.transport.monitor import Monitor
from zmqwork.transport.router import Router

TRIES_MAX = 100_000


def say(what):
    print(json.dumps(what), flush=True)


def count_tries(monitor):
    tries = 0
    while tries < TRIES_MAX and monitor.ear.poll(20_000):
        tries += sum(1 for _ in monitor.news())
    return tries


def watch(visitors, selector, errands, ping):
    """Until the door was shut and is open again: failures by then, answers meanwhile.

    Failures are counted from when it was shut and nothing more was told of them.
    """
    crowd, failures, answers = visitors.crowd, None, 0
    while failures is None or crowd.is_shut:
        ready = selector.select(0.05)
        for key, _ in ready:
            key.data()
        errands.run_due(clock.now())
        if crowd.is_shut:
            answers += ping()
            if failures is None and not ready and errands.deadline() > clock.now():
                failures = crowd.refusals
    return failures, answers


def main():
    resource.setrlimit(resource.RLIMIT_NOFILE, (200, 200))
    raise_descriptor_limit()
    context = zmq.Context()
    selector = selectors.DefaultSelector()
    errands = Errands(selector)
    router = Router(context)
    bound = router._socket
    if sys.argv[1] == "alone":
        bound.setsockopt(zmq.BACKLOG, 16)
        monitor = Monitor(context, bound, zmq.EVENT_ACCEPT_FAILED)
        say(router.bind("tcp://127.0.0.1:*"))
        say(count_tries(monitor))
        return
    visitors = router.watch(context, errands)
    selector.register(visitors.fd, selectors.EVENT_READ, visitors.read)
    endpoint = router.bind("tcp://127.0.0.1:*")
    bound.setsockopt(zmq.RCVTIMEO, 20_000)
    # Its two descriptors are taken before the crowd comes.
    honest = context.socket(zmq.DEALER)
    honest.connect(endpoint)
    honest.send(b"here")
    link, _ = bound.recv_multipart()
    assert honest.recv() == b""

    def ping():
        bound.send_multipart([link, b"ping"])
        honest.send(honest.recv())
        return bound.recv_multipart() == [link, b"ping"]

    say(endpoint)
    failures, answers = watch(visitors, selector, errands, ping)
    say("open")
    sys.stdin.readline()
    newer = context.socket(zmq.DEALER)
    newer.connect(endpoint)
    newer.send(b"me, too")
    let_in = bound.recv_multipart()[1] == b"me, too"
    crowd = visitors.crowd
    say([crowd.times, crowd.refusals - failures, answers, let_in, ping()])
    router.close()
    context.destroy(0)


main()
