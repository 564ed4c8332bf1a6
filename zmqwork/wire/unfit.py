"""The one thing that an encoder of ours raises: a sentence for the user."""

from __future__ import annotations


class Unfit(ValueError):
    """A value of a type that travels, but this one does not; the text says why, and what would.

    Never leaves `wire`: `values` raises `EncodeError` with this text and the value's place.
    """
