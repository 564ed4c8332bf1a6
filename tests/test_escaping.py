"""What others say cannot steer a terminal, nor make lines of a log: one function sees to it."""

from __future__ import annotations

import io
import logging
import sys

import pytest

import zmqwork.transport  # it puts the filter on the logger
from zmqwork.escaping import LINES, Printable, printable
from zmqwork.execution.logs import TextFormatter

C0 = [chr(number) for number in range(0x20)]
C1 = [chr(number) for number in range(0x7F, 0xA0)]
BIDI = [*map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F, 0x061C))]
ENDS_OF_LINES = ["\u2028", "\u2029", "\x85", "\x0b", "\x0c"]
HALVES = ["\ud800", "\udfff", "\udc80"]


@pytest.mark.parametrize("character", [*C0, *C1, *BIDI, *ENDS_OF_LINES, *HALVES], ids=ascii)
def test_what_a_terminal_obeys_is_spelled_out(character):
    shown = printable(f"a{character}b")
    assert shown == f"a{ascii(character)[1:-1]}b"
    assert shown.isprintable()
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize("character", [*C0, *C1, *BIDI, *ENDS_OF_LINES, *HALVES], ids=ascii)
def test_a_text_of_several_lines_keeps_its_own_and_no_other(character):
    shown = printable(f"a\n\t{character}b", LINES)
    kept = character in "\n\t"
    assert shown == f"a\n\t{character if kept else ascii(character)[1:-1]}b"


@pytest.mark.parametrize("text", ["gpu-1", "größe 工作 ñ", "it's 100 %, \\x1b", ""])
def test_what_is_printable_stays(text):
    assert printable(text) == text


@pytest.fixture
def logged():
    """What a handler of the program's own, with a format of its own, gets of zmqwork."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.getLogger("zmqwork")
    logger.addHandler(handler)
    yield stream
    logger.removeHandler(handler)


def test_what_zmqwork_logs_is_one_line_whoever_the_handler_is(logged):
    log = logging.getLogger("zmqwork")
    log.warning("worker %s: %s", "gpu\x1b[2J", "boom\n2026-01-01 CRITICAL forged")
    log.warning("it is %d %%", 7)
    assert logged.getvalue() == (
        "worker gpu\\x1b[2J: boom\\n2026-01-01 CRITICAL forged\nit is 7 %\n"
    )


def test_a_template_of_several_lines_keeps_them(logged):
    logging.getLogger("zmqwork").warning("nobody came\n%s", "  looked in /run\x1b[2J")
    assert logged.getvalue() == "nobody came\n  looked in /run\\x1b[2J\n"


def test_the_filter_is_there_once():
    filters = logging.getLogger("zmqwork").filters
    assert zmqwork.transport.__name__ in sys.modules
    assert sum(isinstance(one, Printable) for one in filters) == 1


def test_a_printable_record_keeps_its_template():
    record = logging.makeLogRecord({"msg": "%s has left", "args": ("gpu-1",)})
    assert Printable().filter(record)
    assert (record.msg, record.args) == ("%s has left", ("gpu-1",))


def test_tracebacks_keep_their_lines_and_lose_their_escapes():
    try:
        raise ValueError("boom\x1b]0;owned\x07\u202e")
    except ValueError:
        record = logging.makeLogRecord({"msg": "two\nlines\r", "exc_info": sys.exc_info()})
    shown = TextFormatter("%(message)s").format(record)
    assert shown.startswith("two\nlines\\r\nTraceback (most recent call last):\n")
    assert shown.endswith("\nValueError: boom\\x1b]0;owned\\x07\\u202e")
