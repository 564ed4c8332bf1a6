from __future__ import annotations

from zmqwork.discovery.unlike import UNLIKE_MAX, Unlike


def test_each_node_counts_once_for_its_last_reason():
    unlike = Unlike()
    for name, reason in [("a", "keyed"), ("b", "unsealed"), ("b", "unsealed"), ("c", "unsealed")]:
        unlike.judged(name, reason)
    assert len(unlike) == 3
    assert str(unlike) == (
        "nodes heard, and left alone: 1 with keys, where this node has none; "
        "2 without keys, or with those of another cluster"
    )
    unlike.judged("b", "unknown_key")
    assert str(unlike).endswith("1 with a key that is not in the roster here (any more)")


def test_who_counts_or_is_gone_or_is_ignored_for_something_else_is_not_among_them():
    unlike = Unlike()
    for reason in ("", "realm", "malformed"):
        unlike.judged("a", "unsealed")
        unlike.judged("a", reason)
        assert (len(unlike), str(unlike)) == (0, "")


def test_it_is_bounded():
    unlike = Unlike()
    for number in range(UNLIKE_MAX + 5):
        unlike.judged(f"n{number}", "unsealed")
    assert len(unlike) == UNLIKE_MAX
    unlike.judged("n1", "unknown_key")
    assert str(unlike).endswith("1 with a key that is not in the roster here (any more)")
