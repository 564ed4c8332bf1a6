"""A server for `freelance_client` and `scatter_client`: the last frame is the request."""

import os
import signal
import sys

import zmq


def serve(endpoint, handle):
    """Answer requests, one after the other, for ever."""
    server = zmq.Context().socket(zmq.REP)
    server.bind(endpoint)
    while True:
        *numbers, request = server.recv_multipart()
        server.send_multipart([*numbers, handle(request)])


def upper_or_die(request):
    """The request in capitals; that word kills the server, as if its power failed."""
    if request == b"die":
        os.kill(os.getpid(), signal.SIGKILL)
    return request.upper()


if __name__ == "__main__":
    serve(sys.argv[1], upper_or_die)
