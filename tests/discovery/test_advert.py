from __future__ import annotations

from dataclasses import replace
from ipaddress import IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st
from zeroconf import DNSOutgoing, ServiceInfo
from zeroconf.const import _FLAGS_AA, _FLAGS_QR_RESPONSE

from zmqwork.discovery import advert
from zmqwork.discovery.advert import (
    SERVICE_TYPE,
    Advert,
    judge,
    label_of,
    new_incarnation,
    realm_hash,
    txt_of,
)
from zmqwork.discovery.interfaces import ADDRESSES_MAX, Address
from zmqwork.discovery.record import Record

REALM = "thumbs"
HASH = realm_hash(REALM)
LO = [Address("lo", "127.0.0.1", IPv4Network("127.0.0.0/8"))]
ETH = [Address("eth0", "10.0.0.1", IPv4Network("10.0.0.0/24"))]
NODE = "a" * 32
RECORD = Record(NODE, "worker", "w", REALM, ("tcp://127.0.0.1:5",), 1, "h")


def txt(fields):
    items = [f"{key}={value}".encode() for key, value in fields.items()]
    return b"".join(bytes([len(item)]) + item for item in items)


INCARNATION = "0a0b0c0d"
LABEL = label_of(RECORD, INCARNATION)
GOOD = txt_of(RECORD, INCARNATION)
# With keys.
KEY, MEMBER = bytes(range(32)), "f" * 16
KEYED = replace(RECORD, fingerprint=MEMBER)
SEALED = txt_of(KEYED, INCARNATION, KEY, 5, ["10.0.0.7"])


def judged(text, port=5, hosts=("127.0.0.1",), realm=HASH, addresses=LO):
    return judge(text, port, hosts, label=LABEL, realm=realm, addresses=addresses)


def trusted(text, port=5, hosts=("10.0.0.7",), label=LABEL, key=KEY, members=(MEMBER,)):
    about = {"label": label, "realm": HASH, "addresses": ETH}
    return judge(text, port, hosts, **about, key=key, members=members)


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


@pytest.mark.parametrize("label", ["\x1b[2J", "a\nb", "\u202e", "\x9b1m"])
def test_a_label_that_could_steer_a_terminal_is_no_label(label):
    found = judge(txt(GOOD), 5, ["127.0.0.1"], label=label, realm=HASH, addresses=LO)
    assert found == "malformed"


@pytest.mark.parametrize("port", [None, 0, 65_536, -1])
def test_a_port_is_a_port(port):
    assert judged(txt(GOOD), port=port) == "malformed"


def test_only_addresses_on_our_own_networks_are_called():
    strange = ["8.8.8.8", "10.0.1.1", "224.0.0.1", "127.0.0.1", "169.254.169.254", "::1", "x"]
    assert judged(txt(GOOD), hosts=strange, addresses=ETH) == "address"
    found = judged(txt(GOOD), hosts=[*strange, "10.0.0.7", "10.0.0.8"], addresses=ETH)
    assert found.endpoints == ("tcp://10.0.0.7:5", "tcp://10.0.0.8:5")
    assert found.host == "10.0.0.7"
    many = judged(txt(GOOD), hosts=[f"10.0.0.{n}" for n in range(2, 200)], addresses=ETH)
    assert len(many.endpoints) == 4


def test_the_first_of_two_fields_counts_and_others_are_passed_over():
    text = txt(GOOD) + txt({"id": "b" * 32, "load": "9"}) + b"\x03\xff=x" + b"\x00" + b"\x04flag"
    assert judged(text).node_id == NODE


@pytest.mark.parametrize("text", [b"", b"\xff", b"\x05ab", b"\x00" * 400, b"\x01" * 401, b"\x00=="])
def test_broken_text_is_no_record(text):
    assert judged(text) in ("malformed", "version")


def test_65_kb_of_text_are_not_even_read():
    large = b"\xff" + b"x" * 255
    assert judged(large * 256) == judged(txt(GOOD) + large * 2) == "malformed"
    assert trusted(large * 256) == "malformed"


# -- with keys --------------------------------------------------------------------------------


def test_a_sealed_record_names_the_key_that_is_there():
    assert trusted(txt(SEALED)) == Advert(
        NODE, "worker", ("tcp://10.0.0.7:5",), "10.0.0.7", fingerprint=MEMBER
    )


