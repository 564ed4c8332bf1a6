"""From a CSV's columns to a task's parameters."""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Sequence
from typing import Any

from zmqwork.cli.cells import ABSENT, Cell
from zmqwork.cli.parser import nearest
from zmqwork.cli.records import BadInput, Fault
from zmqwork.errors import UsageError
from zmqwork.task import Task

_BY_NAME = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)


class TextColumns:
    """Rows become dictionaries of texts; for ``--as-one``, and where there is no task to ask.

    Args:
        names: of the columns.
    """

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names

    def value(self, cells: list[str]) -> dict[str, Any]:
        """The row's cells by the names of their columns."""
        return dict(zip(self._names, cells, strict=True))


class TaskColumns:
    """Rows become keyword arguments, each of the type that its parameter is annotated with.

    Args:
        names: of the columns.
        task: what takes them.

    Raises:
        BadInput: it takes no argument of such a name, or another one that it needs is missing, or
            has a type that no text can become.
    """

    def __init__(self, names: Sequence[str], task: Task[..., Any]) -> None:
        self._names = names
        parameters = task.signature.parameters if task.signature is not None else {}
        if task.signature is not None:
            _check(names, task, list(parameters.values()))
        extra = next((p for p in parameters.values() if p.kind is p.VAR_KEYWORD), _ANYTHING)
        by_name = {name: p for name, p in parameters.items() if p.kind in _BY_NAME}
        self._cells = [_cell(name, by_name.get(name, extra), task) for name in names]

    def value(self, cells: list[str]) -> dict[str, Any]:
        """The row as keyword arguments. Fault: a cell is not of its type; its column is named."""
        found = {}
        for name, cell, text in zip(self._names, self._cells, cells, strict=True):
            try:
                value = cell.read(text)
            except ValueError as error:
                raise Fault(str(error), column=name) from None
            if value is not ABSENT:
                found[name] = value
        return found


# Of tasks that do not tell what they take.
_ANYTHING = inspect.Parameter("anything", inspect.Parameter.VAR_KEYWORD)


def _check(names: Sequence[str], task: Task[..., Any], parameters: list[inspect.Parameter]) -> None:
    known = [p.name for p in parameters if p.kind in _BY_NAME]
    takes = f"{task.name} takes {', '.join(known) or 'no arguments by name'}"
    if not any(p.kind is p.VAR_KEYWORD for p in parameters):
        for name in names:
            if name not in known:
                raise BadInput(f"unknown column {name!r}{nearest(name, known)}; {takes}")
    for parameter in parameters:
        name, kind = parameter.name, parameter.kind
        if parameter.default is not parameter.empty or (name in names and kind in _BY_NAME):
            continue
        if kind is parameter.POSITIONAL_ONLY:
            raise BadInput(
                f"{task.name} does not take {name!r} by name: use --jsonl, with lists, or --as-one"
            )
        if kind in _BY_NAME:
            raise BadInput(f"no column {name!r}, which {task.name} needs; {takes}")


def _cell(name: str, parameter: inspect.Parameter, task: Task[..., Any]) -> Cell:
    try:
        return Cell(parameter, _annotation(parameter, task.handler))
    except UsageError as error:
        raise BadInput(f"column {name!r}: {error}") from None


def _annotation(parameter: inspect.Parameter, function: object) -> Any:
    """The parameter's annotation; what stands there as text is looked up, if it can be."""
    annotation = parameter.annotation
    if not isinstance(annotation, str):
        return annotation
    # On its own: another annotation of the function may name what only type checkers import.
    holder = types.SimpleNamespace(__annotations__={"it": annotation})
    names = getattr(inspect.unwrap(function), "__globals__", {})  # type: ignore[arg-type]
    try:
        return typing.get_type_hints(holder, names)["it"]
    # Whatever evaluating it gives: it is shown as it is written.
    except Exception:  # noqa: BLE001
        return annotation
