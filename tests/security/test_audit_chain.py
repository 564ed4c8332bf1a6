"""The chain of an audit log: whatever is done to it but cutting its end shows."""

from __future__ import annotations

import json

import pytest

from zmqwork.security import chain
from zmqwork.security.chain import GENESIS, ROOT


def lines(count, after=ROOT):
    """That many records, as lines with their ends."""
    made = []
    for number in range(count):
        line, after = chain.seal({"kind": "auth.deny", "peer": f"10.0.0.{number}"}, after)
        made.append(line)
    return made


def check(*files, **options):
    return chain.verify([(f"audit.jsonl.{i}", file) for i, file in enumerate(files)], **options)


def test_a_whole_chain():
    made = lines(5)
    verdict = check(made[:2], made[2:])
    assert verdict.fault is None
    assert (verdict.records, verdict.first, verdict.torn) == (5, 1, 0)
    assert verdict.end == (5, chain.digest(made[-1][:-1]))


def test_each_record_names_the_one_before_it():
    first, second = (json.loads(line) for line in lines(2))
    assert first["prev"] == GENESIS
    assert second["prev"] == chain.digest(lines(2)[0].rstrip())
    assert [first["seq"], second["seq"]] == [1, 2]


def test_an_empty_log_has_no_fault():
    assert check([]).fault is None
    assert check([]).end == ROOT


def edited(made):
    made[2] = made[2].replace(b"10.0.0.2", b"10.0.0.9")


def removed(made):
    del made[2]


def moved(made):
    made[2], made[3] = made[3], made[2]


def put_in(made):
    made.insert(3, made[2])


def garbled(made):
    made[2] = made[2][1:]


def begun_anew(made):
    made[0] = chain.seal({"kind": "auth.accept"}, ROOT)[0]


def put_in_before(made):
    made.insert(2, b"nothing to see here\n")


def blank(made):
    made.insert(2, b"\n")


def renumbered(made):
    """Record 3 taken out, and those behind it numbered so that none is missing."""
    del made[2]
    for index, line in enumerate(made):
        made[index] = json.dumps(json.loads(line) | {"seq": index + 1}).encode() + b"\n"


@pytest.mark.parametrize(
    ("tamper", "line", "said"),
    [
        (edited, 3, "edited, or replaced"),
        (removed, 3, "record 3 is missing"),
        (moved, 3, "record 3 is missing"),
        (put_in, 4, "moved, or put in"),
        (garbled, 4, "record 3 is missing"),
        (begun_anew, 1, "edited, or replaced"),
        (put_in_before, 4, "not what a crash has left"),
        (blank, 4, "not what a crash has left"),
        (renumbered, 1, "edited, or replaced"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_tampered_with_is_found(tamper, line, said):
    made = lines(6)
    assert check(made).fault is None
    tamper(made)
    fault = check(made).fault
    assert fault is not None
    assert (fault.line, said in fault.text) == (line, True), fault.text


def test_an_edited_last_record_of_a_file_is_found_in_its_file():
    made = lines(6)
    edited(made)
    assert check(made[:3], made[3:]).fault[:2] == ("audit.jsonl.0", 3)


def test_a_file_that_is_gone_is_missed():
    made = lines(9)
    assert check(made[:3], made[3:6], made[6:]).fault is None
    fault = check(made[:3], made[6:]).fault
    assert fault[:2] == ("audit.jsonl.1", 1)
    assert "records 4 to 6 are missing" in fault.text


def test_what_was_rotated_away_is_not_missed():
    made = lines(9)
    assert check(made[3:], is_all=False).fault is None
    assert check(made[3:], is_all=False).first == 4
    assert "records 1 to 3 are missing" in check(made[3:], is_all=True).fault.text


def test_a_cut_end_is_not_seen_and_a_hash_kept_elsewhere_shows_it():
    made = lines(9)
    kept = check(made).end.digest
    assert check(made, wanted=kept).wanted_at == 9
    verdict = check(made[:5], wanted=kept)
    assert verdict.fault is None
    assert verdict.wanted_at == 0


def test_a_chain_that_was_made_anew_has_not_the_hash():
    kept = check(lines(9)).end.digest
    other, link = [], ROOT
    for number in range(12):
        line, link = chain.seal({"kind": "auth.accept", "number": number}, link)
        other.append(line)
    assert check(other, wanted=kept).fault is None
    assert check(other, wanted=kept).wanted_at == 0


def torn(made, at, size):
    """A crash in the middle of record `at`, and what a later process writes behind it."""
    fragment = made[at][:size]
    end = chain.end_of(b"".join(made[:at]) + fragment, whole=True)
    line, _ = chain.seal({"kind": "auth.accept"}, end.link or ROOT, end.rest)
    return [*made[:at], fragment + b"\n", line]


@pytest.mark.parametrize("at", [0, 3])
@pytest.mark.parametrize("size", [1, 20, -2])
def test_a_torn_line_is_vouched_for_by_the_next(at, size):
    log = torn(lines(5), at, size)
    verdict = check(log)
    assert verdict.fault is None
    assert (verdict.records, verdict.torn) == (at + 1, 1)


def test_a_torn_line_at_the_end():
    made = lines(5)
    verdict = check([*made, made[-1][:9]])
    assert (verdict.fault, verdict.records, verdict.torn) == (None, 5, 1)


def test_a_record_that_lacks_its_end_alone_is_one():
    made = lines(5)
    end = chain.end_of(b"".join(made)[:-1], whole=True)
    assert end == (check(made).end, b"")


def test_a_torn_line_cannot_be_used_to_hide_something():
    log = torn(lines(5), 3, 20)
    assert "edited" in check([*log[:3], b'{"kind":"x"\n', log[4]]).fault.text
    assert "was removed" in check([*log[:3], log[4]]).fault.text
    log[2] = log[2].replace(b"10.0.0.2", b"10.0.0.9")
    assert check(log).fault.line == 3


@pytest.mark.parametrize(
    "line",
    [
        b"", b"[]", b"{", b"null", b'{"seq":1}', b'{"seq":true,"prev":"%s"}' % GENESIS.encode(),
        b'{"seq":0,"prev":"%s"}' % GENESIS.encode(), b'{"seq":1,"prev":"%s"}' % (b"A" * 64),
        b'{"seq":1,"prev":3}', b"{" + b"[" * 60_000, b'{"seq":1,"prev":"%s"}' % (b"0" * 70_000),
        b"\xff\xfe{}", b'{"seq":1.0,"prev":"%s"}' % GENESIS.encode(),
    ],
)  # fmt: skip
def test_what_is_no_record(line):
    assert chain.read(line) is None
