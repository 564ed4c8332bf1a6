"""Lines, JSON and numbers: from bytes to records, and what is said of broken ones."""

from __future__ import annotations

import io
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zmqwork.cli.formats import JsonLines, NumberLines, Numbers, PlainLines
from zmqwork.cli.lines import CHUNK_BYTES, split_lines
from zmqwork.cli.ranges import Ranges
from zmqwork.cli.records import Fault, describe
from zmqwork.wire.limits import PAYLOAD_BYTES_MAX


def chopped(data, *sizes):
    """A read that gives pieces of these sizes, again and again."""
    stream, sizes = io.BytesIO(data), itertools.cycle(sizes or (CHUNK_BYTES,))
    return lambda most: stream.read(min(most, next(sizes)))


def lines_of(data, *sizes, **options):
    return [tuple(line) for line in split_lines(chopped(data, *sizes), **options)]


def values(form):
    """What the records stand for; of a broken one, what is said."""
    found = []
    for record in form.records():
        try:
            if record.fault:
                raise record.fault
            found.append(form.value(record))
        except Fault as fault:
            found.append(describe("FILE", record, fault))
    return found


# --- lines


def test_lines_with_their_places():
    assert lines_of(b"a\n\nbc\nd") == [
        (1, 0, b"a", True),
        (2, 2, b"", True),
        (3, 3, b"bc", True),
        (4, 6, b"d", True),
    ]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        (b"", []),
        (b"\n", [b""]),
        (b"a", [b"a"]),
        (b"a\n", [b"a"]),
        (b"\xef\xbb\xbf", []),
        (b"\xef\xbb\xbf\n", [b""]),
        (b"\xef\xbb\xbfa\n\xef\xbb\xbfb", [b"a", b"\xef\xbb\xbfb"]),
        (b"a\r\nb", [b"a\r", b"b"]),
    ],
)
def test_the_ends_of_lines_and_of_files(data, lines):
    assert [line[2] for line in lines_of(data)] == lines
    assert [line[2] for line in lines_of(data, 1)] == lines


def test_a_byte_order_mark_has_its_place():
    assert lines_of(b"\xef\xbb\xbfa\nb")[0] == (1, 3, b"a", True)
    assert lines_of(b"\xef\xbb\xbfa\nb")[1] == (2, 5, b"b", True)


@given(st.binary(max_size=60), st.lists(st.integers(1, 9), min_size=1, max_size=5))
def test_it_does_not_matter_how_bytes_arrive(data, sizes):
    data = data.replace(b"\xef\xbb\xbf", b"").replace(b"\x01", b"\n")
    expected = data.removesuffix(b"\n").split(b"\n") if data else []
    found = lines_of(data, *sizes)
    assert [line[2] for line in found] == expected
    assert [line[0] for line in found] == list(range(1, len(expected) + 1))
    assert all(data[offset:].startswith(text) for _, offset, text, _ in found)
    cut = lines_of(data, *sizes, bytes_max=3)
    assert [line[:2] for line in cut] == [line[:2] for line in found]
    assert [line[2] for line in cut] == [text[:3] for text in expected]
    assert [line[3] for line in cut] == [len(text) <= 3 for text in expected]


def test_a_line_that_is_too_long_is_told_before_the_rest_is_read():
    pieces = iter([b"ab\ncde", b"fgh", b"i" * 1000, b"\nj"])
    lines = split_lines(lambda most: next(pieces, b""), bytes_max=4)
    assert tuple(next(lines)) == (1, 0, b"ab", True)
    assert tuple(next(lines)) == (2, 3, b"cdef", False)
    assert next(pieces) == b"i" * 1000
    assert tuple(next(lines)) == (3, 10, b"j", True)
    assert next(lines, None) is None


def test_short_and_long_lines_in_one_piece():
    assert lines_of(b"a\nbcdef\nghijk\nl", bytes_max=3) == [
        (1, 0, b"a", True),
        (2, 2, b"bcd", False),
        (3, 8, b"ghi", False),
        (4, 14, b"l", True),
    ]


def test_lines_that_end_with_a_nul():
    form = PlainLines(chopped(b"a\nb\0c\r\0\xef\0"), b"\0")
    records = list(form.records())
    assert [form.value(record) for record in records[:2]] == ["a\nb", "c\r"]
    with pytest.raises(Fault, match="0xef is no UTF-8"):
        form.value(records[2])


def test_plain_lines():
    form = PlainLines(chopped("a.jpg\r\n\n  größe \n7".encode()))
    assert values(form) == ["a.jpg", "", "  größe ", "7"]


def test_records_keep_their_original_bytes():
    raws = [record.raw for record in PlainLines(chopped(b"a\r\nb")).records()]
    assert raws == [b"a\r", b"b"]
    raws = [record.raw for record in JsonLines(chopped(b' {"a":\t1} \r\n\n"b"')).records()]
    assert raws == [b' {"a":\t1} \r', b'"b"']


# --- JSON


def test_each_line_is_a_json_value():
    text = '\ufeff{"path": "a", "w": 1.5}\r\n\n \t\r\n[1, null]\n"größe"\n1e3\n-7\ntrue'
    form = JsonLines(chopped(text.encode()))
    assert values(form) == [{"path": "a", "w": 1.5}, [1, None], "größe", 1000.0, -7, True]


