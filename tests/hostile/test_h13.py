"""H13: a member that says what its role may not."""

import pytest
from hostile_node import Speaker, until

from zmqwork.core.trust import OFFENCES_MAX
from zmqwork.wire import verbs as v


@pytest.fixture(scope="module")
def worker(keyed):
    return keyed


@pytest.fixture
def member(lab, node):
    """Somebody with roles, and a session in one of them."""
    made = []

    def make(role, *roles):
        pair, key, name = lab.member(*(roles or (role,)))

        def opened():
            return lab.enter(node, pair)

        someone = Speaker(until(opened, "the node has the new roster"), node.realm, role=role)
        made.append(someone)
        someone.key, someone.member, someone.again = key, name, opened
        return someone

    yield make
    for someone in made:
        someone.peer.close()


def test_h13_an_observer_that_submits_is_suspended(member, lab):
    observer = member("observer")
    observer.expect(v.WELCOME)
    for _ in range(OFFENCES_MAX):
        observer.submit("echo", 1)
    code, text = observer.refusal()
    assert code == "role"
    assert "not admitted" in text
    assert observer.again() is None, "and is not let in"
    until(
        lambda: lab.audited("role.violation", fingerprint=observer.key, member=observer.member),
        "it is noted",
    )
    until(lambda: lab.audited("peer.suspended", fingerprint=observer.key), "and that, too")


@pytest.mark.parametrize("claimed", ["producer", "worker", "sink", "admin"])
def test_h13_a_role_that_its_key_has_not(member, claimed):
    observer = member("observer")
    observer.expect(v.WELCOME)
    other = Speaker(observer.again(), observer.realm, role=claimed)
    assert other.refusal()[0] == "role"
    other.peer.close()


def test_h13_an_observer_gives_no_orders(member):
    observer = member("observer")
    observer.expect(v.WELCOME)
    observer.say(v.ORDER, 1, "drain", {})
    observer.say(v.INFO, 1)
    assert observer.expect(v.STATUS)[0] == 1, "it was not heeded, and it is still served"
    assert v.ORDERED not in observer.seen


def test_h13_an_admin_does(member):
    """The same, from somebody who may: what decides is the key."""
    admin = member("observer", "admin")
    admin.expect(v.WELCOME)
    admin.say(v.ORDER, 1, "unheard-of", {})
    assert admin.expect(v.ORDERED)[0] == 1


def test_h13_a_node_id_of_somebody_else(member):
    first, second = member("producer"), member("producer")
    first.expect(v.WELCOME)
    second.expect(v.WELCOME)
    thief = Speaker(second.again(), second.realm, node_id=first.node_id)
    code, text = thief.refusal()
    assert code == "role"
    assert first.member in text
    first.settle()
    thief.peer.close()


def test_h13_bytes_that_are_no_message_ten_times(member, lab):
    producer = member("producer")
    for _ in range(OFFENCES_MAX):
        producer.number = 0
        producer.say(v.HELLO, 1, producer.node_id, "producer", "n", producer.realm, [1, 1])
        producer.peer.send(b"\xc1")
    until(lambda: lab.audited("peer.suspended", fingerprint=producer.key), "it is suspended")
    until(lambda: producer.again() is None, "it is not let in")
