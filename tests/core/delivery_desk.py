"""A worker on a desk whose results go to sinks, which it knows only by what they say."""

from __future__ import annotations

from desks import REALM, WorkerDesk, node_id

from zmqwork.core.delivery import Destination, Results, ResultsAck, Route
from zmqwork.core.effects import Dial, Execute, HangUp
from zmqwork.core.link_events import LinkUp
from zmqwork.core.messages import Credit, Done, Hello, Pong, Return, Run, Tasks, Welcome

CREDIT = (100, 1 << 20)


def endpoint(label):
    """Of the sink with this label: ``s1``, ``s2``."""
    return f"tcp://127.0.0.1:{7000 + sum(label.encode())}"


def destination(*sink_seqs, at="s", inbox="", producer_id="p", endpoints=None):
    """Results go to this sink (``at=""``: nobody serves the inbox)."""
    if endpoints is None:
        endpoints = [endpoint(at)] if at else []
    return Destination(node_id(at) if at else "", inbox, endpoints, producer_id, list(sink_seqs))


class DeliveryDesk(WorkerDesk):
    """With one producer, and credit for many attempts."""

    def __init__(self, start=100.0, **options):
        super().__init__(start, **({"slots": 8} | options))
        self.link = self.hello()

    def tasks_for(self, *seqs, name="f", attempt=1, numbers=None, **where):
        """The sink numbers are ten times the seqs unless given."""
        to = destination(*(numbers or [10 * seq for seq in seqs]), **where)
        return Tasks([Run(name, {}, attempt, list(seqs), [b""] * len(seqs), to)])

    def give(self, *seqs, link=None, at_once=None, **where):
        """These are for a sink; as `tasks_for`."""
        return self.say(link or self.link, self.tasks_for(*seqs, **where), at=at_once)

    def slot_of(self, seq):
        for slot in self.machine._feeder.slots:
            if any(held.seq == seq for held in slot.given):
                return slot.index
        raise AssertionError(f"{seq} is in no slot")

    def end(self, *seqs, at=None, good=True, seconds=None):
        """Each of these ends in its slot, all in one turn; the effects of that turn."""
        from zmqwork.core.events import Finished

        payload = (lambda seq: b"of %d" % seq) if good else (lambda _: {"type": "E", "text": ""})
        events = []
        for seq in seqs:
            spent = 0.001 if seconds is None else seconds
            events.append(Finished(self.slot_of(seq), [(good, payload(seq))], spent))
        return self.turn(*events, at=at)

    def dials(self):
        return [dial.endpoint for dial in self.of(Dial)]

    def hang_ups(self):
        return [hang_up.link for hang_up in self.of(HangUp)]

    def link_to(self, at="s"):
        """The newest link that was dialled to this sink."""
        peers = self.machine._deliverer.dialer.peers.values()
        (link,) = [p.link for p in peers if endpoint(at) in p.endpoints]
        return link

    def meet(self, at="s", *more, inbox="", role="sink", credit=CREDIT, node=None, when=None):
        """The link to this sink comes up, and it answers."""
        link = self.link_to(at)
        self.turn(LinkUp(link), at=when)
        (hello,) = self.sent(Hello, link)
        assert hello.role == "worker"
        greeting = Welcome(hello.session, node_id(node or at), role, f"sink-{at}", REALM, 1)
        greeting.sinks, greeting.inbox = ["default"], inbox
        messages = [Credit(*credit)] if credit is not None else []
        self.say(link, greeting, *messages, *more)
        return link

    def results(self, link=None):
        """What was sent in this turn: (batch, seqs) each."""
        return [
            (results.batch, [seq for parcel in results.parcels for seq in parcel.seqs])
            for results in self.sent(Results, link)
        ]

    def numbers_sent(self, link=None):
        """The sink numbers of what was sent in this turn."""
        return [
            number
            for results in self.sent(Results, link)
            for parcel in results.parcels
            for number in parcel.sink_seqs
        ]

    def ack(self, link, batch, at=None):
        return self.say(link, ResultsAck(batch), at=at)

    def live(self, instant, *links):
        """Time passes, and the producer and these sinks are heard of; all effects on the way."""
        effects = []
        while self.now < instant:
            effects += self.until(min(instant, self.now + 1.0))
            for link in (self.link, *links):
                effects += self.say(link, Pong(0))
        self.effects = effects

    def route(self, *seqs, numbers=None, link=None, **where):
        to = destination(*(numbers or [100 * seq for seq in seqs]), **where)
        return self.say(link or self.link, Route(list(seqs), to))

    def done(self):
        """What was told to have succeeded in this turn."""
        return [seq for done in self.sent(Done) for seq in done.seqs]

    def returned(self):
        """What was given back in this turn: (reason, seqs) each."""
        return [(back.reason, back.seqs) for back in self.sent(Return)]

    def executed(self):
        return sorted(held.seq for effect in self.of(Execute) for held in effect.attempts)

    @property
    def outboxes(self):
        return {outbox.key: outbox for outbox in self.machine._deliverer.outboxes}
