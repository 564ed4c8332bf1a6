"""The producer of a command, which waits for nothing that the command did not wait for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Unpack

from zmqwork.app import App
from zmqwork.cli.search import Search
from zmqwork.producer import Producer


@contextmanager
def submitter(app: App, name: str, **search: Unpack[Search]) -> Iterator[Producer]:
    """A producer that takes the app's tasks within it, and leaves at its end.

    (A producer's own `with` goes on to wait for what is unsettled; a command that has given up,
    or was told to wait so long and no longer, has waited already.)
    """
    producer = app.producer(name=name, **search).start()
    try:
        yield producer
    finally:
        producer.stop()
