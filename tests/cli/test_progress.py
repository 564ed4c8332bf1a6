from __future__ import annotations

import contextlib
import io
import json
import logging
import os
import pty
import sys
import threading
from pathlib import Path

import pytest

from zmqwork.cli.calls import Calls
from zmqwork.cli.feed import Feed, FeedOptions, Misfortune
from zmqwork.cli.formats import Numbers, PlainLines
from zmqwork.cli.output import Output, OutputFailed, lead_nowhere
from zmqwork.cli.progress import Meter, Progress, duration, measure, short_number
from zmqwork.cli.ranges import Ranges
from zmqwork.cli.reporter import Reporter


def fed(count=10):
    return Feed(None, Numbers(Ranges.parse(f"0-{count - 1}")), Calls(None), FeedOptions())


def progress(**values):
    return Progress(
        **{
            "done": 0,
            "total": None,
            "total_is_known": False,
            "succeeded": 0,
            "failed": 0,
            "bad": 0,
            "already": 0,
            "rate": 0.0,
            "seconds_left": None,
            **values,
        }
    )


def test_the_rate_is_that_of_the_last_twenty_seconds():
    meter = Meter(100.0)
    assert meter.rate(100.0, 0) == 0.0
    assert meter.rate(101.0, 10) == 10.0
    assert meter.rate(110.0, 100) == 10.0
    for second in range(111, 161):
        rate = meter.rate(float(second), 100 + 2 * (second - 110))
    assert rate == pytest.approx(2.0)


def test_the_rate_of_who_asks_often_and_of_who_asks_seldom():
    often, seldom = Meter(0.0), Meter(0.0)
    for tick in range(1, 60_001):
        rate = often.rate(tick / 1000, tick)
    assert rate == pytest.approx(1000.0, rel=0.02)
    assert len(often._samples) <= 100
    assert seldom.rate(3600.0, 3600) == 1.0
    assert seldom.rate(7200.0, 10_800) == 2.0


def test_a_run_at_an_instant():
    feed = fed()
    meter = Meter(0.0)
    assert measure(feed, meter, 0.0) == progress(total=10, total_is_known=True)
    items = iter(feed)
    for _ in range(4):
        next(items)
    feed.run.ok, feed.run.failed = 3, 1
    found = measure(feed, meter, 2.0)
    assert found == progress(
        done=4, total=10, total_is_known=True, succeeded=3, failed=1, rate=2.0, seconds_left=3.0
    )
    assert found.text() == "4 of 10 done, 1 failed, 2/s, 3.0 s left"
    assert found.values()["seconds_left"] == 3.0
    json.dumps(found.values())


def test_a_run_of_which_nobody_knows_the_end():
    feed = Feed(None, PlainLines(io.BytesIO(b"1\n2\n").read), Calls(None), FeedOptions())
    items = iter(feed)
    next(items)
    feed.run.ok = 1
    assert measure(feed, Meter(0.0), 1.0).text() == "1 done, 1/s"
    assert measure(feed, Meter(0.0), 1.0).values()["total"] is None


def test_a_run_that_stands_still_says_why():
    feed, meter = fed(), Meter(0.0)
    feed.run.watch(
        lambda: "10 x task 'f' (queue 'q') wait: no worker was found (peers: none); start one"
    )
    found = measure(feed, meter, 1.0)
    assert found.text() == "0 of 10 done, waiting: no worker was found"
    assert found.values()["obstacle"].endswith("(peers: none); start one")
    feed.run.wait_for("waiting for a sink 'default', which knows what run 1 has done")
    assert measure(feed, meter, 2.0).text() == (
        "0 of 10 done, waiting for a sink 'default', which knows what run 1 has done"
    )
    feed.run.ok = 1
    assert measure(feed, meter, 3.0).obstacle == ""
    feed.run.wait_for("")
    feed.run.watch(None)
    assert measure(feed, meter, 4.0).values()["obstacle"] is None


