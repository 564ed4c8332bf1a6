"""The processes of a pipeline: ventilators, workers and sinks, started, killed and started again."""

import json
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from chaos_processes import HERE, PATIENCE, Program, Worker, until
from pipes_oracle import PipelineOracle

# The figures, which take minutes; without that variable the same in small.
FULL = os.environ.get("ZMQWORK_CHAOS") == "full"


def kinds(short):
    """With and without an inbox; the short form is the more telling one of the two."""
    return pytest.mark.parametrize("kind", ["inbox", "plain"] if FULL else [short])


class Ventilator(Program):
    """Runs until all of its records are settled."""

    def __init__(self, place, realm, words, **options):
        command = [sys.executable, str(HERE / "pipes_ventilator.py"), str(place), realm]
        super().__init__([*command, json.dumps(words)], **options)

    def run(self):
        """Wait until it ends by itself: its `Run`."""
        assert self.answer() == "begun"
        run = self.answer(5 * PATIENCE)
        assert self.process.wait(PATIENCE) == 0
        return run


class Sink(Program):
    """Runs until it is told to end."""

    def __init__(self, place, realm, words, **options):
        command = [sys.executable, str(HERE / "pipes_sink.py"), str(place), realm]
        super().__init__([*command, json.dumps(words)], **options)
        self.label = words["label"]
        self._endpoints = None

    @property
    def endpoints(self):
        """Where it is; waits until it is there."""
        if self._endpoints is None:
            self._endpoints = self.answer()
        return self._endpoints

    @property
    def port(self):
        (endpoint,) = [e for e in self.endpoints if e.startswith("tcp://")]
        return int(endpoint.rpartition(":")[2])

    def leave(self, signal_number, code=0):
        """Let it leave; what it says then."""
        assert self.endpoints, "before that it would not know the signal"
        self.send(signal_number)
        return self.ended(code)

    def ended(self, code=0):
        """Wait until it has left; what it says then."""
        assert self.endpoints
        said = self.answer()
        assert self.process.wait(PATIENCE) == said["code"] == code
        return said


class SinkGate:
    """Holds the handler of a sink at its next batch, until it is opened, once and for all."""

    def __init__(self, place, label):
        self.path = Path(place, f"gate-{label}")
        self.entered = Path(place, f"entered-{label}")
        self.entered.unlink(missing_ok=True)
        os.mkfifo(self.path)
        # Open at both ends: neither side ever waits for the other one to come.
        self._fd = os.open(self.path, os.O_RDWR)

    def reached(self):
        """Wait until the handler is held: how many results it has."""
        found = until(
            lambda: self.entered.exists() and self.entered.read_text(), "the handler is entered"
        )
        return int(found.split()[0])

    def open(self):
        self.path.unlink(missing_ok=True)
        os.write(self._fd, b"!" * 16)

    def close(self):
        os.close(self._fd)


class Pipeline:
    """A realm with ventilators, workers and sinks, in a `Scene`; one with a name is beside others.

    Labels tell its nodes apart in what they say: ``a`` of the pipeline ``x`` is called ``a.x``.
    """

    def __init__(self, scene, name=""):
        self.scene = scene
        self.name = name
        self.place = scene.place / name
        self.place.mkdir(exist_ok=True)
        self.realm = f"{scene.realm}-{name}" if name else scene.realm
        self.environment = {}
        self.oracle = PipelineOracle(self.place)

    def configure(self, **kinds):
        """Other defaults of `Health`, `WorkerConfig`, `SinkConfig`, for what starts from now on."""
        self.environment["CHAOS_CONFIG"] = json.dumps(kinds)

    def worker(self, *words, label="w", slots=1, app="pipes_app:app"):
        words = ["-c", str(slots), "-n", self.called(label), *words]
        return self._start(Worker, self.realm, words, app=app)

    def remote_worker(self, *peers, **options):
        """One that is found at its tcp port alone, and is told where sinks are."""
        bind = ["--discovery", "static", "--bind", "tcp://127.0.0.1:*"]
        return self.worker(*bind, *[f"--peer={peer}" for peer in peers], **options)

    def sink(self, label, kind="inbox", **words):
        words |= {"label": label, "kind": kind, "name": self.called(label)}
        return self._start(Sink, self.place, self.realm, words)

    def remote_sink(self, label, kind="inbox", **words):
        """One that is found at its tcp port alone."""
        words |= {"discovery": "static", "bind": ["tcp://127.0.0.1:*"]}
        return self.sink(label, kind, **words)

    def ventilator(self, count, *, task=None, gated=False, skip_done=False, **words):
        """One that reads so many records, each with these further arguments of the task."""
        records = {"count": count, "gated": gated, "skip_done": skip_done, "task": task or {}}
        words |= {"records": records, "name": self.called("v")}
        if not (self.place / "released").exists():
            self.release(0)
        return self._start(Ventilator, self.place, self.realm, words)

    def boxed(self, kind, *labels):
        """What a ventilator is told of its sinks: for inboxes, a run with their names."""
        return {} if kind == "plain" else {"run": "run", "inbox": labels, "keys": 5}

    def called(self, label):
        """What a node is called in its own words and those of others."""
        return f"{label}.{self.name}" if self.name else label

    def hears(self, text):
        """Wait until a node says this."""
        until(lambda: text in self.scene.complaints(), f"somebody says {text!r}")

    def gate(self, label):
        made = SinkGate(self.place, label)
        self.scene._ends.append(made.close)
        return made

    def release(self, count):
        """Let a gated ventilator pull so many records in all."""
        fresh = self.place / "released.new"
        fresh.write_text(str(count))
        fresh.replace(self.place / "released")

    def pulled(self):
        """How many records the ventilator has pulled."""
        path = self.place / "pulled"
        return int(path.read_text() or 0) if path.exists() else 0

    def stored(self, count):
        """Wait until so many results are stored."""
        until(lambda: self.oracle.count_effects() >= count, f"{count} results are stored")

    def ran(self, count):
        """Wait until so many attempts have begun."""
        until(lambda: self.oracle.count_runs() >= count, f"{count} attempts begin")

    def verify(self, count, *, once=True):
        """Each of so many records is stored, and nothing else; `once`: once."""
        assert self.oracle.complaints(range(count), once=once) == []

    def ran_again(self):
        """How many attempts there were beside the first ones."""
        return self.oracle.summary(())["ran_again"]

    def _start(self, kind, *words, **more):
        options = self.scene.options()
        options["env"] |= self.environment
        return self.scene.keep(kind(*words, **more, **options))


def together(*scenarios):
    """Run these at the same time, as most of them wait most of the time; raise what one raised."""
    with ThreadPoolExecutor(len(scenarios)) as pool:
        for future in [pool.submit(scenario) for scenario in scenarios]:
            future.result()


def memory(pid, what="VmHWM"):
    """Bytes of a process: at their highest, or (VmRSS) now."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(what + ":"):
            return int(line.split()[1]) * 1024
    raise ProcessLookupError(pid)


def quiet(look, what):
    """Wait until this stays what it is: nothing moves any more."""
    seen = []

    def is_still():
        seen.append(look())
        return len(seen) > 25 and len(set(seen[-25:])) == 1  # half a second

    until(is_still, f"{what} stands still")
    return seen[-1]
