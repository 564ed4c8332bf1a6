"""A producer in a process of its own: reads orders as lines of JSON, and answers each with one.

``python producing.py PLACE REALM NAME [PEER ...]``; ``CHAOS_SEARCH`` holds further options of
`App.producer`, as JSON.
"""

import gc
import json
import os
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from types import FunctionType

import chaos_app
import oracle

import zmqwork
from zmqwork.core.timers import Timers


def state_of(future):
    """How it settled, in DESIGN's word, and what came of it."""
    if future.cancelled():
        return "cancelled", None
    error = future.exception()
    if error is None:
        return "succeeded", future.result()
    states = {zmqwork.TaskLost: "dead", zmqwork.TaskExpired: "expired"}
    return states.get(type(error), "failed"), [type(error).__name__, str(error)]


class Orders:
    def __init__(self, producer, place, name):
        self.producer = producer
        self.place = place
        self.name = name
        self._feeder = self._room = None
        self._fed = 0
        self._halted = threading.Event()

    def submit(self, keys, task="work", words=None):
        for key in keys:
            oracle.append(self.place, "submitted", key=key, producer=self.name)
            future = getattr(chaos_app, task).submit(self.place, key, **(words or {}))
            future.add_done_callback(lambda future, key=key: self.settled(key, future))

    def feed(self, count, window, rate=0, task="work", words=None):
        """Submit so many, by and by: no more unsettled than `window`, no more a second than `rate`."""
        self._room = threading.Semaphore(window)
        self._halted.clear()
        arguments = (count, rate, task, words)
        self._feeder = threading.Thread(target=self._feed, args=arguments, daemon=True)
        self._feeder.start()

    def _feed(self, count, rate, task, words):
        begun_at = time.monotonic()
        for number in range(count):
            self._room.acquire()
            if rate:
                self._halted.wait(max(0.0, begun_at + number / rate - time.monotonic()))
            if self._halted.is_set():
                break
            self.submit([f"{self.name}-{self._fed}"], task, words)
            self._fed += 1

    def feeding(self):
        """Whether there is more to come."""
        return self._feeder is not None and self._feeder.is_alive()

    def halt(self):
        """Let no more come; how many came."""
        self._halted.set()
        if self._room is not None:
            self._room.release()
        self._feeder.join(10)
        return self._fed

    def settled(self, key, future):
        state, value = state_of(future)
        oracle.append(self.place, "settled", key=key, state=state, value=value)
        if self._room is not None:
            self._room.release()

    def status(self):
        return self.producer.status()

    def blocks(self):
        """How many small pieces of memory are in use, garbage aside."""
        gc.collect()
        return sys.getallocatedblocks()

    def census(self):
        """Whatever could leak: what the system counts, and every object of ours that lives."""
        gc.collect()
        ours = Counter()
        for thing in gc.get_objects():
            kind = type(thing)
            if kind is FunctionType:
                # Closures, such as those that wait for a timer; not what modules are made of.
                if str(thing.__module__).startswith("zmqwork") and thing.__closure__:
                    ours["closures"] += 1
            elif str(kind.__module__).startswith("zmqwork"):
                ours[kind.__qualname__] += 1
                if kind is Timers:
                    ours["deadlines"] += len(thing)
        return dict(ours) | {
            "descriptors": len(list(Path("/proc/self/fd").iterdir())),
            "threads": len(list(Path("/proc/self/task").iterdir())),
        }


def main():
    place, realm, name, *peers = sys.argv[1:]
    search = json.loads(os.environ.get("CHAOS_SEARCH", "{}"))
    if peers:  # on other hosts, where there are no keys
        search = {"discovery": "local,static,dns", "insecure_lan": True, **search}
    with chaos_app.app.producer(realm=realm, name=name, peers=peers, **search) as producer:
        orders = Orders(producer, place, name)
        print(json.dumps(os.getpid()), flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            answer = getattr(orders, order.pop("do"))(**order)
            print(json.dumps(answer), flush=True)
        producer.stop()


if __name__ == "__main__":
    main()