def test_numbers_count_records_and_lines_count_lines():
    records = list(JsonLines(chopped(b'\n1\n\n{"broken\n3')).records())
    assert [(record.number, record.line) for record in records] == [(0, 2), (1, 4), (2, 5)]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"a": 1 "b": 2}', "column 9: this is no JSON: Expecting ',' delimiter"),
        ('{"a": 1,}', "this is no JSON: "),
        ("a.jpg", "column 1: this is no JSON: Expecting value"),
        ('{"a": 1} x', "column 10: this is no JSON: Extra data"),
        ("  nul", "column 3: this is no JSON: Expecting value"),
        ("[NaN]", "this is no JSON: JSON has no NaN"),
        ("-Infinity", "this is no JSON: JSON has no -Infinity"),
        ("1e999", "this is no JSON: 1e999 is too large"),
        ('{"a": {"b": 1, "c": 2, "b": 1}}', "the name 'b' is there twice in one object"),
        ("[" * 100_000, "this is nested too deeply"),
        ("9" * 5_000, "this is no JSON: Exceeds the limit (4300"),
        ('"a\tb"', "column 3: this is no JSON: Invalid control character at"),
    ],
)
def test_broken_json(line, said):
    (text,) = values(JsonLines(chopped(line.encode())))
    assert text.startswith("FILE, line 1")
    assert said in text


def test_what_is_said_shows_file_line_column_and_how_the_line_begins():
    data = b"1\n" * 16 + b'{"path": "a.jpg" "width": 3}\r\n2\n'
    found = values(JsonLines(chopped(data)))
    assert found[16] == (
        "FILE, line 17, column 18: this is no JSON: Expecting ',' delimiter\n"
        '    {"path": "a.jpg" "width": 3}'
    )
    assert found[17] == 2


def test_a_long_line_is_shown_shortened_and_an_evil_one_escaped():
    (text,) = values(JsonLines(chopped(b"x" * 1000)))
    assert text.endswith(f"\n    {'x' * 72}...")
    (text,) = values(JsonLines(chopped("\x1b[2J\u202e".encode())))
    assert text.endswith("\n    \\x1b[2J\\u202e")

    (text,) = values(JsonLines(chopped(b"\0" * 100)))
    assert len(text.splitlines()[1]) == 4 + 72 + 3


def test_a_file_that_is_one_document_is_recognised():
    first, *_ = values(JsonLines(chopped(b'[\n  {"a": 1},\n  {"a": 2}\n]\n')))
    assert "`jq -c '.[]' FILE |` makes lines of it" in first
    (_, second) = values(JsonLines(chopped(b"1\n[\n")))
    assert "jq" not in second


# --- no text


@pytest.mark.parametrize("form", [PlainLines, JsonLines, NumberLines])
def test_bytes_that_are_no_text_are_said_with_line_and_byte(form):
    good, bad, nul = values(form(chopped(b"1\n22\xff2\n3\x003\n")))
    assert good == ("1" if form is PlainLines else 1)
    assert bad.startswith("FILE, line 2, byte 4: the byte 0xff is no UTF-8\n    22\ufffd2")
    assert nul == "FILE, line 3, byte 8: a NUL byte, which no text has\n    3\\x003"


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        (b"\x1f\x8b\x08", "gzip: `zcat FILE |`"),
        ("1\n2\n".encode("utf-16"), "UTF-16: `iconv"),
        (b"PK\x03\x04\0", "zip"),
        (b"\x28\xb5\x2f\xfd", "zstd"),
        (b"\xfd7zXZ\0", "xz"),
    ],
)
def test_well_known_kinds_of_binary_files_are_recognised(begins, kind):
    first, *others = values(PlainLines(chopped(begins)))
    assert f"The file looks like {kind}" in first
    assert not any("looks like" in other for other in others)
    assert "looks like" not in values(PlainLines(chopped(b"a\n" + begins)))[1]


def test_a_line_beyond_the_wire_s_limit_is_a_broken_record():
    data = b"ok\n" + b"x" * (PAYLOAD_BYTES_MAX + 5) + b"\nok\n"
    records = list(JsonLines(chopped(data)).records())
    assert [record.fault is None for record in records] == [True, False, True]
    assert records[1].fault.is_cut
    assert "longer than 67,108,864 bytes" in describe("FILE", records[1], records[1].fault)
    assert records[2].offset == len(data) - 3


# --- numbers


def test_an_array():
    form = Numbers(Ranges.parse("0-2,7"))
    assert form.total == 4
    assert values(form) == [0, 1, 2, 7]
    assert [(r.number, r.line, r.raw) for r in form.records()][3] == (3, 0, b"7")


def test_an_array_in_a_file():
    form = NumberLines(chopped(b"0-2\r\n\n9\nx\n5, 6\n"))
    assert values(form) == [
        0,
        1,
        2,
        9,
        (
            "FILE, line 4: 'x' is no range of numbers: write numbers and ranges, as in "
            "0-9,20,30-39:2\n    x"
        ),
        5,
        6,
    ]
    form = NumberLines(chopped(b"0-2\nx\n5\n"))
    assert [(r.number, r.line, r.raw) for r in form.records()] == [
        (0, 1, b"0"),
        (1, 1, b"1"),
        (2, 1, b"2"),
        (3, 2, b"x"),
        (4, 3, b"5"),
    ]


def test_a_list_of_ranges_that_is_too_long_for_one_line():
    (record,) = NumberLines(chopped(b"1," * 50_000)).records()
    assert record.fault.is_cut
