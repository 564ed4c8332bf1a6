"""What long-lived processes hold: memory, descriptors, threads; sampled, and whether they grow."""

import contextlib
import statistics
import threading
import time
from pathlib import Path

MIB = 1024 * 1024


def look_at(pid):
    """(MiB of resident memory, descriptors, threads) of a process; None if it is gone."""
    place = Path(f"/proc/{pid}")
    try:
        status = (place / "status").read_text()
        lines = (line.partition(":") for line in status.splitlines())
        words = {name: value.split() for name, _, value in lines}
        descriptors = len(list((place / "fd").iterdir()))
        return int(words["VmRSS"][0]) / 1024, descriptors, int(words["Threads"][0])
    except (FileNotFoundError, ProcessLookupError, KeyError):  # gone, or as good as that
        return None


class Watch:
    """Samples processes under the name of their role, until it is closed.

    A role may go from one process to the next. Samples are (instant, MiB, descriptors, threads);
    there are 20,000 of a role at the most: of those that are more, every other one is dropped.
    """

    SAMPLES_MAX = 20_000

    def __init__(self, interval=0.5):
        self.interval = interval
        self.samples = {}
        self.counts = []  # (instant, what `count` says), as many as samples
        self.count = None
        self._pids = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="watch", daemon=True)
        self._thread.start()

    def follow(self, role, pid):
        self._pids[role] = pid

    def close(self):
        self._ended.set()
        self._thread.join(10)

    def _run(self):
        while not self._ended.wait(self.interval):
            if self.count is not None:
                self._add(self.counts, (time.monotonic(), self.count()))
            for role, pid in list(self._pids.items()):
                if (seen := look_at(pid)) is not None:
                    self._add(self.samples.setdefault(role, []), (time.monotonic(), *seen))

    def _add(self, samples, sample):
        samples.append(sample)
        if len(samples) > self.SAMPLES_MAX:
            del samples[::2]

    # -- what it comes to -----------------------------------------------------------------------

    def most(self, column):
        """The largest value of each role."""
        made = {}
        for role, samples in list(self.samples.items()):
            with contextlib.suppress(ValueError):
                made[role] = round(max(sample[column] for sample in samples), 1)
        return made

    def throughput(self, faults):
        """Of what was counted, per second: before, between and after the faults of these instants."""
        ends = [0.0, min(faults), max(faults), float("inf")] if faults else [0.0, float("inf")]
        made = {}
        for name, start, end in zip(("before", "during", "after"), ends, ends[1:], strict=False):
            part = [sample for sample in self.counts if start <= sample[0] <= end]
            if len(part) > 1:
                (first, low), (last, high) = part[0], part[-1]
                made[name] = round((high - low) / (last - first), 1)
        return made

    def growth(self, warm_up):
        """For each role: first, last and slope of all three, after so many seconds of warm-up.

        Slopes are by least squares: MiB an hour, descriptors and threads an hour.
        """
        made = {}
        for role, samples in self.samples.items():
            warm = [s for s in samples if s[0] - samples[0][0] >= warm_up]
            if len(warm) < 3:
                continue
            made[role] = {
                "samples": len(warm),
                "hours": round((warm[-1][0] - warm[0][0]) / 3600, 4),
            }
            for column, name in enumerate(("mib", "descriptors", "threads"), start=1):
                values = [s[column] for s in warm]
                made[role][name] = {
                    "first": round(values[0], 2),
                    "last": round(values[-1], 2),
                    "most": round(max(values), 2),
                    "per_hour": round(slope([s[0] for s in warm], values) * 3600, 3),
                }
            step = max(1, len(warm) // 20)
            made[role]["mib_over_time"] = [round(s[1], 2) for s in warm[::step]]
        return made


def slope(instants, values):
    """Of the line that is nearest, by least squares: values per second."""
    count = len(instants)
    mean_x, mean_y = sum(instants) / count, sum(values) / count
    over = sum((x - mean_x) * (y - mean_y) for x, y in zip(instants, values, strict=True))
    under = sum((x - mean_x) ** 2 for x in instants)
    return over / under if under else 0.0


def quarters(samples, column, warm_up):
    """The most of the first quarter, and the median of the last one.

    (What is connected at a moment has descriptors, and who was killed is not connected.)
    """
    values = [s[column] for s in samples if s[0] - samples[0][0] >= warm_up]
    part = max(1, len(values) // 4)
    return max(values[:part]), statistics.median(values[-part:])
