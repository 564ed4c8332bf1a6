"""What people are told of peers and tasks goes to the log, at a level by its kind."""

from __future__ import annotations

import logging

from zmqwork.core.effects import Notice

_log = logging.getLogger("zmqwork")

_LEVELS = {
    "peer_alive": logging.INFO,
    "peer_suspect": logging.INFO,
    "peer_gone": logging.INFO,
    "peer_left": logging.INFO,
    "client_lost": logging.INFO,
    "resumed": logging.DEBUG,
    "attempt_failed": logging.INFO,
    "leaving": logging.INFO,
    "serving": logging.INFO,
    "complete": logging.INFO,
    "store_failed": logging.ERROR,
    "journal_failed": logging.CRITICAL,
}


def log_notice(notice: Notice) -> None:
    """Log a notice; what is not listed above wants a person's attention."""
    text = "".join(c if c.isprintable() else "?" for c in notice.text)
    _log.log(_LEVELS.get(notice.kind, logging.WARNING), "%s", text)
