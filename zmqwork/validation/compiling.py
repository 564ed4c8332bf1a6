"""From an annotation to its check."""

from __future__ import annotations

import dataclasses
import datetime as dt
import types
import typing
from collections import abc
from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from typing import Annotated, Any
from uuid import UUID

from msgspec import Meta, Struct

from zmqwork.validation import models
from zmqwork.validation.checks import Check, Instance, Octets, OneOf, Scalar, Shape, is_known
from zmqwork.validation.composites import Abstract, Both, Either, Items, Pairs, Places
from zmqwork.validation.hints import words

_SCALARS = (
    int, str, bool, float, type(None), dt.datetime, dt.date, dt.time, dt.timedelta, UUID, Decimal,
)  # fmt: skip
_OCTETS = (bytes, bytearray, memoryview)

# Of these the concrete containers that travel.
_ORDERED = (list, tuple)
_UNORDERED = (set, frozenset)
_ABSTRACT: dict[Any, tuple[type, ...]] = {
    abc.Sequence: _ORDERED,
    abc.MutableSequence: (list,),
    abc.Set: _UNORDERED,
    abc.MutableSet: (set,),
    abc.Mapping: (dict,),
    abc.MutableMapping: (dict,),
    abc.Collection: (*_ORDERED, *_UNORDERED, dict),
    abc.Iterable: (*_ORDERED, *_UNORDERED, dict),
    abc.Container: (*_ORDERED, *_UNORDERED, dict),
    abc.Reversible: (*_ORDERED, dict),
}


def check_of(
    annotation: Any, doubt: Callable[[str], object], seen: tuple[Any, ...] = ()
) -> Check | None:
    """The check of an annotation; None: whatever comes fits.

    Args:
        annotation: what a parameter is annotated with; text: what could not be looked up.
        doubt: told of what was meant to be checked, and cannot be.
        seen: names of types that are being looked into: what they hold of themselves is not.
    """
    if isinstance(annotation, str | typing.ForwardRef):
        doubt(f"what {words(annotation)} means cannot be found out")
        return None

    def inner(part: Any) -> Check | None:
        return check_of(part, doubt, seen)

    annotation, seen = _unwrapped(annotation, seen)
    origin = typing.get_origin(annotation)
    if annotation is None:
        check: Check | None = _class(type(None), annotation)
    elif isinstance(annotation, typing.TypeVar):
        check = _variable(annotation, inner)
    elif origin is Annotated:
        check = _annotated(annotation, inner, doubt)
    elif origin in (typing.Union, types.UnionType):
        check = _union(typing.get_args(annotation), words(annotation), inner)
    elif origin is typing.Literal:
        check = _literal(annotation)
    else:
        check = _type(annotation, inner)
    return check


def _type(annotation: Any, inner: Callable[[Any], Check | None]) -> Check | None:
    """The check of a class, with or without arguments; of what is none, nothing is said."""
    kind: Any = typing.get_origin(annotation) or annotation
    if not isinstance(kind, type) or kind is object or kind is Any:
        return None
    arguments = typing.get_args(annotation)
    return _container(kind, arguments, words(annotation), inner) or _class(kind, annotation)


def _unwrapped(annotation: Any, seen: tuple[Any, ...]) -> tuple[Any, tuple[Any, ...]]:
    """Without names of types: ``NewType``, and ``type Name = ...`` of Python 3.12."""
    while True:
        if hasattr(annotation, "__supertype__"):
            annotation = annotation.__supertype__
        elif type(annotation).__name__ == "TypeAliasType":
            if any(annotation is one for one in seen):
                return Any, seen
            seen = (*seen, annotation)
            annotation = annotation.__value__
        else:
            return annotation, seen


def _variable(variable: Any, inner: Callable[[Any], Check | None]) -> Check | None:
    if variable.__constraints__:
        wanted = " | ".join(map(words, variable.__constraints__))
        return _union(variable.__constraints__, wanted, inner)
    return None if variable.__bound__ is None else inner(variable.__bound__)


def _annotated(
    annotation: Any, inner: Callable[[Any], Check | None], doubt: Callable[[str], object]
) -> Check | None:
    base, *metadata = typing.get_args(annotation)
    wanted = words(base)
    check = inner(base)
    bounds = tuple(item for item in metadata if isinstance(item, Meta))
    if bounds:
        bound: Any = Annotated[(base, *bounds)]
        if isinstance(check, Scalar) and is_known(bound):
            return Scalar(bound, wanted)
        # Of what msgspec does not know it may know the container.
        outer: Any = Annotated[(typing.get_origin(base) or base, *bounds)]
        for found in (bound, outer):
            if is_known(found):
                check = Both(check, found, wanted)
                break
        else:
            doubt(f"msgspec.Meta says nothing of {wanted}")
    if models.has_bounds(tuple(metadata)):
        check = models.Bounded(annotation, check, wanted)
    return check


def _union(
    members: tuple[Any, ...], wanted: str, inner: Callable[[Any], Check | None]
) -> Check | None:
    checks = [inner(member) for member in members]
    known = [check for check in checks if check is not None]
    return Either(known, wanted) if len(known) == len(checks) else None


def _literal(annotation: Any) -> Check:
    if is_known(annotation):
        return Scalar(annotation, words(annotation))
    # Constants that msgspec does not compare: booleans, bytes, members of an `Enum`.
    return OneOf(typing.get_args(annotation), words(annotation))


def _container(
    kind: Any, arguments: tuple[Any, ...], wanted: str, inner: Callable[[Any], Check | None]
) -> Check | None:
    if kind is tuple and (wanted == "tuple[()]" or (arguments and arguments[-1] is not Ellipsis)):
        return Places([inner(part) for part in arguments], wanted)
    if kind in (list, set, frozenset, tuple):
        return Items(kind, inner(arguments[0]) if arguments else None, wanted)
    if kind is dict:
        name, item = arguments or (Any, Any)
        return Pairs(inner(name), inner(item), wanted)
    concrete = _ABSTRACT.get(kind)
    if concrete is None:
        return None
    checks: dict[type, Check] = {}
    for one in concrete:
        if one is dict:
            name, item = arguments if len(arguments) == 2 else (*arguments, Any, Any)[:2]
            checks[dict] = Pairs(inner(name), inner(item), wanted)
        else:
            checks[one] = Items(one, inner(arguments[0]) if arguments else None, wanted)
    return Abstract(kind, checks, wanted)


def _class(kind: type, annotation: Any) -> Check | None:
    wanted = words(annotation)
    if kind in _OCTETS:
        return Octets(kind)
    if kind in _SCALARS:
        return Scalar(kind, wanted)
    if models.is_model(kind):
        return models.Model(kind, wanted)
    if typing.is_typeddict(kind):
        known = is_known(annotation)
        return Shape(annotation, None, wanted) if known else Pairs(None, None, wanted)
    if _has_shape(kind) and is_known(annotation):
        return Shape(annotation, kind, wanted)
    return _instance(kind, wanted)


def _has_shape(kind: type) -> bool:
    named = issubclass(kind, tuple) and hasattr(kind, "_fields")
    return named or dataclasses.is_dataclass(kind) or issubclass(kind, Enum | Struct)


def _instance(kind: Any, wanted: str) -> Check | None:
    if kind is abc.Callable or kind is type:
        return None  # none of them travels
    if getattr(kind, "_is_protocol", False) and not getattr(kind, "_is_runtime_protocol", False):
        return None
    return Instance(kind, wanted, (float, int) if kind is complex else ())
