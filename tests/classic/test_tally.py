"""What a sink says of what it got, without any socket."""

import pickle

import pytest

from zmqwork.classic import tally as tally_module
from zmqwork.classic.report import combined
from zmqwork.classic.tally import Tally
from zmqwork.errors import UsageError
from zmqwork.wire.pipeline import End, Results, Start


def results(first, count, worker="w1", ventilator="v", failures=()):
    values = [None if n in dict(failures) else first + n for n in range(count)]
    return Results(ventilator, first, values, list(failures), worker)


def test_nothing_missing():
    tally = Tally()
    assert not tally.begun
    tally.take(Start("v", 0, "vent"), 1.0)
    assert tally.begun
    assert tally.take(results(0, 10), 2.0) == list(range(10))
    assert not tally.is_ended()
    tally.take(End("v", 20, 1), 2.5)
    assert tally.is_ended()
    assert not tally.complete
    tally.take(results(10, 10), 4.0)
    assert tally.complete
    report = tally.report()
    assert (report.received, report.total, report.missing, report.duplicates) == (20, 20, 0, 0)
    assert report.complete
    assert (report.seconds, report.rate) == (2.0, 10.0)
    assert str(report) == ("received 20 of 20 in 2.00 s (10/s): 0 missing, 0 duplicates, 0 failed")


def test_missing_ranges_are_named():
    tally = Tally()
    tally.take(Start("v", 0, "vent"), 1.0)
    tally.take(results(10, 10), 1.0)
    tally.take(results(40, 1), 1.0)
    tally.take(End("v", 50, 1), 1.0)
    report = tally.report()
    assert (report.received, report.missing) == (11, 39)
    assert report.received + report.missing == report.total == 50
    assert list(report.missing_ranges()) == [("vent", 0, 9), ("vent", 20, 39), ("vent", 41, 49)]
    assert "  ventilator vent: missing 0-9, 20-39, 41-49" in str(report).splitlines()


def test_only_the_first_ranges_are_written_out():
    tally = Tally()
    for first in range(1, 101, 2):
        tally.take(results(first, 1), 1.0)
    text = str(tally.report())
    assert "missing 0-0, 2-2," in text
    assert "18-18 and 40 more ranges" in text


def test_a_ventilator_that_never_said_end():
    tally = Tally()
    tally.take(Start("v", 0, "vent"), 1.0)
    tally.take(results(5, 5), 1.0)
    report = tally.report()
    assert (report.total, report.missing, report.complete) == (None, 5, False)
    assert "it has not said END (was it killed?)" in str(report)


def test_a_ventilator_that_said_nothing():
    tally = Tally()
    tally.take(results(0, 5), 1.0)
    assert "ventilator v: it has not said how many items it has sent" in str(tally.report())


def test_ventilators_are_told_apart_and_waited_for():
    tally = Tally(ventilators=2)
    tally.take(results(0, 5, ventilator="a"), 1.0)
    tally.take(End("a", 5, 1), 1.0)
    assert not tally.complete
    tally.take(End("b", 5, 1), 1.0)
    assert tally.is_ended()
    assert not tally.complete
    tally.take(results(0, 5, ventilator="b"), 1.0)
    assert tally.complete
    assert tally.report().total == 10


def test_a_ventilator_without_items_is_complete():
    tally = Tally()
    tally.take(Start("v", 0, "vent"), 1.0)
    tally.take(End("v", 0, 1), 1.0)
    assert tally.complete
    assert str(tally.report()).startswith("received 0 of 0 in 0.00 s (0/s)")


def test_a_third_ventilator_may_come():
    tally = Tally()
    tally.take(End("a", 0, 1), 1.0)
    tally.take(Start("b", 0, "late"), 1.0)
    assert not tally.is_ended()


def test_expected_items_end_it():
    tally = Tally(expect=7)
    tally.take(results(0, 6), 1.0)
    assert not tally.complete
    tally.take(results(6, 2), 1.0)
    assert tally.complete
    assert tally.report().complete


def test_duplicates_are_counted_and_do_not_complete():
    tally = Tally()
    tally.take(End("v", 10, 1), 1.0)
    tally.take(results(0, 5), 1.0)
    tally.take(results(0, 5), 1.0)
    assert not tally.complete
    assert tally.report().duplicates == 5


