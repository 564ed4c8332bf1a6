import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import zmqwork
from zmqwork import errors

ROOT = Path(__file__).resolve().parent.parent

LOOK = """
import os, sys, threading
before = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
{action}
after = set(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else set()
print(len(after - before), threading.active_count(), *sorted(m for m in sys.modules))
"""


def look(action, environment):
    """New descriptors, threads and all modules after `action` in a fresh interpreter."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK.format(action=action)],
        capture_output=True, text=True, check=True, env=environment, timeout=60,
    )  # fmt: skip
    descriptors, threads, *modules = done.stdout.split()
    return int(descriptors), int(threads), set(modules)


def test_the_public_names():
    assert zmqwork.__all__ == sorted(zmqwork.__all__)
    assert 20 <= len(zmqwork.__all__) <= 50
    assert set(zmqwork.__all__) <= set(dir(zmqwork))
    for name in zmqwork.__all__:
        value = getattr(zmqwork, name)
        assert value.__doc__, name
        assert value.__module__.startswith("zmqwork."), name
        assert value.__name__ == name


def test_all_errors_are_public():
    tree = {
        name for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.ZmqworkError)
    }  # fmt: skip
    assert tree <= set(zmqwork.__all__)


def test_an_unknown_name():
    with pytest.raises(AttributeError, match="module 'zmqwork' has no attribute 'Ap'"):
        zmqwork.Ap  # noqa: B018
    with pytest.raises(ImportError):
        from zmqwork import Ap  # noqa: F401


def test_the_version_is_the_packages():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert zmqwork.__version__ == project["version"]


def test_importing_does_nothing(private_environment):
    descriptors, threads, modules = look("import zmqwork", private_environment)
    assert (descriptors, threads) == (0, 1)
    ours = {name for name in modules if name.startswith("zmqwork")}
    assert ours == {"zmqwork"}
    assert not modules & {"zmq", "msgpack", "zeroconf", "asyncio", "concurrent.futures", "sqlite3"}


def test_defining_tasks_does_little(private_environment):
    action = "import zmqwork; app = zmqwork.App('x'); app.task(name='f')(lambda x: x)"
    descriptors, threads, modules = look(action, private_environment)
    assert (descriptors, threads) == (0, 1)
    # What a program needs only once it submits, or never, is not loaded before.
    later = {"zmq", "msgspec", "zeroconf", "asyncio", "numpy", "rich", "multiprocessing", "sqlite3"}
    assert not modules & later
