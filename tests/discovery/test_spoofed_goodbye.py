"""H32: anybody can say goodbye for a node. It ends no session and costs no task."""

from __future__ import annotations

from mdns_ends import Stranger
from zeroconf import DNSPointer
from zeroconf.const import _CLASS_IN, _TYPE_PTR

from zmqwork.app import App
from zmqwork.discovery.advert import SERVICE_TYPE


def say_goodbye_for_all(stranger: Stranger, dialer) -> None:
    """All records of whom this node has found, with a time to live of nothing."""
    for key in dialer.peers:
        name = key.removeprefix("mdns:")
        label = name.removesuffix(f".{SERVICE_TYPE}")
        records = [DNSPointer(SERVICE_TYPE, _TYPE_PTR, _CLASS_IN, 0, name)]
        for it in stranger.node(label, b"")[1:]:
            it.ttl = 0
            records.append(it)
        stranger.send(*records)


def test_a_spoofed_goodbye_ends_no_session(realm, runtime, stranger, wait_until):
    app = App(realm, discovery="mdns")

    @app.task
    def double(number):
        return 2 * number

    # (What is said of a node of its own process a producer does not believe: so these two share no
    # station, as if they were two processes.)
    elsewhere = {"interface": "lo"}
    with app.worker(pool="thread", concurrency=1, **elsewhere), app.producer() as producer:
        wait_until(lambda: producer.workers_known() == 1, "the worker is known")
        assert double.submit(21).result(30) == 42
        dialer = producer._node._machine.dialer
        (peer,) = dialer.peers.values()
        link = peer.link
        say_goodbye_for_all(stranger, dialer)
        wait_until(lambda: peer.forgotten, "the goodbye was heard")
        assert [double.submit(number).result(30) for number in range(5)] == [0, 2, 4, 6, 8]
        assert (peer.state, peer.link) == ("alive", link), "it is the same session"
        assert dialer.counters.sessions == 1
        assert producer.workers_known() == 1
