"""How a command fails: said in full by the text, which is written for who submitted the record."""

from __future__ import annotations

from zmqwork.execution.invoke import Told


class CommandFailed(Told):
    """A command could not be run, or did not end well."""
