"""What a function's parameters are annotated with, and what that is called."""

from __future__ import annotations

import functools
import inspect
import types
import typing
from collections.abc import Callable
from typing import Any

_TEXT_MAX = 120


def annotation_of(parameter: inspect.Parameter, function: Callable[..., Any]) -> Any:
    """The parameter's annotation; text is looked up where the function was defined.

    What cannot be looked up stays text: a name that only type checkers import, or a local one.
    """
    annotation = parameter.annotation
    # On its own: another annotation of the function may name what cannot be looked up.
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    try:
        return typing.get_type_hints(holder, names_of(function), include_extras=True)["it"]
    except Exception:  # noqa: BLE001 - whatever evaluating it gives: it is no type then
        return annotation if isinstance(annotation, str) else words(annotation)


def names_of(function: Any) -> dict[str, Any]:
    """What the names in a function's annotations mean."""
    while isinstance(function, functools.partial):
        function = function.func
    function = inspect.unwrap(function)
    names = getattr(function, "__globals__", None)
    if names is None:
        names = getattr(getattr(type(function), "__call__", None), "__globals__", {})  # noqa: B004
    return names


def words(annotation: Any) -> str:
    """An annotation as people write it."""
    if isinstance(annotation, str | typing.ForwardRef):
        text = annotation if isinstance(annotation, str) else annotation.__forward_arg__
        return repr(text)[:_TEXT_MAX]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is typing.Annotated:
        return words(arguments[0])
    if origin in (typing.Union, types.UnionType):
        return " | ".join(words(member) for member in arguments)
    if isinstance(annotation, type) and not arguments:
        name = annotation.__qualname__.rpartition("<locals>.")[2]
        return "None" if annotation is type(None) else name
    return _text(annotation)


def _text(annotation: Any) -> str:
    try:
        text = str(annotation)
    except Exception:  # noqa: BLE001 - metadata of it is the user's
        return "what it is annotated with"
    for word in ("typing.", "collections.abc.", "datetime.", "pathlib.", "decimal.", "uuid."):
        text = text.replace(word, "")
    return text if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}..."
