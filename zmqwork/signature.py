"""What calls a task accepts: checked where they are made, compared between nodes."""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Callable
from types import FunctionType
from typing import Any

from zmqwork.errors import UsageError

_UNNAMED = (
    inspect.Parameter.POSITIONAL_ONLY,
    inspect.Parameter.VAR_POSITIONAL,
    inspect.Parameter.VAR_KEYWORD,
)
# Workers whose handler cannot be inspected are told apart from all others by this.
_OPAQUE = "..."


def signature_of(function: Callable[..., Any]) -> inspect.Signature | None:
    """The signature, or None for callables that have none to see (some builtins)."""
    try:
        return inspect.signature(function)
    except (ValueError, TypeError):
        return None


def fingerprint(signature: inspect.Signature | None) -> str:
    """16 hexadecimal digits that are equal for signatures that accept the same calls.

    They cover kinds, the names by which arguments can be given, and which have a default; neither
    annotations nor the defaults' values, so that a worker may run with newer ones.
    """
    words = [_OPAQUE]
    if signature is not None:
        words = [
            f"{parameter.kind.value}"
            f"{'' if parameter.kind in _UNNAMED else parameter.name}"
            f"{'' if parameter.default is parameter.empty else '='}"
            for parameter in signature.parameters.values()
        ]
    return hashlib.blake2s(",".join(words).encode(), digest_size=8).hexdigest()


def _nothing() -> None:
    pass


def call_check(signature: inspect.Signature | None, qualname: str) -> Callable[..., None]:
    """A function that accepts exactly the calls of `signature` and does nothing.

    Calling it is the check: the interpreter binds the arguments, at its own speed (0.05 us; a
    hundredth of `Signature.bind`), and the TypeError is the very one that a local call gives.
    """
    if signature is None:
        return _accept_anything
    by_kind: dict[inspect._ParameterKind, list[inspect.Parameter]] = {}
    for parameter in signature.parameters.values():
        by_kind.setdefault(parameter.kind, []).append(parameter)
    only = by_kind.get(inspect.Parameter.POSITIONAL_ONLY, [])
    positional = only + by_kind.get(inspect.Parameter.POSITIONAL_OR_KEYWORD, [])
    keyword = by_kind.get(inspect.Parameter.KEYWORD_ONLY, [])
    rest = by_kind.get(inspect.Parameter.VAR_POSITIONAL, [])
    rest_keyword = by_kind.get(inspect.Parameter.VAR_KEYWORD, [])
    names = tuple(p.name for p in positional + keyword + rest + rest_keyword)
    code = _nothing.__code__
    flags = code.co_flags
    flags |= inspect.CO_VARARGS if rest else 0
    flags |= inspect.CO_VARKEYWORDS if rest_keyword else 0
    code = code.replace(
        co_argcount=len(positional),
        co_posonlyargcount=len(only),
        co_kwonlyargcount=len(keyword),
        co_nlocals=len(names),
        co_varnames=names,
        co_flags=flags,
        co_name=qualname.rpartition(".")[2] or qualname,
        co_qualname=qualname,
    )
    defaults = tuple(None for p in positional if p.default is not p.empty)
    check = FunctionType(code, {}, argdefs=defaults)
    check.__kwdefaults__ = {p.name: None for p in keyword if p.default is not p.empty}
    return check


def _accept_anything(*args: object, **kwargs: object) -> None:
    """The check of a handler whose signature nobody can see: its worker will judge."""


def refuse_what_cannot_run(function: object) -> None:
    """Raise `UsageError` for things that look like a handler and are none."""
    if not callable(function):
        raise UsageError(f"a task is made from a function, not from {function!r}")


def is_generator(function: Callable[..., Any]) -> bool:
    """Whether a call of it gives a generator, of either kind: its task streams."""
    return inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function)


def refuse_generator(function: Callable[..., Any], cure: str) -> None:
    """Raise `UsageError` where what a generator yields has nobody to go to."""
    if is_generator(function):
        name = getattr(function, "__qualname__", repr(function))
        raise UsageError(f"{name} is a generator, and nobody would read what it yields: {cure}")
