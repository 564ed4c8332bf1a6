"""What any journal must do: each implementation makes a `Place`, and inherits the tests.

class TestMine(Contract):
    @pytest.fixture
    def place(self, tmp_path): return MyPlace(tmp_path)

class MyMachine(JournalMachine):
    def make_place(self): return MyPlace(...)
TestMyMachine = MyMachine.TestCase
TestMyMachine.settings = STEPS
"""

from __future__ import annotations

import copy
from collections import Counter
from dataclasses import replace
from itertools import chain

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from zmqwork.core.ledger import TaskSpec
from zmqwork.core.records import Batch, Filed, Letter, Trial
from zmqwork.errors import JournalBroken, JournalFull, UsageError
from zmqwork.options import TaskOptions

STEPS = settings(max_examples=40, stateful_step_count=20)

PLAIN = TaskSpec("f", "a1", TaskOptions())
SPECS = (
    PLAIN,
    TaskSpec("g[]", "", TaskOptions(queue="images", max_retries=0, timeout=3.5), 64),
    TaskSpec(
        "thumbs.h",
        "ü" * 8,
        TaskOptions(
            retry_for=(ValueError, "x.Y"), no_retry_for=KeyError, inbox=("a", "b"), key="k",
            retry_jitter=False, countdown=1.0, expires=9, soft_timeout=1,
        ),
        1, "a",
    ),
    TaskSpec("pinned", "", TaskOptions(sink="s"), 1, "", "ab" * 16),
)  # fmt: skip
ERROR = {"type": "ValueError", "text": "no \x00 \ud800", "traceback": "", "attempts": 3}
EVIDENCE = {"cause": "worker lost", "attempt": 2, "worker": "ab" * 16, "exit_code": None, "x": b""}


class Place:
    """Where one journal is kept, and the clock on the wall.

    `now` may be set to anything. `bytes_max` bounds the journals that are opened from then on.
    """

    now = 1000.0
    bytes_max = None

    def open(self):
        """The journal, as a process that starts finds it; not loaded."""
        raise NotImplementedError

    def kill(self, journal):
        """The process that has it is killed."""
        raise NotImplementedError

    def fail(self, journal):
        """The disk fails at the next write."""
        raise NotImplementedError

    def exists(self):
        raise NotImplementedError


def filed(*seqs, spec=PLAIN, size=10, sink=False):
    args = [b"%d:" % seq + b"x" * size for seq in seqs]
    return Filed(spec, [*seqs], args, [seq + 100 for seq in seqs] if sink else [])


def seen(legacy):
    """What is left, without who reads it and when."""
    return (
        [strip(task) for task in legacy.tasks],
        [strip(task) for task in legacy.letters],
        legacy.newest,
        legacy.workers,
        legacy.settled,
        legacy.inboxes,
    )


def strip(task):
    return task.spec, task.seq, task.args, task.sink_seq, escaped(task.trial), escaped(task.letter)


def escaped(record):
    """What is no Unicode may come back as an escape."""
    return repr(record).replace("\\\\ud800", "\\ud800")


def fill(journal, **options):
    """File tasks of 16,000 bytes until there is no room; which those are that fitted."""
    said = ""
    confirmed = []
    while not said and len(confirmed) < 1000:
        seq = len(confirmed) + 1
        try:
            journal.write([Batch(filed=[filed(seq, size=16_000)])], **options)
        except JournalFull as error:
            said = str(error)
        else:
            confirmed.append(seq)
    assert journal.name in said
    return confirmed


