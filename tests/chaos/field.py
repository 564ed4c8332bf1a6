"""Workers, each behind a proxy of its own, and a producer that knows no other way to them."""


class Field:
    """Who is there; started, and known to the producer.

    Args:
        trial: whose scene it is.
        workers: how many.
        search: more options of the producer.
    """

    def __init__(self, trial, workers, *, slots=1, words=(), **search):
        self.trial = trial
        scene = trial.scene
        self.workers = [scene.remote_worker(*words, slots=slots) for _ in range(workers)]
        self.links = [scene.proxy(worker.port) for worker in self.workers]
        peers = [link.endpoint for link in self.links]
        self.producer = scene.producer(*peers, discovery="static", **search)
        trial.workers(self.producer, workers)
        trial.watch.follow("producer", self.producer.pid)
        trial.watch.follow("worker", self.workers[0].pid)

    def feed(self, count, seconds, *, window=200, rate=0, warm=0):
        """Let the producer submit so many, and wait until `warm` of them are settled."""
        self.producer.order(
            "feed", count=count, window=window, rate=rate, words={"seconds": seconds}
        )
        self.trial.settled(warm)

    def over(self, *, explained=True):
        """Wait for all; what the oracle says is a breach.

        `explained`: whether each second run must be one that a fault explains.
        """
        trial = self.trial
        if self.producer.order("feeding"):
            self.producer.order("halt")
        trial.rest([self.producer])
        trial.verify()
        trial.figures = figures = trial.oracle.figures()
        trial.details["counters"] = {
            name: count
            for name, count in self.producer.counters().items()
            if name in ("lost_workers", "crashes", "resubmitted", "late", "duplicates") and count
        }
        if explained:
            again = figures["unexplained"]
            trial.hold(again == [], f"ran again for no reason: {again[:5]}")
        return figures

    def begun_at(self, worker, start, end):
        """The tasks that this worker began between two instants."""
        pids = set(worker.family)
        return [
            run["key"]
            for run in self.trial.oracle.read("runs")
            if run["what"] == "begun" and run["pid"] in pids and start < run["at"] < end
        ]

    def frames(self):
        """What has passed on all links, in both directions."""
        return sum(way.frames for link in self.links for way in (link.forth, link.back))
