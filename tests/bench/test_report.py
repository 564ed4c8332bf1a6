from __future__ import annotations

import csv
import io
import json

import pytest

from zmqwork.bench.report import FORMAT, Report


def test_the_figures_of_a_measurement(measurement):
    made = measurement(0.001, 0.002, 0.003, payload_bytes=1000)
    assert made.rate == 2000
    assert made.bandwidth == 2000 * 2 * 1000, "there and back"
    assert made.cpu == pytest.approx(0.2)
    row = made.flat()
    assert row["p50_ms"] == pytest.approx(2, rel=0.016)
    assert row["max_ms"] == 3
    # 500 us there, 0.2 us here, 4 slots; 100 us of this process's processor.
    assert row["break_even_us"] == pytest.approx((500 - 0.2) * 4 / 3)
    assert row["relief_us"] == pytest.approx(99.8)


def test_slots_beyond_those_in_flight_help_nobody(measurement):
    made = measurement(in_flight=1)
    assert made.flat()["break_even_us"] is None
    assert measurement(in_flight=0, form="map").slots_used == 4


def test_a_task_that_takes_its_time_has_no_break_even(measurement):
    made = measurement(kind="sleep", length=0.1, call_seconds=None)
    assert (made.worth, made.flat()["break_even_us"]) == (None, None)
    assert measurement(tasks=0).worth is None


def test_it_is_the_same_when_it_is_read_again(report, measurement, member, tmp_path):
    made = report(
        measurement(0.001, 0.002),
        measurement(form="map", in_flight=0),
        members=[member(), member("bert-2#99aa", "bert", round_trip=None)],
        keyed=True,
    )
    made.trouble, made.interrupted = "nobody is there", True
    place = tmp_path / "made.json"
    place.write_text(json.dumps(made.plain()))
    again = Report.read(place)
    assert json.dumps(again.plain()) == json.dumps(made.plain())
    assert (again.transports, again.hosts) == (["tcp + CURVE"], ["anna", "bert"])


def test_what_is_known_at_the_end_of_those_who_began(report, member):
    made = report(members=[member(), member("bert-2#99aa", "bert")])
    made.renew([member(round_trip=0.0001), member("late-3#0000", "carl")])
    assert [(m.host, m.round_trip) for m in made.members] == [("anna", 0.0001), ("bert", 0.0004)]


def test_a_row_for_each_measurement(report, measurement):
    made = report(measurement(0.001), measurement(payload_bytes=1024))
    first, second = csv.DictReader(io.StringIO(made.csv()))
    assert (first["payload_bytes"], second["payload_bytes"]) == ("0", "1024")
    assert (first["p50_ms"], second["p50_ms"]) == ("1.0", "")
    assert (first["transport"], first["hosts"]) == ("tcp", "1")
    assert report().csv() == ""


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "no result of"),
        ('{"format": "zmqwork-bench/99"}', "no result of"),
        (json.dumps({"format": FORMAT}), "damaged: KeyError"),
    ],
)
def test_another_file_is_refused(text, said, tmp_path):
    place = tmp_path / "other.json"
    place.write_text(text)
    with pytest.raises(ValueError, match=said):
        Report.read(place)


@pytest.mark.parametrize(
    ("key", "value"),
    [("trips", {}), ("hosts", [{"host": "x"}]), ("workers", []), ("tasks", "many")],
)
def test_a_damaged_measurement_is_refused(report, measurement, key, value):
    plain = report(measurement(0.001)).plain()
    plain["measurements"][0][key] = value
    with pytest.raises(ValueError, match="damaged"):
        Report.of(plain)
