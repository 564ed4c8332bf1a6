import asyncio
import functools
import importlib
import inspect
import pickle
import sys

import pytest
from producer_standin import producing

from zmqwork import App
from zmqwork.errors import ConfigError, EncodeError, TaskFailed, UsageError
from zmqwork.functions import function_name
from zmqwork.options import TASK_OPTION_NAMES, TaskOptions
from zmqwork.signature import call_check, fingerprint
from zmqwork.task import AsyncTask, Options, Task
from zmqwork.wire.values import decode_call

WAIT = 20.0

app = App("test-task")


@app.task
def scale(path: str, width: int = 200, *, keep: bool = True) -> str:
    """Scale a picture."""
    return f"{path} {width} {keep}"


@app.task(queue="slow", max_retries=0)
async def fetch(url: str) -> str:
    """Fetch it."""
    await asyncio.sleep(0)
    return url.upper()


def test_a_call_runs_here():
    assert scale("a.jpg", 100) == "a.jpg 100 True"
    assert asyncio.run(fetch("x")) == "X"


def test_a_task_looks_like_its_function():
    assert scale.__name__ == "scale"
    assert scale.__doc__ == "Scale a picture."
    assert inspect.signature(scale) == inspect.signature(scale.handler)
    assert inspect.unwrap(scale) is scale.handler
    assert scale.name == "scale"
    assert repr(scale) == "<Task 'scale'>"
    assert app.tasks["scale"] is scale
    assert isinstance(fetch, AsyncTask)
    assert type(scale) is Task


def test_attributes_of_the_function_are_not_those_of_its_task():
    """All names that a task has itself: an attribute of the instance stands before a method."""

    def marked():
        return 1

    own = sorted({*dir(scale), "submit", "map", "options", "handler"} - set(dir(marked)))
    for name in own:
        setattr(marked, name, "marked")
    marked.cost = 3
    task = App("marked").task(marked)
    assert [name for name in own if getattr(task, name) == "marked"] == []
    assert (task(), task.cost, task.handler) == (1, 3, marked)
    assert task.using(queue="slow").options.queue == "slow"


def test_submit_sends_the_call():
    with producing(app) as node:
        future = scale.submit("a.jpg", keep=False)
        assert future.result(WAIT) == "a.jpg 200 False"
        assert fetch.submit("y").result(WAIT) == "Y"
        assert node.names() == ["scale", "fetch"]
        (spec, args), _ = node.submitted
    assert spec is scale.spec
    call = decode_call(args)
    assert (list(call[0]), call[1]) == (["a.jpg"], {"keep": False})
    assert future.id.startswith("abababab-")


def by_position(a, /, b): ...
def by_name(*, a, b=1): ...
def anything(*args, **kwargs): ...
def nothing(): ...
def defaults(a, b=1, /, c=2, *rest, d, e=3, **more): ...


CALLS = [
    ((), {}),
    ((1,), {}),
    ((1, 2), {}),
    ((1, 2, 3, 4), {}),
    ((1,), {"a": 1}),
    ((1,), {"b": 1}),
    ((), {"a": 1}),
    ((), {"a": 1, "b": 2}),
    ((1,), {"d": 1, "zzz": 2}),
    ((1, 2, 3), {"d": 1}),
    ((1,), {"width": 3, "path": 3}),
]


@pytest.mark.parametrize("args_kwargs", CALLS, ids=str)
@pytest.mark.parametrize(
    "function", [by_position, by_name, anything, nothing, defaults, scale.handler]
)
def test_a_wrong_call_is_told_as_python_tells_it(function, args_kwargs):
    args, kwargs = args_kwargs
    check = call_check(inspect.signature(function), function.__qualname__)

    def told(call):
        try:
            call(*args, **kwargs)
        except TypeError as error:
            return str(error)
        return None

    assert told(check) == told(function)


def test_a_wrong_call_is_sent_nowhere():
    with producing(app) as node:
        with pytest.raises(TypeError, match=r"^scale\(\) missing 1 required positional argument"):
            scale.submit()
        with pytest.raises(TypeError, match="unexpected keyword argument 'widht'"):
            scale.submit("a", widht=3)
        assert node.submitted == []


