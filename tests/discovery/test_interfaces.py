from __future__ import annotations

import ipaddress
from ipaddress import IPv4Network

import ifaddr
import pytest

from zmqwork.discovery import interfaces
from zmqwork.discovery.interfaces import Address, Interfaces, is_near, reachable_at
from zmqwork.errors import ConfigError, InsecureBind

LOOPBACK = Address("lo", "127.0.0.1", IPv4Network("127.0.0.0/8"))
UP, RUNNING, MULTICAST, POINT_TO_POINT = 0x1, 0x40, 0x1000, 0x10
GOOD = UP | RUNNING | MULTICAST


def address(name, ip, prefix=24):
    return Address(name, ip, IPv4Network((ip, prefix), strict=False))


@pytest.fixture
def machine(monkeypatch):
    """A machine with these interfaces: name -> (address, flags)."""

    def machine(**there):
        found = [LOOPBACK, *(address(name, ip) for name, (ip, _) in there.items())]
        monkeypatch.setattr(interfaces, "_all_addresses", lambda: found)
        flags = {"lo": UP | RUNNING} | {name: flags for name, (_, flags) in there.items()}
        monkeypatch.setattr(interfaces, "_flags", flags.get)

    return machine


def test_the_loopback_of_this_machine_is_found_up():
    assert LOOPBACK in Interfaces().now()
    assert all(found.is_loopback for found in Interfaces().now())
    assert Interfaces().default_bind == ("tcp://127.0.0.1:*",)
    assert Interfaces(["lo"]).now() == Interfaces(["127.0.0.1"]).now()


def test_a_name_that_is_none_names_the_nearest(machine):
    machine(wlan0=("10.0.0.1", GOOD))
    with pytest.raises(ConfigError, match=r"no interface 'wlan1'.*did you mean wlan0\?"):
        Interfaces(["wlan1"])
    with pytest.raises(ConfigError, match="there is lo, wlan0"):
        Interfaces(["xyz"])


def test_a_network_needs_to_be_permitted(machine):
    machine(eth0=("10.0.0.1", GOOD))
    with pytest.raises(InsecureBind, match="refusing to use the interface eth0") as refused:
        Interfaces(["eth0"])
    for word in (
        "zmqwork keys init",
        "zmqwork keys add NODE --role worker,sink,observer -o NODE.zwk",
        "zmqwork keys join NODE.zwk",
        "--interface lo",
        "--insecure-lan",
    ):
        assert word in str(refused.value)
    with pytest.raises(InsecureBind):
        Interfaces(["lo", "10.0.0.1"])
    chosen = Interfaces(["eth0"], insecure_lan=True)
    assert [found.ip for found in chosen.now()] == ["10.0.0.1"]
    assert chosen.default_bind == ("tcp://10.0.0.1:*",)


def test_the_network_is_what_is_up_and_no_bridge_of_containers(machine):
    machine(
        eth0=("10.0.0.1", GOOD),
        wlan0=("10.0.1.1", GOOD),
        eth1=("10.0.2.1", MULTICAST),
        eth2=("10.0.3.1", UP | MULTICAST),
        eth3=("10.0.4.1", UP | RUNNING),
        ppp0=("10.0.5.1", GOOD | POINT_TO_POINT),
        docker0=("172.17.0.1", GOOD),
        vethab12=("10.0.6.1", GOOD),
        virbr0=("10.0.7.1", GOOD),
        tun0=("10.0.8.1", GOOD),
        **{"br-abc": ("10.0.9.1", GOOD)},
    )
    chosen = Interfaces(insecure_lan=True)
    assert [str(found) for found in chosen.now()] == ["eth0 10.0.0.1", "wlan0 10.0.1.1"]
    assert chosen.default_bind == ("tcp://0.0.0.0:*",)
    assert [found.ip for found in Interfaces(["docker0"], insecure_lan=True).now()] == [
        "172.17.0.1"
    ]


def test_with_keys_the_network_is_permitted(machine):
    machine(eth0=("10.0.0.1", GOOD), docker0=("172.17.0.1", GOOD))
    chosen = Interfaces(keyed=True)
    assert [str(found) for found in chosen.now()] == ["eth0 10.0.0.1"], "and no loopback"
    assert chosen.default_bind == ("tcp://0.0.0.0:*",)
    assert [found.ip for found in Interfaces(["eth0"], keyed=True).now()] == ["10.0.0.1"]
    assert [found.ip for found in Interfaces(["lo"], keyed=True).now()] == ["127.0.0.1"]
    assert Interfaces(["lo"], keyed=True).default_bind == ("tcp://127.0.0.1:*",)


