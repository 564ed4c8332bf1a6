"""Measure throughput and latency between this process and workers that it starts here.

The task does nothing, so all that is measured is zmqwork: how many tasks go there and back in a
second, and how long a single one takes. Machines differ and are noisy: compare runs on one.

Between hosts, ACTION is one of:
  worker          serve the benchmark's tasks: on each host
  run             measure, with those workers: payloads, concurrency, forms, files, pictures
  compare         hold the results of two runs against each other
Each has a --help of its own.
"""

from __future__ import annotations

import argparse
import time
from collections import deque
from dataclasses import dataclass
from itertools import repeat

from zmqwork.bench.tasks import app, echo
from zmqwork.cli import PARTS, exits
from zmqwork.cli.bench_worker import TARGET
from zmqwork.cli.local import LocalWorkers, own_realm, wait_until_known
from zmqwork.cli.output import Output
from zmqwork.cli.parser import Parser, add_output, add_sources, nearest, seconds, whole
from zmqwork.cli.search import source_options, source_words
from zmqwork.cli.signals import terminable
from zmqwork.cli.submitter import submitter
from zmqwork.errors import ConfigError, TransportError, UsageError
from zmqwork.future import TaskFuture

EXAMPLES = """
zmqwork bench --local 2
zmqwork bench --local 1 --pool inline --seconds 5
zmqwork bench --discovery mdns                 over tcp, where `local` gives ipc
zmqwork bench --local 4 --payload 1048576 -o json
zmqwork bench worker                           between hosts: this on each of them,
zmqwork bench run --hosts 2 --json lan.json    and this on one
"""

# Tasks on their way when many are: enough to keep every worker busy, few enough to remember.
_WINDOW = 5_000
_WINDOW_BYTES = 64 * 1024 * 1024
# Round trips remembered for the percentiles; a run that makes more ends early.
_ROUND_TRIPS_MAX = 1_000_000
_SECONDS_MAX = 600.0
_PAYLOAD_MAX = 16 * 1024 * 1024
# A single task of a no-op takes longer than this only if something is broken.
_RESULT_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """One way to use the workers.

    Attributes:
        name: which.
        tasks: how many were settled in `seconds`.
        round_trips: in seconds, sorted; empty where many tasks are on their way at once.
    """

    name: str
    tasks: int
    seconds: float
    round_trips: tuple[float, ...] = ()

    def percentile(self, share: float) -> float | None:
        """The round trip that so many, from 0 to 1, do not exceed; in milliseconds."""
        if not self.round_trips:
            return None
        index = min(len(self.round_trips) - 1, int(share * len(self.round_trips)))
        return round(self.round_trips[index] * 1000, 3)


def configure(parser: Parser) -> None:
    """Add the options of ``bench``."""
    parser.description = __doc__
    parser.add_argument("action", metavar="ACTION", nargs="?", help=", ".join(PARTS["bench"]))
    parser.add_argument(
        "--local", type=whole(1, 64), default=1, metavar="N", help="worker processes (default: 1)"
    )
    parser.add_argument(
        "--pool",
        choices=("process", "thread", "asyncio", "inline"),
        default="process",
        metavar="POOL",
        help="process, thread, asyncio or inline (default: process)",
    )
    parser.add_argument(
        "-c", "--concurrency", type=whole(1, 256), default=1, metavar="N", help="slots of each"
    )
    parser.add_argument(
        "--seconds", type=seconds, default=2.0, metavar="S", help="for each measurement (2)"
    )
    parser.add_argument(
        "--payload",
        type=whole(0, _PAYLOAD_MAX),
        default=0,
        metavar="BYTES",
        help="size of the argument, and of the result (default: 0)",
    )
    add_output(parser)
    add_sources(parser.add_argument_group("how its processes find each other"))


