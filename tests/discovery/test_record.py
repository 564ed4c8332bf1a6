from __future__ import annotations

import json

import pytest

from zmqwork.config import NodeConfig
from zmqwork.discovery.record import decode_record, record_of


def test_a_record_survives_its_file(record):
    it = record(endpoints=("tcp://127.0.0.1:7", "ipc:///x"))
    assert decode_record(it.encode()) == it


def test_the_nearest_endpoint_comes_first(record):
    it = record(endpoints=("tcp://192.168.1.5:7", "tcp://127.0.0.1:7", "ipc:///x"))
    assert it.best_first() == ("ipc:///x", "tcp://127.0.0.1:7", "tcp://192.168.1.5:7")


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"node_id": 7},
        {"endpoints": "ipc:///x"},
        {"endpoints": [7]},
        {"pid": "7"},
        {"pid": True},
        {"realm": None},
        {"fingerprint": None},
        {"fingerprint": "f" * 15},
        {"fingerprint": "F" * 16},
        {"fingerprint": "f" * 16 + "\n"},
    ],
)
def test_what_is_no_record_of_this_version_is_none(change, record):
    fields = json.loads(record().encode())
    assert decode_record(json.dumps(fields | change).encode()) is None


@pytest.mark.parametrize(
    "data", [b"", b"{", b"[]", b"\xff\xfe", b"null", b"{}", b"[" * 60_000], ids=range(7)
)
def test_no_content_raises(data):
    assert decode_record(data) is None


def test_fields_of_later_releases_are_ignored(record):
    fields = json.loads(record().encode()) | {"zone": "eu"}
    assert decode_record(json.dumps(fields).encode()) == record()


def test_a_record_names_the_key_of_its_node():
    config = NodeConfig(node_id="a" * 32, name="n", realm="r")
    it = record_of(config, "worker", ["ipc:///x"], "0f1e2d3c4b5a6978")
    assert decode_record(it.encode()) == it
    assert it.fingerprint == "0f1e2d3c4b5a6978"
    assert record_of(config, "worker", ["ipc:///x"]).fingerprint == ""


def test_a_record_of_an_older_release_has_no_key(record):
    fields = json.loads(record().encode())
    del fields["fingerprint"]
    assert decode_record(json.dumps(fields).encode()) == record()
