"""H15: a message whose last frame never comes."""

import pytest
from hostile_node import RSS_GROWTH_MAX, send_for_ever, until

from zmqwork.transport.endless import MESSAGE_BYTES_MAX
from zmqwork.wire import verbs as v

KIB = 1024


@pytest.mark.parametrize("size", [60_000, 2000])
def test_h15_an_endless_message_ends_its_connection_alone(connect, speaker, node, size):
    """(That of `speaker` goes on, and so does that of `node.honest`.)"""
    other = speaker()
    other.expect(v.WELCOME)
    before = node.rss()
    send_for_ever(connect().open(), size)
    other.settle()
    assert "sent frames without end" in node.text()
    until(lambda: node.rss() - before <= RSS_GROWTH_MAX, "its memory came back")


def test_h15_it_does_not_help_to_have_been_honest(speaker):
    someone = speaker()
    someone.run("echo", 1)
    send_for_ever(someone.peer, 60_000)


def test_h15_large_messages_that_end_are_no_offence(speaker):
    """Ten times what one message may have, in messages that end."""
    someone = speaker()
    someone.expect(v.WELCOME)
    sent = 0
    while sent < 10 * MESSAGE_BYTES_MAX:
        someone.say(
            v.PING, sent, 0.0, [], bytes(3 * 1024 * KIB)
        )  # a field of a newer minor version
        sent += 3 * 1024 * KIB
        assert someone.expect(v.PONG)