class Contract:
    @pytest.fixture
    def place(self):
        raise NotImplementedError

    @pytest.fixture
    def reopened(self, place):
        """Close a journal, and load it as the next process does."""

        def reopened(journal=None):
            if journal is not None:
                journal.close()
            again = place.open()
            opened.append(again)
            return again, again.load()

        opened = []
        yield reopened
        for journal in opened:
            journal.close()

    def test_a_new_one_is_empty(self, reopened):
        journal, legacy = reopened()
        assert seen(legacy) == ([], [], 0, (), {}, {})
        assert legacy.epoch == 1
        assert legacy.producer_id
        assert journal.name

    def test_the_id_stays_and_epochs_rise(self, place, reopened):
        journal, first = reopened()
        place.kill(journal)  # nothing was written, and the epoch was durable
        _, second = reopened()
        assert (second.producer_id, second.epoch) == (first.producer_id, first.epoch + 1)

    @pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.name)
    def test_tasks_come_back_as_they_were_filed(self, spec, reopened):
        journal, _ = reopened()
        journal.write([Batch(filed=[filed(1, 2, 5, spec=spec, sink=bool(spec.inbox))])])
        _, legacy = reopened(journal)
        assert [strip(task)[:4] for task in legacy.tasks] == [
            (spec, seq, b"%d:xxxxxxxxxx" % seq, seq + 100 if spec.inbox else 0) for seq in (1, 2, 5)
        ]
        assert legacy.newest == 5

    def test_kinds_may_take_turns(self, reopened):
        journal, _ = reopened()
        journal.write([Batch(filed=[filed(1, 4, spec=SPECS[1]), filed(2, 3), filed(5)])])
        journal.write([Batch(settled={"succeeded": [3, 5]})])
        _, legacy = reopened(journal)
        assert [(task.seq, task.spec.name) for task in legacy.tasks] == [
            (1, "g[]"), (2, "f"), (4, "g[]"),
        ]  # fmt: skip

    def test_what_is_settled_is_gone_and_counted(self, reopened):
        journal, _ = reopened()
        journal.write([Batch(filed=[filed(*range(1, 10))])])
        journal.write([Batch(settled={"succeeded": [9, 1, 2], "expired": [5]})])
        journal.write([Batch(settled={"succeeded": [3]})])
        journal, legacy = reopened(journal)
        assert [task.seq for task in legacy.tasks] == [4, 6, 7, 8]
        assert legacy.settled == {"succeeded": 4, "expired": 1}
        journal.write([Batch(settled={"cancelled": [4, 6, 7, 8]})])
        _, legacy = reopened(journal)
        assert seen(legacy) == (
            [], [], 9, (), {"succeeded": 4, "expired": 1, "cancelled": 4}, {},
        )  # fmt: skip

    def test_filed_and_settled_in_one_batch(self, reopened):
        journal, _ = reopened()
        batch = Batch(filed=[filed(1, 2, 3)], settled={"succeeded": [2], "failed": [3]})
        batch.trials, batch.letters = [Trial(2, 1)], [Letter(1, "dead", ERROR)]
        journal.write([batch])
        _, legacy = reopened(journal)
        assert legacy.tasks == []
        assert [strip(task)[1] for task in legacy.letters] == [1]
        assert legacy.settled == {"succeeded": 1, "failed": 1, "dead": 1}

    def test_numbers_that_it_does_not_have(self, reopened):
        journal, _ = reopened()
        journal.write([Batch(filed=[filed(1)])])
        stranger = Batch(settled={"cancelled": [7]}, trials=[Trial(8)], removed=[9])
        stranger.letters = [Letter(10, "dead", ERROR)]
        journal.write([stranger])
        _, legacy = reopened(journal)
        assert [task.seq for task in legacy.tasks] == [1]
        assert (legacy.letters, legacy.newest) == ([], 1)
        assert legacy.settled == {"cancelled": 1, "dead": 1}

    def test_the_latest_trial_counts(self, reopened):
        journal, _ = reopened()
        journal.write([Batch(filed=[filed(1, 2)], trials=[Trial(1, 1, 0, 0, 5.0)])])
        latest = Trial(1, 2, 1, 1, 0.0, [EVIDENCE, EVIDENCE | {"attempt": 3}])
        journal.write([Batch(trials=[latest])])
        _, legacy = reopened(journal)
        assert [task.trial for task in legacy.tasks] == [latest, None]

    def test_dead_letters_in_the_order_of_their_deaths(self, reopened):
        journal, _ = reopened()
        journal.write([Batch(filed=[filed(*range(1, 7))], trials=[Trial(4, 3)])])
        journal.write([Batch(letters=[Letter(4, "failed", ERROR), Letter(2, "dead", ERROR)])])
        journal.write([Batch(letters=[Letter(3, "dead", ERROR), Letter(1, "dead", {})])])
        journal.write([Batch(removed=[3])])
        journal, legacy = reopened(journal)
        assert [task.seq for task in legacy.tasks] == [5, 6]
        assert [(task.seq, task.letter.state) for task in legacy.letters] == [
            (4, "failed"), (2, "dead"), (1, "dead"),
        ]  # fmt: skip
        assert legacy.letters[0].trial == Trial(4, 3)
        assert escaped(legacy.letters[0].letter) == escaped(Letter(4, "failed", ERROR))
        assert legacy.settled == {"failed": 1, "dead": 3}
        journal.write([Batch(trials=[Trial(4, 0)])])  # revived
        journal.write([Batch(letters=[Letter(5, "dead", ERROR)])])
        _, legacy = reopened(journal)
        assert [task.seq for task in legacy.tasks] == [4, 6]
        assert [task.seq for task in legacy.letters] == [2, 1, 5]

    def test_workers(self, reopened):
        journal, _ = reopened()
        journal.write([Batch(workers=("a" * 32, "b" * 32))])
        journal.write([Batch(filed=[filed(1)])])
        journal, legacy = reopened(journal)
        assert legacy.workers == ("a" * 32, "b" * 32)
        journal.write([Batch(workers=("c" * 32,)), Batch(workers=())])
        assert reopened(journal)[1].workers == ()

    def test_the_numbers_of_inboxes_are_remembered(self, reopened):
        journal, _ = reopened()
        of_b = replace(SPECS[2], inbox="b")
        journal.write([Batch(filed=[filed(1, 2, spec=SPECS[2], sink=True)])])
        journal.write([Batch(filed=[filed(3, spec=of_b, sink=True), filed(4, sink=True)])])
        journal.write([Batch(settled={"succeeded": [1, 2, 3, 4]})])
        journal, legacy = reopened(journal)
        assert legacy.inboxes == {"a": 102, "b": 103}
        journal.write([Batch(filed=[filed(5, spec=of_b, sink=True)])])
        assert reopened(journal)[1].inboxes == {"a": 102, "b": 105}

    def test_ages_and_delays_by_the_wall_clock(self, place, reopened):
        journal, _ = reopened()
        journal.write([Batch(filed=[filed(1, 2)])])
        place.now += 10.0
        journal.write([Batch(trials=[Trial(1, 1, delay=30.0)])])
        place.now += 20.0
        journal, legacy = reopened(journal)
        assert [task.age for task in legacy.tasks] == [30.0, 30.0]
        assert legacy.tasks[0].trial.delay == 10.0
        place.now += 20.0
        journal, legacy = reopened(journal)
        assert legacy.tasks[0].trial.delay == 0.0
        place.now = 3.0  # it was put back
        _, legacy = reopened(journal)
        assert [task.age for task in legacy.tasks] == [0.0, 0.0]
        assert legacy.tasks[0].trial.delay == 30.0

    def test_it_keeps_nothing_of_what_it_was_given(self, reopened):
        journal, _ = reopened()
        batch = Batch(filed=[filed(1)], trials=[Trial(1, 1, evidence=[dict(EVIDENCE)])])
        journal.write([batch])
        batch.filed[0].seqs[0], batch.filed[0].args[0] = 3, b""
        batch.trials[0].failures = 7
        batch.trials[0].evidence[0]["attempt"] = 8
        _, legacy = reopened(journal)
        assert [strip(task)[1:3] for task in legacy.tasks] == [(1, b"1:xxxxxxxxxx")]
        assert legacy.tasks[0].trial == Trial(1, 1, evidence=[EVIDENCE])

    def test_a_killed_process_has_what_was_written(self, place, reopened):
        journal, _ = reopened()
        journal.write([Batch(filed=[filed(1)]), Batch(filed=[filed(2)])])
        place.kill(journal)
        _, legacy = reopened()
        assert [task.seq for task in legacy.tasks] == [1, 2]

    def test_large_and_many(self, reopened):
        journal, _ = reopened()
        large = filed(1, 2, 3, size=1_500_000)
        many = filed(*range(4, 30_000), size=0)
        journal.write([Batch(filed=[large, many], settled={"succeeded": [*range(5, 29_000)]})])
        _, legacy = reopened(journal)
        assert [len(task.args) for task in legacy.tasks[:3]] == [1_500_002] * 3
        assert [task.seq for task in legacy.tasks] == [1, 2, 3, 4, *range(29_000, 30_000)]

    def test_no_room_and_then_some(self, place, reopened):
        place.bytes_max = 256 * 1024
        journal, _ = reopened()
        confirmed = fill(journal)
        assert 4 <= len(confirmed) <= 16
        for _ in range(2):
            with pytest.raises(JournalFull):
                journal.write([Batch(filed=[filed(90, size=16_000)]), Batch(workers=("w",))])
        # What is settled is written from the reserve, and makes room.
        for seq in confirmed:
            journal.write([Batch(settled={"succeeded": [seq]})], reserve=True)
        journal.write([Batch(filed=[filed(91, size=16_000)])])
        _, legacy = reopened(journal)
        assert [task.seq for task in legacy.tasks] == [91]
        assert legacy.workers == ()
        assert legacy.settled == {"succeeded": len(confirmed)}

    def test_a_reserve_has_an_end(self, place, reopened):
        place.bytes_max = 64 * 1024
        journal, _ = reopened()
        assert len(fill(journal, reserve=True)) < 1000

    def test_a_disk_that_fails(self, place, reopened):
        journal, _ = reopened()
        journal.write([Batch(filed=[filed(1)])])
        place.fail(journal)
        with pytest.raises(JournalBroken) as first:
            journal.write([Batch(filed=[filed(2)])])
        assert journal.name in str(first.value)
        for reserve in (False, True):
            with pytest.raises(JournalBroken):
                journal.write([Batch(workers=())], reserve=reserve)
        _, legacy = reopened(journal)
        assert legacy.tasks[0].seq == 1

    def test_one_load_then_writes_then_no_more(self, place, reopened):
        journal = place.open()
        with pytest.raises(UsageError):
            journal.write([Batch(filed=[filed(1)])])
        journal.load()
        with pytest.raises(UsageError):
            journal.load()
        journal.write([])
        journal.close()
        journal.close()
        with pytest.raises(UsageError):
            journal.write([Batch(filed=[filed(1)])])
        assert reopened()[1].tasks == []

    def test_an_empty_one_is_removed_if_asked(self, place, reopened):
        journal, first = reopened()
        journal.write([Batch(filed=[filed(1, 2)], letters=[Letter(1, "dead", ERROR)])])
        journal.write([Batch(settled={"succeeded": [2]})])
        journal.close(remove_if_empty=True)
        assert place.exists()  # for the letter
        journal, _ = reopened()
        journal.write([Batch(removed=[1])])
        journal.close()
        assert place.exists()
        journal, legacy = reopened()
        assert legacy.producer_id == first.producer_id
        journal.close(remove_if_empty=True)
        assert not place.exists()


