"""Who may say what, cell by cell: the table of docs/protocol.md, section 5, written down again."""

from __future__ import annotations

import itertools
import re
from typing import get_args

import pytest

from zmqwork.core import permissions
from zmqwork.core.messages import Message
from zmqwork.core.permissions import Access, admitted, verbs

ROLES = ("producer", "worker", "sink", "observer", "admin")

# A column for each role that may be heard; a letter for each that may say it there: p, w, s, o
# (observer) and a (admin: an observer whose key may give orders). No node has the role admin, so
# nobody speaks to one.
TABLE = """
             producer  worker  sink   observer
HELLO        oa        poa     pwoa   -
WELCOME      ws        s       -      pws
REFUSED      ws        s       -      pws
PING         wsoa      psoa    pwoa   pws
PONG         wsoa      psoa    pwoa   pws
DRAINING     ws        s       -      pws
BYE          wsoa      psoa    pwoa   pws
DEMAND       -         p       -      -
CREDIT       w         s       -      -
TASKS        -         p       -      -
STARTED      w         -       -      -
DONE         w         -       -      -
DONE_ACK     -         p       -      -
RETURN       w         -       -      -
RECALL       -         p       -      -
CANCEL       -         p       -      -
PROGRESS     w         -       -      -
PARTS        w         -       -      -
PARTS_ACK    -         p       -      -
RESULTS      -         -       w      -
RESULTS_ACK  -         s       -      -
HAVE         -         -       p      -
HAS          s         -       -      -
FLOOR        -         -       p      -
END          -         -       p      -
ENDED        s         -       -      -
ROUTE        -         p       -      -
INFO         oa        oa      oa     -
STATUS       -         -       -      pws
ORDER        a         a       a      -
ORDERED      -         -       -      pws
"""

LETTERS = {"p": "producer", "w": "worker", "s": "sink", "o": "observer", "a": "admin"}


def read_table():
    """(speaker, listener, verb) of each cell that says yes."""
    head, *rows = TABLE.split("\n")[1:-1]
    heard = head.split()
    for row in rows:
        verb, *cells = row.split()
        assert len(cells) == len(heard), row
        for listener, cell in zip(heard, cells, strict=True):
            for letter in cell.replace("-", ""):
                yield LETTERS[letter], listener, verb


SAID = set(read_table())


def verb_name(message_type):
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", message_type.__name__).upper()


VERBS = {verb_name(message_type): message_type for message_type in get_args(Message)}


def test_the_table_knows_all_verbs_and_roles():
    assert {verb for _, _, verb in SAID} == set(VERBS)
    assert set(permissions.ROLES) == set(ROLES)


@pytest.mark.parametrize(("speaker", "listener"), list(itertools.product(ROLES, ROLES)))
def test_who_may_say_what(speaker, listener):
    for name, verb in VERBS.items():
        may = (speaker, listener, name) in SAID
        assert (verb in verbs(speaker, listener)) is may, f"{name} from {speaker} to {listener}"


def test_a_role_that_there_is_not_says_and_hears_nothing():
    assert verbs("root", "worker") == verbs("producer", "root") == frozenset()


@pytest.mark.parametrize(
    ("listener", "speakers"),
    [
        ("producer", {"observer", "admin"}),
        ("worker", {"producer", "observer", "admin"}),
        ("sink", {"producer", "worker", "observer", "admin"}),
        ("observer", set()),
        ("admin", set()),
    ],
)
def test_who_may_dial_whom(listener, speakers):
    assert admitted(listener) == speakers


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("has", ROLES)
def test_what_a_key_may_be(has, role):
    expected = (has == role != "admin") or (has, role) == ("admin", "observer")
    assert Access("m", frozenset({has})).may_be(role) is expected
