"""`App.sink`: what it takes, what it refuses, and how its sinks run."""

import os
import subprocess
import sys

import pytest

from zmqwork import App, ConfigError, Sink, UsageError
from zmqwork.wire.values import encode_value

PATIENCE = 60.0


@pytest.fixture
def app():
    return App("sinks")


class Nowhere:
    """A ready-made store."""

    inbox = "box"

    def open(self):
        return {}

    def store(self, batch):
        return None

    def close(self):
        return None


class Inbox:
    """An inbox whose id costs something: it is not to be asked for while a module is imported."""

    @property
    def id(self):
        raise AssertionError("this would open a database")

    def store(self, function):
        self.function = function
        return Nowhere()


def test_a_function_becomes_a_sink_and_stays_what_it_is(app):
    @app.sink
    def keep(results):
        """Keep them."""
        return list(results)

    assert isinstance(keep, Sink)
    assert keep([1, 2]) == [1, 2]
    assert (keep.name, keep.__name__, keep.__doc__) == ("default", "keep", "Keep them.")
    assert repr(keep) == "<Sink 'default'>"
    assert app.sinks == {"default": keep}
    with pytest.raises(TypeError):
        app.sinks["other"] = keep


def test_options_and_another_name(app):
    @app.sink(name="thumbs", batch=7, linger=0.5, retries=0)
    def keep(results):
        return results

    assert app.sinks == {"thumbs": keep}
    node = keep._make({"realm": "other", "name": "me", "once": True, "expect": 3})
    config = node.config
    assert (config.sinks, config.batch, config.linger) == (("thumbs",), 7, 0.5)
    assert (config.realm, config.name, config.once, config.expect) == ("other", "me", True, 3)
    assert node._keeper._retries == 0


def test_a_store_becomes_a_sink(app):
    store = Nowhere()
    sink = app.sink(store, batch=9)
    assert app.sinks == {"default": sink}
    assert sink.target is store
    config = sink._make({}).config
    assert (config.sinks, config.inbox, config.batch) == (("default",), "box", 9)
    with pytest.raises(UsageError, match="no function to call"):
        sink([1])
    other = app.sink(Nowhere())
    assert app.sinks == {"default": other}


def test_an_inbox_makes_the_store_of_a_function(app):
    inbox = Inbox()

    @app.sink(inbox=inbox)
    def book(results, tx):
        return [results, tx]

    assert book.inbox is inbox
    assert book("results", "tx") == ["results", "tx"]
    assert book._make({}).config.inbox == "box"
    assert inbox.function.__qualname__ == book.__qualname__


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"batc": 3}, "a sink has no option 'batc': did you mean 'batch'"),
        ({"batch": 0}, "batch must be a number from 1"),
        ({"batch": 2.5}, "batch must be a whole number, not 2.5"),
        ({"retries": -1}, "retries must be a number from 0"),
        ({"linger": -1}, "linger must be a number from 0"),
        ({"name": "a\nb"}, "a sink's name must be printable"),
        ({"inbox": "results.db"}, "inbox must be an inbox, as SqliteInbox"),
        ({"inbox": Nowhere()}, "pass a store itself"),
    ],
)
def test_options_are_checked_where_they_are_written(app, options, said):
    with pytest.raises(ConfigError, match=said):
        app.sink(**options)
    with pytest.raises(ConfigError):
        app.sink(lambda results: None, **options)


def test_an_unknown_option_names_its_sink(app):
    def keep(results):
        return results

    with pytest.raises(ConfigError, match="sink 'keep' has no option 'linge'"):
        app.sink(keep, linge=1)


def _two(results, tx):
    return results, tx


def _none():
    return None


def _generator(results):
    yield results


async def _async_generator(results):
    yield results


class _Nameless:
    def __call__(self, results):
        return results


class _Opaque(_Nameless):
    """It does not tell its signature, as some builtins."""

    __signature__ = 3


@pytest.mark.parametrize(
    ("target", "options", "said"),
    [
        (_none, {}, r"_none\(\) cannot be called as _none\(results\)"),
        (_two, {}, "missing a required argument: 'tx'; a second argument, the transaction"),
        (len, {"inbox": Inbox()}, r"cannot be called as len\(results, tx\)"),
        (_generator, {}, "is a generator"),
        (_async_generator, {}, "is a generator"),
        (3, {}, "made from a function of the results, or from a store"),
        (Nowhere, {}, "made from a function of the results, or from a store"),
    ],
)
def test_what_cannot_take_results_is_refused(app, target, options, said):
    with pytest.raises(UsageError, match=said):
        app.sink(target, **options)


