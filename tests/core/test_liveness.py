from __future__ import annotations

from math import inf

import pytest

from zmqwork.core.liveness import ALIVE, LOST, SUSPECT, Liveness


@pytest.mark.parametrize(
    ("now", "verdict", "next_at"),
    [
        (10.0, ALIVE, 12.0),
        (11.999, ALIVE, 12.0),
        (12.0, SUSPECT, 14.0),
        (13.999, SUSPECT, 14.0),
        (14.0, LOST, inf),
        (99.0, LOST, inf),
    ],
)
def test_verdict_by_silence(now, verdict, next_at):
    liveness = Liveness(2.0, 4.0, 10.0)
    assert liveness.verdict(now) == verdict
    assert liveness.next_at(now) == next_at


def test_any_sign_of_life_begins_anew():
    liveness = Liveness(2.0, 4.0, 0.0)
    liveness.heard_at = 3.9
    assert liveness.verdict(5.8) == ALIVE


def test_own_lag_is_forgiven_but_lends_no_life():
    liveness = Liveness(2.0, 4.0, 0.0)
    liveness.forgive(3.0, 3.5)
    assert liveness.verdict(4.9) == ALIVE
    assert liveness.verdict(7.0) == LOST
    liveness.heard_at = 10.0
    liveness.forgive(60.0, 10.0)
    assert liveness.heard_at == 10.0
    assert liveness.verdict(14.0) == LOST


def test_the_next_instant_is_later_than_now_whatever_is_rounded():
    for step in range(2_000):
        heard_at = 1e6 + step / 7
        liveness = Liveness(2.0, 4.0, heard_at)
        for now in (heard_at + 2.0, heard_at + 4.0):
            assert liveness.next_at(now) > now
