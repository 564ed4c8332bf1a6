from __future__ import annotations

from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.discovery import advert
from zmqwork.discovery.advert import Advert, judge, label_of, new_incarnation, realm_hash, txt_of
from zmqwork.discovery.interfaces import Address
from zmqwork.discovery.record import Record

REALM = "thumbs"
HASH = realm_hash(REALM)
OWN = [
    Address("lo", "127.0.0.1", IPv4Network("127.0.0.0/8")),
    Address("eth0", "10.0.0.1", IPv4Network("10.0.0.0/24")),
]
NODE = "a" * 32
RECORD = Record(NODE, "worker", "w", REALM, ("tcp://127.0.0.1:5",), 1, "h")


def txt(fields):
    items = [f"{key}={value}".encode() for key, value in fields.items()]
    return b"".join(bytes([len(item)]) + item for item in items)


GOOD = txt_of(RECORD, "0a0b0c0d")


def judged(text, port=5, hosts=("127.0.0.1",), realm=HASH):
    return judge(text, port, hosts, realm=realm, addresses=OWN)


def test_what_a_node_says_is_understood():
    assert judged(txt(GOOD)) == Advert(NODE, "worker", ("tcp://127.0.0.1:5",), "127.0.0.1")


def test_what_is_said_is_small_and_says_no_names():
    assert len(txt(GOOD)) <= advert.TXT_BYTES_MAX // 2
    assert not {"thumbs", "w", "h"} & set(GOOD.values())
    assert set(GOOD) == {"v", "id", "inc", "r", "realm", "pk"}
    label = label_of(RECORD, "0a0b0c0d")
    assert label.endswith("-0a0b0c0d")
    assert len(label) <= advert.LABEL_BYTES_MAX
    assert new_incarnation() != new_incarnation()


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"v": "2"}, "version"),
        ({"v": ""}, "version"),
        ({"realm": realm_hash("other")}, "realm"),
        ({"realm": REALM}, "realm"),
        ({"id": "A" * 32}, "malformed"),
        ({"id": "a" * 31}, "malformed"),
        ({"r": "admin"}, "malformed"),
        ({"r": ""}, "malformed"),
        ({"x": "y" * 200, "z": "y" * 200}, "malformed"),
    ],
)
def test_what_is_no_record_of_ours_is_ignored_with_the_reason(changed, why):
    assert judged(txt(GOOD | changed)) == why


@pytest.mark.parametrize("port", [None, 0, 65_536, -1])
def test_a_port_is_a_port(port):
    assert judged(txt(GOOD), port=port) == "malformed"


def test_only_addresses_on_our_own_networks_are_called():
    assert judged(txt(GOOD), hosts=["8.8.8.8", "10.0.1.1", "224.0.0.1", "::1", "x"]) == "address"
    found = judged(txt(GOOD), hosts=["8.8.8.8", "10.0.0.7", "127.0.0.1"])
    assert found.endpoints == ("tcp://10.0.0.7:5", "tcp://127.0.0.1:5")
    assert found.host == "10.0.0.7"
    many = judged(txt(GOOD), hosts=[f"10.0.0.{n}" for n in range(2, 200)])
    assert len(many.endpoints) == 4


def test_the_first_of_two_fields_counts_and_others_are_passed_over():
    text = txt(GOOD) + txt({"id": "b" * 32, "load": "9"}) + b"\x03\xff=x" + b"\x00" + b"\x04flag"
    assert judged(text).node_id == NODE


@pytest.mark.parametrize("text", [b"", b"\xff", b"\x05ab", b"\x00" * 400, b"\x01" * 401, b"\x00=="])
def test_broken_text_is_no_record(text):
    assert judged(text) in ("malformed", "version")


@given(st.binary(max_size=500), st.lists(st.text(max_size=20), max_size=5))
def test_nothing_that_is_sent_raises(text, hosts):
    assert isinstance(judged(text, hosts=hosts), str)
    assert isinstance(judged(txt(GOOD) + text, hosts=["127.0.0.1", *hosts]), str | Advert)