def test_what_is_said_of_it():
    assert progress(done=1200, total=20_000, bad=3, rate=240.4, seconds_left=78.2).text() == (
        "1,200 of about 20,000 done, 3 bad, 240/s, 1 min 18 s left"
    )
    assert progress().text() == "0 done"
    assert progress(done=2, total=2, total_is_known=True, seconds_left=0.0).text() == (
        "2 of 2 done, 0.0 s left"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 0 s"),
        (200, "3 min 20 s"),
        (3599.7, "1 h 0 min"),
        (7_500, "2 h 5 min"),
        (86_400 * 4 + 3 * 3600, "4 d 3 h"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_numbers_have_the_digits_that_mean_something():
    assert [short_number(n) for n in (0.01234, 1.5, 99.94, 100.4, 12_345.6)] == [
        "0.0123",
        "1.5",
        "99.9",
        "100",
        "12,346",
    ]


# --- who tells it


def misfortune(number=3, is_bad=False, text="FILE, line 4: ValueError: no"):
    return Misfortune(number, number + 1, text, is_bad)


class Seen(io.StringIO):
    """A stream that says when so many lines are written."""

    def __init__(self, wanted=2):
        super().__init__()
        self.wanted = wanted
        self.enough = threading.Event()

    def write(self, text):
        count = super().write(text)
        if self.getvalue().count("\n") >= self.wanted:
            self.enough.set()
        return count


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_reports_come_by_themselves(monkeypatch, stream):
    seen = Seen()
    monkeypatch.setattr(sys, stream, seen)
    output = Output("json" if stream == "stdout" else "table")
    with Reporter(output, "zmqwork test", interval=0.01) as reporter:
        reporter.watch(fed())
        assert seen.enough.wait(30)
    reporter.raise_failure()
    first = seen.getvalue().splitlines()[0]
    if stream == "stderr":
        assert first == "zmqwork test: 0 of 10 done"
    else:
        assert json.loads(first)["event"] == "progress"
        assert json.loads(first)["total"] == 10


@pytest.mark.parametrize("form", ["table", "json", "quiet"])
def test_who_wants_no_reports_gets_none(capsys, form):
    with Reporter(Output(form), "zmqwork test", progress=False, interval=0.001) as reporter:
        reporter.watch(fed())
        assert not reporter._thread.is_alive()
    with Reporter(Output("quiet"), "zmqwork test", interval=0.001) as reporter:
        reporter.watch(fed())
        reporter.misfortune(misfortune())
        assert not reporter._thread.is_alive()
    assert capsys.readouterr() == ("", "")


def test_misfortunes_are_told_to_people_until_there_are_many(capsys):
    with Reporter(Output("table"), "zmqwork test", progress=False) as reporter:
        for number in range(50):
            reporter.misfortune(misfortune(number, text="FILE, line 4: bad\x1b[2J\n    {"))
    said = capsys.readouterr()
    assert said.out == ""
    lines = said.err.splitlines()
    assert lines[:2] == ["zmqwork test: FILE, line 4: bad\\x1b[2J", "    {"]
    assert len(lines) == 21
    assert lines[-1] == "zmqwork test: what else goes wrong is counted, and not told one by one"


@pytest.mark.parametrize("form", ["table", "json", "quiet"])
def test_what_is_logged_meanwhile_is_told(capsys, form):
    log = logging.getLogger("zmqwork")
    with Reporter(Output(form), "zmqwork test", progress=False):
        log.info("nobody needs to know")
        log.warning("3 x task 'f' wait\x1b")
        log.error("it broke")
    assert (log.propagate, log.handlers) == (True, [])
    out, err = capsys.readouterr()
    if form == "json":
        assert json.loads(out.splitlines()[0]) == {
            "event": "notice",
            "text": "3 x task 'f' wait\\x1b",
        }
        assert (out.count("\n"), err) == (2, "")
    else:
        waits = "" if form == "quiet" else "zmqwork test: 3 x task 'f' wait\\x1b\n"
        assert (out, err) == ("", f"{waits}zmqwork test: it broke\n")


def test_misfortunes_are_events_for_programs(capsys):
    with Reporter(Output("json"), "zmqwork test", progress=False) as reporter:
        reporter.misfortune(misfortune())
        for _ in range(20):
            reporter.misfortune(misfortune(is_bad=True))
    events = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert len(events) == 21
    assert events[0] == {
        "event": "failed",
        "number": 3,
        "line": 4,
        "text": "FILE, line 4: ValueError: no",
    }
    assert events[1]["event"] == "bad"


def test_standard_output_that_takes_no_more_ends_the_run(monkeypatch):
    feed = fed()
    items = iter(feed)
    next(items)
    with Path("/dev/full").open("w") as full, monkeypatch.context() as patch:
        patch.setattr(sys, "stdout", full)
        with Reporter(Output("json"), "zmqwork test", progress=False) as reporter:
            reporter.watch(feed)
            for _ in range(2):
                reporter.misfortune(misfortune())
        with pytest.raises(OutputFailed, match="No space left"):
            reporter.raise_failure()
        lead_nowhere(full.fileno())
    assert next(items, None) is None


# --- the bar


@pytest.fixture
def terminal():
    """A terminal, and what was drawn on it."""
    main, child = pty.openpty()
    stream = os.fdopen(child, "w", encoding="utf-8")

    chunks = []

    def look():
        with contextlib.suppress(OSError):  # EIO: nobody can write there any more
            while chunk := os.read(main, 100_000):
                chunks.append(chunk)

    # All the time: whoever draws waits when the terminal takes no more.
    looking = threading.Thread(target=look)
    looking.start()

    def drawn():
        stream.close()
        looking.join()
        return b"".join(chunks).decode()

    yield stream, drawn
    drawn()
    os.close(main)


def test_a_bar_on_a_terminal(terminal, monkeypatch):
    pytest.importorskip("rich")
    from zmqwork.cli.progress_bar import Bar

    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    stream, drawn = terminal
    bar = Bar(stream)
    assert bar.can_draw
    bar.begin()
    bar.show(progress(done=50, total=100, total_is_known=True, rate=3.0, seconds_left=16.7))
    bar.say("[red]FILE, line 4: no")
    bar.end()
    shown = drawn()
    assert "50 of 100 done, 3/s, 17 s left" in shown
    assert "[red]FILE, line 4: no" in shown


def test_a_reporter_draws_a_bar_where_somebody_looks(terminal, monkeypatch):
    pytest.importorskip("rich")
    monkeypatch.setenv("TERM", "xterm")
    stream, drawn = terminal
    monkeypatch.setattr(sys, "stderr", stream)
    with Reporter(Output("table"), "zmqwork test") as reporter:
        reporter.watch(fed())
        reporter.misfortune(misfortune())
    shown = drawn()
    assert "FILE, line 4: ValueError: no" in shown
    assert "━" in shown


@pytest.mark.parametrize("why", ["dumb", "without rich"])
def test_lines_where_no_bar_can_be_drawn(terminal, monkeypatch, why):
    if why == "dumb":
        monkeypatch.setenv("TERM", "dumb")
    else:
        monkeypatch.setitem(sys.modules, "zmqwork.cli.progress_bar", None)
    stream, drawn = terminal
    monkeypatch.setattr(sys, "stderr", stream)
    with Reporter(Output("table"), "zmqwork test") as reporter:
        reporter.watch(fed())
        reporter.misfortune(misfortune())
    assert drawn() == "zmqwork test: FILE, line 4: ValueError: no\r\n"
