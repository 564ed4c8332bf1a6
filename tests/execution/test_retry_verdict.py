"""What an exception of a handler means for its task."""

from __future__ import annotations

import asyncio
import pickle
import subprocess

import pytest
from pool_bench import Held

from zmqwork import Reject, Retry, Snooze
from zmqwork.execution import invoke
from zmqwork.execution.retry import SECONDS_MAX, set_condition
from zmqwork.wire.values import encode_call


def told(error, *, attempt=1, condition=None, cause=None, **options):
    def handler():
        if cause is not None:
            raise error from cause
        raise error

    if condition is not None:
        set_condition(handler, condition)
    held = Held("handler", encode_call((), {}), attempt=attempt, options=options)
    good, record = invoke.run(handler, held, asyncio.run)
    assert not good
    return record


def is_final(error, **more):
    return told(error, **more).get("final", False)


@pytest.mark.parametrize("error", [ValueError(), SystemExit(1), KeyboardInterrupt()])
def test_everything_is_retried_unless_it_is_said_otherwise(error):
    assert not is_final(error)


def test_only_what_is_named_and_what_derives_from_it():
    wanted = ["OSError", "subprocess.SubprocessError"]
    assert not is_final(OSError(), retry_for=wanted)
    assert not is_final(ConnectionResetError(), retry_for=wanted)
    assert not is_final(subprocess.TimeoutExpired("sleep", 1), retry_for=wanted)
    assert is_final(ValueError(), retry_for=wanted)
    assert is_final(ValueError(), retry_for=[])


def test_what_is_excluded_wins():
    more = {"retry_for": ["OSError"], "no_retry_for": ["FileNotFoundError"]}
    assert is_final(FileNotFoundError(), **more)
    assert not is_final(PermissionError(), **more)
    assert is_final(FileNotFoundError(), no_retry_for=["OSError"])


def test_a_condition_sees_the_exception_and_counts_attempts():
    def twice_if_busy(error, attempt):
        return error.args == ("busy",) and attempt <= 2

    assert not is_final(ValueError("busy"), condition=twice_if_busy)
    assert not is_final(ValueError("busy"), attempt=2, condition=twice_if_busy)
    assert is_final(ValueError("busy"), attempt=3, condition=twice_if_busy)
    assert is_final(ValueError("gone"), condition=twice_if_busy)
    assert is_final(ValueError("busy"), condition=twice_if_busy, no_retry_for=["ValueError"])


def test_a_condition_that_fails_decides_nothing_and_is_told():
    record = told(ValueError("busy"), condition=lambda error, attempt: error.no_such_thing)
    assert (record["type"], record.get("final")) == ("AttributeError", None)
    assert "ValueError: busy" in record["traceback"]


def test_the_handler_wants_another_attempt_whatever_the_options_say():
    record = told(Retry(after=30), no_retry_for=["BaseException"], condition=lambda *_: False)
    assert (record["type"], record["after"]) == ("zmqwork.execution.retry.Retry", 30.0)
    assert "final" not in record
    assert "after" not in told(Retry())


def test_what_failed_is_told_and_not_that_it_is_to_be_tried_again():
    assert told(Retry(after=1), cause=OSError("busy"))["type"] == "OSError"

    def handler():
        try:
            {}["x"]
        except KeyError:
            raise Retry  # noqa: B904

    held = Held("handler", encode_call((), {}))
    assert invoke.run(handler, held, asyncio.run)[1]["type"] == "KeyError"


def test_nothing_has_failed():
    record = told(Snooze(60), no_retry_for=["BaseException"])
    assert (record["after"], record["snooze"], record.get("final")) == (60.0, True, None)
    assert record["text"] == "the handler puts its task off for 60 s"


@pytest.mark.parametrize("value", ["60", None, True, float("nan")])
def test_seconds_are_seconds(value):
    with pytest.raises(ValueError, match=r"Snooze\(seconds\) is a number of seconds"):
        Snooze(value)
    assert Snooze(-5).seconds == 0.0
    assert Retry(float("inf")).after == SECONDS_MAX


def test_a_class_that_hides_its_name_is_an_exception_all_the_same():
    class Hiding(type):
        @property
        def __module__(cls):
            raise RuntimeError

    class Hidden(Exception, metaclass=Hiding):
        pass

    assert not is_final(Hidden(), retry_for=["Exception"])
    assert is_final(Hidden(), retry_for=["OSError"])


def test_a_handler_can_reject_its_task():
    record = told(Reject("no GPU"), no_retry_for=["Exception"])
    assert record["rejected"] is True
    assert record["text"] == "no GPU"
    assert "unfit" not in record
    assert "final" not in record
    assert told(Reject("no disk", worker_unfit=True))["unfit"] is True


@pytest.mark.parametrize("reason", ["", None, 5])
def test_a_rejection_says_why(reason):
    with pytest.raises(ValueError, match="says why"):
        Reject(reason)


def test_a_rejection_pickles():
    error = pickle.loads(pickle.dumps(Reject("no GPU", worker_unfit=True)))
    assert (error.reason, error.worker_unfit) == ("no GPU", True)
