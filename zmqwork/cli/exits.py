"""What the exit code of a command says. These numbers are stable: scripts rely on them."""

from __future__ import annotations

from zmqwork.cli.output import OutputFailed
from zmqwork.cli.records import BadInput
from zmqwork.errors import (
    ConfigError,
    JournalError,
    NoWorker,
    StoreError,
    TransportError,
    UsageError,
    ZmqworkError,
)

OK = 0
FAILED = 1
USAGE = 2
NO_WORKER = 3
UNKNOWN_TASK = 4
# sysexits.h: EX_DATAERR, EX_SOFTWARE, EX_IOERR, EX_TEMPFAIL and EX_CONFIG.
BAD_INPUT = 65
BROKEN = 70
UNWRITABLE = 74
UNFIT = 75
CONFIG = 78
# What a shell says of a process that a signal ended: 128 and the signal's number.
INTERRUPTED = 130
QUIT = 131
BROKEN_PIPE = 141
TERMINATED = 143

HELP = """\
exit codes:
  0    done
  1    a task failed, or a check of `doctor`, `journal`, `keys` or `audit` did; a sink has not got
       all that it waited for
  2    wrong usage: an unknown option, a module that cannot be imported
  3    no worker, or no node, was found in time
  4    no such task: the producer that was asked never had it
  65   an input file has a broken record, whose line is named, or does not fit the task
  70   a node failed by a bug of zmqwork: its log says where
  74   the output cannot be written: the disk is full (a worker goes on without its banner); of a
       sink: the place of its results; a journal or an audit log cannot be read or
       written, or is in use
  75   a worker took itself out of commission, for its own faults: start it again when it is mended
  78   configuration: a value, an address that may not be bound, a directory that is not safe, keys
       that cannot be used
  130  Ctrl-C cut it short        143  SIGTERM cut it short"""


def exit_code(error: ZmqworkError) -> int:
    """The exit code for an error that ends a command."""
    if isinstance(error, NoWorker):
        return NO_WORKER
    if isinstance(error, BadInput):
        return BAD_INPUT
    if isinstance(error, OutputFailed | StoreError | JournalError):
        return UNWRITABLE
    if isinstance(error, ConfigError | TransportError):
        return CONFIG
    return USAGE if isinstance(error, UsageError) else FAILED
