from __future__ import annotations

from dataclasses import replace

import pytest
from desks import ProducerDesk, done, node_id, spec
from durable_desk import DurableDesk, legacy

from zmqwork.core.effects import Answer, Notice, Settle
from zmqwork.core.events import CancelRequested, PauseRequested, StatusRequested
from zmqwork.core.ledger import TaskSpec, unfit_for
from zmqwork.core.letters import RevivalRequested
from zmqwork.core.link_events import LinkDown, Probed
from zmqwork.core.messages import REJECTED, Credit, Demand, Failure
from zmqwork.core.records import Recorded
from zmqwork.core.retry import another_attempt
from zmqwork.core.trouble import REJECTIONS_MAX
from zmqwork.options import TaskOptions

ERROR = {"type": "zmqwork.execution.retry.Reject", "text": "no GPU", "rejected": True}


def rejected(*seqs, batch=1, attempt=1, **more):
    failures = [Failure(seq, attempt, REJECTED, ERROR | more) for seq in seqs]
    return done(batch, failures=failures)


@pytest.fixture
def desk():
    return ProducerDesk()


def about(desk, seq):
    desk.turn(StatusRequested("request", seq))
    (answer,) = desk.of(Answer)
    return answer.value


def test_a_rejected_task_goes_elsewhere_and_loses_no_retry(desk):
    link = desk.open("a")
    desk.submit(1, of=spec(max_retries=0))
    other = desk.open("b")
    desk.say(link, rejected(1))
    assert desk.given(other) == [(1, 2)]
    counters = desk.machine.counters
    assert (counters["rejected"], counters["returned"], counters["crashes"]) == (1, 0, 0)
    desk.say(other, done(1, (1, 2)))
    assert desk.settled() == [(1, "succeeded")]


def test_a_worker_gets_other_tasks_of_the_kind(desk):
    link = desk.open("a")
    desk.submit(1)
    desk.say(link, rejected(1))
    desk.submit(2)
    assert desk.given(link) == [(2, 1)]


def test_a_task_waits_for_a_worker_that_has_not_rejected_it(desk):
    link = desk.open("a")
    desk.submit(1, 2)
    desk.say(link, rejected(1))
    assert desk.given() == [(2, 1)], "not to the same worker again"
    desk.until(103.2)
    (notice,) = [n for n in desk.effects if getattr(n, "kind", "") == "rejected"]
    assert "each worker that could run it has rejected it (1 have so far)" in notice.text
    told = about(desk, 1)
    assert told["no_worker"]
    assert told["rejections"] == 1
    assert told["workers"][0]["why_not"] == "has rejected it"
    assert told["advice"] == ["mend this, and start the worker again: no GPU"]
    (record,) = told["evidence"]
    assert (record["cause"], record["text"], record["attempt"]) == ("rejected", "no GPU", 1)
    third = desk.open("c")
    assert desk.given(third) == [(1, 2)]


def test_a_worker_that_comes_back_is_still_not_asked(desk):
    link = desk.open("a")
    desk.submit(1)
    desk.say(link, rejected(1))
    desk.turn(LinkDown(link))
    link = desk.greet("a", Credit(5, 1 << 20))
    desk.until(desk.now + 2)
    assert desk.given() == []
    assert desk.machine._ledger.get(1).state == "waiting"


def test_several_that_the_same_workers_rejected_travel_together(desk):
    link = desk.open("a", credit=9, slots=9)
    desk.submit(*range(1, 7))
    desk.say(link, rejected(*range(1, 7)))
    other = desk.open("b", credit=4, slots=4)
    assert desk.given(other) == [(seq, 2) for seq in (1, 2, 3, 4)]
    desk.say(other, done(1, *[(seq, 2) for seq in (1, 2, 3, 4)]))
    assert desk.given(other) == [(5, 2), (6, 2)]
    desk.say(other, done(2, (5, 2), (6, 2)))
    desk.turn()
    assert list(desk.machine._lanes.rejected) == [], "empty lanes of rejected tasks are forgotten"


def test_bytes_are_a_bound_for_them_too(desk):
    link = desk.open("a", credit=9, slots=9)
    desk.submit(1, 2, args=b"x" * 100)
    desk.say(link, rejected(1, 2))
    other = desk.open("b", credit=9, slots=9, size_bytes=150)
    assert desk.given(other) == [(1, 2)]


def test_many_rejections_are_the_end(desk):
    settled = []
    desk.submit(1)
    for number in range(REJECTIONS_MAX):
        link = desk.open(f"w{number}")
        assert desk.given(link) == [(1, number + 1)]
        desk.say(link, rejected(1, attempt=number + 1, text=f"reason {number}"))
        settled += desk.settled()
    assert settled == [(1, "dead")]
    (settle,) = desk.of(Settle)
    error = settle.entries[0].error
    assert error["type"] == "TaskLost"
    assert f"{REJECTIONS_MAX} of its attempts were rejected" in error["text"]
    assert "reason 15" in error["text"]
    assert [record["cause"] for record in error["evidence"]] == ["rejected"] * 10


def test_a_part_of_a_broadcast_can_go_nowhere_else(desk):
    link = desk.open("a")
    desk.open("b")
    desk.submit(1, of=TaskSpec("f", "1", TaskOptions(), node=node_id("a")))
    desk.say(link, rejected(1))
    assert desk.settled() == [(1, "dead")]


