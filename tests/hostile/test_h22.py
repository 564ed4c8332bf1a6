"""H22: a pickle as the body of a task is a failure, tried once, and nobody opens it."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from pickle_app import app, checked, plain

from zmqwork import TaskFailed
from zmqwork.errors import DecodeError
from zmqwork.wire.values import decode_call, decode_value, encode_call

WAIT = 20.0


@pytest.fixture(autouse=True)
def private(tmp_path_factory, monkeypatch):
    place = tmp_path_factory.mktemp("run")
    place.chmod(0o700)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(place))


class Trap:
    """Makes a file where it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return (Path.touch, (Path(self.path),))


@pytest.fixture
def canary(tmp_path):
    """The file that a trap makes, and which does not exist; the trap is one."""
    path = tmp_path / "canary"
    pickle.loads(pickle.dumps(Trap(path)))
    assert path.exists(), "this trap does not work"
    path.unlink()
    return path


def bodies(canary):
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        yield pickle.dumps(Trap(canary), protocol)
        yield pickle.dumps(([Trap(canary)], {}), protocol)
    # In what looks like an extension type, of a code that nobody knows and of one that many use.
    for code in (5, 13, 42, 127, 128, 255):
        trap = pickle.dumps(Trap(canary))
        yield b"\x91\x91\xc8" + len(trap).to_bytes(2, "big") + bytes([code]) + trap


def test_it_is_no_call(canary):
    for body in bodies(canary):
        for decode in (decode_call, decode_value):
            with pytest.raises(DecodeError):
                decode(body)
    assert not canary.exists()


@pytest.mark.parametrize("pool", ["process", "thread", "inline"])
@pytest.mark.parametrize("task", [plain, checked], ids=["plain", "checked"])
def test_a_worker_fails_it_for_good(task, pool, canary):
    with app.worker(1, pool), app.producer() as producer:
        futures = [producer.submit(task.spec, body) for body in bodies(canary)]
        for future in futures:
            error = future.exception(WAIT)
            assert type(error) is TaskFailed
            assert (error.type_name, error.attempts) == ("zmqwork.errors.DecodeError", 1)
        # It goes on, and none of them has harmed it.
        assert task.submit({}).result(WAIT) == {}
        counters = producer.status()["counters"]
        assert counters["crashes"] == counters["retried"] == counters["lost_workers"] == 0
    assert not canary.exists()


def test_as_an_argument_it_is_bytes(canary, tmp_path):
    body = pickle.dumps(Trap(canary))
    mark = tmp_path / "ran"
    with app.worker(1, "process"), app.producer() as producer:
        assert plain.submit(body, str(mark)).result(WAIT) == body
        assert mark.exists()
        mark.unlink()
        refused = producer.submit(checked.spec, encode_call((body, str(mark)), {}))
        error = refused.exception(WAIT)
        assert error.reason.startswith("checked: argument 'value' must be dict, and is bytes (b'")
    assert not mark.exists()
    assert not canary.exists()
