"""Arguments of tasks on the command line: JSON if they can be read as that, and text otherwise."""

from __future__ import annotations

import json
import math
from typing import Any


def argument(text: str) -> Any:
    """The value that a word stands for."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)