def test_a_rejected_task_can_be_cancelled_and_expire(desk):
    link = desk.open("a")
    desk.submit(1)
    desk.submit(2, of=spec(expires=1.0))
    desk.say(link, Credit(2, 1 << 20))
    desk.say(link, rejected(1))
    desk.say(link, rejected(2, batch=2))
    desk.turn(CancelRequested([1]))
    assert desk.settled() == [(1, "cancelled")]
    desk.until(102.0)
    assert desk.machine._ledger.get(2) is None
    desk.turn()
    assert list(desk.machine._lanes.rejected) == []


def test_a_failure_after_a_rejection_rests_and_comes_back_elsewhere(desk):
    link = desk.open("a")
    desk.submit(1, of=spec(retry_jitter=False))
    desk.say(link, rejected(1))
    other = desk.open("b")
    failed = Failure(1, 2, "failed", {"type": "E", "text": ""})
    desk.say(other, done(1, failures=[failed]))
    desk.until(102.0)
    assert desk.machine._ledger.get(1).attempt == 3
    assert desk.machine._ledger.get(1).worker.node_id == node_id("b")


def test_a_lost_worker_is_no_fault_of_those_that_rejected(desk):
    link = desk.open("a")
    desk.submit(1)
    desk.say(link, rejected(1))
    desk.open("b")
    desk.turn(LinkDown(desk.link_of("b")), Probed("local:b", gone=True))
    assert desk.given(link) == []
    assert desk.machine._ledger.get(1).state == "waiting"


def test_demand_is_told_for_them(desk):
    link = desk.open("a")
    desk.submit(1)
    desk.say(link, rejected(1))
    other = desk.open("b", credit=0)
    assert desk.sent(Demand, other) == [Demand(1)]
    assert desk.sent(Demand, link) == [], "it would keep credit from others for nothing"
    desk.until(desk.now + 0.2)
    assert desk.sent(Demand, link) == []


def test_kinds_are_shared():
    one = unfit_for(unfit_for(spec(), "b"), "a")
    assert one.unfit == ("a", "b")
    assert unfit_for(unfit_for(spec(), "b"), "a") is one


def test_an_item_that_is_rejected_is_submitted_again_for_nothing():
    of = spec(max_retries=0)
    again = another_attempt(of, ERROR)
    assert again is not None
    assert (again.options.max_retries, again.options.countdown) == (0, 0.0)


def test_results_that_go_to_a_sink(desk):
    desk.open_sink("s")
    link = desk.open("a")
    desk.submit(1, of=spec(sink="out"))
    number = desk.destined(link)[1]
    desk.say(link, rejected(1))
    other = desk.open("b")
    assert desk.destined(other) == {1: number}, "under the same number"


def test_workers_that_know_nothing_of_sinks_are_named_as_such(desk):
    desk.open_sink("s")
    link = desk.open("a")
    desk.submit(1, of=spec(sink="out"))
    desk.say(link, rejected(1))
    desk.lose("a")
    desk.open("b", can=[])
    assert "bring no results to sinks" in about(desk, 1)["text"]


def test_of_those_that_were_rejected_the_larger_and_the_older_goes_first(desk):
    link = desk.open("a", credit=9, slots=9)
    desk.submit(1, 2, 3)
    desk.submit(4, of=spec(priority=1))
    desk.say(link, rejected(3))
    desk.say(link, rejected(1, batch=2))
    desk.say(link, rejected(4, 2, batch=3))
    other = desk.open("b", credit=9, slots=9)
    assert desk.given(other) == [(seq, 2) for seq in (4, 1, 2, 3)]


def test_others_may_overtake_what_nobody_here_can_run(desk):
    link = desk.open("a", credit=9, slots=9)
    desk.submit(1)
    desk.say(link, rejected(1))
    desk.submit(2, of=spec("g"))
    assert desk.given(link) == [(2, 1)]


def test_what_is_rejected_in_a_paused_queue_waits(desk):
    link = desk.open("a")
    other = desk.open("b")
    desk.submit(1)
    desk.turn(PauseRequested("default", paused=True))
    desk.say(link, rejected(1))
    assert desk.given() == []
    desk.turn(PauseRequested("default", paused=False))
    assert desk.given(other) == [(1, 2)]


def test_another_signature_is_told_of_once_for_a_task(desk):
    link = desk.open("a", credit=9, slots=9)
    desk.submit(1, 2)
    desk.say(link, rejected(1))
    desk.open("b", tasks={"f": "2"})
    assert [n.kind for n in desk.of(Notice) if n.kind == "other_signature"] == ["other_signature"]


def test_a_fallback_stays_with_its_task():
    plain = spec()
    one, two = replace(plain, fallback="one"), replace(plain, fallback="two")
    assert [unfit_for(of, "a").fallback for of in (plain, one, two)] == [None, "one", "two"]


def test_a_dead_letter_begins_anew(desk):
    desk.submit(1)
    for number in range(REJECTIONS_MAX):
        desk.say(desk.open(f"w{number}"), rejected(1, attempt=number + 1))
    desk.turn(RevivalRequested("asked", None, lambda seq: f"owner of {seq}"))
    assert desk.given() == [(1, REJECTIONS_MAX + 1)]
    assert not desk.machine._ledger.get(1).trouble


def test_a_later_process_knows_of_rejections_and_forgets_by_whom():
    desk = DurableDesk()
    link = desk.open()
    desk.file(1)
    desk.say(link, rejected(1))
    (trial,) = desk.batch().trials
    assert (trial.seq, [record["cause"] for record in trial.evidence]) == (1, ["rejected"])
    left = Recorded(spec(), 1, b"", trial=trial)
    again = DurableDesk(legacy(left, epoch=2))
    again.open()
    entry = again.machine._ledger.get(1)
    assert entry.trouble.rejections == 1
    assert entry.worker is not None
