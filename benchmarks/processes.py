"""Two processes for each run, fresh and alone: a worker, and a sender that prints its figures."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.measure import Figures
from zmqwork.config import NO_KEYS
from zmqwork.producer import Producer
from zmqwork.security import cluster
from zmqwork.security.keyring import KEYS_VARIABLE
from zmqwork.security.membership import join

# Far above any run: a bound for what hangs.
RUN_TIMEOUT = 300.0
STOP_TIMEOUT = 15.0
LAST_WORDS_TIMEOUT = 2.0
CONNECT_TIMEOUT = 120.0

HERE = Path(__file__).resolve().parent.parent


@contextmanager
def private_directory() -> Iterator[Path]:
    """A short path of our own for sockets, so that no other node is met."""
    place = Path(tempfile.mkdtemp(prefix="zb-"))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def environment(place: Path, keys: str | Path = NO_KEYS) -> dict[str, str]:
    """Of a program that meets our own alone; it has these keys, whatever the user has."""
    # With bytecode on the disk, as an installed package has it; and no peers but our own.
    left_out = {"ZMQWORK_PEERS", "PYTHONDONTWRITEBYTECODE"}
    clean = {name: value for name, value in os.environ.items() if name not in left_out}
    ours = {"XDG_RUNTIME_DIR": place, "XDG_STATE_HOME": place / "state", KEYS_VARIABLE: keys}
    return clean | {name: str(value) for name, value in ours.items()}


def make_keys(place: Path) -> tuple[Path, Path]:
    """Keys for two nodes of one cluster: of its admin, and of a worker."""
    own, theirs, bundle = place / "own", place / "theirs", place / "bundle"
    cluster.create(own, "benchmarks", "own")
    cluster.add(own, "theirs", ["worker"], bundle)
    join(theirs, bundle)
    return own, theirs


@contextmanager
def worker(place: Path, *command: str, keys: str | Path = NO_KEYS) -> Iterator[int]:
    """Run ``python -m COMMAND`` as long as the block lasts; the id of its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=HERE,
        env=environment(place, keys),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process.pid
    except RuntimeError as error:
        # A sender that failed because nobody was there is not the one to be heard.
        try:
            _, complaint = process.communicate(timeout=LAST_WORDS_TIMEOUT)
        except subprocess.TimeoutExpired:
            raise error from None
        raise RuntimeError(f"the worker ended early: {complaint}") from error
    finally:
        process.terminate()
        try:
            process.communicate(timeout=STOP_TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()


def until_known(producer: Producer, count: int) -> None:
    """Wait until so many workers are connected to a producer of this process."""
    give_up_at = time.monotonic() + CONNECT_TIMEOUT
    while producer.workers_known() < count:
        if time.monotonic() > give_up_at:
            raise SystemExit(f"{producer.workers_known()} of {count} workers came")
        time.sleep(0.05)


@contextmanager
def staying(place: Path, *command: str) -> Iterator[None]:
    """Run ``python -m COMMAND``, which says when it is ready, and ends with its input."""
    with subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=HERE,
        env=environment(place),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "ready\n":
                raise RuntimeError(f"{' '.join(command)} is not ready")
            yield
        finally:
            process.stdin.close()


@contextmanager
def idle_workers(place: Path, count: int) -> Iterator[str]:
    """So many workers without a free slot, as long as the block lasts; the peers to dial."""
    with staying(place, "benchmarks.idle_workers", str(place), str(count)):
        yield ",".join(f"ipc://{place}/{number}" for number in range(count))


def figures(place: Path, *command: str, keys: str | Path = NO_KEYS, peers: str = "") -> Figures:
    """What ``python -m COMMAND`` prints, which is one JSON object; `peers`: whom it dials."""
    ended = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=HERE,
        env=environment(place, keys) | ({"ZMQWORK_PEERS": peers} if peers else {}),
        capture_output=True,
        text=True,
        timeout=RUN_TIMEOUT,
        check=False,
    )
    if ended.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} ended with {ended.returncode}:\n{ended.stderr}")
    measured = json.loads(ended.stdout)
    return {str(name): float(value) for name, value in measured.items()}


def raw(role: str, worker_role: str, count: int) -> Figures:
    """The raw pyzmq programs, over ipc."""
    with private_directory() as place:
        endpoint = f"ipc://{place}/raw"
        with worker(place, "benchmarks.raw", worker_role, endpoint):
            return figures(place, "benchmarks.raw", role, endpoint, str(count))


def ours(program: str, pool: str, slots: int, *words: str | int, keyed: bool = False) -> Figures:
    """A worker of ours, and the program that submits to it; each with a key, if they have some."""
    with private_directory() as place:
        own, theirs = make_keys(place) if keyed else (NO_KEYS, NO_KEYS)
        with worker(place, "benchmarks.serve", pool, str(slots), keys=theirs):
            return figures(place, program, *map(str, words), keys=own)
