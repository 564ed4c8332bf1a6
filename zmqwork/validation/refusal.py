"""What ends an attempt whose arguments do not fit; its handler was not run."""

from __future__ import annotations

from zmqwork.errors import ArgumentError


class Refusal(ArgumentError):
    """An argument does not fit, where the task would run: another attempt is of no use.

    The submitter gets an `ArgumentRefused`. An `ArgumentError` that a handler raises, because it
    submits something itself, is another thing: a failure like others.
    """
