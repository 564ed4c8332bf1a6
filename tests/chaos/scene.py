"""One realm with its processes, gates and proxies: where tests and scenarios take place."""

import contextlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from chaos_processes import HASTY, HERE, PATIENCE, ROOT, Gate, Producer, Worker, until
from fault_proxy import FaultProxy
from oracle import Oracle


class Scene:
    """One realm, with its processes, gates and proxies; everything ends with the test."""

    def __init__(self, place, environment):
        self.place = place
        self.realm = f"chaos-{secrets.token_hex(4)}"
        self.oracle = Oracle(place)
        self.environment = environment
        self._ends = []
        self.errors = (place / "stderr").open("wb")

    def hurry(self):
        """Shorter time-outs, for all processes that start from now on."""
        self.environment["CHAOS_HEALTH"] = json.dumps(HASTY)

    def be_patient(self):
        """Long ones: whoever comes back is waited for, however busy the machine is."""
        self.environment["CHAOS_HEALTH"] = json.dumps({"lost_timeout": PATIENCE})

    def worker(self, *words, slots=1, realm=None, host=None):
        """Start one; it is not waited for."""
        words = ["-c", str(slots), *words]
        return self.keep(Worker(realm or self.realm, words, **self.options(host)))

    def remote_worker(self, *words, port="*", **options):
        """One that is found at its tcp port alone."""
        bind = ["--discovery", "static", "--bind", f"tcp://127.0.0.1:{port}"]
        return self.worker(*bind, *words, **options)

    def producer(self, *peers, name="p", host=None, **search):
        options = self.options(host)
        options["env"] |= {"CHAOS_SEARCH": json.dumps(search)}
        return self.keep(Producer(self.place, self.realm, name, peers, **options))

    def proxy(self, target=None):
        made = FaultProxy(target)
        self._ends.append(made.close)
        return made

    def gate(self, key, attempt=1):
        made = Gate(self.place, key, attempt)
        self._ends.append(made.close)
        return made

    def begun(self, key, attempt=1):
        """Wait until this attempt has begun."""
        until(lambda: attempt in self.oracle.attempts(key), f"attempt {attempt} of {key} begins")

    def ended(self, key, attempt=1):
        until(
            lambda: attempt in self.oracle.attempts(key, "ended"),
            f"attempt {attempt} of {key} ends",
        )

    def all_settled(self, dead_producers=()):
        """Wait until every task is settled, and have everything checked."""

        def settled():
            asked = {
                f["key"]
                for f in self.oracle.read("submitted")
                if f["producer"] not in dead_producers
            }
            return asked <= {f["key"] for f in self.oracle.read("settled")}

        until(settled, "all tasks are settled")
        self.oracle.verify(dead_producers)

    def close(self):
        for end in reversed(self._ends):
            end()
        self.errors.close()

    def complaints(self):
        return (self.place / "stderr").read_text()

    def ps(self, *words, host=None):
        """What `zmqwork ps` says of the realm."""
        enter = host.enter if host is not None else []
        command = [sys.executable, "-m", "zmqwork", "ps"]
        done = subprocess.run(
            [*enter, *command, "--realm", self.realm, "-o", "json", *words],
            capture_output=True,
            timeout=PATIENCE,
            check=False,
            env=self.options(host)["env"],
            cwd=HERE,
        )
        return json.loads(done.stdout)

    def options(self, host=None):
        """How a process is started that belongs to it."""
        environment = dict(self.environment)
        if host is not None:
            # What users of one machine share, those of two do not.
            runtime = Path(environment["XDG_RUNTIME_DIR"]) / host.name
            runtime.mkdir(mode=0o700, exist_ok=True)
            environment["XDG_RUNTIME_DIR"] = str(runtime)
        return {"stderr": self.errors, "env": environment, "cwd": HERE, "host": host}

    def keep(self, made):
        """End this with the scene."""
        self._ends.append(made.end)
        return made


@contextlib.contextmanager
def opened(place):
    """A scene that keeps its facts there; all that it has started ends with the block."""
    runtime = Path(tempfile.mkdtemp(prefix="zw-", dir="/tmp"))
    clean = {name: value for name, value in os.environ.items() if name != "ZMQWORK_PEERS"}
    paths = {"XDG_RUNTIME_DIR": str(runtime), "PYTHONPATH": os.pathsep.join([str(ROOT), str(HERE)])}
    made = Scene(place, clean | paths)
    try:
        yield made
    finally:
        made.close()
        shutil.rmtree(runtime)
