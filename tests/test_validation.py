"""`validate=True`: what does not fit is refused where it is submitted, and again where it runs."""

from __future__ import annotations

import asyncio
import dataclasses
import pickle
import re
import subprocess
import sys
from pathlib import Path

import pytest
from producer_standin import producing
from validation_app import (
    Color,
    Item,
    Later,
    Order,
    Size,
    app,
    breaks,
    describe,
    halve,
    halve_async,
    lax,
    layered,
    letters,
    measure,
    nested,
    strict_one,
    thumbnail,
    thumbnail_async,
    total,
    unmeasured,
    waits,
)

from zmqwork import App, Executor
from zmqwork.errors import (
    ArgumentError,
    ArgumentRefused,
    ConfigError,
    EncodeError,
    TaskFailed,
    UsageError,
)
from zmqwork.ventilating import Call, ventilate
from zmqwork.wire.values import decode_call, encode_call

WAIT = 20.0
POOLS = ["process", "thread", "asyncio", "inline"]
TEN = "thumbnail: argument 'width' must be int, and is str ('ten')"


@pytest.fixture(autouse=True)
def private(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("run")
    place.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))


def unseen(task, *args, **kwargs):
    """Submit what no checking end has seen, as another version, or another language, may."""
    return task.producers.current.submit(task.spec, encode_call(args, kwargs))


# --- where it is submitted


def submitted_wrongly():
    yield lambda: thumbnail.submit("a", "ten")
    yield lambda: thumbnail.submit("a", width="ten")
    yield lambda: thumbnail.using(priority=3).submit("a", "ten")
    yield lambda: asyncio.run(thumbnail.asubmit("a", "ten"))
    yield lambda: thumbnail.broadcast("a", "ten")
    yield lambda: list(thumbnail.starmap([("a", "ten")]))
    yield lambda: list(thumbnail.starmap([("a", "ten")], chunk=1))
    yield lambda: list(thumbnail.starmap([("a", "ten")], order="completed"))
    yield lambda: asyncio.run(anext(thumbnail.astarmap([("a", "ten")])))


@pytest.mark.parametrize("submit", [*submitted_wrongly()])
def test_nothing_is_sent_that_does_not_fit(submit):
    with producing(app) as node:
        with pytest.raises(ArgumentError) as caught:
            submit()
        assert str(caught.value) == TEN
        assert caught.value.argument == "width"
        assert type(caught.value) is ArgumentError
        assert node.submitted == []


def test_what_fits_is_sent_as_it_is():
    with producing(app) as node:
        assert thumbnail.submit("a", 10, keep=False).result(WAIT) == "a 10 False"
        assert thumbnail_async.submit("a").result(WAIT) == "a 200"
        assert list(thumbnail.map("ab")) == ["a 200 True", "b 200 True"]
        assert node.submitted[0][1] == encode_call(("a", 10), {"keep": False})


def test_it_is_an_error_of_two_kinds():
    with pytest.raises(ArgumentError) as caught:
        thumbnail.submit(1)
    error = caught.value
    assert isinstance(error, TypeError)
    assert isinstance(error, UsageError)
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.argument) == (str(error), "path")


def test_a_call_that_cannot_be_made_is_told_as_python_tells_it():
    with pytest.raises(
        TypeError, match=r"missing 1 required positional argument: 'path'"
    ) as caught:
        thumbnail.submit()
    assert not isinstance(caught.value, ArgumentError)


def test_a_plain_call_is_a_plain_call():
    assert thumbnail("a", "ten") == "a ten True"


def test_a_batch_is_not_submitted():
    def group():
        with app.batch():
            futures.append(thumbnail.submit("a"))
            thumbnail.submit("b", "ten")

    futures = []
    with app.producer() as producer:
        with pytest.raises(ArgumentError, match="'width' must be int"):
            group()
        assert futures[0].cancelled()
        assert producer.status()["pending"] == 0


def test_an_item_of_a_map_fails_at_its_place():
    with producing(app) as node:
        pairs = [("a", 1), ("b", "ten"), ("c", 3)]
        found = list(thumbnail.starmap(pairs, chunk=3, return_exceptions=True))
        assert [str(item) for item in found] == ["a 1 True", TEN, "c 3 True"]
        assert isinstance(found[1], ArgumentError)
        assert node.names() == ["thumbnail", "thumbnail"]


def test_the_app_says_it_unless_the_task_does():
    with producing(app) as node:
        lax.submit("ten").result(WAIT)
        assert len(node.submitted) == 1
    with producing(strict_one) as node:
        unmeasured.submit("ten").result(WAIT)
        with pytest.raises(ArgumentError, match="'value' must be int"):
            measure.submit("ten")
        assert node.names() == ["unmeasured"]


@pytest.mark.parametrize(
    "make", [lambda v: App("x", validate=v), lambda v: App("x").task(validate=v)]
)
def test_it_is_true_or_false(make):
    with pytest.raises(ConfigError, match="validate must be True or False, not 'yes'"):
        make("yes")


