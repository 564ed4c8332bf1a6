"""A command with placeholders, and what a record makes of it.

The forms are those of GNU parallel. Unlike there, a value never becomes part of the shell's text,
which would have to be quoted for the place where it stands: it is the value of a variable, and the
text has the variable. So no value can end a quotation and go on as a command.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from zmqwork.errors import UsageError
from zmqwork.execution.command_failed import CommandFailed
from zmqwork.execution.shell_text import Quoting, quotings

# One argument of a program, as Linux bounds it, is 128 KiB; half of that is left for variables.
COMMAND_BYTES_MAX = 64 * 1024

# Names that a message lists.
_KEYS_SHOWN = 20

_VARIABLE = "zmqwork_"
_BRACES = re.compile(r"\{([^{}\n]*)\}")
_NAME = re.compile(r"[^\W\d][\w-]*")
_EXTENSION = re.compile(r"\.[^/.]*\Z")


def _base(text: str) -> str:
    return text.rpartition("/")[2]


def _stem(text: str) -> str:
    return _EXTENSION.sub("", text)


def _folder(text: str) -> str:
    bare = text.rstrip("/")
    if not bare:
        return "/" if text else "."
    parent, slash, _ = bare.rpartition("/")
    return parent.rstrip("/") or slash or "."


# What is done to a value by what stands behind its name; the longest first.
_PARTS: dict[str, Callable[[str], str]] = {
    "//": _folder,
    "/.": lambda text: _stem(_base(text)),
    "/": _base,
    ".": _stem,
}


@dataclass(frozen=True, slots=True)
class _Braces:
    """Braces that may be a placeholder.

    Attributes:
        start, end: where they are.
        inside: what stands in them.
        quoting: what they stand in.
        of_shell: a dollar is before them: ``${name}`` is the shell's.
    """

    start: int
    end: int
    inside: str
    quoting: Quoting
    of_shell: bool


@dataclass(slots=True)
class Line:
    """A command for one record.

    Attributes:
        script: for ``sh -c``, with the values as its arguments.
        values: the arguments.
        shown: the same for people.
    """

    script: str = ""
    values: list[str] = field(default_factory=list)
    shown: str = ""

    def text(self, text: str) -> None:
        """Append text of the command."""
        self.script += text
        self.shown += text

    def insert(self, values: Sequence[str], quoting: Quoting) -> None:
        """Append values, with a space between two of them."""
        names = []
        for value in values:
            self.values.append(value)
            names.append(f"{_VARIABLE}{len(self.values)}")
        self.shown += " ".join(map(shlex.quote, values))
        if quoting is Quoting.DOUBLE:
            self.script += " ".join(f"${{{name}}}" for name in names)
        elif quoting is Quoting.SINGLE:
            inner = " ".join(f"${name}" for name in names)
            self.script += f"'\"{inner}\"'"
        else:
            self.script += " ".join(f'"${name}"' for name in names)

    def assigned(self) -> str:
        """The script, behind what gives the values to its variables."""
        if not self.values:
            return self.script
        numbers = range(1, len(self.values) + 1)
        words = " ".join(f"{_VARIABLE}{number}=${{{number}}}" for number in numbers)
        return f"{words}; shift {len(self.values)}; {self.script}"


class Template:
    """A command whose placeholders are known.

    Args:
        text: the command.
        append: put the record behind a command without a placeholder.

    Raises:
        UsageError: there is no command, or one that cannot be passed to a shell.
    """

    def __init__(self, text: str, *, append: bool = True) -> None:
        if not text.strip():
            raise UsageError("the command is empty")
        if "\0" in text:
            raise UsageError("a command cannot contain a NUL character")
        try:
            size = len(text.encode("utf-8", "surrogateescape"))
        except UnicodeEncodeError as error:
            raise UsageError(f"the command cannot be written as UTF-8: {error}") from None
        if size > COMMAND_BYTES_MAX:
            raise UsageError(
                f"the command has {size:,} bytes; {COMMAND_BYTES_MAX:,} is the limit: put it into "
                "a script"
            )
        self.text = text
        self._append = append
        found = quotings(text)
        self._braces = [
            _Braces(*hit.span(), hit[1], found[hit.start()], text[: hit.start()].endswith("$"))
            for hit in _BRACES.finditer(text)
            if found[hit.start()] is not Quoting.ESCAPED
        ]

    def line(self, record: Any, number: int, slot: int) -> Line:
        """The command for a record.

        Args:
            record: what the placeholders stand for.
            number: what ``{#}`` stands for: the task's number.
            slot: what ``{%}`` stands for, from 1.

        Raises:
            CommandFailed: a placeholder has no value, or one that no command can be given.
        """
        line = Line()
        at = 0
        for braces in self._braces:
            values = self._values(braces, record, number, slot)
            if values is not None:
                line.text(self.text[at : braces.start])
                line.insert(list(map(_passable, values)), braces.quoting)
                at = braces.end
        line.text(self.text[at:])
        if at == 0 and self._append:
            line.text(" ")
            line.insert(list(map(_passable, _all_of(record))), Quoting.NONE)
        return line

    @staticmethod
    def _values(braces: _Braces, record: Any, number: int, slot: int) -> list[str] | None:
        """What the braces stand for; None: for themselves."""
        inside = braces.inside
        if inside in ("#", "%"):
            return [str(number if inside == "#" else slot)]
        if inside in _PARTS:
            return _parts(inside, record)
        if not inside:
            return _all_of(record)
        if isinstance(record, dict) and not braces.of_shell:
            return _field(inside, record)
        if isinstance(record, list | tuple) and not braces.of_shell:
            return _item(inside, record)
        return None


def document(record: Any) -> str:
    """A record as JSON, in ASCII. Raises `CommandFailed` for what JSON does not have."""
    try:
        return json.dumps(record, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise CommandFailed(f"the record cannot be written as JSON: {error}") from None


def _parts(inside: str, record: Any) -> list[str]:
    if isinstance(record, dict):
        raise CommandFailed(
            f"{{{inside}}} is of a path, and this record has fields, {_keys(record)}: write "
            f"{{NAME{inside}}}"
        )
    return list(map(_PARTS[inside], _all_of(record)))


def _field(inside: str, record: dict[Any, Any]) -> list[str] | None:
    if inside in record:
        return [_text(record[inside])]
    name = inside
    for suffix, part in _PARTS.items():
        if inside.endswith(suffix):
            name = inside.removesuffix(suffix)
            if name in record:
                return [part(_text(record[name]))]
            break
    if _NAME.fullmatch(name) is None:
        return None
    raise CommandFailed(
        f"the command has {{{inside}}}, and the record has no field {name!r}; it has "
        f"{_keys(record)}. (For braces that are no placeholder: \\{{{inside}}}, or a space in them)"
    )


def _item(inside: str, record: Sequence[Any]) -> list[str] | None:
    digits = inside.rstrip("./")
    suffix = inside[len(digits) :]
    if not digits.isdecimal() or not digits.isascii() or suffix not in {"", *_PARTS}:
        return None
    number = int(digits) if len(digits) < 10 else 0
    if not 1 <= number <= len(record):
        raise CommandFailed(
            f"the command has {{{inside}}}, and the record is a list of {len(record)}. (For braces "
            f"that are no placeholder: \\{{{inside}}}, or a space in them)"
        )
    value = _text(record[number - 1])
    return [_PARTS[suffix](value) if suffix else value]


def _all_of(record: Any) -> list[str]:
    """What ``{}`` stands for: of a list each item, as of several input sources."""
    return list(map(_text, record)) if isinstance(record, list | tuple) else [_text(record)]


def _text(value: Any) -> str:
    """A value as an argument: text as it is, dates, paths and the like as Python writes them."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode("utf-8", "surrogateescape")
    if value is None or isinstance(value, bool | dict | list | tuple):
        document(value)
        return json.dumps(value, ensure_ascii=False)
    return str(value)


def _passable(value: str) -> str:
    if "\0" in value:
        raise CommandFailed(f"an argument cannot contain a NUL character: {value[:100]!r}")
    try:
        value.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError as error:
        raise CommandFailed(f"an argument cannot be written as UTF-8: {error}") from None
    return value


def _keys(record: dict[Any, Any]) -> str:
    keys = [str(key) for key in record]
    more = len(keys) - _KEYS_SHOWN
    return (", ".join(keys[:_KEYS_SHOWN]) or "none") + (f" and {more} more" if more > 0 else "")
