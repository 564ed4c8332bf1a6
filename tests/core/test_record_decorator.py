"""Records are what `dataclass(slots=True)` makes, with less work at the import."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import signal
import subprocess
import sys
import threading

import pytest

from zmqwork.core import effects, messages
from zmqwork.core.record import record


@record
class Point:
    """One."""

    x: int
    y: float = 0.5
    names: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass(slots=True)
class Model:
    """What it should be like."""

    x: int
    y: float = 0.5
    names: list[str] = dataclasses.field(default_factory=list)


@record
class Nothing:
    """Without a field."""


def test_it_is_as_a_dataclass_is():
    ours, theirs = Point(1, names=["a"]), Model(1, names=["a"])
    assert repr(ours) == repr(theirs).replace("Model", "Point")
    assert dataclasses.asdict(ours) == dataclasses.asdict(theirs)
    assert dataclasses.replace(ours, x=2) == Point(2, 0.5, ["a"])
    assert [f.name for f in dataclasses.fields(ours)] == [
        f.name for f in dataclasses.fields(theirs)
    ]
    ours_takes, theirs_takes = inspect.signature(Point), inspect.signature(Model)
    assert list(ours_takes.parameters) == list(theirs_takes.parameters)
    assert [p.annotation for p in ours_takes.parameters.values()] == [
        p.annotation for p in theirs_takes.parameters.values()
    ]
    assert Point.__match_args__ == Model.__match_args__
    assert Point.__slots__ == Model.__slots__
    assert Point.__doc__ == "One."
    assert not hasattr(ours, "__dict__")
    assert repr(Nothing()) == "Nothing()"


def test_equal_are_those_of_one_class_with_the_same_values():
    assert Point(1) == Point(1)
    assert Point(1) != Point(2)
    assert Point(1) != Model(1)
    assert Nothing() == Nothing()
    with pytest.raises(TypeError, match="unhashable"):
        hash(Point(1))


def test_each_has_a_list_of_its_own():
    assert Point(1).names is not Point(1).names


def test_it_is_matched_by_position():
    match Point(3, 4.0):
        case Point(x, y):
            assert (x, y) == (3, 4.0)
        case _:
            pytest.fail("no match")


@pytest.mark.parametrize("given", [(), (1, 2.0, [], 4)])
def test_wrong_arguments_are_told_of_by_its_name(given):
    @record
    class Fresh:
        x: int
        y: float = 0.5
        names: list[str] = dataclasses.field(default_factory=list)

    for _ in range(2):  # the first call, and one after it
        with pytest.raises(TypeError, match=r"Fresh\.__init__"):
            Fresh(*given)


def test_it_can_be_copied_and_pickled():
    point = Point(1, 2.0, ["a"])
    assert copy.deepcopy(point) == point == pickle.loads(pickle.dumps(point))


def test_threads_may_make_the_first_ones_at_the_same_time():
    for _ in range(50):

        @record
        class Fresh:
            x: int

        barrier, made = threading.Barrier(4), []

        def make(kind=Fresh, barrier=barrier, made=made):
            barrier.wait()
            made.append(kind(7))

        threads = [threading.Thread(target=make) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert made == [Fresh(7)] * 4


def test_one_that_is_made_first_at_the_end_keeps_how_the_program_ended():
    """Ctrl-C ends it by its signal, as people and shells expect."""
    program = """
import atexit
from zmqwork.core.record import record
@record
class Late:
    x: int
atexit.register(lambda: print(Late(1)))
raise KeyboardInterrupt
"""
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert ended.stdout == "Late(x=1)\n"
    assert ended.returncode == -signal.SIGINT


def test_what_machines_say_are_records():
    assert messages.Ping.__hash__ is None
    assert effects.Rebind() == effects.Rebind()
