from __future__ import annotations

from zmqwork.core.lag import Lag, earliest


def test_a_turn_in_time_has_no_lag():
    lag = Lag(0.5)
    assert lag.of_turn(10.0) == 0.0, "nothing was promised"
    assert lag.promised(11.0) == 11.0
    assert lag.of_turn(10.2) == 0.0, "an event came first"
    assert lag.of_turn(11.5) == 0.0, "within the tolerance"


def test_a_late_turn_is_late_by_what_lies_behind_its_deadline():
    lag = Lag(0.5)
    lag.of_turn(10.0)
    lag.promised(11.0)
    assert lag.of_turn(14.0) == 3.0


def test_a_deadline_that_lies_behind_the_last_turn_does_not_count():
    lag = Lag(0.5)
    lag.promised(11.0)
    lag.of_turn(14.0)
    assert lag.of_turn(16.0) == 2.0


def test_a_node_that_waits_for_events_alone_is_never_late():
    lag = Lag(0.5)
    lag.of_turn(10.0)
    assert lag.promised(None) is None
    assert lag.of_turn(1000.0) == 0.0


def test_the_earliest_of_some_instants():
    assert earliest(None) is None
    assert earliest(None, 2.0, None, 1.0) == 1.0
    assert earliest(1.0, 2.0) == 1.0
