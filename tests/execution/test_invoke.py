from __future__ import annotations

import asyncio

import execution_tasks as tasks
import pytest
from pool_bench import Held

from zmqwork import errors
from zmqwork.execution import context, invoke
from zmqwork.wire.values import decode_value, encode_call, encode_value


def run(handler, *args, data=None, **kwargs):
    held = Held(handler.__name__, encode_call(args, kwargs) if data is None else data, seq=7)
    return invoke.run(handler, held, asyncio.run)


def error_of(handler, *args, **more):
    good, error = run(handler, *args, **more)
    assert not good
    # It travels as it is.
    assert decode_value(encode_value(error)) == error
    return error


def test_a_value_comes_back_encoded():
    good, value = run(tasks.add, 1, b=2)
    assert good
    assert decode_value(value) == 3


def test_a_coroutine_is_run_to_its_end():
    assert run(tasks.async_add, 1, 2) == (True, encode_value(3))
    assert run(tasks.hidden_async, 1) == (True, encode_value(2))
    assert error_of(tasks.async_fail)["type"] == "LookupError"


def test_an_exception_becomes_text_from_the_handlers_frame_on():
    error = error_of(tasks.fail, "no such tile")
    assert error["type"] == "ValueError"
    assert error["text"] == "no such tile"
    assert "final" not in error
    lines = error["traceback"].splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "in fail" in lines[1]
    assert "invoke.py" not in error["traceback"]


def test_frames_of_asyncio_are_left_out_too():
    error = error_of(tasks.async_fail)
    assert "in async_fail" in error["traceback"].splitlines()[1]


def test_the_type_keeps_its_module():
    assert error_of(tasks.hostile)["type"] == "execution_tasks.Hostile"


def test_a_cause_is_told():
    assert "ValueError: first" in error_of(tasks.nested)["traceback"]


@pytest.mark.parametrize(
    ("handler", "args", "name"),
    [
        (tasks.leave, (3,), "SystemExit"),
        (tasks.interrupt, (), "KeyboardInterrupt"),
        (tasks.deep, (0,), "RecursionError"),
        (tasks.hostile, (), "execution_tasks.Hostile"),
    ],
)
def test_nothing_that_a_handler_raises_gets_past(handler, args, name):
    assert error_of(handler, *args)["type"] == name


def test_sys_exit_is_told_with_its_code():
    assert "sys.exit(3)" in error_of(tasks.leave, 3)["text"]


def test_lone_surrogates_do_not_keep_an_error_from_being_told():
    assert error_of(tasks.surrogate)["text"] == "file \\udcff is no good"


def test_long_texts_are_cut_in_the_middle_and_stay_text():
    error = error_of(tasks.long_error, 100_000)
    assert len(error["text"].encode()) <= 4 * 1024
    assert len(error["traceback"].encode()) <= 32 * 1024
    assert "bytes left out" in error["text"]
    assert error["text"].startswith("éé")
    assert error["text"].endswith("éé")


def test_what_no_retry_can_help_is_final():
    assert error_of(tasks.unsendable)["final"] is True
    assert error_of(tasks.noop, data=b"\xc1")["final"] is True


def test_the_same_errors_of_a_handlers_own_are_not():
    def raises_ours():
        raise errors.DecodeError("a file of mine")

    assert "final" not in error_of(raises_ours)


def test_wrong_arguments_fail_like_a_call():
    error = error_of(tasks.add, 1)
    assert error["type"] == "TypeError"
    assert "'b'" in error["text"]


def test_a_metaclass_cannot_hide_the_type():
    class Meta(type):
        def __getattribute__(cls, name):
            raise SystemExit(name)

    class Odd(Exception, metaclass=Meta):
        pass

    assert invoke.error_record(Odd("text"))["type"] == "Exception"


def test_there_is_a_context_during_the_call_only():
    assert not context.inside_task()
    good, value = run(tasks.context)
    assert good
    assert decode_value(value) == ["01234567-7", "context", 1, "default", None, False]
    assert not context.inside_task()
    with pytest.raises(errors.UsageError, match="outside of a task"):
        context.current()


def test_a_failure_leaves_no_context_behind():
    run(tasks.fail)
    assert not context.inside_task()


def test_run_async_catches_as_much():
    async def raises():
        raise KeyboardInterrupt

    async def main():
        return await invoke.run_async(raises, Held("x", encode_call((), {})))

    good, error = asyncio.run(main())
    assert not good
    assert error["type"] == "KeyboardInterrupt"


def test_a_closed_coroutine_ends():
    class Never:
        def __await__(self):
            yield

    async def waits():
        await Never()

    coroutine = invoke.run_async(waits, Held("x", encode_call((), {})))
    coroutine.send(None)
    # "coroutine ignored GeneratorExit" if it did not pass on.
    coroutine.close()
