"""Checks that are made of others: of containers, by what they contain, and of unions."""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Iterable, Sequence
from types import GenericAlias
from typing import Any

from zmqwork.validation.checks import Check, broken_bound, fits, is_known
from zmqwork.validation.mismatch import Mismatch, key

Way = Callable[[Any], Any]


class Items(Check):
    """Any number of items, each of one type: a list, a set, or a tuple like ``tuple[int, ...]``.

    A list is taken for a tuple and for a set, too: JSON, and other languages, have no more.
    """

    def __init__(self, kind: type, item: Check | None, wanted: str) -> None:
        super().__init__(wanted)
        self._kind = kind
        self._item = item
        self.changes = item is not None and item.changes
        self._quick: Any = None
        if item is None:
            self.kinds = frozenset({kind})
        elif item.native is not None:
            parts = (item.native, ...) if kind is tuple else item.native
            quick = GenericAlias(kind, parts)
            self._quick = quick if is_known(quick) else None

    def take(self, value: Any) -> Any:
        """All items taken, in what it is annotated with."""
        self._check_kind(value)
        items = value
        if self._item is not None and not self._fits(value):
            items = _each(value, self._item.take)
        return items if isinstance(items, self._kind) else self._kind(items)

    def send(self, value: Any) -> Any:
        """All items sent; in a list, if they are others."""
        if self._item is None or not self.changes:
            self.take(value)
            return value
        self._check_kind(value)
        return _each(value, self._item.send)

    def _check_kind(self, value: Any) -> None:
        if not isinstance(value, self._kind) and type(value) is not list:
            raise self.refusal(value)

    def _fits(self, value: Any) -> bool:
        """Whether msgspec says that all fit."""
        return self._quick is not None and fits(value, self._quick)


class Places(Check):
    """A tuple with one type for each place; a list is taken for one, too."""

    def __init__(self, places: Sequence[Check | None], wanted: str) -> None:
        super().__init__(wanted)
        self._places = places
        self.changes = any(place is not None and place.changes for place in places)

    def take(self, value: Any) -> Any:
        """A tuple."""
        return self._go(value, "take")

    def send(self, value: Any) -> Any:
        """The value itself, unless a part of it is another one."""
        return self._go(value, "send") if self.changes else super().send(value)

    def _go(self, value: Any, way: str) -> Any:
        if not isinstance(value, tuple | list):
            raise self.refusal(value)
        if len(value) != len(self._places):
            raise Mismatch(f"must be {self.wanted}, and has {_counted(len(value))}")
        parts = []
        for index, (part, place) in enumerate(zip(value, self._places, strict=True)):
            new = part if place is None else _step(part, getattr(place, way), f"[{index}]")
            parts.append(new)
        same = isinstance(value, tuple) and all(
            new is part for new, part in zip(parts, value, strict=True)
        )
        return value if same else tuple(parts)


class Pairs(Check):
    """A dict."""

    def __init__(self, name: Check | None, item: Check | None, wanted: str) -> None:
        super().__init__(wanted)
        self._name = name
        self._item = item
        self.changes = any(part is not None and part.changes for part in (name, item))
        if name is None and item is None:
            self.kinds = frozenset({dict})
            return
        native = [Any if part is None else part.native for part in (name, item)]
        if None not in native:
            quick: Any = dict[native[0], native[1]]  # type: ignore[valid-type]
            self.native = quick if is_known(quick) else None

    def take(self, value: Any) -> Any:
        """A dict whose keys and values are taken."""
        return self._go(value, "take")

    def send(self, value: Any) -> Any:
        """A dict whose keys and values are sent."""
        return self._go(value, "send")

    def _go(self, value: Any, way: str) -> Any:
        if not isinstance(value, dict):
            raise self.refusal(value)
        if self.native is not None and fits(value, self.native):
            return value
        found = {}
        same = True
        for name, item in value.items():
            new_name = name
            if self._name is not None:
                new_name = _step(name, getattr(self._name, way), " a key")
            new = item
            if self._item is not None:
                new = _step(item, getattr(self._item, way), key(name))
            same = same and new is item and new_name is name
            found[new_name] = new
        return value if same else found


class Either(Check):
    """A union: the first member that takes the value as it is, else the first that takes it."""

    def __init__(self, members: Sequence[Check], wanted: str) -> None:
        super().__init__(wanted)
        self._members = members
        self.kinds = frozenset[type]().union(*(member.kinds for member in members))
        self.changes = any(member.changes for member in members)
        natives = [member.native for member in members]
        if all(native is not None for native in natives):
            union = functools.reduce(operator.or_, natives)
            self.native = union if is_known(union) else None

    def take(self, value: Any) -> Any:
        """As the member takes it."""
        return self._go(value, "take")

    def send(self, value: Any) -> Any:
        """As the member sends it."""
        return self._go(value, "send")

    def _go(self, value: Any, way: str) -> Any:
        if type(value) in self.kinds:
            return value
        found: list[Any] = []
        near: list[Mismatch] = []
        for member in self._members:
            try:
                new = getattr(member, way)(value)
            except Mismatch as error:
                # The member that the value is nearly of says most.
                near += [error] if error.is_inside else []
                continue
            if new is value:
                return value
            found.append(new)
        if found:
            return found[0]
        raise near[0] if len(near) == 1 else self.refusal(value)


class Abstract(Check):
    """A kind of container, as ``Sequence[int]``: of those that travel, the value says which."""

    def __init__(self, kind: type, concrete: dict[type, Check], wanted: str) -> None:
        super().__init__(wanted)
        self._kind = kind
        self._concrete = concrete
        self.changes = any(check.changes for check in concrete.values())

    def take(self, value: Any) -> Any:
        """As the container of its type takes it."""
        check = self._of(value)
        return value if check is None else check.take(value)

    def send(self, value: Any) -> Any:
        """As the container of its type sends it."""
        check = self._of(value)
        return value if check is None else check.send(value)

    def _of(self, value: Any) -> Check | None:
        check = self._concrete.get(type(value))
        # (A text is a sequence of texts for Python, and almost always a mistake.)
        if check is None and (isinstance(value, str) or not isinstance(value, self._kind)):
            raise self.refusal(value)
        return check


class Both(Check):
    """A type, and bounds that msgspec knows, as ``Annotated[list[Path], Meta(max_length=3)]``."""

    def __init__(self, check: Check | None, bounds: Any, wanted: str) -> None:
        super().__init__(wanted)
        self._check = check
        self._bounds = bounds
        self.changes = check is not None and check.changes

    def take(self, value: Any) -> Any:
        """As its type takes it."""
        made = value if self._check is None else self._check.take(value)
        self._bound(made)
        return made

    def send(self, value: Any) -> Any:
        """As its type sends it."""
        made = value if self._check is None else self._check.send(value)
        self._bound(value)
        return made

    def _bound(self, value: Any) -> None:
        if (broken := broken_bound(value, self._bounds)) is not None:
            raise Mismatch.of(f"{self.wanted}{broken}", value)


def _counted(count: int) -> str:
    return f"{count} item" if count == 1 else f"{count} items"


def _step(value: Any, way: Way, step: str) -> Any:
    try:
        return way(value)
    except Mismatch as error:
        raise error.within(step) from None


def _each(values: Iterable[Any], way: Way) -> Any:
    """The container itself, unless an item has become another one; then a list."""
    found = []
    same = True
    for index, value in enumerate(values):
        new = _step(value, way, f"[{index}]" if isinstance(values, list | tuple) else " an item")
        same = same and new is value
        found.append(new)
    return values if same else found
