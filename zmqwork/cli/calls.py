"""From what a record stands for to the call of a task.

One rule, for all inputs: an object (a dictionary) is keyword arguments, a list is positional
arguments, and anything else is one argument. With ``--as-one`` everything is one argument.
"""

from __future__ import annotations

from typing import Any, TypeAlias

from zmqwork.cli.columns import TaskColumns, TextColumns
from zmqwork.cli.parser import nearest
from zmqwork.cli.records import Fault
from zmqwork.cli.rows import Columns
from zmqwork.errors import ArgumentError, EncodeError
from zmqwork.escaping import printable
from zmqwork.task import Task
from zmqwork.wire.values import encode_call

Call: TypeAlias = tuple[tuple[Any, ...], dict[str, Any]]

# Characters of a call that are shown.
_SHOWN_MAX = 200


class Calls:
    """Makes calls of one task.

    Args:
        task: which; None: one that is no Python function, and takes a record as it is.
        as_one: a record is one argument, whatever it is.
    """

    def __init__(self, task: Task[..., Any] | None, *, as_one: bool = False) -> None:
        self.task = task
        self.name = task.name if task is not None else "command"
        self._as_one = as_one or task is None

    def make(self, value: Any) -> Call:
        """The arguments of the call. Fault: the task does not take them; it says what it takes."""
        args, kwargs = ((value,), {}) if self._as_one else spread(value)
        if self.task is not None:
            try:
                self.task.check_call(*args, **kwargs)
            except TypeError as error:
                raise Fault(self._refusal(error, value, kwargs)) from None
        return args, kwargs

    def encode(self, call: Call) -> bytes:
        """The arguments as `Task.submit` sends them. Fault: one cannot travel, or does not fit."""
        try:
            if self.task is not None:
                return self.task.encode(*call)
            return encode_call(*call, self.name)
        except (ArgumentError, EncodeError) as error:
            raise Fault(str(error)) from None

    def columns(self, names: list[str]) -> Columns:
        """What makes a value of a CSV's row. BadInput: the task does not take such columns."""
        if self._as_one or self.task is None:
            return TextColumns(names)
        return TaskColumns(names, self.task)

    def text(self, call: Call) -> str:
        """A call as Python writes it, on one line; the end of a long one is left out."""
        args, kwargs = call
        words = [repr(arg) for arg in args]
        words += [f"{name}={value!r}" for name, value in kwargs.items()]
        text = printable(f"{self.name}({', '.join(words)})")
        return text if len(text) <= _SHOWN_MAX else f"{text[:_SHOWN_MAX]}..."

    def _refusal(self, error: TypeError, value: Any, kwargs: dict[str, Any]) -> str:
        """What Python says of the call, the nearest that is right, and what there is."""
        assert self.task is not None, "a call is refused by its task"
        known = self.task.parameter_names
        unknown = next((name for name in kwargs if name not in known), None)
        said = str(error).partition(". Did you mean")[0]
        if unknown is not None and repr(unknown) in said:
            said += nearest(unknown, known)
        said += f"; it is {self.name}{self.task.signature}"
        if not self._as_one and isinstance(value, dict | list) and self._takes(value):
            said += "; with --as-one it gets each record as one argument"
        return said

    def _takes(self, *args: Any) -> bool:
        assert self.task is not None, "somebody was asked"
        try:
            self.task.check_call(*args)
        except TypeError:
            return False
        return True


def spread(value: Any) -> Call:
    """A dictionary as keyword arguments, a list as positional ones, anything else as one."""
    if isinstance(value, dict):
        return (), value
    if isinstance(value, list):
        return tuple(value), {}
    return (value,), {}