def run(args: argparse.Namespace) -> int:
    """Start workers, measure three ways, print."""
    if args.action is not None:
        if args.action in PARTS["bench"]:
            raise UsageError(f"say it first: zmqwork bench {args.action} ...")
        near = nearest(args.action, PARTS["bench"]) or f": choose from {', '.join(PARTS['bench'])}"
        raise UsageError(f"unknown ACTION {args.action!r}{near}")
    if args.seconds > _SECONDS_MAX:
        raise ConfigError(f"--seconds {args.seconds:g}: {_SECONDS_MAX:g} are enough for anybody")
    output = Output(args.output)
    payload = bytes(args.payload)
    options = ("--pool", args.pool, "-c", str(args.concurrency), *source_words(args))
    with terminable(), LocalWorkers(TARGET, own_realm("bench"), *options) as crew:
        crew.start_all(args.local)
        search = source_options(args) | {"realm": crew.realm}
        with submitter(app, "bench", **search) as producer:
            wait_until_known(producer, args.local)
            echo.submit(payload).result(_RESULT_TIMEOUT)
            measurements = [
                one_by_one(payload, args.seconds),
                in_bulk(payload, args.seconds),
                one_at_a_time(payload, args.seconds),
            ]
    _show(output, args, measurements)
    return exits.OK


def one_by_one(payload: bytes, duration: float) -> Measurement:
    """Call `submit` for each task, with many on their way, and check each result."""
    window = max(1, min(_WINDOW, _WINDOW_BYTES // max(1, len(payload))))
    flying: deque[TaskFuture[bytes]] = deque()
    tasks, begun_at = 0, time.perf_counter()
    while time.perf_counter() - begun_at < duration:
        flying.append(echo.submit(payload))
        if len(flying) >= window:
            tasks += _land(flying, payload, window // 2)
    tasks += _land(flying, payload, 0)
    return Measurement("submit, one by one", tasks, time.perf_counter() - begun_at)


def in_bulk(payload: bytes, duration: float) -> Measurement:
    """Give an endless input to `map`, and take results as they come."""
    tasks, begun_at = 0, time.perf_counter()
    end_at = begun_at + duration
    inputs = (payload for _ in iter(lambda: time.perf_counter() < end_at, False))
    for result in echo.map(inputs, order="completed"):
        _check(result, payload)
        tasks += 1
    return Measurement("map, in chunks", tasks, time.perf_counter() - begun_at)


def one_at_a_time(payload: bytes, duration: float) -> Measurement:
    """Wait for each result before the next submit: the round trip."""
    trips: list[float] = []
    begun_at = now = time.perf_counter()
    for _ in repeat(None, _ROUND_TRIPS_MAX):
        _check(echo.submit(payload).result(_RESULT_TIMEOUT), payload)
        before, now = now, time.perf_counter()
        trips.append(now - before)
        if now - begun_at >= duration:
            break
    return Measurement("one at a time", len(trips), now - begun_at, tuple(sorted(trips)))


def _land(flying: deque[TaskFuture[bytes]], payload: bytes, rest: int) -> int:
    landed = 0
    while len(flying) > rest:
        _check(flying.popleft().result(_RESULT_TIMEOUT), payload)
        landed += 1
    return landed


def _check(result: bytes, payload: bytes) -> None:
    if result != payload:
        raise TransportError("a result is not what was sent: this machine cannot be trusted")


def _show(output: Output, args: argparse.Namespace, measurements: list[Measurement]) -> None:
    shares = {"p50_ms": 0.5, "p95_ms": 0.95, "p99_ms": 0.99, "max_ms": 1.0}
    values = [
        {
            "name": m.name,
            "tasks": m.tasks,
            "seconds": round(m.seconds, 3),
            "tasks_per_second": round(m.tasks / m.seconds, 1),
            **{name: m.percentile(share) for name, share in shares.items()},
        }
        for m in measurements
    ]
    setting = {
        "workers": args.local,
        "pool": args.pool,
        "concurrency": args.concurrency,
        "payload_bytes": args.payload,
    }
    output.json({**setting, "measurements": values})
    output.line(
        f"{args.local} worker(s), pool {args.pool}, {args.concurrency} slot(s) each, "
        f"{args.payload} bytes there and back"
    )
    columns = ("MEASURED", "TASKS", "SECONDS", "TASKS/S", "P50 MS", "P95 MS", "P99 MS", "MAX MS")
    output.table(columns, [tuple(value.values()) for value in values])
