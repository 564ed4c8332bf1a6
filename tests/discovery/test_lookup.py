from __future__ import annotations

import importlib.util
import socket
import threading

import pytest

from zmqwork.discovery.lookup import Name, is_name, look_up, parse_name
from zmqwork.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("dns://localhost:7071", Name("dns://localhost:7071", "localhost", 7071)),
        ("DNS://a.b.example.:1", Name("DNS://a.b.example.:1", "a.b.example.", 1)),
        (
            "dns+srv://_zmqwork._tcp.example",
            Name("dns+srv://_zmqwork._tcp.example", "_zmqwork._tcp.example", 0),
        ),
    ],
)
def test_names(text, name):
    assert is_name(text)
    assert parse_name(text) == name


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("dns://localhost", "write dns://NAME:PORT"),
        ("dns://:7071", "write dns://NAME:PORT"),
        ("dns://a b:1", "write dns://NAME:PORT"),
        ("dns://-x:1", "write dns://NAME:PORT"),
        (f"dns://{'a.' * 200}a:1", "write dns://NAME:PORT"),
        (f"dns://{'a' * 64}:1", "write dns://NAME:PORT"),
        ("dns://h:http", "a port is a number"),
        ("dns://h:0", "a port is a number"),
        ("dns://h:65536", "a port is a number"),
        ("dns+srv://_zmqwork._tcp.example:5", "and no port"),
        ("dns+srv://", "and no port"),
    ],
)
def test_what_is_no_name_is_refused_with_the_cure(text, said):
    with pytest.raises(ConfigError, match=said):
        parse_name(text)


def test_srv_without_dnspython_says_what_to_install(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"pip install 'zmqwork\[dns\]'"):
        parse_name("dns+srv://_zmqwork._tcp.example")


def test_endpoints_are_none():
    assert not is_name("tcp://dns:1")
    assert not is_name("dns:1")


def test_localhost_is_found_through_the_system():
    assert "tcp://127.0.0.1:7071" in look_up(parse_name("dns://localhost:7071"))


def answer(monkeypatch, *hosts, error=None):
    def getaddrinfo(name, port, **_):
        if error is not None:
            raise error
        return [(0, 0, 0, "", (host, port)) for host in hosts]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def test_ipv4_comes_first_and_each_once(monkeypatch):
    answer(monkeypatch, "fd00::1", "10.0.0.2", "10.0.0.1", "10.0.0.2")
    assert look_up(Name("", "x", 5)) == (
        "tcp://10.0.0.2:5",
        "tcp://10.0.0.1:5",
        "tcp://[fd00::1]:5",
    )


def test_nobody_is_an_answer_and_a_broken_resolver_is_none(monkeypatch):
    answer(monkeypatch, error=socket.gaierror(socket.EAI_NONAME, "unknown"))
    assert look_up(Name("", "x", 5)) == ()
    answer(monkeypatch, error=UnicodeError("label too long"))
    assert look_up(Name("", "x", 5)) == ()
    answer(monkeypatch, error=socket.gaierror(socket.EAI_AGAIN, "try again"))
    with pytest.raises(OSError, match="try again"):
        look_up(Name("", "x", 5))


# -- SRV, from a DNS server of the test's own ------------------------------------------------


@pytest.fixture
def server(monkeypatch):
    """A DNS server on the loopback: what it answers stands in `zone`."""
    message = pytest.importorskip("dns.message")
    from dns import flags, rcode, resolver, rrset

    zone = {}
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind(("127.0.0.1", 0))

    def serve():
        while True:
            data, asker = listening.recvfrom(4096)
            if data == b"end":
                return
            query = message.from_wire(data)
            reply = message.make_response(query)
            reply.flags |= flags.RA
            (question,) = query.question
            found = zone.get(str(question.name))
            if found is None:
                reply.set_rcode(rcode.NXDOMAIN)
            elif found == "broken":
                reply.set_rcode(rcode.SERVFAIL)
            else:
                reply.answer.append(rrset.from_text(question.name, 1, "IN", "SRV", *found))
            listening.sendto(reply.to_wire(), asker)

    thread = threading.Thread(target=serve)
    thread.start()
    ours = resolver.Resolver(configure=False)
    ours.nameservers, ours.port = ["127.0.0.1"], listening.getsockname()[1]
    monkeypatch.setattr(resolver, "default_resolver", ours)
    yield zone
    listening.sendto(b"end", listening.getsockname())
    thread.join()
    listening.close()


def test_services_are_found_with_their_ports(server):
    server["_zmqwork._tcp.example."] = [
        "20 0 7072 localhost.",
        "10 0 7071 localhost.",
        "10 0 7073 .",
    ]
    found = look_up(parse_name("dns+srv://_zmqwork._tcp.example."))
    ipv4 = [endpoint for endpoint in found if "[" not in endpoint]
    assert ipv4 == ["tcp://127.0.0.1:7071", "tcp://127.0.0.1:7072"]


def test_no_service_is_an_answer_and_a_broken_server_is_none(server):
    assert look_up(parse_name("dns+srv://_none._tcp.example.")) == ()
    server["_broken._tcp.example."] = "broken"
    with pytest.raises(OSError, match="no SRV answer"):
        look_up(parse_name("dns+srv://_broken._tcp.example."))