class Model:
    """A journal as a few dicts."""

    def __init__(self):
        self.tasks, self.trials, self.letters = {}, {}, {}
        self.workers, self.newest, self.settled, self.inboxes = (), 0, Counter(), {}

    def write(self, batch):
        for some in batch.filed:
            for at, seq in enumerate(some.seqs):
                sink_seq = some.sink_seqs[at] if some.sink_seqs else 0
                self.tasks[seq] = (some.spec, seq, some.args[at], sink_seq)
                self.newest = max(self.newest, seq)
                if some.spec.inbox and sink_seq:
                    known = self.inboxes.get(some.spec.inbox, 0)
                    self.inboxes[some.spec.inbox] = max(known, sink_seq)
        for trial in batch.trials:
            if trial.seq in self.tasks:
                self.trials[trial.seq] = trial
                self.letters.pop(trial.seq, None)
        for letter in batch.letters:
            self.settled[letter.state] += 1
            if letter.seq in self.tasks:
                self.letters.pop(letter.seq, None)
                self.letters[letter.seq] = letter
        for state, seqs in batch.settled.items():
            self.settled[state] += len(seqs)
        for seq in chain(batch.removed, *batch.settled.values()):
            for table in (self.tasks, self.trials, self.letters):
                table.pop(seq, None)
        if batch.workers is not None:
            self.workers = batch.workers

    def seen(self):
        def one(seq):
            trial, letter = self.trials.get(seq), self.letters.get(seq)
            return (*self.tasks[seq], escaped(trial), escaped(letter))

        return (
            [one(seq) for seq in sorted(self.tasks) if seq not in self.letters],
            [one(seq) for seq in self.letters],
            self.newest,
            self.workers,
            {state: count for state, count in self.settled.items() if count},
            self.inboxes,
        )