def test_failures_are_counted_and_the_first_are_named():
    tally = Tally()
    tally.take(Start("v", 0, "vent"), 1.0)
    got = tally.take(results(100, 4, failures=[(1, "ValueError: no"), (3, "KeyError")]), 1.0)
    assert got == [100, 102]
    for first in range(0, 30, 2):
        tally.take(results(first, 1, failures=[(0, "again")]), 1.0)
    report = tally.report()
    assert report.failed == 17
    assert len(report.failures) == 10
    assert report.failures[0] == ("vent", 101, "ValueError: no")
    assert "  failed: item 101 of vent: ValueError: no" in str(report).splitlines()


def test_what_the_first_worker_has_grabbed():
    tally = Tally()
    tally.take(results(0, 64, "early"), 1.0)
    tally.take(results(64, 64, "early"), 1.0)
    tally.take(results(128, 64, "late"), 1.0)
    tally.take(results(192, 64, "early"), 1.0)
    report = tally.report()
    assert report.workers == {"early": 192, "late": 64}
    assert report.grabbed == 128
    assert str(report).splitlines()[-2:] == [
        "  workers: early 192 (75%), late 64 (25%)",
        "  early delivered 128 before anybody else did",
    ]


def test_who_is_counted_is_bounded(monkeypatch):
    monkeypatch.setattr(tally_module, "WORKERS_MAX", 2)
    monkeypatch.setattr(tally_module, "VENTILATORS_MAX", 1)
    tally = Tally()
    for number, worker in enumerate("abcd"):
        tally.take(results(number, 1, worker), 1.0)
    assert tally.take(results(0, 1, ventilator="another"), 1.0) == []
    report = tally.report()
    assert report.workers == {"a": 1, "b": 1, "(others)": 2}
    assert (report.received, report.foreign) == (4, 1)


def test_foreign_messages_are_counted_and_one_is_shown():
    tally = Tally()
    tally.take_foreign(b"x" * 100)
    tally.take_foreign(b"y", [b""])
    report = tally.report()
    assert report.foreign == 2
    assert report.foreign_sample == f"b'{'x' * 40}'..."
    assert "2 foreign messages, as b'xxx" in str(report)
    tally = Tally()
    tally.take_foreign(b"y", [b""])
    assert tally.report().foreign_sample == "2 frames, the first b'y'"


def test_raw():
    tally = Tally(start=b"0", expect=3)
    assert tally.take_raw(b"0", 1.0) == []
    assert tally.begun
    assert [tally.take_raw(b"0", now) for now in (2.0, 3.0)] == [[b"0"], [b"0"]]
    assert not tally.complete
    assert not tally.is_ended()
    report = tally.report()
    assert (report.received, report.total, report.missing) == (2, 3, 1)
    tally.take_raw(b"", 4.0)
    assert tally.complete


def test_raw_without_a_start():
    tally = Tally(start=b"0")
    assert tally.take_raw(b"", 1.0) == [b""]
    assert tally.report().total is None
    assert str(tally.report()).startswith("received 1 in 0.00 s")


def reports_of_two_sinks():
    first, second = Tally(), Tally()
    for sink in (first, second):
        sink.take(Start("v", 0, "vent"), 1.0)
        sink.take(End("v", 30, 2), 1.0)
    first.take(results(0, 10, "w1"), 2.0)
    second.take(results(10, 10, "w2"), 2.0)
    second.take(results(0, 1, "w2", failures=[(0, "no")]), 2.0)
    return first.report(), second.report()


def test_two_sinks_know_more_together():
    one, other = reports_of_two_sinks()
    assert not one.complete
    assert "this is one of 2 sinks: put their reports together" in str(one)
    both = combined([one, other])
    assert (both.received, both.total, both.missing) == (20, 30, 10)
    assert list(both.missing_ranges()) == [("vent", 20, 29)]
    assert (both.duplicates, both.failed) == (1, 1)
    assert both.workers == {"w1": 10, "w2": 11}


def test_reports_travel():
    one, other = reports_of_two_sinks()
    assert combined(pickle.loads(pickle.dumps([one, other]))) == combined([one, other])


def test_what_cannot_be_combined():
    with pytest.raises(UsageError, match="at least one"):
        combined([])
    raw = Tally()
    raw.take_raw(b"", 1.0)
    with pytest.raises(UsageError, match="no numbers"):
        combined([raw.report()])


def test_a_sink_that_was_late_says_so():
    tally = Tally()
    tally.take(Start("v", 1234, "vent"), 1.0)
    assert "it had sent 1,234 items before this sink was there" in str(tally.report())
