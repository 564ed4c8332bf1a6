"""docs/protocol.md says what the code does: its tables of numbers are compared with it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from zmqwork.core import delivery, messages, progress
from zmqwork.discovery import advert, interfaces
from zmqwork.discovery.record import Record
from zmqwork.wire import extensions, limits, verbs
from zmqwork.wire.codec import Decoder, encode
from zmqwork.wire.reading import READERS

DOCUMENT = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text("utf-8")


def table(*heading):
    """The rows below the table heading that begins with these cells."""
    lines = iter(DOCUMENT.splitlines())
    start = "| " + " | ".join(heading)
    for line in lines:
        if line.startswith(start):
            next(lines)
            break
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line.strip("|").split("|")])
    return rows


def fields_of(cell):
    """The names of a verb's fields; a star marks those that may lack."""
    return re.findall(r"\[[^]]*\]|\w+(?:\\\*)?", cell)


def test_verbs():
    written = {row[0]: int(row[1]) for row in table("verb", "number")}
    assert written == {name: value for name, value in vars(verbs).items() if name.isupper()}


def test_fields_of_mdns_records():
    record = Record("a" * 32, "producer", "n", "realm", ("tcp://10.0.0.1:1",), 1, "h", "f" * 16)
    said = advert.txt_of(record, advert.new_incarnation(), bytes(32), 1, ["10.0.0.1"])
    assert [row[0] for row in table("TXT field")] == list(said)
    length = sum(1 + len(f"{name}={value}") for name, value in said.items())
    assert f"at most {advert.TXT_BYTES_MAX} bytes, of which a node uses {length}:" in DOCUMENT
    assert f"at most {interfaces.ADDRESSES_MAX}, all with one port" in DOCUMENT


def test_fewest_fields():
    for name, number, _, cell in table("verb", "number"):
        needed = [field for field in fields_of(cell) if not field.endswith("*")]
        if name != "PART":
            assert (name, READERS[int(number)][0]) == (name, 2 + len(needed))


@pytest.mark.parametrize("kind", [messages.Hello, messages.Welcome])
def test_all_fields(kind):
    low_or_major = (1, 1) if kind is messages.Hello else 1
    message = kind(1, "0" * 32, "worker", "n", "r", low_or_major)
    [row] = [row for row in table("verb", "number") if row[0] == kind.__name__.upper()]
    written = fields_of(row[3])
    assert len(written) == len(message.__slots__)
    assert Decoder().decode(encode(1, message)[0]) == (1, message)


def test_limits():
    written = {row[0]: int(row[1].replace(",", "")) for row in table("limit", "value")}
    actual = {**vars(delivery), **vars(messages), **vars(progress), **vars(limits)}
    assert written == {name: actual[name] for name in written}


def test_extension_types():
    written = {int(row[0]) for row in table("code", "type")}
    assert written == set(extensions.DECODERS)


def test_refusals():
    core = Path(messages.__file__).parent
    said = set()
    for name in ("listener.py", "dispatcher.py", "runner.py", "watcher.py"):
        text = (core / name).read_text("utf-8")
        said |= set(re.findall(r'_(?:refuse|reset)\([^,()]*, "(\w+)"', text.replace("\n", " ")))
        said |= set(re.findall(r'_refuse\(\s*link, "(\w+)"', text))
        said |= set(re.findall(r'return \(?"(\w+)", \w', text))
    assert {row[0].strip("`") for row in table("code", "the bound side")} == said
