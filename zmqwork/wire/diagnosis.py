"""Which part of a value cannot travel, and what to do about it: for the text of `EncodeError`.

Runs only when encoding has failed, so it may take its time: it encodes part after part. It shows
types and places, never contents: a `__repr__` may be wrong, hostile, or a password.
"""

from __future__ import annotations

import dataclasses
import enum
import io
import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from zmqwork.errors import EncodeError
from zmqwork.wire import registry
from zmqwork.wire.limits import VALUE_DEPTH_MAX
from zmqwork.wire.nesting import OUTERMOST
from zmqwork.wire.packing import explain
from zmqwork.wire.unfit import Unfit

# A way into a value that is longer than this is not followed, and not shown either.
_STEPS_MAX = 100
_SHOWN_STEPS = 6

_CONTAINERS = (list, tuple, set, frozenset, dict)
_OURS = (Unfit, TypeError, ValueError, OverflowError, RecursionError)


def of_call(
    args: Sequence[Any],
    kwargs: Mapping[str, Any],
    what: str,
    names: Sequence[str],
    error: Exception,
) -> EncodeError:
    """Why the arguments of a call cannot travel."""
    for index, value in enumerate(args):
        reason = _failure(value)
        if reason is not None:
            name = f" ({names[index]!r})" if index < len(names) else ""
            return _error(f"argument {index + 1}{name} of {what}", value, reason)
    for name, value in kwargs.items():
        reason = _failure(value)
        if reason is not None:
            return _error(f"argument {_key(name)} of {what}", value, reason)
    return _error(f"the arguments of {what}", None, error)


def of_value(value: Any, error: Exception) -> EncodeError:
    """Why a value cannot travel."""
    return _error("the value", value, error)


def cause(error: Exception) -> Exception | None:
    """The exception to show below ours: one that a user's codec raised, not msgpack's."""
    return None if isinstance(error, _OURS) else error


def _failure(value: Any) -> Exception | None:
    try:
        OUTERMOST.pack(value)
    except Exception as error:  # noqa: BLE001 - as in `values`
        return error
    return None


def _error(place: str, value: Any, error: Exception) -> EncodeError:
    steps, culprit, error, cyclic = _follow(value, error)
    if steps:
        shown = "".join(steps[:_SHOWN_STEPS]) + ("..." if len(steps) > _SHOWN_STEPS else "")
        place = f"{place}, at {shown}"
    return EncodeError(f"{place}: {_reason(culprit, error, cyclic=cyclic)}")


def _follow(value: Any, error: Exception) -> tuple[list[str], Any, Exception, bool]:
    """The way to the innermost part that fails: its steps, the part, why, and if it is a cycle."""
    steps: list[str] = []
    seen = {id(value)}
    while len(steps) < _STEPS_MAX:
        for step, part in _parts(value):
            reason = _failure(part)
            if reason is not None:
                steps.append(step)
                value, error = part, reason
                break
        else:
            return steps, value, error, False
        if id(value) in seen:
            return steps, value, error, True
        seen.add(id(value))
    return steps, value, error, False


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    """What a value consists of, each with the step that leads to it."""
    kind = type(value)
    if kind is dict:
        for key, item in list(value.items()):
            yield " a key", key
            yield f"[{_key(key)}]", item
    elif kind is list or kind is tuple:
        for index, item in enumerate(list(value)):
            yield f"[{index}]", item
    elif kind is set or kind is frozenset:
        for item in list(value):
            yield " an element", item
    else:
        codec = registry.by_type(kind)
        if codec is not None:
            try:
                encoded = codec.encode(value)
            except Exception:  # noqa: BLE001 - that is the reason then, and there are no parts
                return
            yield f" what codec {codec.name!r} made", encoded


def _key(key: Any) -> str:
    if type(key) is str:
        return repr(key if len(key) <= 40 else f"{key[:40]}...")
    if type(key) is int and abs(key) < 2**64:
        return str(key)
    return f"<{_type_name(type(key))}>"


def _reason(value: Any, error: Exception, *, cyclic: bool) -> str:
    kind = type(value)
    if cyclic:
        return f"this {_type_name(kind)} contains itself, and only trees of values travel"
    if isinstance(error, Unfit):
        return str(error)
    if kind is str:
        return (
            "a str with a lone surrogate is no text that can travel (a file name that is no "
            "UTF-8?): send pathlib.Path(...), or os.fsencode(...) as bytes"
        )
    codec = registry.by_type(kind)
    if codec is not None:
        return f"codec {codec.name!r} of {_type_name(kind)} failed: {explain(error)}"
    # Not `in`: a metaclass may have made comparing types anything.
    if any(kind is container for container in _CONTAINERS):
        return (
            f"nested more than {VALUE_DEPTH_MAX} deep, or changed by another thread meanwhile: "
            f"{explain(error)}"
        )
    return f"{_article(_type_name(kind))} cannot travel. {_advice(kind)}"


# Asked in this order. An enum may be a kind of int, too, and a file can be iterated over, too.
_ADVICE: tuple[tuple[Any, str], ...] = (
    (enum.Enum, "Send its .value."),
    (
        types.FunctionType | types.MethodType | types.BuiltinFunctionType,
        "Functions stay where they are: send the name of one, or make it a task.",
    ),
    (types.CoroutineType, "Was `await` forgotten?"),
    (io.IOBase, "An open file stays where it is: send its path."),
    (range | Iterator, "Send list(...)."),
    (memoryview, "Its bytes do not lie in a row: send bytes(...)."),
    (BaseException, "Send str(...) of it."),
    (type | types.ModuleType, "Send its name."),
)


def _advice(kind: type) -> str:
    try:
        return _known_advice(kind) or _teach(kind)
    except Exception:  # noqa: BLE001 - a metaclass is the user's: it may raise anything
        return "Send what it is made of, or teach zmqwork the type: zmqwork.register_codec."


def _known_advice(kind: type) -> str | None:
    for base, advice in _ADVICE:
        if issubclass(kind, base):
            return advice
    for base in (bool, int, float, complex, str, bytes, list, tuple, dict, set, frozenset):
        if issubclass(kind, base):
            return f"It is a kind of {base.__name__}: send {base.__name__}(...)."
    return None


def _teach(kind: type) -> str:
    name = kind.__qualname__ if type(kind) is type else _type_name(kind)
    if dataclasses.is_dataclass(kind):
        return f"Teach zmqwork the type, at both ends: zmqwork.register_codec({name}, '...')."
    return (
        "Send what it is made of (numbers, texts, bytes, lists, dicts ...), or teach zmqwork the "
        f"type, at both ends: zmqwork.register_codec({name}, '...', encode, decode)."
    )


def _type_name(kind: type) -> str:
    """Where a type was made and what it is called; a metaclass may have made that anything."""
    try:
        module: object = kind.__module__
        name: object = kind.__qualname__
    except Exception:  # noqa: BLE001 - a metaclass is the user's: it may raise anything
        return "type without a name"
    if not isinstance(module, str) or not isinstance(name, str):
        return "type without a name"
    name = name if module == "builtins" else f"{module}.{name}"
    return name if name.isprintable() and len(name) <= 120 else f"{ascii(name)[:120]}..."


def _article(name: str) -> str:
    return f"an {name}" if name[:1].lower() in "aeiou" else f"a {name}"
