"""Models of pydantic, and bounds of its kind, if the user's own modules have loaded it.

Nothing here imports it: who annotates a parameter with a model has done that.
"""

from __future__ import annotations

import inspect
import sys
from enum import Enum
from typing import Any

from zmqwork.errors import ConfigError
from zmqwork.validation.checks import Check
from zmqwork.validation.mismatch import Mismatch, printable
from zmqwork.wire import registry

# Errors of one model that are told.
_ERRORS_SHOWN = 3
_CONTAINERS = (list, tuple, set, frozenset)
_BOUNDS = ("pydantic", "annotated_types")


def is_model(kind: type) -> bool:
    """Whether it is a model of pydantic 2."""
    base = getattr(sys.modules.get("pydantic"), "BaseModel", None)
    return isinstance(base, type) and issubclass(kind, base) and hasattr(kind, "model_validate")


def has_bounds(metadata: tuple[Any, ...]) -> bool:
    """Whether pydantic would understand some of an ``Annotated``: ``Field(gt=0)``, ``Ge(0)``."""
    modules = [type(item).__module__.partition(".")[0] for item in metadata]
    return "pydantic" in sys.modules and any(module in _BOUNDS for module in modules)


class Model(Check):
    """A model: sent as the dict that it dumps, and made of that again.

    Raises:
        ConfigError: pydantic is too old to make models of the names of their fields.
    """

    changes = True

    def __init__(self, model: Any, wanted: str) -> None:
        super().__init__(wanted)
        if "by_name" not in inspect.signature(model.model_validate).parameters:
            raise ConfigError(f"{wanted} as an argument needs pydantic 2.11 or later")
        self._model = model

    def take(self, value: Any) -> Any:
        """An instance, validated."""
        if isinstance(value, self._model):
            return value
        errors = sys.modules["pydantic"].ValidationError
        try:
            # A dump has the fields' names, and whoever else calls the task may say their aliases.
            return self._model.model_validate(value, by_name=True, by_alias=True)
        except errors as error:
            if _is_other(error):
                raise self.refusal(value) from None
            raise Mismatch(f"must be {self.wanted}: {_told(error)}") from None

    def send(self, value: Any) -> Any:
        """Its dump, which makes the same model again."""
        dump = self._dump(value if isinstance(value, self._model) else self.take(value))
        self.take(dump)
        return dump

    def _dump(self, model: Any) -> Any:
        return _plain(model.model_dump(round_trip=True, by_alias=False))


class Bounded(Check):
    """A type with bounds that pydantic knows."""

    def __init__(self, annotation: Any, check: Check | None, wanted: str) -> None:
        super().__init__(wanted)
        self._adapter = sys.modules["pydantic"].TypeAdapter(annotation)
        self._check = check
        self.changes = check is not None and check.changes

    def take(self, value: Any) -> Any:
        """As its type takes it."""
        made = value if self._check is None else self._check.take(value)
        errors = sys.modules["pydantic"].ValidationError
        try:
            self._adapter.validate_python(made, strict=True)
        except errors as error:
            raise Mismatch(f"must be {self.wanted}: {_told(error)}") from None
        return made

    def send(self, value: Any) -> Any:
        """As its type sends it."""
        self.take(value)
        return value if self._check is None else self._check.send(value)


def _is_other(error: Any) -> bool:
    """Whether a value is of a type of which no such model can be made."""
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    return not first["loc"] and first["type"].endswith("_type")


def _told(error: Any) -> str:
    """What pydantic says, without the values: they may be secrets."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    shown = [_one(item) for item in found[:_ERRORS_SHOWN]]
    more = len(found) - len(shown)
    return printable("; ".join(shown) + (f"; and {more} more" if more else ""))


def _one(item: Any) -> str:
    where = ".".join(map(str, item["loc"]))
    return f"{where}: {item['msg']}" if where else str(item["msg"])


def _plain(value: Any) -> Any:
    """A dump without what only Python knows: members of an `Enum`, and pydantic's own types."""
    kind = type(value)
    if kind is dict:
        return {_plain(name): _plain(item) for name, item in value.items()}
    if kind in _CONTAINERS:
        return kind(_plain(item) for item in value)
    # (A secret would be masked: that it cannot travel is said where it is encoded.)
    if registry.travels(kind) or hasattr(value, "get_secret_value"):
        return value
    if isinstance(value, Enum):
        return _plain(value.value)
    core = sys.modules["pydantic_core"]
    try:
        return core.to_jsonable_python(value)
    except core.PydanticSerializationError:
        return value
