"""Records: what machines are told, say and send.

A program that starts defines a hundred and more of them, and uses a fifth. `dataclass` compiles
four functions for each, a third of what importing zmqwork cost; here a class compiles its
``__init__`` when the first instance is made, and has the others from here.
"""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, dataclass_transform

T = TypeVar("T")

_UNSET: Any = object()


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
    scope: dict[str, Any] = {"_unset": _UNSET}
    parameters, body = ["self"], []
    for it in fields(cls):
        name, default, value = it.name, "", it.name
        if it.default_factory is not MISSING:
            scope[f"_new_{name}"] = it.default_factory
            default, value = "=_unset", f"_new_{name}() if {name} is _unset else {name}"
        elif it.default is not MISSING:
            scope[f"_{name}"] = it.default
            default = f"=_{name}"
        parameters.append(f"{name}{default}")
        body.append(f" self.{name} = {value}")
    text = f"def __init__({', '.join(parameters)}):\n" + ("\n".join(body) or " pass")
    # Code, not its text: to execute a text makes the interpreter forget that Ctrl-C is what ends
    # the program, and a record may be the first of its kind while it ends.
    exec(compile(text, f"<{cls.__qualname__}>", "exec"), scope)  # noqa: S102 - of our own classes
    init = scope["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"  # what errors about its arguments say
    init.__annotations__ = {**{it.name: it.type for it in fields(cls)}, "return": None}
    return init


def _shown(self: Any) -> str:
    said = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{type(self).__qualname__}({said})"


def _equals(self: Any, other: Any) -> Any:
    if type(other) is not type(self):
        return NotImplemented
    return all(getattr(self, name) == getattr(other, name) for name in self.__match_args__)
