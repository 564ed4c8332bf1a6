"""The demo's app: one task, which reads and tokenises one Python file."""

from __future__ import annotations

import hashlib
import io
import os
import token
import tokenize
from collections.abc import Iterator
from pathlib import Path
from typing import TypedDict

from zmqwork.app import App

app = App("zmqwork-demo")

# Between the head of a function and its first statement there is nothing else.
_LAYOUT = (token.NL, token.COMMENT)
# What tokenize raises for source that is none: bad syntax, an early end, a wrong encoding.
_FAULTS = (SyntaxError, tokenize.TokenError, ValueError)


class Counts(TypedDict):
    """What one file consists of.

    Attributes:
        lines, tokens, identifiers: how many; identifiers are the distinct names.
        longest, longest_lines: the longest function, and its length.
        digest: of the file's bytes.
        fault: why it could not be tokenised, or empty.
        worker: the process id of the worker that ran the task; 0 in a plain call.
    """

    lines: int
    tokens: int
    identifiers: int
    longest: str
    longest_lines: int
    digest: str
    fault: str
    worker: int


@app.task(max_retries=0)
def tokenise_file(path: str) -> Counts:
    """Read one file and count what it consists of."""
    counts = count_file(path)
    # The pool is one of processes: the worker is this child's parent.
    counts["worker"] = os.getppid()
    return counts


def count_file(path: str) -> Counts:
    """The work itself; the same here and on a worker."""
    data = Path(path).read_bytes()
    tokens, names, longest = 0, set(), ("", 0)
    fault = ""
    try:
        for kind, text, function in _functions(tokenize.tokenize(io.BytesIO(data).readline)):
            tokens += 1
            if kind == token.NAME:
                names.add(text)
            if function is not None and function[1] > longest[1]:
                longest = function
    except _FAULTS as error:
        fault = type(error).__name__
    return Counts(
        lines=data.count(b"\n"),
        tokens=tokens,
        identifiers=len(names),
        longest=longest[0],
        longest_lines=longest[1],
        digest=hashlib.blake2b(data, digest_size=8).hexdigest(),
        fault=fault,
        worker=0,
    )


def _functions(
    tokens: Iterator[tokenize.TokenInfo],
) -> Iterator[tuple[int, str, tuple[str, int] | None]]:
    """Each token's kind and text, and with it the function that has just ended: name, lines."""
    open_functions: list[tuple[str, int, int]] = []
    depth = row = 0
    head, line_ended = False, False
    for kind, text, (first_row, _), (last_row, _), _ in tokens:
        ended = None
        if kind == token.INDENT:
            depth += 1
        elif kind == token.DEDENT:
            depth -= 1
        elif line_ended and kind not in _LAYOUT:
            # A statement begins: functions that are as deep or deeper are over.
            while open_functions and open_functions[-1][1] >= depth:
                name, _, began = open_functions.pop()
                length = row - began + 1
                if ended is None or length > ended[1]:
                    ended = (name, length)
            line_ended = False
        if kind == token.NEWLINE:
            line_ended, row = True, last_row
        elif head:
            open_functions.append((text, depth, first_row))
        head = kind == token.NAME and text == "def"
        yield kind, text, ended
