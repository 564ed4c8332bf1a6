"""The roster's file: what goes in comes out, and what is wrong is refused whole."""

from __future__ import annotations

import contextlib

import pytest

from zmqwork.errors import KeysError
from zmqwork.security.pairs import new_pair
from zmqwork.security.roster import Key, Member, Roster, decode


def roster() -> Roster:
    return Roster(
        "lab",
        7,
        (
            Member("desk", ("producer", "admin"), (Key(new_pair().public),)),
            Member("node7", ("worker",), (Key(new_pair().public, 1e9), Key(new_pair().public))),
            Member("old", ("worker",), (Key(new_pair().public),), revoked=True),
        ),
    )


def test_what_is_written_is_read():
    lab = roster()
    assert decode(lab.encode()) == lab


def test_cut_off_anywhere_it_is_refused():
    """Also between two members, or before the line with which a key ends: by scp, half way."""
    lab = roster()
    text = lab.encode()
    for length in range(len(text) - 1):  # (the last line's end says nothing)
        with pytest.raises(KeysError):
            decode(text[:length])


def test_a_letter_that_is_another_one_is_refused_or_says_nothing():
    lab = roster()
    text = lab.encode()
    for at, letter in enumerate(text):
        other = chr(ord(letter) ^ 1)
        with contextlib.suppress(KeysError):
            assert decode(text[:at] + other + text[at + 1 :]) == lab, text[:at]


def test_without_a_checksum_it_is_what_it_says():
    """Somebody has written it by hand."""
    lab = roster()
    lines = lab.encode().splitlines(keepends=True)
    text = "".join(line for line in lines if not line.startswith("checksum"))
    assert decode(text) == lab
    assert decode(text.replace("serial = 7", "serial = 8")).serial == 8


def test_what_a_key_may_be():
    lab = roster()
    desk, node7, _ = lab.members
    accesses = lab.accesses(now=2e9)
    assert set(accesses) == {desk.keys[0].fingerprint, node7.keys[1].fingerprint}
    assert accesses[desk.keys[0].fingerprint].name == "desk"
    assert accesses[desk.keys[0].fingerprint].may_be("observer")
    assert not accesses[desk.keys[0].fingerprint].may_be("worker")
    assert node7.keys[0].fingerprint in lab.accesses(now=1e9 - 1)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("serial = 7", "serial = 0", "serial must be"),
        ("serial = 7", "serial = true", "serial must be"),
        ("serial = 7", 'serial = 7\ncolour = "red"', "unknown field 'colour'"),
        ('"producer", "admin"', '"producer", "root"', "member desk: 'root' is no role"),
        ('"producer", "admin"', "", "member desk: a node needs at least one role"),
        ('name = "old"', 'name = "desk"', "member desk: it is there twice"),
        ('name = "old"', 'name = "o/ld"', "member 3: "),
        ("revoked = true", "revoked = 1", "member old: revoked"),
        ('public = "', 'public = "x', "member desk: a key has 40 characters"),
        ("[[member]]", "[[member]", "no TOML"),
    ],
)
def test_anything_wrong_refuses_all(old, new, said):
    text = roster().encode()
    assert old in text
    with pytest.raises(KeysError, match=said):
        decode(text.replace(old, new, 1))


def test_a_key_that_two_members_have_is_refused():
    lab = roster()
    desk, _, old = lab.members
    twin = Roster("lab", 8, (desk, Member("old", old.roles, desk.keys)))
    with pytest.raises(KeysError, match="member old: desk has this key"):
        decode(twin.encode())


@pytest.mark.parametrize(
    "text",
    [
        "serial = " + "1" * 5_000,
        "a" + ".a" * 20_000 + " = 1",
        "cluster = " + "[" * 3_000,
        "x = {" + "a.a.a = 1, " * 10,
        'cluster = "' + "a" * 5_000 + '"',
        "\x00",
    ],
)
def test_what_only_a_parser_could_love_is_refused(text):
    with pytest.raises(KeysError, match="no TOML"):
        decode(text)


def test_a_key_that_z85_cannot_hold_is_refused():
    text = roster().encode()
    key = text.partition('public = "')[2][:40]
    with pytest.raises(KeysError, match="40 characters of Z85"):
        decode(text.replace(key, "#" * 40, 1))
