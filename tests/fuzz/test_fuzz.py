"""The corpus does no harm; a broken decoder of each kind is found; and what is found can be used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgpack
import pytest

from tests.fuzz.engine import Report, Target, fuzz, shrink
from tests.fuzz.mutation import join_frames, split_frames
from tests.fuzz.targets import BY_NAME, ROOT, TARGETS, corpus_of
from zmqwork.cli import formats
from zmqwork.discovery import advert, record
from zmqwork.errors import ConfigError
from zmqwork.security import roster
from zmqwork.transport import addresses
from zmqwork.wire import channel, fields, parts

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_the_corpus_does_no_harm(target):
    """What was found once is there under a name that says what it was."""
    inputs = [*target.seeds, *corpus_of(target.name)]
    assert len(inputs) > 1
    for data in inputs:
        error = target.trouble(data)
        assert error is None, (data.hex(), error)


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name)
def test_a_few_inputs_do_no_harm(target):
    report = fuzz(target, corpus_of(target.name), seed=1, runs=300)
    assert report.error is None, (report.data, report.error)
    assert report.kinds > 1, "a target that always says the same sees nothing"


def test_the_corpus_belongs_to_targets():
    assert {path.name for path in CORPUS.iterdir()} <= set(BY_NAME)


# Family -> target, and a defect to plant: one that somebody could make.
PLANTED = {
    "msgpack": ("message", lambda p: p.setattr(fields, "array_of", lambda v, *_: v)),
    "frames": ("link", lambda p: p.setattr(parts.Transfers, "claim", lambda s, n: s._pending[n])),
    "channel": ("child", lambda p: p.setattr(channel, "_outcomes", lambda e: [x[0] for x in e])),
    "json": ("record", lambda p: p.setattr(record, "isinstance", yes, raising=False)),
    "txt": ("mdns", lambda p: p.setattr(advert, "_split", split_without_looking)),
    "text": ("endpoint", lambda p: p.setattr(addresses, "_PORT", AnyDigits)),
    "toml": ("roster", lambda p: p.setattr(roster, "_flag", lambda f, name, _: f[name])),
    "lines": ("json_lines", lambda p: p.setattr(formats, "decode", lambda data, _: data.decode())),
    "settings": ("Health", lambda p: p.setattr("zmqwork.config.check_number", lambda *_: None)),
}


def yes(value, kind):
    """An `isinstance` that lets a list be a text."""
    return kind is not dict or type(value) is dict


def split_without_looking(text):
    """As `advert._split`, and what is no UTF-8 is decoded all the same."""
    found, at = {}, 0
    while at < len(text):
        key, _, value = text[at + 1 : at + 1 + text[at]].partition(b"=")
        found[key.decode()] = value.decode()
        at += 1 + text[at]
    return found


class AnyDigits:
    """What `str.isdecimal` was, before the fuzzer found that there may be 5,000 of them."""

    @staticmethod
    def fullmatch(port):
        return port if port.isdecimal() else None


@pytest.mark.parametrize("family", PLANTED)
def test_a_planted_bug_is_found(family, monkeypatch):
    name, plant = PLANTED[family]
    target = BY_NAME[name]
    assert target.family == family
    plant(monkeypatch)
    report = fuzz(target, corpus_of(name), seed=7, runs=60_000)
    assert report.error is not None
    assert target.trouble(report.data) is not None, "it is told with an input that shows it again"


def test_every_family_has_a_planted_bug():
    assert {target.family for target in TARGETS} == set(PLANTED)


def test_a_decoder_that_keeps_what_it_is_given_is_found():
    kept = []
    hoarder = Target("hoarder", "text", lambda data: kept.append(data * 4096), None, [b"x" * 64])
    report = fuzz(hoarder, [], seed=1, runs=20_000)
    assert not report.is_good
    assert report.error is None


def test_the_same_seed_is_the_same_run():
    def inputs():
        seen = []
        fuzz(Target("any", "text", seen.append, None, [b"abc"]), [], seed=5, runs=200)
        return seen

    assert inputs() == inputs()


def test_what_fails_is_made_short():
    assert shrink(b"aaaaBaaaaaaaCaaa", lambda data: b"B" in data and b"C" in data) == b"BC"


def test_an_exception_that_is_not_the_declared_one_is_harm():
    def run(data):
        raise ConfigError("as declared") if data != b"!" else ValueError("not declared")

    target = Target("any", "text", run, ConfigError)
    assert target.trouble(b"x") is None
    assert isinstance(target.trouble(b"!"), ValueError)
    assert Report("any").is_good


def test_frames_there_and_back():
    messages = [[b"a", b""], [b"bc"], []]
    assert split_frames(join_frames(messages)) == messages


def run_module(*words):
    return subprocess.run(
        [sys.executable, "-m", "tests.fuzz", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_the_command():
    done = run_module("--minutes", "0.01", "--target", "ranges", "--seed", "1")
    assert (done.returncode, done.stderr) == (0, "")
    assert "inputs" in done.stdout
    assert "permitted" not in done.stdout
    done = run_module("--list")
    assert len(done.stdout.splitlines()) == len(TARGETS)
    done = run_module("--target", "value", "--replay", msgpack.packb([1]).hex())
    assert (done.returncode, done.stdout) == (0, "value: str list\n")