def test_an_executor_checks_what_is_a_task():
    with Executor(app) as executor:
        with pytest.raises(ArgumentError) as caught:
            executor.submit(thumbnail, "a", width="ten")
        assert str(caught.value) == TEN
        for size in (1, 2):
            with pytest.raises(ArgumentError, match="'width' must be int"):
                list(executor.map(thumbnail, ["a"], ["ten"], chunksize=size))
        executor.shutdown(wait=False, cancel_futures=True)


@pytest.mark.parametrize("item", [7, Call(0, ("a", "ten"), {}, "a"), Call(0, (), {"path": 1}, "a")])
def test_an_item_of_a_pipeline_ends_it(item):
    with pytest.raises(ArgumentError, match=r"thumbnail: argument '\w+' must be"):
        ventilate(app, thumbnail, [item], sink=None)


def test_a_dead_letter_is_sent_again_with_what_fits():
    with app.worker(1, "thread"), app.producer():
        future = unseen(thumbnail, "a", "ten")
        assert isinstance(future.exception(WAIT), ArgumentRefused)
        (letter,) = app.deadletters
        assert letter.call == (["a", "ten"], {})
        assert isinstance(letter.error, ArgumentRefused)
        with pytest.raises(ArgumentError, match="'width' must be int"):
            app.deadletters.edit(letter.id, "a", width="twenty")
        assert app.deadletters.edit(letter.id, "a", width=20).result(WAIT) == "a 20 True"
        assert len(app.deadletters) == 0


# --- where it runs


@pytest.mark.parametrize("pool", POOLS)
def test_a_worker_refuses_what_has_come(pool):
    with app.worker(1, pool, unfit_after=1) as worker, app.producer() as producer:
        for task in (thumbnail, thumbnail_async):
            error = unseen(task, "a", "ten").exception(WAIT)
            assert type(error) is ArgumentRefused
            assert isinstance(error, TaskFailed)
            assert isinstance(error, ArgumentError)
            assert error.reason == f"{task.name}: argument 'width' must be int, and is str ('ten')"
            assert error.argument == "width"
            assert (error.attempts, error.traceback) == (1, "")
            assert error.type_name == "zmqwork.errors.ArgumentError"
        # It is no fault of the worker, which goes on.
        assert thumbnail.submit("a").result(WAIT) == "a 200 True"
        counters = producer.status()["counters"]
        assert counters["crashes"] == counters["rejected"] == counters["retried"] == 0
        assert worker.cause == ""


def test_so_it_does_with_each_item_of_a_chunk():
    items = [["a", 1], ["b", "ten"], ["c", 3]]
    with app.worker(1, "process"), app.producer() as producer:
        once = dataclasses.replace(thumbnail.spec, name="thumbnail[]", item_count=3)
        sealed = producer.submit(once, encode_call((items, True), {})).result(WAIT)
        from zmqwork.chunks import open_chunk

        _, values, failures = open_chunk(sealed, 3)
    assert values == ["a 1 True", None, "c 3 True"]
    assert failures[1]["text"] == TEN
    assert failures[1]["final"]


def test_a_call_that_cannot_be_made_is_refused_at_once():
    with app.worker(1, "thread"), app.producer():
        error = unseen(thumbnail, 1, 2, 3, 4).exception(WAIT)
        assert type(error) is ArgumentRefused
        assert error.argument == ""
        assert error.reason.startswith("thumbnail: thumbnail() takes from 1 to 2 positional arg")


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio"])
def test_a_generator_is_not_begun(pool):
    with app.worker(1, pool), app.producer():
        assert list(letters.submit("ab", 2).stream(WAIT)) == list("abab")
        future = unseen(letters, "ab", "two")
        with pytest.raises(ArgumentRefused, match="'times' must be int"):
            list(future.stream(WAIT))


def test_what_a_handler_submits_wrongly_is_its_own_failure():
    with app.worker(1, "process"), app.producer():
        error = nested.using(max_retries=0).submit("a").exception(WAIT)
    assert type(error) is TaskFailed
    assert error.text == TEN
    assert "in nested" in error.traceback


def test_a_task_that_waits_for_a_checked_one():
    with app.worker(1, "process"), app.producer():
        assert waits.submit("a").result(WAIT) == "a 200 True"


def test_an_error_that_says_so_pickles():
    error = ArgumentRefused("ab-1", "width", TEN, 2)
    again = pickle.loads(pickle.dumps(error))
    assert str(again) == f"task ab-1 (attempt 2, the last): {TEN}"
    assert (again.argument, again.attempts, again.task_id) == ("width", 2, "ab-1")


