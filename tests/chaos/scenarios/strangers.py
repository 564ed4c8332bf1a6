"""Strangers who take connections, and send what is no protocol."""

import os
import socket
import threading
from pathlib import Path

from field import Field

from benchmarks.processes import make_keys
from benchmarks.under_attack import Attack
from scenarios import scenario

GROWTH_MAX = 128.0  # MiB


class Garbage:
    """Bytes that are no protocol, again and again, until it is closed."""

    def __init__(self, port):
        self.port = port
        self.sent = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def close(self):
        self._ended.set()
        self._thread.join(10)

    def _run(self):
        while not self._ended.wait(0.02):
            texts = [b"GET / HTTP/1.1\r\n\r\n", os.urandom(5000), b"\xff" + b"\0" * 8 + b"\x7f\x03"]
            try:
                with socket.create_connection(("127.0.0.1", self.port), 1) as made:
                    made.sendall(texts[self.sent % 3])
            except OSError:  # it was hung up on, as it should be
                pass
            self.sent += 1


@scenario("strangers", "C19")
def strangers(trial):
    """For a minute 2,000 silent and 200 dripping connections, and garbage: honest work goes on."""
    scene = trial.scene
    own, theirs = make_keys(scene.place)
    scene.environment["ZMQWORK_KEYS"] = str(theirs)
    scene.environment["XDG_STATE_HOME"] = str(scene.place)
    field = Keyed(trial, own)
    worker = field.workers[0]
    silent, dripping = trial.pick((200, 20), (2_000, 200))
    field.feed(10**7, 0.0, window=500, warm=trial.pick(500, 20_000))
    trial.pause(trial.pick(1.0, 10.0))
    before = trial.watch.samples["worker"][-1]
    with (
        trial.fault("strangers"),
        Attack(f"tcp://127.0.0.1:{worker.port}", silent, dripping) as crowd,
    ):
        garbage = Garbage(worker.port)
        crowd.wait_for(rounds=1)
        trial.pause(trial.pick(3.0, 60.0))
        garbage.close()
        told = crowd.end()
    trial.pause(trial.pick(1.0, 10.0))
    after = trial.watch.samples["worker"][-1]
    figures = field.over()
    rates = figures["throughput"]
    grown = round(trial.watch.most(1)["worker"] - before[1], 1)
    trial.details |= {"strangers": told, "garbage": garbage.sent, "grown_mib": grown}
    trial.hold(grown <= GROWTH_MAX, f"the worker grew by {grown} MiB")
    trial.hold(after[2] <= before[2] + 8, f"descriptors: {before[2]} before, {after[2]} after")
    trial.hold_in_time(rates["during"] >= rates["before"] / 2, f"half of it is not done: {rates}")
    trial.hold_in_time(rates["after"] >= rates["before"] * 0.9, f"it is not as it was: {rates}")
    counters = field.producer.counters()
    trial.hold(counters["lost_workers"] == 0, f"{counters['lost_workers']} taken for dead")
    trial.hold(figures["duplicate_executions"] == 0, "something ran again")
    trial.hold(told["ended"] > 0 or not trial.full, "not one of them was ended")


class Keyed(Field):
    """The worker is a member with one key, the producer with another one."""

    def __init__(self, trial, own):
        self.trial = trial
        scene = trial.scene
        self.workers = [scene.remote_worker("--pool", "inline")]
        assert self.workers[0].told
        scene.environment["ZMQWORK_KEYS"] = str(Path(own))
        self.links = []
        # Not through a proxy: what is measured is the worker.
        endpoint = f"tcp://127.0.0.1:{self.workers[0].port}"
        self.producer = scene.producer(endpoint, discovery="static", insecure_lan=False)
        trial.workers(self.producer, 1)
        trial.watch.follow("producer", self.producer.pid)
        trial.watch.follow("worker", self.workers[0].pid)