def test_what_goes_down_is_left_out_and_comes_back(machine):
    machine(eth0=("10.0.0.1", GOOD))
    chosen = Interfaces(["eth0"], insecure_lan=True)
    machine(eth0=("10.0.0.1", MULTICAST))
    assert chosen.now() == ()
    assert chosen.default_bind == ("tcp://10.0.0.1:*",), "it may come up"
    machine()
    assert chosen.now() == ()
    machine(eth0=("10.0.0.2", GOOD))
    assert [found.ip for found in chosen.now()] == ["10.0.0.2"]


def test_the_addresses_are_bounded(machine):
    machine(**{f"eth{n}": (f"10.0.{n}.1", GOOD) for n in range(30)})
    assert len(Interfaces(insecure_lan=True).now()) == interfaces.ADDRESSES_MAX


def test_flags_of_an_interface_that_has_gone():
    assert interfaces._flags("gone0") == 0
    assert interfaces._flags("lo") & UP


def test_networks_are_those_of_the_system():
    known = {ip.ip for adapter in ifaddr.get_adapters() for ip in adapter.ips if ip.is_IPv4}
    found = interfaces._all_addresses()
    assert {it.ip for it in found} == known
    assert all(ipaddress.IPv4Address(it.ip) in it.network for it in found)


@pytest.mark.parametrize(
    ("host", "networks", "near"),
    [
        ("10.0.0.7", ["10.0.0.1/24"], True),
        ("10.0.0.1", ["10.0.0.1/24"], True),  # this machine's own: two nodes are on it
        ("10.0.1.7", ["10.0.0.1/24"], False),
        ("10.0.1.7", ["10.0.0.1/24", "10.0.1.1/24"], True),
        ("8.8.8.8", ["10.0.0.1/24"], False),
        # The network itself, and its broadcast; a link of two has neither.
        ("10.0.0.0", ["10.0.0.1/24"], False),
        ("10.0.0.255", ["10.0.0.1/24"], False),
        ("10.0.0.255", ["10.0.0.1/23"], True),
        ("10.0.0.0", ["10.0.0.1/31"], True),
        ("10.0.0.1", ["10.0.0.1/32"], True),
        ("255.255.255.255", ["10.0.0.1/0"], False),
        # Groups, "any", and what has no use.
        ("224.0.0.251", ["10.0.0.1/0"], False),
        ("239.1.1.1", ["10.0.0.1/0"], False),
        ("240.0.0.1", ["10.0.0.1/0"], False),
        ("0.0.0.0", ["10.0.0.1/0"], False),
        ("0.0.0.7", ["10.0.0.1/0"], False),
        # The loopback, for those who are on nothing else.
        ("127.0.0.1", ["127.0.0.1/8"], True),
        ("127.0.3.1", ["127.0.0.1/8"], True),
        ("127.255.255.255", ["127.0.0.1/8"], False),
        ("127.0.0.1", ["127.0.0.1/8", "10.0.0.1/24"], False),
        ("127.0.0.1", ["10.0.0.1/0"], False),
        ("10.0.0.7", ["127.0.0.1/8", "10.0.0.1/24"], True),
        ("127.0.0.1", [], False),
        # Link-local, for those who are there themselves; never a cloud's secrets.
        ("169.254.3.4", ["169.254.1.1/16"], True),
        ("169.254.3.4", ["10.0.0.1/0"], False),
        ("169.254.3.4", ["10.0.0.1/0", "169.254.1.1/16"], True),
        ("169.254.169.254", ["169.254.1.1/16"], False),
        ("169.254.169.254", ["10.0.0.1/0"], False),
        # No IPv4 address, or written as none.
        ("fd00:ec2::254", ["10.0.0.1/0"], False),
        ("::ffff:10.0.0.7", ["10.0.0.1/24"], False),
        ("010.0.0.7", ["10.0.0.1/24"], False),
        ("10.7", ["10.0.0.1/24"], False),
        ("", ["10.0.0.1/24"], False),
    ],
)
def test_where_a_record_may_send_us(host, networks, near):
    own = [address("eth0", *network.split("/")) for network in networks]
    assert is_near(host, own) == near


@pytest.mark.parametrize(
    ("endpoints", "reached"),
    [
        (["ipc:///x", "tcp://0.0.0.0:5"], (5, ["10.0.0.1", "10.0.1.1"])),
        (["tcp://*:5"], (5, ["10.0.0.1", "10.0.1.1"])),
        (["tcp://127.0.0.1:5", "tcp://10.0.1.1:6"], (6, ["10.0.1.1"])),
        (["tcp://10.0.0.1:5", "tcp://10.0.1.1:6"], (5, ["10.0.0.1"])),
        (["ipc:///x:5", "tcp://10.0.0.1:*", "tcp://10.9.9.9:5"], (0, [])),
        ([], (0, [])),
    ],
)
def test_where_bound_endpoints_can_be_reached(endpoints, reached):
    addresses = [address("eth0", "10.0.0.1"), address("eth1", "10.0.1.1")]
    assert reachable_at(endpoints, addresses) == reached
