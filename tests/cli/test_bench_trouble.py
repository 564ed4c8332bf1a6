"""A benchmark whose workers die in the middle: what was measured before is not lost."""

from __future__ import annotations

import json

import pytest

from zmqwork.bench.course import Course
from zmqwork.bench.report import Report
from zmqwork.cli import bench_run, main
from zmqwork.cli.bench_worker import TARGET
from zmqwork.cli.local import LocalWorkers, own_realm


@pytest.fixture
def crew(runtime, monkeypatch):
    monkeypatch.setenv("ZMQWORK_KEYS", "none")
    with LocalWorkers(TARGET, own_realm("bench"), "--pool", "inline") as made:
        made.start_all(1)
        yield made


@pytest.mark.parametrize(
    ("form", "expected", "text"),
    [("request", 3, "not run within 2 s"), ("map", 1, "no result for 2 s")],
)
def test_what_was_measured_is_shown_and_the_trouble_is_the_exit_code(
    crew, monkeypatch, tmp_path, capsys, form, expected, text
):
    class Impatient(Course):
        """Half a minute is long for a test."""

        def __init__(self, *args, **options):
            super().__init__(*args, **options)
            self.patience = 2.0

    class Killing(bench_run.BenchProgress):
        """Kills the worker when the first measurement is there."""

        def measured(self, measurement):
            super().measured(measurement)
            crew.running["worker-1"].kill()

    monkeypatch.setattr("zmqwork.bench.campaign.Course", Impatient)
    monkeypatch.setattr(bench_run, "BenchProgress", Killing)
    code = main(
        [
            *("bench", "run", "--realm", crew.realm, "--form", form, "--payload", "0,1k"),
            *("--concurrency", "10", "--tasks", "100", "--json", str(tmp_path / "lan.json")),
        ]
    )
    said = capsys.readouterr()
    assert code == expected
    assert "it ended early: " in said.out
    assert text in said.out
    assert text in said.err
    assert "workers    0 connected" in said.err, "it says why"
    written = Report.read(tmp_path / "lan.json")
    assert [m.payload_bytes for m in written.measurements] == [0]
    assert json.loads((tmp_path / "lan.json").read_text())["trouble"]
