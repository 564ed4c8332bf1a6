from __future__ import annotations

import pytest

from zmqwork.discovery.static import PEERS_MAX, parse_peer, parse_peers, peers_of_environment
from zmqwork.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "endpoint"),
    [
        ("tcp://127.0.0.1:7071", "tcp://127.0.0.1:7071"),
        (" gpu-1:7071 ", "tcp://gpu-1:7071"),
        ("TCP://gpu-1.lan:007071", None),
        ("TCP://gpu-1.lan:07071", "tcp://gpu-1.lan:7071"),
        ("[::1]:7071", "tcp://[::1]:7071"),
        ("tcp://[fe80::1%eth0]:1", "tcp://[fe80::1%eth0]:1"),
        ("ipc:///tmp/x.sock", "ipc:///tmp/x.sock"),
    ],
)
def test_forms_of_an_endpoint(text, endpoint):
    if endpoint is None:
        with pytest.raises(ConfigError):
            parse_peer(text)
    else:
        assert parse_peer(text) == endpoint


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("gpu-1", "no port: write tcp://gpu-1:PORT"),
        ("tcp://gpu-1:", "no port"),
        ("tcp://gpu-1:http", "from 1 to 65535, not 'http'"),
        ("tcp://gpu-1:0", "from 1 to 65535"),
        ("tcp://gpu-1:65536", "from 1 to 65535"),
        ("tcp://gpu-1:٣", "from 1 to 65535"),
        ("tcp://gpu-1:" + "9" * 5000, "from 1 to 65535"),
        ("tcp://*:7071", "name a host"),
        ("http://gpu-1:80", "http:// is not spoken here"),
        ("::1:7071", "IPv6"),
        ("tcp://gpu 1:7", "HOST:PORT"),
        ("", "HOST:PORT"),
        ("tcp://", "HOST:PORT"),
        ("ipc://tmp/x", "starts with a slash"),
        ("ipc://@name", "starts with a slash"),
        ("ipc:///" + "x" * 107, "107 bytes"),
    ],
)
def test_what_is_no_endpoint_is_refused_with_the_cure(text, says):
    with pytest.raises(ConfigError, match="peer") as caught:
        parse_peer(text)
    assert says in str(caught.value)


def test_several_in_one_option_and_each_once():
    assert parse_peers(["a:1, b:2", "tcp://a:1 c:3", ""]) == (
        "tcp://a:1",
        "tcp://b:2",
        "tcp://c:3",
    )


def test_the_number_is_bounded():
    with pytest.raises(ConfigError, match=str(PEERS_MAX)):
        parse_peers([f"host:{port}" for port in range(1, PEERS_MAX + 2)])


def test_the_environment_is_read_and_named_in_the_error(monkeypatch):
    monkeypatch.setenv("ZMQWORK_PEERS", "a:1,b:2")
    assert peers_of_environment() == ("tcp://a:1", "tcp://b:2")
    monkeypatch.setenv("ZMQWORK_PEERS", "a")
    with pytest.raises(ConfigError, match="ZMQWORK_PEERS: peer 'a' has no port"):
        peers_of_environment()
    monkeypatch.delenv("ZMQWORK_PEERS")
    assert peers_of_environment() == ()
