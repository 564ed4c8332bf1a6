"""A producer with a journal on a desk: what it wants written lies there, and is written on demand."""

from __future__ import annotations

from random import Random

from desks import PRODUCER_ID, REALM, ProducerDesk

from zmqwork.config import ProducerConfig
from zmqwork.core.dispatcher import Dispatcher
from zmqwork.core.effects import Confirm, Record
from zmqwork.core.happenings import ListenRequested
from zmqwork.core.records import Legacy, Recovered, WriteRefused, Written


def legacy(*tasks, epoch=1, newest=None, letters=(), workers=()):
    if newest is None:
        newest = max((task.seq for task in tasks), default=0)
    return Legacy(PRODUCER_ID, epoch, newest, list(tasks), list(letters), tuple(workers), {})


class DurableDesk(ProducerDesk):
    """Its journal has `left` from before; its application listens for kinds of happenings."""

    def __init__(self, left=None, start=100.0, listens=None, **options):
        super().__init__(start, **options)
        left = left or legacy()
        config = ProducerConfig(node_id=PRODUCER_ID, name="p", realm=REALM, **options)
        self.machine = Dispatcher(config, Random(1), left.epoch)
        if listens is not None:
            self.machine.handle(ListenRequested(listens), start)
        self.turn(Recovered(left, [f"owner of {task.seq}" for task in left.tasks]))

    def greet(self, label="w", *messages, named=True, **fields):
        """As a `ProducerDesk`; `named`: the journal is told of the worker at once."""
        link = super().greet(label, *messages, **fields)
        if named and self.machine._journaling.is_naming:
            effects = self.effects
            self.effects = effects + self.write()
        return link

    def records(self):
        """What this turn wants written."""
        return [(record.number, record.batch) for record in self.of(Record)]

    def batch(self):
        """The only batch of this turn."""
        (record,) = self.of(Record)
        return record.batch

    @property
    def number(self):
        """Of the newest batch."""
        return self.machine._journaling._number

    def write(self, number=None, at=None):
        """Everything up to this batch is written; all of it if none is named."""
        return self.turn(Written(number or self.number), at=at)

    def refuse(self, number=None, text="no room"):
        return self.turn(WriteRefused(number or self.number, text))

    def confirmed(self):
        return [effect.seq for effect in self.of(Confirm)]

    def file(self, *seqs, **fields):
        """Submitted, and written."""
        made = self.submit(*seqs, **fields)
        self.write()
        return made
