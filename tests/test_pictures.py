"""The pictures of docs/performance.md show what the files of results say."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import __main__ as command
from benchmarks.peers.harness import Line
from benchmarks.pictures import PICTURES, canvas, growth, peers, shown, targets

ROOT = Path(__file__).resolve().parents[1]
TAKEN = {
    "at": "2026-11-27T17:00:25+00:00",
    "processor": "some",
    "cores": 2,
    "python": "3.11.7",
    "note": "",
}
BYTES_MAX = 100_000


def target(name, runs, bar=1.2, better="higher"):
    return {"target": name, "bar": bar, "better": better, "runs": runs}


def test_a_ratio_is_that_of_all_runs_of_all_files():
    first = {"targets": [target("P2", [[30, 10], [10, 10]]), target("P10", [[1, 1]], None)]}
    second = {"targets": [target("P2", [[20, 10]]), target("P3", [[3, 1]], 2.0, "lower")]}
    two, three, ten = targets.ratios([first, second])
    assert (two.target, two.median, two.least, two.most, two.ok) == ("P2", 2.0, 1.0, 3.0, True)
    assert (three.target, three.ok) == ("P3", False)
    assert (ten.target, ten.ok, ten.bar) == ("P10", None, None)


def line(peer, value, zmqwork=5.0):
    fields = {"unit": "tasks/s", "better": "higher", "factor": 1.0, "count": 1, "asked": 1}
    return Line(
        **{"peer": peer, "workload": "single", "figure": "rate", "value": value, **fields},
        zmqwork=zmqwork, runs=[], failed=None,
    )  # fmt: skip


def test_the_best_peer_is_on_top_and_zmqwork_is_among_them():
    found = peers.values([line("rq", 1.0), line("raw", 9.0, 7.0)], peers.PANELS[0])
    assert found == [("rq", 1.0), ("zmqwork", 6.0), ("raw", 9.0)]
    told = peers.values([line("rq", 1.0), line("zmqwork", 4.0)], peers.PANELS[0])
    assert told == [("rq", 1.0), ("zmqwork", 4.0)]


def test_a_curve_is_that_of_the_last_file():
    records = [{"growth": [{"curve": "a", "n": 1}, {"curve": "b", "n": 1}]},
               {"growth": [{"curve": "a", "n": 2}]}]  # fmt: skip
    assert growth.latest(records) == [{"curve": "a", "n": 2}, {"curve": "b", "n": 1}]


@pytest.mark.parametrize(
    ("value", "text"), [(0.5, "0.5"), (1, "1"), (10_000, "10k"), (3e6, "3M"), (1e9, "1G")]
)
def test_numbers_of_an_axis_are_short(value, text):
    assert canvas.short(value) == text


def test_notes_and_days_stand_below():
    other = TAKEN | {"at": "2026-11-28T01:00:00+00:00", "note": "Beside others."}
    text = shown.circumstances([{"taken": TAKEN}, {"taken": other}])
    assert text.startswith("2 files, 2026-11-27 to 2026-11-28; some, 2 processors")
    assert text.endswith("Beside others.")


def test_all_pictures_are_drawn_small_and_the_same_again(tmp_path, capsys):
    drawn = []
    for name in ("one", "two"):
        with pytest.raises(SystemExit) as ended:
            command.main(["plot", "--out", str(tmp_path / name)])
        assert ended.value.code == 0
        drawn.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {"targets.png", "peers.png", "growth.png", "growth-rates.png"}
    for picture in drawn[0].values():
        assert picture.startswith(b"\x89PNG")
        assert len(picture) < BYTES_MAX
    assert capsys.readouterr().out.count(" kB") == 2 * len(drawn[0])


def test_those_of_the_documents_are_there():
    text = "".join(page.read_text("utf-8") for page in (ROOT / "docs").glob("*.md"))
    named = set(re.findall(r"!\[[^\]]+\]\(pictures/([\w-]+\.\w+)\)", text))
    assert named == {path.name for path in PICTURES.iterdir()}
    assert all(path.stat().st_size < BYTES_MAX for path in PICTURES.iterdir())


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"taken": TAKEN, "other": []})])
def test_what_is_no_result_is_refused(tmp_path, capsys, text):
    file = tmp_path / "r.json"
    file.write_text(text)
    with pytest.raises(SystemExit) as ended:
        command.main(["plot", str(file), "--out", str(tmp_path)])
    assert ended.value.code == 1
    assert "r.json: " in capsys.readouterr().err
