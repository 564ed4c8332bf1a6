"""What one annotation says of a value: a class for each way to find out.

`take` gives the value as the handler gets it, `send` as it travels; both raise `Mismatch`. Here is
what may know msgspec. Where it says the same as these classes it is asked first, because it is
quick; where something does not fit, it is they who find out what, and where.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from decimal import Decimal
from enum import Enum
from typing import Any, ClassVar
from uuid import UUID

from msgspec import ValidationError, convert

from zmqwork.validation.mismatch import Mismatch, printable
from zmqwork.wire import registry

# These travel as what they are: text is no date.
_NATIVE = (
    bytes, bytearray, memoryview, dt.datetime, dt.date, dt.time, dt.timedelta, UUID, Decimal,
)  # fmt: skip

# A kind of these that travels, as some of numpy's scalars are, is as good as the type itself.
_BASES: tuple[Any, ...] = (float, str, bytes)


def is_known(annotation: Any) -> bool:
    """Whether msgspec can say what is of this type."""
    try:
        convert(None, annotation, builtin_types=_NATIVE)
    except ValidationError:
        return True
    except Exception:  # noqa: BLE001 - a type that it does not support, or one that is broken
        return False
    return True


def fits(value: Any, annotation: Any) -> bool:
    """Whether msgspec says that a value is of this type."""
    try:
        convert(value, annotation, builtin_types=_NATIVE)
    except ValidationError:
        return False
    return True


def broken_bound(value: Any, annotation: Any) -> str | None:
    """The bound that a value breaks, `` >= 0``; empty: it is of another type; None: it fits."""
    try:
        convert(value, annotation, builtin_types=_NATIVE)
    except ValidationError as error:
        problem = _told(str(error))[1]
        if ", got " in problem or not problem.startswith("Expected "):
            return ""
        _, space, bound = problem.removeprefix("Expected ").partition(" ")
        return space + bound
    return None


class Check:
    """What one annotation says of a value.

    Attributes:
        wanted: the annotation, as people write it.
        kinds: every instance of exactly these types fits, and stays what it is.
        native: the same as an annotation by which msgspec accepts no more, and converts nothing;
            None: there is none.
        changes: whether a value may be another one when it is sent.
    """

    kinds: frozenset[type] = frozenset()
    native: Any = None
    changes = False

    def __init__(self, wanted: str) -> None:
        self.wanted = wanted

    def take(self, value: Any) -> Any:
        """The value as the handler gets it."""
        raise NotImplementedError

    def send(self, value: Any) -> Any:
        """The value as it travels."""
        self.take(value)
        return value

    def refusal(self, value: Any) -> Mismatch:
        """A value of another type."""
        return Mismatch.of(self.wanted, value)


class Scalar(Check):
    """One value without parts: a number, text, an instant, one of several constants."""

    # An int may stand for a float, as it may for type checkers.
    _QUICK: ClassVar[dict[Any, frozenset[type]]] = {
        kind: frozenset({kind})
        for kind in (int, str, bool, type(None), dt.datetime, dt.date, dt.time, UUID, Decimal)
    } | {float: frozenset({float, int}), dt.timedelta: frozenset({dt.timedelta})}

    def __init__(self, annotation: Any, wanted: str) -> None:
        super().__init__(wanted)
        self.native = annotation
        try:
            self.kinds = self._QUICK.get(annotation, frozenset())
        except TypeError:  # metadata that has no hash
            self.kinds = frozenset()

    def take(self, value: Any) -> Any:
        """The value itself."""
        broken = broken_bound(value, self.native)
        if broken is None:
            return value
        for base in _BASES:
            if isinstance(value, base) and type(value) is not base:
                self.take(base(value))
                return value
        raise Mismatch.of(f"{self.wanted}{broken}", value)


class OneOf(Check):
    """One of some constants of any type."""

    def __init__(self, constants: tuple[Any, ...], wanted: str) -> None:
        super().__init__(wanted)
        self._constants = constants

    def take(self, value: Any) -> Any:
        """The value itself."""
        if any(type(value) is type(one) and value == one for one in self._constants):
            return value
        raise self.refusal(value)


class Octets(Check):
    """Bytes, which travel as `bytes` whatever they were."""

    def __init__(self, kind: type) -> None:
        super().__init__(kind.__name__)
        self._kind = kind
        self.kinds = frozenset({kind})

    def take(self, value: Any) -> Any:
        """What it is annotated with."""
        if isinstance(value, self._kind):
            return value
        if not isinstance(value, bytes | bytearray | memoryview):
            raise self.refusal(value)
        return self._kind(value)


class Instance(Check):
    """Any instance of a class."""

    def __init__(self, kind: type, wanted: str, others: Iterable[type] = ()) -> None:
        super().__init__(wanted)
        self._kind = kind
        self.kinds = frozenset({kind, *others})

    def take(self, value: Any) -> Any:
        """The value itself."""
        if type(value) in self.kinds or isinstance(value, self._kind):
            return value
        raise self.refusal(value)


class Shape(Check):
    """A class that says what its parts are, or which values it has: a dataclass, an `Enum`.

    An instance fits; so does a dict, a list or a value of which msgspec can make one.
    """

    def __init__(self, annotation: Any, kind: type | None, wanted: str) -> None:
        super().__init__(wanted)
        self._annotation = annotation
        self._kind = kind
        self.changes = kind is not None and issubclass(kind, Enum)

    def take(self, value: Any) -> Any:
        """An instance."""
        if self._kind is not None and isinstance(value, self._kind):
            return value
        try:
            made = convert(value, self._annotation, builtin_types=_NATIVE)
        except ValidationError as error:
            where, problem = _told(str(error))
            if not where and ", got " in problem:
                raise self.refusal(value) from None
            wrong = Mismatch(f"must be {self.wanted}: {problem}")
            raise (wrong.within(where) if where else wrong) from None
        if self._kind is not None:
            return made
        # A TypedDict is a dict, which may have more keys than it tells of.
        same = all(value.get(name) is part for name, part in made.items())
        return value if same else {**value, **made}

    def send(self, value: Any) -> Any:
        """The value itself; a member of an `Enum`, which does not travel, as its value."""
        self.take(value)
        if isinstance(value, Enum) and registry.by_type(type(value)) is None:
            return value.value
        return value


def _told(text: str) -> tuple[str, str]:
    """What msgspec says, as the way to the part and what is wrong with that."""
    problem, _, where = text.partition(" - at `")
    steps = printable(where.rstrip("`").replace("` in `", " in ").removeprefix("$"), 120)
    return steps, printable(problem.replace("`", ""))
