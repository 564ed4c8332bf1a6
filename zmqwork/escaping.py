r"""Text from elsewhere, so that it can steer no terminal, and make no line of a log.

What others have said (names, errors, tracebacks, notes) may hold escape sequences, line ends, and
marks that turn the direction of writing. Before a person or a text log gets it, these are spelled
out, ``\x1b``. There is one function for it. JSON needs none: it escapes for itself.
"""

from __future__ import annotations

import logging

# What a text of several lines may keep.
LINES = "\n\t"


def printable(text: object, keep: str = "") -> str:
    """The text, with what is not printable as Python's escapes.

    That is all of Unicode's "other" and "separator" characters but the blank: C0, C1 and DEL, the
    ends of lines and paragraphs, bidi controls and other marks without width, halves of
    surrogate pairs, what is not assigned.

    Args:
        text: anything; of what is no text its `str`.
        keep: characters that stay as they are: `LINES` for a traceback.
    """
    text = str(text)
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in keep else ascii(c)[1:-1] for c in text)


class Printable(logging.Filter):
    """Makes what is logged printable, on one line, whoever the handlers are.

    It stands at the package's own logger, whose messages name peers and tell what they said. One
    whose template has several lines keeps them: its arguments were made printable before.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Let every record pass; a printable one as it is."""
        message = record.getMessage()
        if not message.isprintable():
            keep = LINES if record.args and "\n" in str(record.msg) else ""
            record.msg, record.args = printable(message, keep), None
        return True
