"""Disks that are full, that fail, or that forget what was not synced."""

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from chaos_processes import ROOT
from durable import Durable, count_runs, figures, is_whole
from durable_producer import confirmed
from trial import Skip

from scenarios import scenario

MIB = 1024 * 1024
# Besides what the journal keeps back for settlements (16 MiB), and somebody else's file.
DISK, BALLAST = "48m", 16 * MIB
PAYLOAD = 4_000
MOUNT = f'mount -t tmpfs -o size={DISK} none "$0" && head -c {BALLAST} /dev/zero > "$0/ballast" && exec "$@"'


def need_mounts():
    if os.geteuid() != 0:
        raise Skip("a small disk of one's own needs root")
    words = ["unshare", "--mount", "sh", "-c", "mount -t tmpfs -o size=1m none /tmp"]
    try:
        subprocess.run(words, check=True, capture_output=True, timeout=30)
    except (OSError, subprocess.CalledProcessError) as error:
        raise Skip(f"a small disk cannot be mounted here: {error}") from None


def need_strace():
    if shutil.which("strace") is None:
        raise Skip("strace is not there, which makes calls of the system fail")
    words = ["strace", "-qq", "-o", "/dev/null", "-e", "inject=fsync:error=EIO", "true"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        raise Skip(f"strace may not make calls fail here: {done.stderr.strip()}")


def over(trial, program, tasks, journal):
    program.finish(600)
    trial.figures = found = figures(trial.scene.place, tasks)
    trial.hold(found["lost"] == 0, f"{found['lost']} are lost")
    trial.hold(is_whole(journal), "the journal is damaged")


@scenario("full-disk", "C14")
def full_disk(trial):
    """The disk of a journal fills up, and has room again after 30 s: refused by name, then it goes on."""
    need_mounts()
    scene, place = trial.scene, trial.scene.place
    disk = place / "disk"
    disk.mkdir()
    scene.environment |= {"CHAOS_VOLATILE": "1", "CHAOS_PAYLOAD": str(PAYLOAD)}
    tasks = 5_000
    enter = ["unshare", "--mount", "sh", "-c", MOUNT, str(disk)]
    program = scene.keep(Durable(scene, tasks, enter=enter, place=disk / "journal"))
    trial.watch.follow("producer", program.pid)
    trial.watch.count = lambda: confirmed(place)
    refused = place / "refused"
    with trial.fault("disk full"):
        trial.until(lambda: refused.exists() and refused.stat().st_size, "some are refused", 120)
        at_first = confirmed(place)
        trial.pause(trial.pick(1.0, 30.0))
        still = confirmed(place)
        # Its disk is seen by nobody else, save through it.
        Path(f"/proc/{program.pid}/root{disk}/ballast").unlink()
    at = trial.now()
    trial.until(lambda: confirmed(place) > still + 100, "it goes on without a restart", 60)
    trial.recovery = [trial.now() - at]
    assert scene.worker(slots=2).told
    trial.until(lambda: confirmed(place) >= tasks, "all are confirmed", 300)
    trial.until(lambda: count_runs(place) >= tasks, "all have run", 300)
    trial.details = {
        "confirmed_when_full": at_first,
        "confirmed_while_full": still - at_first,
        "refusals": refused.read_bytes().count(b"\n"),
    }
    over(trial, program, tasks, place / "nowhere")
    trial.hold("new tasks are refused" in scene.complaints(), "nobody was told that it is full")


@scenario("failed-sync", "C15")
def failed_sync(trial):
    """The 7th fsync of a journal fails (EIO): its producer says so, and what it confirmed is done."""
    injected(trial, ["fdatasync,fsync:error=EIO:when=7", "fdatasync,fsync:error=EIO:when=31+"])


@scenario("failed-write", "C15")
def failed_write(trial):
    """From the 40th on there is no room for what a journal writes (ENOSPC), until it is started anew."""
    injected(trial, ["pwrite64:error=ENOSPC:when=40+"], full=True)


def injected(trial, injections, *, full=False):
    need_strace()
    scene, place = trial.scene, trial.scene.place
    worker = scene.worker()
    trial.watch.follow("worker", worker.pid)
    trial.watch.count = lambda: count_runs(place)
    tasks, told = trial.pick(1_000, 10_000), []
    for injection in injections:
        calls = injection.partition(":")[0]
        words = [
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            f"trace={calls}",
            "-e",
            f"inject={injection}",
        ]
        with trial.fault(injection):
            program = scene.keep(Durable(scene, tasks, enter=["strace", *words]))
            if full:
                refused = place / "refused"
                trial.until(refused.exists, "some are refused", 120)
                for pid in program.children:
                    os.kill(pid, 9)
            told.append(program.process.wait(120))
        if not full:
            trial.hold(told[-1] == os.EX_IOERR, f"it ended with {told[-1]}, not with 74")
    trial.details = {"ended_with": told, "confirmed_until_then": confirmed(place)}
    program = scene.keep(Durable(scene, tasks))
    over(trial, program, tasks, place / "journal")


@scenario("power-cuts", "C16")
def power_cuts(trial):
    """2,000 cuts of the power at any write: what was confirmed is there; a lazier sync would lose some."""
    if importlib.util.find_spec("apsw") is None:
        raise Skip("apsw is not installed, by which the writes of SQLite are seen")
    sys.path.insert(0, str(ROOT / "tests" / "journal"))
    from power_cuts import losses

    seeds, cuts = trial.pick((1, 100), (4, 500))
    memory = Path("/dev/shm")
    lost = damaged = 0
    for seed in range(seeds):
        with (
            trial.fault("power cuts"),
            tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name,
        ):
            made = losses(Path(name), trial.random.random() + seed, cuts)
        lost, damaged = lost + made[0], damaged + made[1]
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as name:
        seen, _ = losses(Path(name), 1, cuts, careless=True)
    trial.figures = {
        "confirmed": seeds * cuts, "settled": {}, "lost": lost,
        "duplicate_executions": 0, "duplicate_effects": 0,
    }  # fmt: skip
    trial.details = {"cuts": seeds * cuts, "damaged": damaged, "lost_by_a_lazier_sync": seen}
    trial.hold(lost == damaged == 0, f"after {lost} cuts something was lost, {damaged} damaged")
    trial.hold(seen > cuts / 10, f"a lazier sync lost only {seen}: the test is blind")
