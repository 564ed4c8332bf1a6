"""A task of somebody's own: what it is called with, what it costs here, and what is said of it."""

from __future__ import annotations

import dataclasses

import pytest

import zmqwork
from zmqwork.bench.cases import FLYING_BYTES_MAX, Case
from zmqwork.bench.comparison import compare
from zmqwork.bench.crew import Crew
from zmqwork.bench.load import _window
from zmqwork.bench.measurement import Measurement
from zmqwork.bench.own import HERE_SECONDS_MAX, Own, in_flight, own_cases
from zmqwork.bench.report import Report
from zmqwork.bench.worth import worth_of_own
from zmqwork.errors import UsageError

app = zmqwork.App("own")


@app.task
def resize(name, width=10):
    return f"{name} {width}"


@app.task
async def fetch(name):
    return name


@app.task
def spell(word):
    yield from word


@app.task
def refuse():
    raise RuntimeError("only there\nbecause")


@app.task(sink="files")
def keep(name):
    return name


def own(task=resize, *args, **kwargs):
    return Own(app, task, f"own:{task.name}", args, kwargs)


def test_a_call_is_told_as_python_writes_it():
    assert str(own(resize, "a", width=3)) == "own:resize('a', width=3)"
    assert len(str(own(resize, "a" * 1000))) < 210


@pytest.mark.parametrize(
    ("task", "args", "text"),
    [
        (resize, [], r"missing .* 'name'; it is resize\(name, width=10\)"),
        (resize, [1, 2, 3], "it is resize"),
        (resize, [object()], "it is resize"),
        (spell, ["a"], "is a generator"),
    ],
)
def test_what_cannot_be_measured_is_refused(task, args, text):
    with pytest.raises(UsageError, match=text):
        own(task, *args)


def test_its_results_come_back_whatever_it_says():
    assert not own(keep, "a").task.options.goes_to_sink
    assert keep.options.goes_to_sink, "that of the app is as it was"


def test_what_a_call_takes_here():
    for task in (resize, fetch):
        made = own(task, "a")
        made.try_here()
        assert 0 < made.here < 0.1
        assert made.why_not_here == ""


def test_why_it_was_not_called_here():
    made = own(refuse)
    made.try_here()
    assert (made.here, made.why_not_here) == (None, "RuntimeError: only there")
    long = own(resize, "a")
    long.round_trip = 2 * HERE_SECONDS_MAX
    long.try_here()
    assert (long.here, long.why_not_here) == (None, "it takes 20 s there")


def test_cases_of_it():
    made = own(resize, "a" * 1000)
    found = own_cases(made, ["request", "map", "pipeline"], [1, 100_000_000])
    assert [(c.form, c.in_flight) for c in found] == [
        ("request", 1), ("request", FLYING_BYTES_MAX // made.argument_bytes), ("map", 0),
        ("pipeline", 0),
    ]  # fmt: skip
    assert {c.kind for c in found} == {"own:resize"}
    assert not found[0].is_wrong()("whatever")
    with pytest.raises(UsageError, match="--form map takes arguments by position"):
        own_cases(own(resize, "a", width=2), ["map"], [1])
    assert own_cases(own(resize, "a", width=2), ["pipeline"], [1])


def test_how_many_at_once_if_nobody_says_it():
    made = own(resize, "a")
    made.round_trip = 0.001
    assert in_flight(made, 2) == [1, 100]
    made.round_trip = 1.0
    assert in_flight(made, 2) == [1, 8]


@pytest.mark.parametrize(
    ("case", "slots", "window"),
    [
        (Case("pipeline", "echo", 0, 0, 0.0), 2, 10_000),
        (Case("pipeline", "echo", 1024 * 1024, 0, 0.0), 2, 64),
        (Case("pipeline", "sleep", 0, 0, 0.001), 2, 2_000),
        (Case("pipeline", "sleep", 0, 0, 10.0), 2, 8),
    ],
)
def test_of_long_tasks_a_pipeline_holds_what_can_be_done_in_time(case, slots, window):
    assert _window(case, slots) == window


@pytest.mark.parametrize("slots", [2, 3, 16])
def test_calls_as_long_as_the_break_even_take_the_same_here_and_there(slots):
    here, there, cpu = 2e-3, 1.5e-3, 20e-6
    length = worth_of_own(there, here, cpu, slots).sooner
    shorter = here - length  # the part of the call that would be missing
    assert length == pytest.approx(there - shorter / slots)


def test_what_is_hidden_behind_other_tasks_is_not_taken_for_nothing():
    found = worth_of_own(1e-3, 2e-3, 20e-6, 2)
    assert found.sooner == pytest.approx(40e-6), "no less than this process spends, by its slots"
    assert found.relief == 20e-6
    assert worth_of_own(1e-3, 2e-3, 20e-6, 1).sooner is None


def test_figures_of_it(measurement):
    made = measurement(
        kind="own:resize", payload_bytes=100, result_bytes=900, call_seconds=0.001,
        tasks=2000, seconds=1.0, slots=4, in_flight=16,
    )  # fmt: skip
    assert made.bandwidth == 2000 * 1000
    assert made.gain == pytest.approx(2.0)
    assert made.flat()["gain"] == 2.0
    assert Measurement.of(made.plain()).plain() == made.plain()
    assert measurement().flat()["gain"] is None, "of the benchmark's own tasks there is none"
    assert dataclasses.replace(made, call_seconds=None).gain is None


def test_reports_of_other_calls_are_told_apart(measurement, report):
    made = measurement(kind="own:resize", result_bytes=1)
    first, second = report(made), report(made)
    first.call, second.call = "own:resize('a')", "own:resize('b')"
    found = compare(first, second)
    assert "call: own:resize('a'), then own:resize('b')" in found.differences
    assert Report.of(first.plain()).plain() == first.plain()


def test_reports_that_are_older_can_be_read(measurement, report):
    plain = report(measurement()).plain()
    for name in ("call", "why_not_here"):
        del plain[name]
    del plain["measurements"][0]["result_bytes"]
    assert Report.of(plain).call == ""


class Told:
    """What a producer says of two workers, one of which serves the task."""

    def workers_for(self, spec, patience):
        return [("1a2b" * 8, "anna-1")]

    def status(self):
        worker = {"slots": 1, "endpoint": "tcp://a:1", "done": 0, "round_trip": 0.1}
        return {
            "workers": [
                worker | {"name": "anna-1", "node_id": "1a2b" * 8, "host": "anna"},
                worker | {"name": "bert-1", "node_id": "3c4d" * 8, "host": "bert"},
            ]
        }

    def workers_known(self):
        return 2


def test_only_those_that_serve_it_count_and_are_asked_nothing():
    crew = Crew(Told(), resize)
    (member,) = crew.look()
    assert (member.label, member.host) == ("anna-1#1a2b", "anna")
    assert crew.ask() == {}
