import pytest
import zmq
from keyed import House, Visitor
from transport_peers import Peer

from zmqwork.transport.options import configure


@pytest.fixture
def context():
    ctx = zmq.Context()
    ctx.set(zmq.MAX_SOCKETS, 4096)
    yield ctx
    ctx.destroy(linger=0)


@pytest.fixture
def endpoint(tmp_path):
    return f"ipc://{tmp_path}/s"


@pytest.fixture
def make(context):
    """Sockets configured as ours, closed at the end."""
    made = []

    def make_socket(kind):
        socket = context.socket(kind)
        configure(socket)
        made.append(socket)
        return socket

    yield make_socket
    for socket in made:
        socket.close(0)


@pytest.fixture
def peers():
    made = []

    def make_peer(endpoint, *args):
        made.append(Peer(endpoint, *args))
        return made[-1]

    yield make_peer
    for peer in made:
        peer.end()


@pytest.fixture
def house(context):
    made = House(context)
    yield made
    made.close()


@pytest.fixture
def visit(context, house):
    """Knock at an endpoint, with a pair or without."""
    made = []

    def knock(endpoint, pair=None, server=None):
        made.append(Visitor(context, endpoint, pair, server or house.pair.public))
        return made[-1]

    yield knock
    for visitor in made:
        visitor.close()
