from __future__ import annotations

import json

import pytest

from zmqwork.discovery.record import decode_record


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