class JournalMachine(RuleBasedStateMachine):
    """Writes, closes, crashes and opens in any order: the same is left as in the model."""

    def make_place(self):
        raise NotImplementedError

    def compact(self, journal):
        """Make it as small as it can be, if it can be told to."""

    @initialize()
    def start(self):
        self.place = self.make_place()
        self.model = Model()
        self.journal = self.place.open()
        self.epoch = self.journal.load().epoch
        self.seq = 0

    def fresh(self, count, gap):
        seqs = [self.seq + 1 + at * gap for at in range(count)]
        self.seq = seqs[-1] if seqs else self.seq
        return seqs

    @rule(data=st.data(), count=st.integers(1, 3))
    def write(self, data, count):
        batches = [self.batch(data) for _ in range(count)]
        self.journal.write(copy.deepcopy(batches), reserve=data.draw(st.booleans()))
        for batch in batches:
            self.model.write(batch)

    def batch(self, data):
        draw = data.draw
        batch = Batch()
        for _ in range(draw(st.integers(0, 2))):
            seqs = self.fresh(draw(st.integers(1, 5)), draw(st.integers(1, 2)))
            spec, size = draw(st.sampled_from(SPECS)), draw(st.sampled_from([0, 10, 3000]))
            batch.filed.append(filed(*seqs, spec=spec, size=size, sink=draw(st.booleans())))
        some = st.lists(st.integers(1, self.seq + 2), max_size=4, unique=True)
        for state in draw(st.sets(st.sampled_from(["succeeded", "expired"]))):
            batch.settled[state] = draw(some)
        for seq in draw(some):
            evidence = [EVIDENCE] * draw(st.integers(0, 3))
            batch.trials.append(Trial(seq, draw(st.integers(0, 9)), 1, 2, 0.0, evidence))
        for seq in draw(some):
            batch.letters.append(Letter(seq, draw(st.sampled_from(["failed", "dead"])), ERROR))
        batch.removed = draw(some)
        batch.workers = draw(st.sampled_from([None, None, (), ("a" * 32,)]))
        return batch

    @rule(how=st.sampled_from(["close", "kill", "remove"]))
    def reopen(self, how):
        if how == "kill":
            self.place.kill(self.journal)
        else:
            self.journal.close(remove_if_empty=how == "remove")
        if how == "remove" and not self.model.tasks:
            assert not self.place.exists()
            self.model, self.epoch, self.seq = Model(), 0, 0
        self.journal = self.place.open()
        legacy = self.journal.load()
        assert legacy.epoch == self.epoch + 1
        self.epoch = legacy.epoch
        assert seen(legacy) == self.model.seen()

    @rule()
    def make_small(self):
        self.compact(self.journal)

    @precondition(lambda self: self.model.tasks)
    @rule(data=st.data())
    def settle_nearly_all(self, data):
        seqs = sorted(self.model.tasks)
        left = data.draw(st.sampled_from(seqs))
        batch = Batch(settled={"succeeded": [seq for seq in seqs if seq != left]})
        self.journal.write([batch])
        self.model.write(batch)

    @invariant()
    def it_is_there(self):
        assert self.place.exists()

    def teardown(self):
        if hasattr(self, "journal"):
            self.reopen("close")
            self.journal.close()
