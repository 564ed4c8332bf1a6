"""The TOML that `zmqwork keys` writes, and no other: a line holds a name and a value, or a heading.

The whole of TOML is more than these files need, and more than a running node should read that was
sent one: Python's parser takes seconds for a name of many dotted parts.
"""

from __future__ import annotations

import re
from typing import Any

from zmqwork.errors import KeysError

_LINE_CHARACTERS_MAX = 4_096
_LINE = re.compile(r"(?:#.*|\[\[?[a-z]+(?:\.[a-z]+)?\]\]?|[a-z_]+\s*=.*)?")


def loads(text: str) -> dict[str, Any]:
    """What is in it.

    Raises:
        KeysError: it is none of this kind; nothing of it is in the text, for it may be secret.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if len(line) > _LINE_CHARACTERS_MAX or not _LINE.fullmatch(line.strip()):
            raise KeysError(f"it is no TOML that `zmqwork keys` writes: line {number}")
    import tomllib  # noqa: PLC0415 - those without keys need it not, and it takes long to load

    try:
        return tomllib.loads(text)
    # A number of thousands of digits is a plain ValueError.
    except (ValueError, RecursionError) as error:
        where = re.search(r"\(at line \d+, column \d+\)$", str(error))
        raise KeysError(f"it is no TOML {where[0] if where else ''}".rstrip()) from None
