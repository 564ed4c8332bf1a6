"""From what a record stands for to a call that the task takes."""

from __future__ import annotations

import pytest

from zmqwork import App
from zmqwork.cli.calls import Calls, spread
from zmqwork.cli.records import Fault
from zmqwork.wire.values import decode_call

app = App("calls")


@app.task
def thumbnail(path, width=200):
    pass


@app.task
def collect(*paths, **options):
    pass


@app.task
def take(value):
    pass


@pytest.mark.parametrize(
    ("value", "call"),
    [
        ({"path": "a", "width": 1}, ((), {"path": "a", "width": 1})),
        (["a", 1], (("a", 1), {})),
        ([{"a": 1}], (({"a": 1},), {})),
        ("a", (("a",), {})),
        (7, ((7,), {})),
        (None, ((None,), {})),
        ({}, ((), {})),
        ([], ((), {})),
    ],
)
def test_objects_are_keywords_lists_positions_and_all_else_one_argument(value, call):
    assert spread(value) == call


def test_a_call_that_the_task_takes():
    calls = Calls(thumbnail)
    for value in ("a", ["a", 1], {"path": "a"}):
        assert calls.make(value) == spread(value)
    assert Calls(collect).make({"x": 1}) == ((), {"x": 1})


@pytest.mark.parametrize("value", [{"path": "a", "colour": 1}, ["a", 1, 2], 7])
def test_as_one_everything_is_one_argument(value):
    assert Calls(thumbnail, as_one=True).make(value) == ((value,), {})
    # Who is no Python function gets the record as it is.
    assert Calls(None).make(value) == ((value,), {})


@pytest.mark.parametrize(
    ("task", "value", "said"),
    [
        (
            thumbnail,
            {"path": "a", "widht": 1},
            (
                "thumbnail() got an unexpected keyword argument 'widht': did you mean width?; it "
                "is thumbnail(path, width=200); with --as-one it gets each record as one argument"
            ),
        ),
        (thumbnail, {"width": 1}, "thumbnail() missing 1 required positional argument: 'path'; "),
        (thumbnail, ["a", 1, 2], "thumbnail() takes from 1 to 2 positional arguments but 3 were"),
        (thumbnail, [], "thumbnail() missing 1 required positional argument: 'path'"),
        (take, {"x": 1}, "; with --as-one it gets each record as one argument"),
    ],
)
def test_a_call_that_the_task_does_not_take(task, value, said):
    with pytest.raises(Fault) as caught:
        Calls(task).make(value)
    assert said in caught.value.what


def test_as_one_is_suggested_only_where_it_helps():
    @app.task
    def nothing():
        pass

    for calls, value in ((Calls(nothing), [1]), (Calls(nothing), "a")):
        with pytest.raises(Fault) as caught:
            calls.make(value)
        assert "--as-one" not in caught.value.what
    with pytest.raises(Fault) as caught:
        Calls(nothing, as_one=True).make([1])
    assert "--as-one" not in caught.value.what


def test_calls_are_encoded_as_submit_does_it():
    payload = Calls(thumbnail).encode((("a",), {"width": 2}))
    assert decode_call(payload) == (["a"], {"width": 2})
    assert decode_call(Calls(None).encode(((7,), {}))) == ([7], {})


def test_what_cannot_travel_is_a_fault_of_the_record():
    with pytest.raises(Fault, match="path"):
        Calls(thumbnail).encode((("\ud800",), {}))
    with pytest.raises(Fault, match="67,108,864 is the limit"):
        Calls(None).encode((("x" * (64 * 1024 * 1024),), {}))


def test_a_call_as_python_writes_it():
    calls = Calls(thumbnail)
    assert calls.text((("a.jpg",), {"width": 1})) == "thumbnail('a.jpg', width=1)"
    assert Calls(None).text((("\u202e\n",), {})) == r"command('\u202e\n')"
    assert calls.text((("x" * 1000,), {})) == f"thumbnail('{'x' * 189}..."