def test_an_argument_that_cannot_travel_is_named_and_sent_nowhere():
    with producing(app) as node:
        with pytest.raises(EncodeError, match="path"):
            scale.submit(object())
        assert node.submitted == []


def test_what_the_handler_raises_arrives_as_task_failed():
    own = App("test-task-raise")

    @own.task(max_retries=1)
    def bad(x: int) -> int:
        raise LookupError(f"no {x}")

    with producing(own):
        future = bad.submit(3)
        with pytest.raises(TaskFailed, match="no 3") as caught:
            future.result(WAIT)
    assert caught.value.type_name == "LookupError"
    assert caught.value.attempts == future.attempts == 2


# --- options


def test_a_result_that_goes_to_a_sink_is_no_result_here():
    assert scale.using(inbox=["a", "b"]).options.inboxes == ("a", "b")
    with producing(app) as node:
        futures = [
            scale.using(sink="out").submit("a.jpg"),
            scale.using(inbox="box", key="k").submit("b.jpg"),
        ]
        assert [future.result(WAIT) for future in futures] == [None, None]
        assert node.taken == ["a.jpg 200 True", "b.jpg 200 True"]
        assert scale.using(key="k").submit("c.jpg").result(WAIT) == "c.jpg 200 True"


def test_using_makes_a_copy_with_other_options():
    copy = scale.using(queue="images", expires=5)
    assert copy.options == TaskOptions(queue="images", expires=5)
    assert copy.spec.options is copy.options
    assert (copy.name, copy.handler, copy.fingerprint) == (
        "scale",
        scale.handler,
        scale.fingerprint,
    )
    assert scale.options == TaskOptions()
    assert copy.using(queue="other").options.expires == 5
    assert type(fetch.using(queue="x")) is AsyncTask
    with producing(app) as node:
        assert copy.submit("a").result(WAIT) == "a 200 True"
        assert node.submitted[0][0] is copy.spec


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"max_retry": 1}, "did you mean 'max_retries'"),
        (
            {"zzz": 1},
            "known are countdown, (deadline, eta, )?expires, headers, ignore_result, inbox, key",
        ),
        ({"retry_fro": OSError}, "did you mean 'retry_for'"),
        ({"retry_for": 3}, "retry_for takes classes of exceptions, or their names, not 3"),
        (
            {"retry_for": [OSError, int]},
            r"classes of exceptions, or their names, not <class 'int'>",
        ),
        ({"no_retry_for": ("",)}, "a name in no_retry_for must be a non-empty string"),
        ({"no_retry_for": ["E"] * 33}, "no_retry_for names 33 exceptions, at most 32 are told"),
        ({"retry_jitter": 1}, "retry_jitter must be True or False, not 1"),
        ({"priority": 101}, "priority must be a number from -100 to 100, not 101"),
        ({"priority": 0.5}, "priority must be a whole number, not 0.5"),
        ({"countdown": -1}, "countdown must be a number at least 0"),
        ({"timeout": "5"}, "timeout must be a number at least 0"),
        ({"soft_timeout": -1}, "soft_timeout must be a number at least 0"),
        ({"max_retries": -1}, "max_retries must be a number at least 0|from 0"),
        ({"max_retries": 1.5}, "whole number"),
        ({"max_retries": 2_000_000}, "from 0 to 1000000, not 2000000"),
        ({"queue": ""}, "queue must be a non-empty string"),
        ({"expires": "1"}, "expires must be a number"),
        ({"sink": ""}, "sink must be a non-empty string"),
        ({"sink": 3}, "sink must be a non-empty string, not 3"),
        ({"inbox": ""}, "inbox must be a non-empty string"),
        ({"inbox": ["a", 3]}, "inbox must be a non-empty string, not 3"),
        ({"inbox": None}, "inbox must be the id of one, or a tuple of some, not None"),
        ({"key": 7}, "key must be a non-empty string, not 7"),
        ({"headers": 7}, "headers must be a dict of texts, not 7"),
        ({"headers": {"a": 1}}, "header 'a' must be a text, not 1"),
        ({"headers": {"": "x"}}, "the name of a header must be a non-empty string"),
        ({"headers": dict.fromkeys(map(str, range(33)), "x")}, "33 headers are too many"),
        ({"headers": {"a": "\ud800" * 700}}, "headers have 4201 bytes; 4096 is the limit"),
        ({"result_ttl": -1}, "result_ttl must be a number at least 0"),
        ({"ignore_result": 1}, "ignore_result must be True or False, not 1"),
    ],
)
def test_options_are_checked_at_once(options, text):
    with pytest.raises(ConfigError, match=text):
        scale.using(**options)
    with pytest.raises(ConfigError, match=text):
        App("x").task(**options)  # before there is a function


