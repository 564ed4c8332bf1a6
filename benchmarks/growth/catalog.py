"""Which curves there are, and how each point is measured."""

from __future__ import annotations

from dataclasses import replace

from benchmarks.growth.curve import Curve
from benchmarks.growth.load import Load
from benchmarks.growth.point import run
from benchmarks.measure import Figures

# Tasks that are unsettled at once, where that is not what is varied: they keep one worker busy.
IN_FLIGHT = 5_000
TASKS = 100_000
SECONDS = 20.0
MIB = 1024 * 1024
# Large arguments in flight, all together: what the worker takes at once.
FLYING_BYTES = 32 * MIB
PAYLOAD_SECONDS = 2.0
# Costs of moving bytes are judged from here on: smaller ones cost what a task costs.
LARGE_BYTES = 64 * 1024

# What is judged is without Python's collector, whose cost for each task has a bound: it goes over
# all n objects once for n/4 new ones. (It is told beside them, and is in `producer_us`.)
COSTS = ("own_us", "worker_us")
WAITING = ("own_submit_us", *COSTS)


PLAIN = Load(workers=1, tasks=TASKS, seconds=SECONDS, in_flight=IN_FLIGHT)


def workers(count: int) -> Figures:
    return run(replace(PLAIN, in_flight=max(IN_FLIGHT, 500 * count)), workers=count)


def connections(count: int) -> Figures:
    return run(PLAIN, idle=count - 1)


def producers(count: int) -> Figures:
    return run(replace(PLAIN, tasks=TASKS // count * 2), producers=count)


def payload(size: int) -> Figures:
    in_flight = max(4, min(IN_FLIGHT, FLYING_BYTES // max(1, size)))
    made = run(replace(PLAIN, seconds=PAYLOAD_SECONDS, in_flight=in_flight, payload_bytes=size))
    per_mib = MIB / max(1, size)
    made["megabytes_per_second"] = made["tasks_per_second"] * size / 1e6
    if size >= LARGE_BYTES:
        made |= {f"{name}_per_mib": made[name] * per_mib for name in COSTS}
    return made


def queue(count: int) -> Figures:
    return run(replace(PLAIN, waiting=count))


def mixed(count: int) -> Figures:
    return run(replace(PLAIN, waiting=count, how="mixed"))


def resting(count: int) -> Figures:
    return run(replace(PLAIN, waiting=count, how="resting"))


def flight(count: int) -> Figures:
    return run(replace(PLAIN, in_flight=count, tasks=min(TASKS, 20_000 * count)))


LENGTHS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
CURVES = (
    Curve(
        "workers", "workers at work", "no-op tasks for so many worker processes",
        (1, 2, 4, 8, 16, 32, 64), workers, COSTS,
    ),
    Curve(
        "connections", "workers connected", "no-op tasks for one worker; the others are connected, "
        "and have nothing free",
        (1, 3, 10, 30, 100, 300, 1_000), connections, COSTS,
    ),
    Curve(
        "producers", "producers", "no-op tasks of so many producer processes for one worker",
        (1, 2, 4, 8, 16), producers, COSTS,
    ),
    Curve(
        "payload", "bytes of the argument", "tasks that return their argument; judged by the MiB, "
        f"from {LARGE_BYTES // 1024} KiB on",
        (0, 1_024, 16_384, LARGE_BYTES, 256 * 1024, MIB, 4 * MIB, 8 * MIB), payload,
        tuple(f"{name}_per_mib" for name in COSTS),
    ),
    Curve(
        "queue", "tasks waiting", f"no-op tasks, so many waiting behind {IN_FLIGHT:,} in flight",
        LENGTHS, queue, WAITING,
    ),
    Curve(
        "queue-mixed", "tasks waiting", "the same, with five priorities by turns and `expires`",
        LENGTHS, mixed, WAITING,
    ),
    Curve(
        "queue-resting", "tasks resting", "no-op tasks, while so many rest until an hour is over",
        LENGTHS, resting, WAITING,
    ),
    Curve(
        "flight", "tasks in flight", "no-op tasks, so many unsettled at once",
        (1, 4, 16, 64, 256, 1_024, 4_096, 16_384, 65_536), flight, COSTS,
    ),
)  # fmt: skip
