"""H15 with keys: whose connection it was is known, and who insists is suspended."""

import pytest
from hostile_node import Speaker, send_for_ever, until

from zmqwork.core.trust import OFFENCES_MAX
from zmqwork.wire import verbs as v


@pytest.fixture(scope="module")
def worker(keyed):
    return keyed


def test_h15_who_insists_is_suspended(lab, node):
    pair, key, name = lab.member("producer")
    for _ in range(OFFENCES_MAX):
        peer = until(lambda: lab.enter(node, pair), "it is let in")
        Speaker(peer, node.realm).expect(v.WELCOME)
        send_for_ever(peer, 60_000)
        peer.close()
    noted = lab.audited("role.violation", fingerprint=key, member=name)
    assert "frames without end" in noted[0]["reason"]
    until(lambda: lab.audited("peer.suspended", fingerprint=key), "it is suspended")
    assert lab.enter(node, pair) is None
