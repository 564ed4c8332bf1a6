from __future__ import annotations

import asyncio
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest

import zmqwork
from zmqwork.errors import ConfigError, UsageError

app = zmqwork.App("instants")


@app.task(countdown=5.0)
def plain(value):
    return value


@app.task
async def other(value):
    await asyncio.sleep(0)
    return value


def soon(seconds=60.0, zone=UTC):
    return datetime.now(zone) + timedelta(seconds=seconds)


def test_an_instant_becomes_seconds_when_it_is_submitted():
    timed = plain.using(eta=soon(), deadline=soon(120))
    assert 58 < timed.spec.options.countdown <= 60
    assert 118 < timed.spec.options.expires <= 120
    # Each time anew.
    before = timed.spec
    assert timed.spec.options.countdown < before.options.countdown
    assert timed.options.countdown == 5.0  # what was said
    assert plain.spec.options.countdown == 5.0
    assert (timed.name, timed.fingerprint, timed(3)) == (plain.name, plain.fingerprint, 3)


def test_any_time_zone_will_do():
    tokyo = timezone(timedelta(hours=9))
    assert 58 < plain.using(eta=soon(zone=tokyo)).spec.options.countdown <= 60


def test_what_is_over_is_due_at_once():
    spec = plain.using(eta=soon(-60), deadline=soon(-1)).spec
    assert (spec.options.countdown, spec.options.expires) == (0.0, 0.0)


def test_further_options_keep_the_instant():
    timed = plain.using(eta=soon()).using(queue="q", deadline=soon(90))
    options = timed.spec.options
    assert options.queue == "q"
    assert 58 < options.countdown <= 60
    assert 88 < options.expires <= 90
    assert type(timed) is type(plain.using(eta=soon()))


def test_what_is_said_later_counts():
    assert plain.using(deadline=soon(90)).using(expires=5.0).spec.options.expires == 5.0
    assert plain.using(eta=soon(90)).using(countdown=2.0).spec.options.countdown == 2.0


def test_a_pipeline_has_none():
    with pytest.raises(UsageError, match="eta or a deadline"):
        zmqwork.ventilate(app, plain.using(deadline=soon()), [1], sink=None)


def test_coroutines_too():
    timed = other.using(eta=soon())
    assert asyncio.run(timed(3)) == 3
    assert timed.spec.options.countdown > 58


def test_it_travels_with_them():
    timed = pickle.loads(pickle.dumps(plain.using(eta=soon(), queue="q")))
    assert timed.spec.options.queue == "q"
    assert 55 < timed.spec.options.countdown <= 60
    assert pickle.loads(pickle.dumps(plain.using(expires=3.0))).options.expires == 3.0


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"eta": 60.0}, "must be a datetime"),
        ({"eta": datetime(2030, 1, 1)}, "time zone"),  # noqa: DTZ001 - that is the point
        ({"deadline": soon(), "expires": 3.0}, "the same thing"),
        ({"etta": soon()}, "did you mean 'eta'"),
    ],
)
def test_what_cannot_be_said(options, what):
    with pytest.raises(ConfigError, match=what):
        plain.using(**options)


def test_nothing_is_an_instant():
    assert plain.using(eta=None, deadline=None).spec.options.countdown == 5.0


def test_it_is_said_of_a_call_not_of_a_task():
    with pytest.raises(ConfigError, match="no option 'eta'"):
        app.task(eta=soon())
