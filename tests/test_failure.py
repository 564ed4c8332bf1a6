from __future__ import annotations

import pytest

from zmqwork.core.lifecycle import DEAD, EXPIRED, FAILED
from zmqwork.failure import error_of

NASTY = "\x1b[2J\x07 \u202egnp.exe \x9b1A ok"
SPELLED = r"\x1b[2J\x07 \u202egnp.exe \x9b1A ok"


@pytest.mark.parametrize("state", [FAILED, DEAD, EXPIRED])
def test_text_of_others_does_not_steer_a_terminal(state):
    error = error_of("1a2b-1", state, {"type": NASTY, "text": NASTY, "traceback": f"a\n\t{NASTY}"})
    assert SPELLED in str(error)
    assert "\x1b" not in str(error)
    if state == FAILED:
        assert error.type_name == SPELLED
        assert error.traceback == f"a\n\t{SPELLED}"


def test_nor_does_evidence():
    evidence = [{"worker": NASTY, "cause": "child died"}]
    assert SPELLED in str(error_of("1a2b-1", DEAD, {"evidence": evidence}))


def test_text_in_any_language_stays():
    text = "Größe 3 €, 大小 „x“\nnext line"
    assert error_of("1a2b-1", FAILED, {"text": text}).text == text
