"""H36: settings that cannot be. (zmqwork has no configuration files: options, and arguments.)"""

import subprocess
import sys

import pytest
from hostile_app import app
from hostile_node import HERE

from zmqwork.config import Health, NodeConfig, ProducerConfig, SinkConfig, WorkerConfig
from zmqwork.errors import ConfigError
from zmqwork.options import TaskOptions

NODE = {"node_id": "0" * 32, "name": "n", "realm": "r"}
NAN, INF = float("nan"), float("inf")
NUMBERS = [-1, -0.5, NAN, INF, -INF, "1", None, True, [1], 1e999]

NUMERIC = [
    (kind, base, field)
    for kind, base in ((Health, {}), (ProducerConfig, NODE), (WorkerConfig, NODE), (SinkConfig, NODE))
    for field in kind.__dataclass_fields__
    if type(kind.__dataclass_fields__[field].default) in (int, float)
    and (kind is Health or field not in NodeConfig.__dataclass_fields__)
]  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "base", "field"),
    NUMERIC,
    ids=lambda it: getattr(it, "__name__", it) if not isinstance(it, dict) else "",
)
def test_h36_a_number_that_is_none_is_refused_by_name(kind, base, field):
    refused = {repr(value): why_not(kind, base | {field: value}) for value in NUMBERS}
    for value in ("nan", "'1'", "None", "[1]", "-1"):
        assert field in refused[value]


def why_not(kind, fields):
    """What it says of these; empty: it takes them."""
    try:
        kind(**fields)
    except ConfigError as error:
        return str(error)
    return ""


def test_h36_times_that_do_not_fit_together():
    for fields in (
        {"heartbeat_interval": 3.0, "lease_timeout": 4.0},
        {"suspect_timeout": 5.0, "lost_timeout": 4.0},
        {"fence_timeout": 5.0, "lease_timeout": 4.0},
    ):
        with pytest.raises(ConfigError):
            Health(**fields)


@pytest.mark.parametrize(
    "options",
    [{"max_retries": -1}, {"timeout": NAN}, {"expires": -1.0}, {"queue": "a\nb"}],
    ids=str,
)  # fmt: skip
def test_h36_options_of_a_task(options):
    with pytest.raises(ConfigError, match=next(iter(options))):
        TaskOptions(**options)


def test_h36_an_unknown_option_names_the_nearest():
    with pytest.raises(ConfigError, match="did you mean 'max_retries'"):
        app.task(max_retrys=3)(lambda: None)


@pytest.mark.parametrize(
    "words",
    [
        ["worker", "hostile_app:app", "-c", "-1"],
        ["worker", "hostile_app:app", "-c", "many"],
        ["worker", "hostile_app:app", "--drain-timeout", "1e999"],
        ["worker", "hostile_app:app", "--drain-timeout", "nan"],
        ["worker", "hostile_app:app", "--conkurrency", "2"],
        ["worker", "hostile_app:app", "--realm", "a\nb"],
        ["worker", "hostile_app:app", "--bind", "tcp://127.0.0.1:99999"],
        ["worker", "hostile_app:app", "--bind", "tcp://127.0.0.1:" + "9" * 5000],
        ["worker", "hostile_app:app", "--bind", "udp://127.0.0.1:1"],
        ["ps", "--peer", "tcp://[::1:5"],
        ["ps", "--timeout", "-1"],
    ],
    ids=lambda words: " ".join(words)[-30:],
)
def test_h36_a_command_that_cannot_be_starts_nothing(place, words):
    done = subprocess.run(
        [sys.executable, "-m", "zmqwork", *words],
        cwd=HERE,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode in {2, 78}, done.stderr
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    assert len(done.stderr) < 8_000
    assert not [path for path in (place / "run").rglob("*") if path.is_socket()]
