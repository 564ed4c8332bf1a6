"""The forms, with a real worker in another process; and what they do when it is gone."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from zmqwork.bench.cases import Case
from zmqwork.bench.course import Course, Stalled
from zmqwork.bench.load import mapped, pipelined, request_reply
from zmqwork.bench.tasks import app
from zmqwork.cli.bench_worker import TARGET
from zmqwork.cli.local import LocalWorkers, own_realm, wait_until_known
from zmqwork.cli.submitter import submitter
from zmqwork.errors import NoWorker, TransportError
from zmqwork.whereabouts import Whereabouts

ROOT = Path(__file__).parents[2]


@pytest.fixture
def runtime(monkeypatch):
    with tempfile.TemporaryDirectory(prefix="zw-", dir="/tmp") as path:
        monkeypatch.setenv("XDG_RUNTIME_DIR", path)
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.setenv("ZMQWORK_KEYS", "none")
        monkeypatch.delenv("ZMQWORK_PEERS", raising=False)
        yield Path(path)


@pytest.fixture
def crew(runtime):
    with LocalWorkers(TARGET, own_realm("bench"), "--pool", "inline", "--keys", "none") as made:
        made.start_all(1)
        yield made


@pytest.fixture
def producer(crew):
    with submitter(app, "bench", realm=crew.realm) as made:
        wait_until_known(made, 1)
        yield made


def course(tasks=200, duration=60.0, **options):
    return Course(tasks, duration, **options)


@pytest.mark.parametrize("in_flight", [1, 5, 100])
@pytest.mark.parametrize("kind", ["echo", "noop"])
def test_request_reply(producer, in_flight, kind):
    made = course()
    request_reply(Case("request", kind, 100, in_flight, 0.0), made)
    assert made.landed == 200
    assert made.trips.count == {1: 200, 5: 200, 100: 13}[in_flight], "all, or one of 16"
    assert 0 < made.trips.least <= made.trips.most <= made.seconds
    assert made.progress == 1.0


def test_round_trips_are_counted_on_the_way(producer, monkeypatch):
    monkeypatch.setattr("zmqwork.bench.load._UNCOUNTED_MAX", 10)
    made = course()
    request_reply(Case("request", "echo", 0, 8, 0.0), made)
    assert made.trips.count == 200


def test_map(producer):
    made = course(1000)
    mapped(Case("map", "echo", 100, 0, 0.0), made, producer)
    assert (made.landed, made.trips.count) == (1000, 0)


def test_a_pipeline(producer, crew):
    made = course(500)
    pipelined(Case("pipeline", "echo", 100, 0, 0.0), made, Whereabouts(realm=crew.realm))
    assert made.landed == 500, "without those before the clock started"


@pytest.mark.parametrize("form", [request_reply, mapped])
def test_it_ends_when_somebody_wants_it(producer, form):
    made = course(10**9, 1e6, is_told=lambda: made.landed >= 50)
    case = Case("request", "echo", 0, 10, 0.0)
    form(case, made, *([producer] if form is mapped else []))
    assert made.landed >= 50, "what is under way comes back"


def test_it_ends_when_its_time_is_over(producer):
    made = course(10**9, 0.05)
    request_reply(Case("request", "echo", 0, 10, 0.0), made)
    assert made.landed > 0
    assert made.seconds >= 0.05


class Wrong(Case):
    """A case whose answers are others than it expects."""

    @property
    def answer(self):
        return b"another"


@pytest.mark.parametrize("in_flight", [1, 10])
def test_every_result_is_looked_at(producer, in_flight):
    with pytest.raises(TransportError, match="not what was sent"):
        request_reply(Wrong("request", "echo", 10, in_flight, 0.0), course())


def test_the_results_of_a_pipeline_are_looked_at(producer, crew):
    with pytest.raises(TransportError, match="not what was sent"):
        pipelined(Wrong("pipeline", "echo", 10, 0, 0.0), course(), Whereabouts(realm=crew.realm))


def test_the_results_of_a_map_are_looked_at(producer):
    with pytest.raises(TransportError, match="not what was sent"):
        mapped(Wrong("map", "echo", 10, 0, 0.0), course(), producer)


class Killing(Course):
    """A course in whose middle the only worker is killed."""

    crew = None

    def goes_on(self, submitted):
        if submitted == 150:
            self.crew.running["worker-1"].kill()
        return super().goes_on(submitted)


@pytest.mark.parametrize("form", ["request", "map", "pipeline"])
def test_nobody_is_waited_for_for_ever(producer, crew, form):
    made = Killing(10**6 if form == "map" else 1000, 60.0)
    made.crew, made.patience = crew, 2.0
    case = Case(form, "echo", 0, 50 if form == "request" else 0, 0.0)
    measure = {
        "request": lambda: request_reply(case, made),
        "map": lambda: mapped(case, made, producer),
        "pipeline": lambda: pipelined(case, made, Whereabouts(realm=crew.realm)),
    }[form]
    with pytest.raises((Stalled, NoWorker), match=r"no result for|not run within|did not reach"):
        measure()