def test_exceptions_are_kept_by_their_names():
    task = scale.using(
        retry_for=(OSError, "json.decoder.JSONDecodeError"), no_retry_for=TimeoutError
    )
    names = ("OSError", "json.decoder.JSONDecodeError"), ("TimeoutError",)
    assert task.options.exceptions == names
    assert task.using(max_retries=1).options.exceptions == names
    assert task.spec.told() == {
        "queue": "default", "retry_for": [*names[0]], "no_retry_for": [*names[1]],
    }  # fmt: skip
    assert scale.spec.told() == {"queue": "default"}


def test_a_condition_is_a_function():
    with pytest.raises(ConfigError, match="retry_when is a function of an exception, not 3"):
        App("x").task(retry_when=3)(lambda: None)


def test_type_checkers_know_all_options():
    assert set(Options.__annotations__) == set(TASK_OPTION_NAMES)


# --- what can be a task


def test_names():
    own = App("test-task-names")
    assert own.task(name="other")(len).name == "other"

    @own.task
    def inner(): ...

    assert inner.name == "test_names.<locals>.inner"
    assert own.task(name="p")(functools.partial(int, base=2)).name == "p"
    assert own.task(max_retries=1)(scale.handler).name == "scale"
    with pytest.raises(ConfigError, match=r"has a task 'scale' already .*test_task.scale"):
        own.task(name="scale")(len)
    # The same definition once more: a notebook's cell that is run again.
    again = own.task(scale.handler)
    assert own.tasks["scale"] is again


TWICE = """
@app.task
def f(): ...

class Tasks:
    @app.task(name="g")
    def g(): ...

def more():
    @app.task
    def h(): ...

more()
"""


def run(text, names):
    """Run the text of a module, or of a notebook's cell."""
    exec(compile(text, "cell.py", "exec"), names)  # what notebooks do


def test_a_text_that_is_run_again_replaces_its_tasks():
    names = {"app": App("x"), "__name__": "cell"}
    run(TWICE, names)
    first = dict(names["app"].tasks)
    names["more"]()
    run("\n\n" + TWICE, names)
    assert names["app"].tasks.keys() == first.keys() == {"f", "g", "more.<locals>.h"}
    assert all(names["app"].tasks[name] is not task for name, task in first.items())


@pytest.mark.parametrize(
    ("text", "first", "second"),
    [
        ("@app.task\ndef f(): ...\n\n@app.task\ndef f(a): ...", 1, 4),
        ("@app.task\nasync def f(): ...\n@app.task(max_retries=1)\ndef f(): ...", 1, 3),
        ("def t(f): return app.task(f)\n@t\ndef f(): ...\n@t\ndef f(a): ...", 2, 4),
        (
            "class C:\n @app.task(name='f')\n def f(): ...\n @app.task(name='f')\n def f(): ...",
            2,
            4,
        ),
    ],
)
def test_two_functions_of_one_name_in_one_text_are_refused(text, first, second):
    names = {"app": App("x"), "__name__": "cell"}
    with pytest.raises(ConfigError) as caught:
        run(text, names)
    assert "has a task 'f' already" in str(caught.value)
    assert f"cell.py:{first})" in str(caught.value)
    assert f"cell.py:{second})" in str(caught.value)


def test_a_module_that_is_reloaded_replaces_its_tasks(tmp_path, monkeypatch):
    (tmp_path / "the_app.py").write_text("import zmqwork\napp = zmqwork.App('x')\n")
    tasks = tmp_path / "some_tasks.py"
    tasks.write_text("from the_app import app\n@app.task\ndef f(): return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    module = importlib.import_module("some_tasks")
    before = module.f
    tasks.write_text("from the_app import app\n\n@app.task\ndef f(): return 2\n")
    importlib.invalidate_caches()
    importlib.reload(module)
    assert module.app.tasks["f"] is module.f is not before
    assert module.f() == 2
    for name in ("some_tasks", "the_app"):
        monkeypatch.delitem(sys.modules, name)


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 127, "chunky[]", 7])
def test_wrong_names(name):
    with pytest.raises(ConfigError):
        App("x").task(name=name)(len)


