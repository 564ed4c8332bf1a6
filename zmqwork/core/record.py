"""Records: what machines are told, say and send.

A program that starts defines a hundred and more of them, and uses a fifth. `dataclass` compiles
four functions for each, a third of what importing zmqwork cost; here a class compiles its
``__init__`` when the first instance is made, and has the others from here.
"""

from __future__ import annotations

from dataclasses import MISSING, Field, dataclass, field, fields, make_dataclass
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")


@dataclass_transform(field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """A class as ``dataclass(slots=True)`` makes it: equal by value, without a hash, not frozen.

    The functions of `dataclasses` take its instances.
    """
    made: Any = dataclass(init=False, repr=False, eq=False, slots=True)(cls)

    def first(self: Any, *args: Any, **kwargs: Any) -> None:
        made.__init__ = init = _compiled(made)
        init(self, *args, **kwargs)

    made.__init__ = first
    made.__repr__ = _shown
    made.__eq__ = _equals
    made.__hash__ = None
    return made  # type: ignore[no-any-return]


def _compiled(cls: Any) -> Any:
    """The ``__init__`` that `dataclass` makes from these fields."""
    twin = make_dataclass(
        cls.__name__, [(it.name, it.type, _like(it)) for it in fields(cls)], repr=False, eq=False
    )
    init: Any = vars(twin)["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"  # what errors about its arguments say
    return init


def _like(it: Field[Any]) -> Any:
    if it.default_factory is not MISSING:
        return field(default_factory=it.default_factory)
    return field() if it.default is MISSING else field(default=it.default)


def _shown(self: Any) -> str:
    said = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({said})"


def _equals(self: Any, other: Any) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__)
