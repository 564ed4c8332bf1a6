"""The promises about results that go to sinks which hold after every turn, one function each.

Each raises `Violation`, named after itself. What a store notices is in `store`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from zmqwork.core.delivery import Destination, End, Floor, Results, ResultsAck, Route
from zmqwork.core.departure import DRAINING, SERVING
from zmqwork.core.effects import Deliver, Effect, Send
from zmqwork.core.events import Event
from zmqwork.core.ledger import Entry
from zmqwork.core.lifecycle import ASKED
from zmqwork.core.link_events import Received
from zmqwork.core.messages import Credit, Tasks
from zmqwork.testing.checkers import require
from zmqwork.testing.node import Producer, Sink, Worker

if TYPE_CHECKING:
    from zmqwork.testing.cluster import Cluster

# What stands for a result that a sink has.
NIL = b"\xc0"

# What one of the simulator's results takes at a worker, at most.
_RESULT_BYTES = 200


# -- of a producer --------------------------------------------------------------------------------


def a_result_is_stored_before_its_task_succeeds(
    cluster: Cluster, node: Producer, entry: Entry
) -> None:
    """A task that goes to a sink succeeds when its result took effect there, and never before."""
    promise = a_result_is_stored_before_its_task_succeeds
    result = cluster.truth.tasks[node.node_id][entry.seq].result
    places = [cluster.places[place_id] for place_id in cluster.truth.effects.get(result, ())]
    about = (node, entry, entry.outlet, entry.sink_seq, "took effect in", places)
    require(promise, entry.value == NIL and bool(places), *about)
    if inbox := entry.spec.inbox:
        good = places == [cluster.places[inbox]]
        require(promise, good and places[0].has(node.producer_id, entry.sink_seq), *about)


def _sent_to(effects: list[Effect]) -> Iterator[tuple[list[int], Destination]]:
    for effect in effects:
        if isinstance(effect, Send):
            message = effect.message
            if isinstance(message, Tasks):
                yield from ((run.seqs, run.to) for run in message.runs if run.to is not None)
            elif isinstance(message, Route):
                yield message.seqs, message.to


def each_number_is_one_task(cluster: Cluster, node: Producer, effects: list[Effect]) -> None:
    """A number at a sink is never given to a second task."""
    numbers = cluster.truth.numbers
    for seqs, to in _sent_to(effects):
        for seq, number in zip(seqs, to.sink_seqs, strict=True):
            result = cluster.truth.tasks[node.node_id][seq].result
            key = (to.producer_id, to.inbox or to.node_id, number)
            good = numbers.setdefault(key, result) == result
            require(each_number_is_one_task, good, node, key, result, "was", numbers[key])


def what_goes_to_a_sink_is_in_its_outlet(node: Producer) -> None:
    """Each unsettled number is in the books of its outlet, and each doubt is being settled."""
    promise = what_goes_to_a_sink_is_in_its_outlet
    books = node.machine._books
    count = asked = 0
    for entry in books.ledger:
        count += entry.outlet is not None
        asked += entry.state == ASKED
    opened = doubted = 0
    for outlet in books.outlets:
        opened += len(outlet.open)
        doubted += len(outlet.asked)
        numbers = {entry.sink_seq for entry in outlet.open.values()}
        good = len(numbers) == len(outlet.open) and max(numbers, default=0) < outlet.next
        require(promise, good, node, outlet, list(outlet.open.values()))
        for entry in outlet.open.values():
            good = entry.outlet is outlet and books.ledger.get(entry.seq) is entry
            good = good and entry.spec.inbox in ("", outlet.id)
            require(promise, good, node, entry, outlet, entry.sink_seq)
        for entry in outlet.asked.values():
            good = entry.state == ASKED and entry.outlet is outlet
            # (What may go nowhere else waits for its inbox, which is asked when it is there.)
            waits = bool(entry.spec.inbox) and outlet.session is None
            good = good and (waits or ("asked", outlet.id) in books.timers)
            require(promise, good, node, entry, outlet, entry.sink_seq)
    about = (node, count, "numbers", asked, "asked", list(books.outlets))
    require(promise, count == opened and asked == doubted, *about)


def a_floor_passes_no_unsettled_number(node: Producer, effects: list[Effect]) -> None:
    """Below a floor all is settled; a run, which others go on with, has none."""
    promise = a_floor_passes_no_unsettled_number
    for effect in effects:
        if isinstance(effect, Send) and isinstance(effect.message, Floor):
            require(promise, not node.config.producer_id, node, "is in a run")
            floor = effect.message.sink_seq
            for entry in node.machine._ledger:
                session = entry.outlet.session if entry.outlet is not None else None
                if session is not None and session.link == effect.link:
                    good = entry.sink_seq >= floor
                    require(promise, good, node, entry, entry.sink_seq, "below", floor)


def an_end_is_true(cluster: Cluster, node: Producer, effects: list[Effect]) -> None:
    """END says how many numbers there are, and no more results than took effect there."""
    for effect in effects:
        if not (isinstance(effect, Send) and isinstance(effect.message, End)):
            continue
        end = effect.message
        for outlet in node.machine._books.outlets:
            if outlet.session is None or outlet.session.link != effect.link:
                continue
            open_ = [e for e in outlet.open.values() if e.sink_seq > end.count]
            good = end.succeeded <= end.count and not open_
            there = cluster.places[outlet.id].effects.get(node.producer_id, {})
            good = good and end.succeeded <= len(there)
            require(an_end_is_true, good, node, end, outlet, open_, len(there), "took effect")


# -- of a worker ----------------------------------------------------------------------------------


def a_worker_counts_its_results(node: Worker) -> None:
    """What is counted in outboxes and accounts is what is there, and within its bound."""
    promise = a_worker_counts_its_results
    machine, config = node.machine, node.config
    counts = {id(account): 0 for account in machine._accounts.values()}
    weights = dict.fromkeys(counts, 0)
    total = 0
    for outbox in machine._deliverer.outboxes:
        bundles = list(outbox)
        for bundle in bundles:
            if bundle.account is not None:
                counts[id(bundle.account)] += len(bundle)
                weights[id(bundle.account)] += bundle.weight
        size_bytes = sum(len(value) for bundle in bundles for value in bundle.values)
        good = outbox.count == sum(map(len, bundles)) and outbox.size_bytes == size_bytes
        leaves = machine.state not in (SERVING, DRAINING)
        good = good and (outbox.peer is not None or outbox.count > 0 or leaves)
        require(promise, good, node, outbox, bundles)
        total += outbox.weight
    for account in machine._accounts.values():
        good = account.finished == counts[id(account)]
        good = good and account.unacked_bytes == account.outbox_bytes + weights[id(account)]
        about = (node, account.client.name, account.finished, account.unacked_bytes, "not")
        require(promise, good, *about, counts[id(account)], weights[id(account)])
        total += account.outbox_bytes
    # (Accounts that are gone have left results, too.)
    accounts = machine.listener.counters.sessions + 1
    most = config.outbox_bytes + accounts * config.slots * config.chunk_max * _RESULT_BYTES
    require(promise, total <= most, node, "keeps", total, "bytes, at most", most)


def note_told(node: Worker, event: Event) -> None:
    """Keep in mind what sinks grant a worker, and which ones producers name to it."""
    if not isinstance(event, Received):
        return
    for _, message in event.messages:
        if isinstance(message, Credit) and isinstance(event.link, int):
            node.granted[event.link] = message.attempts, message.size_bytes
        elif isinstance(message, Route):
            node.told[message.to.node_id] = None
        elif isinstance(message, Tasks):
            node.told |= {run.to.node_id: None for run in message.runs if run.to is not None}


def results_stay_within_credit(node: Worker, effects: list[Effect]) -> None:
    """What was sent has the credit of its sink, or is one batch alone."""
    links = [e.link for e in effects if isinstance(e, Send) and isinstance(e.message, Results)]
    for outbox in node.machine._deliverer.outboxes if links else ():
        if outbox.peer is not None and outbox.peer.link in links:
            count, size_bytes = node.granted.get(outbox.peer.link, (0, 0))
            good = outbox._unacked_count <= count and outbox._unacked_bytes <= size_bytes
            good = count > 0 and (good or outbox._sent <= 1)
            require(results_stay_within_credit, good, node, outbox, count, size_bytes)


# -- of a sink ------------------------------------------------------------------------------------


def note(node: Sink, event: Event) -> None:
    """Keep in mind what comes to a sink."""
    if not isinstance(event, Received):
        return
    for number, message in event.messages:
        if isinstance(message, Results):
            content = [(parcel.producer_id, parcel.sink_seqs) for parcel in message.parcels]
            node.batches.setdefault(event.link, []).append((message.batch, content))
        elif isinstance(message, Floor):
            # (One that is dropped with its session makes the promise weaker, not wrong.)
            client = node.machine.listener._by_link.get(event.link)  # type: ignore[arg-type]
            collected = None if client is None else node.machine._roll.of_node(client.node_id)
            if collected is not None:
                before = node.floors.get(collected.producer_id, 0)
                node.floors[collected.producer_id] = max(before, message.sink_seq)
        del number


def nothing_is_handed_over_twice(node: Sink, effects: list[Effect]) -> None:
    """A sink that lives hands over each number once; and says so to its store."""
    promise = nothing_is_handed_over_twice
    for effect in effects:
        if not isinstance(effect, Deliver):
            continue
        handed = [(p.producer_id, number) for p in effect.parcels for number in p.sink_seqs]
        again = [number for number in handed if number in node.handed]
        require(promise, not again and len(handed) == len(dict.fromkeys(handed)), node, again)
        require(promise, 0 < len(handed) <= node.config.batch, node, len(handed), "at once")
        node.handed.update(handed)
        marked = [
            (producer_id, number)
            for producer_id, first, last in effect.marks.taken
            for number in range(first, last + 1)
        ]
        require(promise, sorted(marked) == sorted(handed), node, marked, "are marked of", handed)
        for producer_id, floor in effect.marks.floors.items():
            good = floor <= node.floors.get(producer_id, 0)
            require(promise, good, node, "marks the floor", floor, "of", producer_id)


def what_is_acked_is_stored(node: Sink, effects: list[Effect]) -> None:
    """An ack names a batch of this session, and all results up to it have taken effect."""
    promise = what_is_acked_is_stored
    place = node.store.place
    for effect in effects:
        if not (isinstance(effect, Send) and isinstance(effect.message, ResultsAck)):
            continue
        number = effect.message.batch
        batches = node.batches.get(effect.link, [])
        known = any(batch == number for batch, _ in batches)
        require(promise, known, node, "acks", number, "of", [batch for batch, _ in batches])
        for batch, content in batches:
            if batch > number:
                continue
            for producer_id, sink_seqs in content:
                floor = node.floors.get(producer_id, 0)
                before = place.taken.get(producer_id, ())
                lacking = [
                    n
                    for n in sink_seqs
                    if n >= floor and not place.has(producer_id, n) and n not in before
                ]
                about = (node, "acks", number, "but lacks", lacking, "of", producer_id)
                require(promise, not lacking, *about)
        node.batches[effect.link] = [item for item in batches if item[0] > number]


def a_sink_is_bounded(node: Sink) -> None:
    """What is counted on the shelf is what is held, and credit bounds it."""
    promise = a_sink_is_bounded
    machine, config = node.machine, node.config
    held = 0
    for collected in machine._roll:
        held += len(collected.held)
        lost = [number for number in collected.held if number not in collected.seen]
        require(promise, not lost, node, collected, "holds", lost, "and has not seen them")
    shelf = machine._shelf
    waiting = sum(len(parcel.sink_seqs) for _, parcel, _ in shelf._queue) - shelf._offset
    load = 0 if shelf.load is None else shelf.load.count
    good = shelf.held[0] == held == waiting + load
    require(promise, good, node, "has", shelf.held, "not", held, "in", waiting, load)
    good = shelf.put_count - shelf.stored_count == held
    require(promise, good, node, shelf.put_count, "less", shelf.stored_count, "not", held)
    carriers = list(machine._carriers)
    granted = sum(c.granted[0] for c in carriers if c.granted is not None)
    most = max(config.credit_count, len(carriers))
    good = granted <= most or machine.state != "serving"
    require(promise, good, node, "granted", granted, "of", most)
    clients = len(machine.listener.clients)
    good = len(machine._timers) <= 3 and len(machine.listener._timers) <= 3 * clients
    require(promise, good and len(carriers) <= clients, node, "timers for", clients, "clients")