def test_generators_stream_to_whoever_submits_them():
    own = App("x")

    @own.task
    def stream(number):
        yield from range(number)

    @own.task
    async def astream():
        yield 1

    assert list(stream(3)) == [0, 1, 2]
    assert inspect.isasyncgen(astream())
    assert (stream.spec.streams, astream.spec.streams) == (True, True)
    for over in (stream.map, stream.starmap, stream.amap):
        with pytest.raises(UsageError, match="a map has one result for each item: submit it"):
            over([1])
    for where in ({"sink": "out"}, {"inbox": "orders"}):
        with pytest.raises(UsageError, match="streams to whoever submits it"):
            stream.using(**where)
        with pytest.raises(UsageError, match="streams to whoever submits it"):
            own.task(name="other", **where)(stream.handler)
    with pytest.raises(UsageError, match="a fallback returns"):
        own.task(fallback=stream.handler)
    with pytest.raises(UsageError, match="a stage hands on"):
        own.pipeline().stage(_yields)
    with pytest.raises(UsageError, match=r"is a generator.*return a list"):
        function_name(_yields)


def _yields():
    yield 1


def test_what_is_no_handler():
    own = App("x")

    with pytest.raises(UsageError, match="is a task already"):
        own.task(scale)
    with pytest.raises(UsageError, match="made from a function"):
        own.task(3)
    with pytest.raises(UsageError, match="pass name="):
        own.task(functools.partial(int))
    assert dict(own.tasks) == {}
    with pytest.raises(TypeError):
        own.tasks["x"] = scale


def test_a_builtin_without_signature_takes_any_call():
    task = App("x").task(max)
    assert task.signature is None
    task.check_call(1, 2, key=3)
    assert task.fingerprint == fingerprint(None)


# --- fingerprints


def test_the_fingerprint_is_the_same_in_every_process():
    # A worker compares it with its own: changing how it is made is a change of the protocol.
    assert scale.fingerprint == fingerprint(inspect.signature(scale.handler))
    assert fingerprint(inspect.signature(lambda a, b=1: 0)) == "2df3b36b2ed0d75e"


def test_the_fingerprint_covers_what_calls_are_accepted():
    functions = [
        lambda: 0, lambda a: 0, lambda b: 0, lambda a, /: 0, lambda a=1: 0, lambda *a: 0,
        lambda *, a: 0, lambda **a: 0, lambda a, b: 0, lambda b, a: 0, lambda *, a=1: 0,
    ]  # fmt: skip
    prints = [fingerprint(inspect.signature(function)) for function in functions]
    assert len(set(prints)) == len(prints)


def test_the_fingerprint_ignores_what_calls_do_not_see():
    def annotated(a: int, b: str = "x") -> None: ...
    def plain(a, b=2): ...
    def positional(a, /): ...
    def renamed(b, /): ...

    assert fingerprint(inspect.signature(annotated)) == fingerprint(inspect.signature(plain))
    assert fingerprint(inspect.signature(positional)) == fingerprint(inspect.signature(renamed))


# --- pickle


def test_a_task_is_pickled_as_functions_are():
    assert pickle.loads(pickle.dumps(scale)) is scale
    copy = pickle.loads(pickle.dumps(scale.using(queue="q", max_retries=1)))
    assert copy.options == TaskOptions(queue="q", max_retries=1)
    assert copy.handler is scale.handler


def test_a_wrong_option_is_shown_however_deep_and_long_it_is():
    deep = []
    for _ in range(100_000):
        deep = [deep]
    with pytest.raises(ConfigError, match="not a list that is nested too deeply"):
        TaskOptions(max_retries=deep)
    with pytest.raises(ConfigError, match=r"not '0{199}\.\.\.$"):
        TaskOptions(max_retries="0" * 1_000_000)
