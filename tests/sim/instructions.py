"""Counts instructions of the interpreter, which are the same in every run of the same work."""

from __future__ import annotations

import sys
from pathlib import Path

import zmqwork

PACKAGE = Path(zmqwork.__file__).parent


class Instructions:
    """Counts those of some rooms of the package, as long as the block lasts."""

    def __init__(self, *rooms):
        self.count = 0
        self._rooms = tuple(str(PACKAGE / room) for room in rooms or ("core", "wire"))

    def __enter__(self):
        self._before = sys.gettrace()
        sys.settrace(self._called)
        return self

    def __exit__(self, *_):
        sys.settrace(self._before)

    def _called(self, frame, event, argument):
        if not frame.f_code.co_filename.startswith(self._rooms):
            return None
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return self._traced

    def _traced(self, frame, event, argument):
        if event == "opcode":
            self.count += 1
        return self._traced
