"""A directory of files: each appears whole, once its result is recorded, and stays what it is."""

from __future__ import annotations

import json
import shutil

import pytest
from store_batches import RUN, batch, values

from zmqwork.errors import ConfigError, StoreError
from zmqwork.nodes.store import Store
from zmqwork.sinks import Files


@pytest.fixture
def path(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def make(path):
    made = []

    def make(*args, **options):
        for store in made:
            store.close()
        made.append(Files(path, *args, **options))
        return made[-1]

    yield make
    for store in made:
        store.close()


def shown(path):
    return {p.name: p.read_bytes() for p in path.iterdir() if not p.name.startswith(".")}


def parts(path):
    return sorted(p.name for p in (path / ".zmqwork-parts").iterdir())


def test_a_file_per_result(make, path):
    store = make(id="pictures")
    assert isinstance(store, Store)
    assert repr(store) == f"Files({str(path)!r})"
    assert (store.inbox, store.open()) == ("pictures", {})
    store.store(values(b"\xff", "ü", {"a": 1}, b""))
    assert shown(path) == {
        "run-1-1": b"\xff", "run-1-2": "ü".encode(), "run-1-3": b'{"a": 1}', "run-1-4": b"",
    }  # fmt: skip
    assert parts(path) == []
    again = make()
    assert (again.inbox, again.open()) == ("pictures", {RUN: [(1, 4)]})
    again.store(batch([5]))
    assert len(shown(path)) == 5


@pytest.mark.parametrize(
    ("name", "expected"),
    [("{task}-{seq:04d}.png", "f-0001.png"), ("{producer_id}", RUN),
     (lambda record: f"{record.value}.txt", "1.txt")],
)  # fmt: skip
def test_names(make, path, name, expected):
    store = make(name)
    store.open()
    store.store(batch([1]))
    assert list(shown(path)) == [expected]


@pytest.mark.parametrize("name", ["{nothing}", "{", "{0}", "{task_id.x}"])
def test_templates_that_are_none(make, name):
    with pytest.raises(ConfigError, match="may have"):
        make(name)


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "/x",
        "a/b",
        "a\0b",
        ".zmqwork-inbox",
        ".ZMQWork-x",
        "x" * 256,
        "ü" * 128,
        "\ud800",
        None,
    ],
)
def test_names_that_are_none(make, path, name):
    """A function may make them of what came from a worker: none leads out of the directory."""
    store = make(lambda _: name)
    store.open()
    with pytest.raises(StoreError, match="the file of task run-1-1 would be"):
        store.store(batch([1]))
    assert (shown(path), parts(path)) == ({}, [])
    assert make().open() == {}, "nothing counts as stored"


def test_no_file_is_replaced(make, path):
    store = make("{task}")
    store.open()
    store.store(batch([1]))
    with pytest.raises(StoreError, match="would be 'f', and there is one of that name already"):
        store.store(batch([2]))
    with pytest.raises(StoreError, match="would be 'g', and"):
        store.store(batch([3, 4], name="g"))
    store.store(batch([5], name="h"))
    assert shown(path) == {"f": b"1", "h": b"5"}


def test_killed_before_it_was_recorded(make, path):
    store = make()
    store.open()
    store.store(batch([1]))
    late = batch([2, 3])
    store._write(path / ".zmqwork-parts" / "9", ["run-1-2", "run-1-3"], late.results.records)
    assert parts(path) == ["9"]
    again = make()
    assert again.open() == {RUN: [(1, 1)]}
    assert (shown(path), parts(path)) == ({"run-1-1": b"1"}, [])
    again.store(late)
    assert shown(path) == {"run-1-1": b"1", "run-1-2": b"2", "run-1-3": b"3"}


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_killed_before_all_had_their_names(make, path, moved):
    store = make()
    store.open()
    late = batch([1, 2])
    nine, names = path / ".zmqwork-parts" / "9", ["run-1-1", "run-1-2"]
    store._write(nine, names, late.results.records)
    store._database.record(late, {"moves": json.dumps([("9", names)])})
    store._move(nine, names[:moved])
    again = make()
    assert again.open() == {RUN: [(1, 2)]}
    assert (shown(path), parts(path)) == ({"run-1-1": b"1", "run-1-2": b"2"}, [])


def test_moves_are_not_made_twice(make, path):
    """A part of a later batch, never recorded, has the name that one of an earlier batch had."""
    store = make("{task}")
    store.open()
    store.store(batch([1]))
    (path / "f").unlink()  # somebody has fetched it
    late = batch([2])
    store._write(path / ".zmqwork-parts" / "9", ["f"], late.results.records)
    store = make("{task}")
    store.open()
    assert (shown(path), parts(path)) == ({}, [])
    store.store(late)
    assert shown(path) == {"f": b"2"}


def test_what_somebody_has_put_there_meanwhile_is_not_replaced(make, path):
    store = make()
    store.open()
    late = batch([1])
    nine = path / ".zmqwork-parts" / "9"
    store._write(nine, ["run-1-1"], late.results.records)
    store._database.record(late, {"moves": json.dumps([("9", ["run-1-1"])])})
    (path / "run-1-1").write_text("mine")
    for _ in range(2):
        with pytest.raises(StoreError, match=r"by somebody else\. .* is .*/9/run-1-1: move one"):
            make().open()
    assert shown(path) == {"run-1-1": b"mine"}
    (path / "run-1-1").rename(path / "mine")
    make().open()
    assert shown(path) == {"run-1-1": b"1", "mine": b"mine"}


def test_names_that_are_one_to_some_file_systems_only(make, path):
    """Both results are there, or the second is refused: what the file system does is asked of it.

    Case, and an umlaut in one character and in two.
    """
    path.mkdir()
    for pair in (["A", "a"], ["\u00fc", "u\u0308"]):
        (path / pair[0]).touch()
        is_one = (path / pair[1]).exists()
        (path / pair[0]).unlink()
        store = make(lambda record: record.value)
        store.open()
        if is_one:
            with pytest.raises(StoreError, match="one of that name already"):
                store.store(values(*pair))
        else:
            store.store(values(*pair))
            assert shown(path) == {name: name.encode() for name in pair}
        store.close()
        shutil.rmtree(path)
        path.mkdir()


def test_a_directory_of_somebody_else(make, path):
    path.mkdir()
    (path / "mine").write_text("mine")
    with pytest.raises(StoreError, match=r"no sink is known to have written \('mine'\).*--append"):
        make().open()
    store = make("{task}", append=True)
    store.open()
    store.store(batch([1]))
    with pytest.raises(StoreError, match="one of that name already"):
        store.store(batch([2], name="mine"))
    assert shown(path) == {"mine": b"mine", "f": b"1"}


def test_two_at_once(make, path):
    make().open()
    with pytest.raises(StoreError, match="in use by another sink"):
        Files(path).open()


def test_places_that_are_none(make, path):
    with pytest.raises(StoreError, match="there is no directory"):
        Files(path / "a" / "b").open()
    path.write_text("a file")
    with pytest.raises(StoreError, match="Not a directory"):
        make().open()


def test_a_batch_that_failed_half_way_ends_it(make, path):
    store = make()
    store.open()
    store.store(batch([1]))
    # A file in the place of the parts.
    number = store._database._number
    (path / ".zmqwork-parts" / str(number + 1)).touch()
    with pytest.raises(StoreError, match=r"File exists\. 1 result in it is safe"):
        store.store(batch([2, 3]))
    assert shown(path) == {"run-1-1": b"1"}
