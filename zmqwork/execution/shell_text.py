"""How text for a shell is quoted, character by character.

Values reach a command in variables of its shell, so that a wrong answer here costs a value its
spaces, and cannot make a command of it.
"""

from __future__ import annotations

from enum import Enum


class Quoting(Enum):
    """What a character of shell text stands in."""

    NONE = "no quotes"
    DOUBLE = "double quotes"
    SINGLE = "single quotes"
    ESCAPED = "behind a backslash, outside of quotes"


# What opens a level inside of which the shell reads words anew, and what closes it.
_SUBSTITUTIONS = {"(": ")", "`": "`"}


class _Scan:
    """One pass over a text.

    Attributes:
        quotings: those of the characters so far.
        levels: what ends each level that is open, the innermost last.
    """

    def __init__(self, text: str) -> None:
        self.quotings: list[Quoting] = []
        self.levels: list[str] = []
        self._text = text
        while len(self.quotings) < len(text):
            self._step(text[len(self.quotings)])

    def _step(self, character: str) -> None:
        level = self.levels[-1] if self.levels else ""
        if level == "'":
            self._single(character)
        elif character == "\\":
            inner = Quoting.DOUBLE if level == '"' else Quoting.ESCAPED
            self.quotings += [inner, inner][: len(self._text) - len(self.quotings)]
        elif level == '"':
            self._double(character)
        else:
            self._bare(character, level)

    def _single(self, character: str) -> None:
        self.quotings.append(Quoting.SINGLE)
        if character == "'":
            self.levels.pop()

    def _double(self, character: str) -> None:
        here = len(self.quotings)
        self.quotings.append(Quoting.DOUBLE)
        if character == '"':
            self.levels.pop()
        elif character == "`" or self._text.startswith("$(", here):
            if character == "$":
                self.quotings.append(Quoting.DOUBLE)
            self.levels.append("`" if character == "`" else ")")

    def _bare(self, character: str, level: str) -> None:
        here = len(self.quotings)
        self.quotings.append(Quoting.NONE)
        if character == level:
            self.levels.pop()
        elif character in _SUBSTITUTIONS:
            self.levels.append(_SUBSTITUTIONS[character])
        elif character in "'\"":
            self.levels.append(character)
        elif character == "#" and (here == 0 or self._text[here - 1] in " \t\n;&|()"):
            end = self._text.find("\n", here)
            length = (len(self._text) if end < 0 else end) - here - 1
            self.quotings += [Quoting.NONE] * length


def quotings(text: str) -> list[Quoting]:
    """What each character of a shell's text stands in; quotes count as what they enclose.

    It knows quotes, backslashes, comments, and substitutions inside of quotes. It does not know
    here-documents and patterns of ``case``.
    """
    return _Scan(text).quotings
