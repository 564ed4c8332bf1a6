"""What tests of several parts share."""

from __future__ import annotations

import gc
import os
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A shell that runs the tests in the background lets them, and the programs that they start, ignore
# Ctrl-C; what it does is tested.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

ROOT = Path(__file__).resolve().parent.parent

# Whoever runs the tests may have keys; those that are about keys name their own.
os.environ["ZMQWORK_KEYS"] = "none"

# No timed assertions: a loaded machine is not a defect of the code.
settings.register_profile(
    "zmqwork", deadline=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("zmqwork")


def pytest_collection_finish():
    """What was collected stays to the end: 400,000 objects that each full collection looked at.

    (That took a third of the tests' time.)
    """
    gc.collect()
    gc.freeze()


def pytest_runtest_logreport(report):
    """Name a failure when it happens: a run that is cut short never comes to its summary."""
    if report.failed and "PYTEST_XDIST_WORKER" not in os.environ:
        os.write(2, f"\nFAILED {report.nodeid} ({report.when})\n".encode())


@pytest.fixture(scope="session", autouse=True)
def private_state(tmp_path_factory):
    """What tests have to note in an audit log is not the user's."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def private_environment(tmp_path_factory):
    """Environment variables for child processes that meet nobody but each other.

    Its runtime directory is short and private: paths of sockets have a limit of about 100 bytes.
    """
    place = tmp_path_factory.mktemp("run")
    place.chmod(0o700)
    clean = {name: value for name, value in os.environ.items() if name != "ZMQWORK_PEERS"}
    path = os.pathsep.join(filter(None, [str(ROOT), clean.get("PYTHONPATH")]))
    return clean | {"XDG_RUNTIME_DIR": str(place), "PYTHONPATH": path}
