"""Functions that no app registers: how they are called on the wire, and who may run them.

A function travels as ``package.module:qualified.name``. A worker that allows some says so in its
WELCOME: a **pattern** stands in the place of a task's name, and ANY in that of a fingerprint.
Whether the function takes the arguments is seen when it is called: the worker may not even have
imported it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from zmqwork.config import PATTERNS_MAX

# In the place of a signature's fingerprint, which is hexadecimal: whatever the signature is.
ANY = "*"

# What separates the module from the way to the function inside it.
SEPARATOR = ":"

# The task of workers that run a command for each record.
COMMAND_TASK = "exec"

_CHUNKS = "[]"


def patterns_of(tasks: Mapping[str, str]) -> tuple[str, ...]:
    """The patterns among the tasks of a WELCOME, as many as are looked at."""
    return tuple(name for name, fingerprint in tasks.items() if fingerprint == ANY)[:PATTERNS_MAX]


def allows(patterns: Iterable[str], name: str) -> bool:
    """Whether one of these patterns names the function that travels under this name.

    ``*`` stands for any characters, dots too: ``pkg.*`` is all of a package. There is no
    difference between ``:`` and ``.``.
    """
    if SEPARATOR not in name:
        return False
    dotted = _dotted(name.removesuffix(_CHUNKS))
    return any(_matches(_dotted(pattern), dotted) for pattern in patterns)


def _dotted(name: str) -> str:
    return name.replace(SEPARATOR, ".")


def _matches(pattern: str, text: str) -> bool:
    """Linear in both: a peer may have written them."""
    first, *rest = pattern.split("*")
    if not rest:
        return text == pattern
    if not text.startswith(first):
        return False
    *middle, last = rest
    at = len(first)
    for part in middle:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(last) and text.endswith(last)


class Repertoire:
    """The names under which a worker takes attempts: its tasks', and functions that it allows."""

    __slots__ = ("_patterns", "_tasks")

    def __init__(self, tasks: Collection[str], patterns: tuple[str, ...]) -> None:
        self._tasks = tasks
        self._patterns = patterns

    def __contains__(self, name: object) -> bool:
        return name in self._tasks or allows(self._patterns, str(name))