def test_what_was_refused_is_known_to_others_and_after_a_restart(tmp_path):
    journaled = {"journal": tmp_path, "allow_volatile_journal": True}
    with app.worker(1, "thread"), app.producer(**journaled) as producer:
        future = unseen(thumbnail, "a", "ten")
        assert future.confirm(WAIT)
        first = future.exception(WAIT)
        with pytest.raises(ArgumentRefused) as caught:
            app.result(future.id, WAIT)
        assert (caught.value.argument, caught.value.reason) == ("width", TEN)
        producer.flush()
    with app.producer(**journaled):
        (letter,) = app.deadletters
        assert type(letter.error) is ArgumentRefused
        assert str(letter.error) == str(first)
        assert letter.error.argument == "width"


# --- what handlers get


@pytest.mark.parametrize("pool", POOLS)
def test_models_travel_as_dicts_and_arrive_as_models(pool):
    order = Order(items=[Item(name="a", price=2.5)], buyer=Later(name="b"))
    plain = {"items": [{"name": "a", "price": 2.5}]}
    with app.worker(1, pool), app.producer():
        for given in (order, plain):
            assert total.submit(given).result(WAIT) == ["Order", 2.5]
        more = [Item(name="c", price=1), {"name": "d", "price": 1}]
        assert total.submit(order, *more).result(WAIT) == ["Order", 4.5]
        assert list(total.map([order, plain])) == [["Order", 2.5]] * 2
        error = unseen(total, plain, {"name": "c"}).exception(WAIT)
        assert error.reason == "total: argument 'more' at [0] must be Item: price: Field required"


def test_what_a_model_is_sent_as():
    with producing(app) as node:
        node.hold()
        total.submit(Order(items=[Item(name="a", price=1)]))
        ((args, _),) = [decode_call(args) for _, args in node.submitted]
    assert args == [{"items": [{"name": "a", "price": 1.0, "color": "red"}], "buyer": None}]


def test_others_arrive_as_what_is_annotated():
    with app.worker(1, "process"), app.producer():
        future = describe.submit({"width": 1}, Color.RED, [1, 2])
        assert future.result(WAIT) == ["Size", "RED", "tuple"]
        with pytest.raises(EncodeError, match="register_codec"):
            describe.submit(Size(1), Color.RED)


def test_a_fallback_gets_what_the_handler_would_have_got():
    with app.worker(1, "thread"), app.producer():
        future = breaks.using(max_retries=0).submit({"items": []})
        assert future.result(WAIT) == "Order"
        assert future.degraded
        # What the worker has refused, the function would not understand either.
        error = unseen(breaks, {"items": 3}).exception(WAIT)
        assert type(error) is ArgumentRefused
        assert error.argument == "order"


def test_middleware_stands_before_the_check_there_and_behind_it_here():
    with layered.worker(1, "thread"), layered.producer():
        for task in (halve, halve_async):
            assert task.submit(4).result(WAIT) == ["int", 4.0]
            # What is submitted is what the middleware has made of it.
            with pytest.raises(ArgumentError, match=r"'value' must be int, and is str \('xx'\)"):
                task.submit("x")
            assert type(unseen(task, "x").exception(WAIT)) is ArgumentRefused
        assert unseen(layered.tasks["tell"], {"name": "a", "price": 1}).result(WAIT) == [
            "Item",
            "a",
        ]


# --- the document

DOCUMENT = Path(__file__).parent.parent / "docs" / "validation.md"


def test_the_document_says_what_is(capsys):
    text = DOCUMENT.read_text("utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    names = {"__name__": "document"}
    for language, block in blocks:
        if language == "python":
            exec(compile(block, "validation.md", "exec"), names)
    (told,) = [block for language, block in blocks if not language]
    assert capsys.readouterr().out == told
    total, item = names["total"], names["Item"]
    given = [item(name="a"), {"name": "b", "price": 2.5}]
    assert total.served(*decode_call(total.encode((given,), {}))[0]) == 2.5


# --- what must be installed

WITHOUT = """
import sys
sys.modules["msgspec"] = None  # as if it were not installed
import zmqwork
for make in (
    lambda: zmqwork.App("shop", validate=True),
    lambda: zmqwork.App("shop").task(name="sell", validate=True),
):
    try:
        make()
    except zmqwork.ConfigError as error:
        print(error)
app = zmqwork.App("shop", validate=False)
app.task(validate=False)(print)
"""

LOADED = """
import sys
import zmqwork
app = zmqwork.App("shop", validate=True)
@app.task
def sell(price: int): ...
print(sorted({"msgspec", "pydantic"} & set(sys.modules)))
sell.encode((1,), {})
print(sorted({"msgspec", "pydantic"} & set(sys.modules)))
"""


def printed(program, environment):
    return subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True, text=True, check=True, env=environment, timeout=60,
    ).stdout  # fmt: skip


def test_without_msgspec_it_says_what_to_install(private_environment):
    cure = "validate=True needs msgspec, here and at the workers: pip install 'zmqwork[typed]'"
    said = printed(WITHOUT, private_environment)
    assert said == f"app 'shop': {cure}\ntask 'sell': {cure}\n"


def test_msgspec_is_loaded_by_the_first_call_that_is_checked(private_environment):
    assert printed(LOADED, private_environment) == "[]\n['msgspec']\n"
