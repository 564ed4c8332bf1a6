"""H11: a browser, a TLS client, and others who take the port for something else."""

import pytest
from hostile_node import until

HELLOS = {
    "http": b"GET / HTTP/1.1\r\nHost: worker\r\nConnection: close\r\n\r\n",
    "http2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "tls": bytes.fromhex("16030100c8010000c40303") + bytes(197),
    "ssh": b"SSH-2.0-OpenSSH_9.6\r\n",
    "redis": b"*1\r\n$4\r\nPING\r\n",
    "smtp": b"EHLO there\r\n",
}


@pytest.mark.parametrize("protocol", HELLOS)
def test_h11_another_protocol(connect, protocol, node):
    answer = connect().finish(HELLOS[protocol])
    assert b"Traceback" not in answer
    assert not answer.startswith((b"HTTP", b"SSH", b"-ERR"))
    # Of the first it is told at once, of later ones a minute later.
    until(lambda: "ended before a message came" in node.text(), "the log tells of it")
