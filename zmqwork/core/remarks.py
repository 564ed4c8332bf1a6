"""What a producer tells people unasked: tasks that nobody runs, workers with other code."""

from __future__ import annotations

from zmqwork.core import explain
from zmqwork.core.books import Books
from zmqwork.core.effects import Notice
from zmqwork.core.lanes import LaneKey
from zmqwork.core.workers import Worker


class Remarks:
    """Makes notices from the books."""

    __slots__ = ("_books",)

    def __init__(self, books: Books) -> None:
        self._books = books

    def lane(self, key: LaneKey) -> None:
        """Tasks of this kind have waited for long: say so, once, if nobody could run them."""
        for lane in self._books.lanes:
            if lane.key == key and lane.size and not lane.spoken:
                kind, text = explain.lane(lane, self._books)
                if kind:
                    for other in self._books.lanes:
                        if other.key[:-1] == key[:-1]:  # they differ in their priority alone
                            other.spoken = kind
                    data = {"task": lane.name, "queue": lane.queue, "waiting": lane.item_count()}
                    self._books.out.append(Notice(kind, text, data))

    def signatures(self, worker: Worker) -> None:
        """A worker came: does it know our tasks as we do?"""
        for lane in {lane.key[:-2]: lane for lane in self._books.lanes}.values():
            theirs = worker.group.tasks.get(lane.name)
            if theirs is not None and theirs != lane.fingerprint:
                self._books.out.append(
                    Notice(
                        "other_signature",
                        f"worker {worker.label} knows task {lane.name!r} with another signature "
                        "than this producer: it is given none of them (restart it with the same "
                        "version of the code)",
                        {"task": lane.name, "name": worker.name, "node_id": worker.node_id},
                    )
                )