def test_a_sealed_record_is_small_and_fits_one_packet():
    assert set(SEALED) == {"v", "id", "inc", "r", "realm", "pk", "m"}
    assert len(txt(SEALED)) == 140 <= advert.TXT_BYTES_MAX
    assert not {"thumbs", "w", "h"} & set(SEALED.values())
    hosts = [f"10.0.{n}.7" for n in range(ADDRESSES_MAX)]
    fields = txt_of(replace(KEYED, role="producer"), INCARNATION, KEY, 65_535, hosts)
    info = ServiceInfo(
        SERVICE_TYPE,
        f"{LABEL}.{SERVICE_TYPE}",
        port=65_535,
        parsed_addresses=hosts,
        properties=fields,
        server=f"{LABEL}.local.",
    )
    out = DNSOutgoing(_FLAGS_QR_RESPONSE | _FLAGS_AA)
    for it in (info.dns_pointer(), info.dns_service(), info.dns_text(), *info.dns_addresses()):
        out.add_answer_at_time(it, 0)
    (packet,) = out.packets()
    assert len(packet) < 900


@pytest.mark.parametrize(
    "change",
    [{name: "x" + value[1:]} for name, value in SEALED.items() if name not in ("v", "realm")],
)
def test_a_record_that_was_changed_is_unsealed(change):
    assert trusted(txt(SEALED | change)) == "unsealed"


def test_a_record_beside_other_records_is_unsealed():
    assert trusted(txt(SEALED), port=6) == "unsealed"
    assert trusted(txt(SEALED), hosts=["10.0.0.8"]) == "unsealed"
    assert trusted(txt(SEALED), hosts=["10.0.0.7", "10.0.0.8"]) == "unsealed"
    assert trusted(txt(SEALED), hosts=[]) == "unsealed"
    assert trusted(txt(SEALED), label=LABEL.upper()) == "unsealed"
    assert trusted(txt(SEALED), label="\x1b[2J") == "malformed"
    assert trusted(txt(SEALED), key=bytes(32)) == "unsealed"
    assert trusted(txt(GOOD)) == "unsealed", "a node without keys"


def test_more_addresses_than_a_node_has_are_not_even_sorted():
    hosts = [f"10.0.0.{n}" for n in range(1, ADDRESSES_MAX + 2)]
    assert trusted(txt(txt_of(KEYED, INCARNATION, KEY, 5, hosts)), hosts=hosts) == "unsealed"
    hosts.pop()
    found = trusted(txt(txt_of(KEYED, INCARNATION, KEY, 5, hosts)), hosts=hosts)
    assert isinstance(found, Advert)


def test_a_key_that_is_not_in_the_roster_is_unknown():
    assert trusted(txt(SEALED), members=("e" * 16,)) == "unknown_key"
    assert trusted(txt(SEALED), members=()) == "unknown_key"
    nameless = txt_of(RECORD, INCARNATION, KEY, 5, ["10.0.0.7"])
    assert trusted(txt(nameless)) == "unknown_key"


def test_whoever_seals_leads_nobody_elsewhere():
    """A stolen discovery key, or a member gone bad: addresses are looked at all the same."""
    for host in ("127.0.0.1", "169.254.169.254", "10.0.0.255", "8.8.8.8"):
        text = txt(txt_of(KEYED, INCARNATION, KEY, 5, [host]))
        assert trusted(text, hosts=[host]) == "address"


def test_a_node_without_keys_does_not_talk_to_one_that_has_some():
    assert judged(txt(SEALED), hosts=["10.0.0.7"], addresses=ETH) == "keyed"
    assert judged(txt(GOOD | {"pk": "x"})) == "keyed"


def test_a_record_of_another_realm_or_version_is_not_even_looked_at():
    assert trusted(txt(SEALED | {"v": "2"})) == "version"
    assert trusted(txt(SEALED | {"realm": realm_hash("other")})) == "realm"


@given(st.binary(max_size=500), st.lists(st.text(max_size=20), max_size=5))
def test_nothing_that_is_sent_raises(text, hosts):
    assert isinstance(judged(text, hosts=hosts), str)
    assert trusted(txt(SEALED) + text, hosts=["127.0.0.1", *hosts]) in ("unsealed", "malformed")
    assert isinstance(judged(txt(GOOD) + text, hosts=["127.0.0.1", *hosts]), str | Advert)
