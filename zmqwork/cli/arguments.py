"""Arguments of tasks on the command line: JSON if they can be read as that, and text otherwise."""

from __future__ import annotations

import argparse
import json
import math
from typing import Any


def argument(text: str) -> Any:
    """The value that a word stands for."""
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite)
    except (ValueError, RecursionError):
        return text


def by_name(text: str) -> dict[str, Any]:
    """An argparse type: arguments by name, as one object of JSON."""
    value = argument(text)
    if not isinstance(value, dict):
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON object, as in '{{\"width\": 100}}'")
    return value


def by_position(text: str) -> list[Any]:
    """An argparse type: arguments by position, as one list of JSON."""
    value = argument(text)
    if not isinstance(value, list):
        raise argparse.ArgumentTypeError(f"{text!r} is no JSON list, as in '[\"a.jpg\", 100]'")
    return value


def _refuse(text: str) -> float:
    raise ValueError(f"{text} is no JSON")


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _refuse(text)