def test_other_things_that_can(app):
    assert app.sink(print).name == "default"
    assert app.sink(_Nameless(), name="x").name == "x"
    assert app.sink(_Opaque(), name="opaque").name == "opaque"
    with pytest.raises(UsageError, match="is a sink already"):
        app.sink(app.sink(_Nameless(), name="y"))
    with pytest.raises(ConfigError, match="inbox is for functions"):
        app.sink(Nowhere(), inbox=Inbox())


class _Writer:
    """A callable object whose attributes have names that a sink and its handler have, too."""

    def __init__(self):
        self.run = self.start = self.close = self._store = self._make = None

    def __call__(self, results):
        return None


def test_attributes_of_an_object_are_not_those_of_its_sink(app, private_environment, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", private_environment["XDG_RUNTIME_DIR"])
    node = app.sink(_Writer()).start()
    assert node.drain(PATIENCE)


def test_two_functions_of_one_name_are_refused(app):
    app.sink(_Nameless(), name="taken")
    with pytest.raises(ConfigError, match=r"a sink 'taken' already .*give the other one"):
        app.sink(len, name="taken")
    app.sink(_two, name="pair", inbox=Inbox())
    again = app.sink(_two, name="pair", inbox=Inbox())
    assert app.sinks["pair"] is again, "a cell that is run again"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"onse": True}, "running sink 'default' has no option 'onse': did you mean 'once'"),
        ({"once": 1}, "once must be True or False, not 1"),
        ({"expect": -1}, "expect must be a number"),
        ({"bind": "tcp://127.0.0.1:*"}, "bind is a list of endpoints"),
        ({"bind": ["tcp://0.0.0.0:7071"]}, "refusing to bind"),
        ({"drain_timeout": -1}, "drain_timeout must be"),
    ],
)
def test_options_of_a_run_are_checked(app, private_environment, monkeypatch, options, said):
    monkeypatch.setenv("XDG_RUNTIME_DIR", private_environment["XDG_RUNTIME_DIR"])

    @app.sink
    def keep(results):
        return results

    with pytest.raises(ConfigError, match=said):
        keep.start(**options)


PROGRAM = """
import sys, zmqwork
app = zmqwork.App("ends")

@app.task
def echo(value):
    return value

@app.sink
def keep(results):
    print("kept", *results, flush=True)
"""


@pytest.fixture
def run(private_environment, tmp_path):
    """Run a program to its end: exit code, what it printed, and what it left in the directory."""

    def start(text):
        script = tmp_path / "program.py"
        script.write_text(PROGRAM + text)
        done = subprocess.run(
            [sys.executable, "-W", "error", str(script)],
            capture_output=True, text=True, timeout=PATIENCE, check=False, env=private_environment,
        )  # fmt: skip
        runtime = private_environment["XDG_RUNTIME_DIR"]
        left = [name for _, _, names in os.walk(runtime) for name in names]
        return done.returncode, done.stdout, done.stderr, left

    return start


def test_a_sink_that_nobody_stops_ends_with_its_program(run):
    text = """
if __name__ == "__main__":
    node = keep.start(bind=["tcp://127.0.0.1:*"])
    print(node.status()["role"], len(node.endpoints))
"""
    assert run(text) == (0, "sink 2\n", "", [])


def test_a_fork_leaves_the_sink_of_its_parent_alone(run):
    text = """
import os, warnings
if __name__ == "__main__":
    node = keep.start()
    warnings.simplefilter("ignore")  # of threads and forks, in newer Pythons
    pid = os.fork()
    if not pid:
        sys.exit()
    print(os.waitpid(pid, 0)[1], node.status()["state"])
"""
    assert run(text) == (0, "0 serving\n", "", [])


def test_a_module_that_starts_a_sink_while_a_worker_imports_it_is_told_the_cure(run):
    text = """
if __name__ == "__main__":
    with app.worker(1):
        pass
else:
    keep.start()
"""
    code, _, errors, _ = run(text)
    assert code == 1
    assert "a sink was started while" in errors
    assert '    if __name__ == "__main__":' in errors


def test_values_travel_to_a_handler_as_they_were(app):
    """What `Results` gives is what the tasks returned; here without a network."""
    from zmqwork.core.delivery import Parcel
    from zmqwork.nodes.function_store import store_of
    from zmqwork.nodes.store import Batch, Results

    seen = []
    store = store_of(seen.extend)
    store.store(Batch(Results([Parcel("p", "f", [1], [1], [encode_value((1, {2}))])])))
    store.close()
    assert seen == [(1, {2})]
