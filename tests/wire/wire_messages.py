"""Messages of every verb, for the tests of this folder."""

from __future__ import annotations

import dataclasses

from hypothesis import strategies as st

from zmqwork.core import delivery as d
from zmqwork.core import messages as m
from zmqwork.core import orders as o
from zmqwork.core import progress as p

numbers = st.one_of(st.integers(0, 300), st.integers(0, 2**64 - 1))
counts = st.integers(0, 2**32 - 1)
names = st.text(alphabet=st.characters(exclude_categories=["Cc", "Cs"]), min_size=1, max_size=20)
words = st.from_regex(r"[a-z][a-z0-9_-]{0,31}", fullmatch=True)
seconds = st.floats(0.001, 86_400)
sums = st.floats(0, 1e9)
node_ids = st.text(alphabet="0123456789abcdef", min_size=32, max_size=32)
fingerprints = st.just("") | st.text(alphabet="0123456789abcdef", min_size=16, max_size=16)
payloads = st.binary(max_size=30)
plain = st.recursive(
    st.none()
    | st.booleans()
    | numbers
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
    | st.binary(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
options = st.fixed_dictionaries(
    {},
    optional={
        "queue": names,
        "priority": st.integers(-100, 100),
        "deadline": st.floats(-1e9, 1e9),
        "headers": st.dictionaries(st.text(max_size=5), st.text(max_size=10), max_size=2),
        "timeout": st.floats(0.0, 1e9),
        "soft_timeout": st.floats(0.0, 1e9),
        "retry_for": st.lists(names, max_size=3),
        "no_retry_for": st.lists(names, max_size=3),
        "stream": st.just(True),
        "checkpoint": payloads,
        "part": st.integers(0, 2**62),
        "of_a_newer_minor": plain,
    },
)
errors = st.fixed_dictionaries(
    {"type": st.text(max_size=10), "text": st.text(max_size=10)},
    optional={
        "traceback": st.text(max_size=10),
        "final": st.booleans(),
        "after": st.floats(0.0, 1e9),
        "signal": st.sampled_from(["SIGSEGV", "SIGKILL"]),
        "exit_code": st.integers(-128, 255),
    },
)


neighbours = st.lists(
    st.builds(
        m.Neighbour,
        node_ids,
        words,
        st.lists(st.text(min_size=1, max_size=20), min_size=1, max_size=4),
        fingerprints,
    ),
    max_size=3,
)


def columns(*elements, max_size=8):
    """Lists of one length, one per kind of element."""
    rows = st.lists(st.tuples(*elements), max_size=max_size)
    return rows.map(lambda rows: [list(column) for column in zip(*rows, strict=True)] or [[], []])


def spread(pairs):
    """Ranges in order, with a gap between any two, from lengths of gaps and of ranges."""
    out, end = [], 0
    for gap, length in pairs:
        first = end + 1 + gap
        out.append([first, first + length])
        end = first + length + 1
    return out


ranges = st.lists(st.tuples(st.integers(0, 300), st.integers(0, 2**40)), max_size=6).map(spread)
endpoints = st.lists(st.text(min_size=1, max_size=20), max_size=4)
places = st.one_of(
    st.tuples(node_ids, st.just("")),  # a plain sink
    st.tuples(node_ids, names),  # an inbox
    st.tuples(st.just(""), names),  # an inbox that nobody serves at the moment
)


@st.composite
def destinations(draw, sink_seqs):
    node_id, inbox = draw(places)
    key = draw(fingerprints)
    return d.Destination(node_id, inbox, draw(endpoints), draw(names), sink_seqs, key)


@st.composite
def runs(draw):
    rows = draw(st.lists(st.tuples(numbers, payloads, numbers), max_size=8))
    seqs, args, sink_seqs = [[row[column] for row in rows] for column in range(3)]
    to = draw(st.none() | destinations(sink_seqs))
    return m.Run(draw(names), draw(options), draw(numbers), seqs, args, to)


@st.composite
def routes(draw):
    rows = draw(st.lists(st.tuples(numbers, numbers), max_size=8))
    to = draw(destinations([row[1] for row in rows]))
    return d.Route([row[0] for row in rows], to)


@st.composite
def parcels(draw):
    rows = draw(st.lists(st.tuples(numbers, numbers, payloads), max_size=8))
    return d.Parcel(
        draw(names), draw(names), *([row[column] for row in rows] for column in range(3))
    )


# (Numbers that are all from 1 are left out: a golden vector has it.)
ends = ranges.filter(bool).flatmap(
    lambda spans: st.builds(
        d.End, st.just(spans[-1][1]), st.integers(0, len(spans)), st.just(spans)
    )
)


@st.composite
def dones(draw):
    rows = draw(st.lists(st.tuples(numbers, numbers, payloads), max_size=8))
    failure = st.builds(m.Failure, numbers, numbers, st.sampled_from(FAILURES), errors)
    return m.Done(
        draw(numbers),
        [row[0] for row in rows],
        [row[1] for row in rows],
        [row[2] for row in rows],
        draw(st.lists(failure, max_size=4)),
        draw(st.dictionaries(names, st.lists(sums, min_size=2, max_size=2), max_size=3)),
    )


# (A checkpoint always has its part.)
said = st.fixed_dictionaries(
    {}, optional={"fraction": st.floats(0.0, 1.0), "note": st.text(max_size=20)}
) | st.fixed_dictionaries({"checkpoint": payloads, "part": st.integers(0, 2**62)})

FAILURES = [m.FAILED, m.REJECTED, m.LOST]

protocols = st.tuples(st.integers(1, 9), st.integers(0, 9)).map(lambda p: (p[0], p[0] + p[1]))
held = st.lists(
    st.tuples(numbers, numbers, st.sampled_from([m.HELD_QUEUED, m.HELD_RUNNING, m.HELD_DONE])).map(
        list
    ),
    max_size=5,
)


def with_weights(welcome):
    """The same, with something said of its queues."""
    count = len(welcome.queues)
    weights = st.lists(st.integers(1, 1_000_000), min_size=count, max_size=count)
    without = st.lists(names, max_size=2)
    return st.builds(
        dataclasses.replace,
        st.just(welcome),
        weights=weights | st.just([]),
        strict=st.booleans(),
        without=without,
    )


BY_KIND = {
    m.Hello: st.builds(
        m.Hello,
        numbers,
        node_ids,
        words,
        names,
        names,
        protocols,
        numbers,
        seconds,
        st.just("") | names,
        st.lists(words, max_size=3),
    ),
    m.Welcome: st.builds(
        m.Welcome,
        numbers,
        node_ids,
        words,
        names,
        names,
        st.integers(1, 9),
        seconds,
        seconds,
        st.text(max_size=20),
        counts,
        counts,
        st.lists(names, max_size=3),
        st.dictionaries(names, st.text(max_size=16), max_size=3),
        held,
        neighbours,
        st.lists(names, max_size=3),
        st.just("") | names,
        ranges,
        st.lists(words, max_size=3),
    ).flatmap(with_weights),
    m.Refused: st.builds(m.Refused, words, st.text(max_size=50)),
    m.Ping: st.builds(m.Ping, numbers, sums, neighbours),
    m.Pong: st.builds(m.Pong, numbers, sums),
    m.Draining: st.just(m.Draining()),
    m.Bye: st.just(m.Bye()),
    m.Demand: st.builds(m.Demand, st.integers(0, 3)),
    # (No extra is left out: a golden vector has it.)
    m.Credit: st.tuples(st.integers(1, 2**32 - 1), numbers, st.integers(1, 2**32 - 1)).map(
        lambda credit: m.Credit(max(credit[0], credit[2]), credit[1], min(credit[0], credit[2]))
    ),
    m.Tasks: st.builds(m.Tasks, st.lists(runs(), max_size=4), numbers),
    m.Started: columns(numbers, numbers).map(lambda c: m.Started(*c)),
    m.Done: dones(),
    m.DoneAck: st.builds(m.DoneAck, numbers),
    m.Return: st.tuples(words, columns(numbers, numbers)).map(lambda r: m.Return(r[0], *r[1])),
    m.Recall: st.builds(m.Recall, counts, st.just("") | names),
    m.Cancel: st.builds(m.Cancel, st.lists(numbers, max_size=8), st.booleans()),
    p.Progress: st.lists(st.tuples(numbers, numbers, said), max_size=p.PROGRESS_MAX).map(
        lambda rows: p.Progress(*([row[column] for row in rows] for column in range(3)))
    ),
    p.Parts: st.builds(p.Parts, numbers, st.integers(0, 2**63), st.lists(payloads, max_size=8)),
    p.PartsAck: st.builds(p.PartsAck, numbers, numbers),
    d.Results: st.builds(d.Results, numbers, st.lists(parcels(), max_size=4)),
    d.ResultsAck: st.builds(d.ResultsAck, numbers),
    d.Have: st.builds(d.Have, numbers, st.lists(numbers, max_size=8)),
    d.Has: st.builds(
        d.Has,
        numbers,
        st.lists(st.sampled_from([d.HAS_NOT, d.HAS_HOLDING, d.HAS_TAKEN]), max_size=8),
    ),
    d.Floor: st.builds(d.Floor, numbers),
    d.End: ends,
    d.Ended: st.builds(d.Ended, numbers, ranges),
    d.Route: routes(),
    # (Task 0 is none, and is left out: a golden vector has it.)
    m.Info: st.builds(m.Info, numbers, st.integers(1, 2**64 - 1)),
    # (Orders without data leave it out: a golden vector has it.)
    o.Order: st.builds(
        o.Order,
        numbers,
        words,
        st.dictionaries(st.text(max_size=5), plain, max_size=3),
        st.lists(payloads, min_size=1, max_size=3),
    ),
    o.Ordered: st.builds(
        o.Ordered,
        numbers,
        words,
        st.text(max_size=20),
        st.dictionaries(st.text(max_size=5), plain, max_size=3),
        st.lists(payloads, min_size=1, max_size=3),
    ),
    m.Status: st.builds(m.Status, numbers, st.dictionaries(st.text(max_size=5), plain, max_size=3)),
}

any_message = st.one_of(*BY_KIND.values())
