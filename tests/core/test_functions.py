"""Functions without an app: which worker is given which, and which a worker takes."""

from __future__ import annotations

import pytest
from desks import ProducerDesk, WorkerDesk, done

from zmqwork.config import PATTERNS_MAX, check_patterns
from zmqwork.core import functions
from zmqwork.core.effects import Answer
from zmqwork.core.events import CancelRequested, StatusRequested
from zmqwork.core.functions import ANY
from zmqwork.core.ledger import TaskSpec
from zmqwork.core.messages import REJECTED, Done, Failure, Started, Tasks, Welcome
from zmqwork.errors import ConfigError
from zmqwork.options import TaskOptions


def function(name, **options):
    return TaskSpec(name, ANY, TaskOptions(**options))


@pytest.mark.parametrize(
    ("pattern", "name", "allowed"),
    [
        ("*", "pkg.module:f", True),
        ("pkg.*", "pkg.module:f", True),
        ("pkg.*", "pkg:f", True),
        ("pkg.*", "pkg.module:f[]", True),
        ("pkg.*", "pkgs.module:f", False),
        ("pkg.module.f", "pkg.module:f", True),
        ("pkg.module:f", "pkg.module:f", True),
        ("pkg.module.f", "pkg.module:f2", False),
        ("pkg.module.f", "other.pkg.module:f", False),
        ("*.f", "pkg.module:f", True),
        ("*.f", "pkg.module:g", False),
        ("pkg.*.f", "pkg.module:f", True),
        ("pkg.*.*.f", "pkg.module:f", False),
        ("a*b*c", "a.b:c", True),
        ("a*c*b", "a.b:c", False),
        ("a*x*c", "a.b:c", False),
        ("pkg.f*f", "pkg:f", False),
        ("**", "pkg:f", True),
        # Without a module it is the name of a task, which patterns do not cover.
        ("*", "f", False),
        ("", "pkg:f", False),
    ],
)
def test_patterns(pattern, name, allowed):
    assert functions.allows([pattern], name) is allowed
    assert functions.allows(["nothing", pattern], name) is allowed


@pytest.mark.parametrize(
    "pattern",
    ["pkg..x", "pkg:.x", "pkg.:x", ".x", ":x", "pkg.", "pkg:", "*.", "pkg..*", "pkg", "f2"],
)
def test_a_pattern_that_can_match_nothing_is_refused(pattern):
    for name in ("pkg.module:f", "pkg:x", "f2:f2", "pkg:pkg"):
        assert not functions.allows([pattern], name)
    with pytest.raises(ConfigError, match="matches nothing"):
        check_patterns([pattern])


@pytest.mark.parametrize(
    "pattern", ["*", "**", "pkg*", "pkg.*", "*.f", "pkg:f", "a*b*c", "my-file.f"]
)
def test_a_pattern_that_can_match_something_is_taken(pattern):
    check_patterns([pattern])


def test_what_a_peer_writes_is_matched_in_linear_time():
    # Of a matcher that goes back, nobody would live to see the end.
    assert not functions.allows(["a*" * 60 + "b"], "a" * 60 + ":" + "a" * 60)


def test_only_so_many_patterns_of_a_peer_are_looked_at():
    tasks = {"f": "1"} | {f"p{number}.*": ANY for number in range(PATTERNS_MAX + 1)}
    found = functions.patterns_of(tasks)
    assert (len(found), found[0]) == (PATTERNS_MAX, "p0.*")


def test_functions_go_to_workers_that_allow_them():
    desk = ProducerDesk()
    link = desk.open("a", credit=9, slots=9, tasks={"f": "1", "pkg.*": ANY})
    desk.open("b", credit=9, slots=9, tasks={"other:f": "1", "other.*": "1"})
    desk.submit(1, of=function("pkg.module:f"))
    assert desk.given(link) == [(1, 1)]
    desk.submit(2, of=function("other:f"))
    desk.submit(3, of=function("pkg.module:f", queue="elsewhere"))
    assert desk.given() == [(3, 1)]
    # A task that happens to be called like a function is none.
    desk.submit(4, of=TaskSpec("pkg.module:f", "1", TaskOptions()))
    assert desk.given() == []


def test_queues_hold_for_functions_too():
    desk = ProducerDesk()
    desk.open("a", credit=9, tasks={"*": ANY}, queues=["other"])
    desk.submit(1, of=function("pkg:f"))
    assert desk.given() == []
    assert "workers that allow it do not serve queue 'default'" in about(desk, 1)
    desk.submit(2, of=function("pkg:f", queue="other"))
    assert desk.given() == [(2, 1)]


def about(desk, seq):
    desk.turn(StatusRequested("request", seq))
    (answer,) = desk.of(Answer)
    assert answer.value["no_worker"]
    return answer.value["text"]


def test_why_nobody_runs_a_function():
    desk = ProducerDesk()
    desk.submit(1, of=function("pkg.module:f"))
    assert "1 x function 'pkg.module:f'" in about(desk, 1)
    assert "start one with: zmqwork worker --allow 'pkg.module.*'" in about(desk, 1)
    desk.open("a", credit=9, tasks={"f": "1", "a.*": ANY})
    assert "no worker allows this function; allowed are 'a.*'; start one" in about(desk, 1)


def test_a_worker_that_refuses_what_it_allows_is_given_no_more_of_it():
    desk = ProducerDesk()
    link = desk.open("a", credit=9, slots=9, tasks={"pkg.*": ANY, "more.*": ANY})
    desk.submit(1, of=function("pkg:f"))
    refusal = Failure(1, 1, REJECTED, {"type": "UnknownTask", "text": ""})
    desk.say(link, done(1, failures=[refusal]))
    assert desk.given() == []
    desk.submit(2, of=function("more:f"))
    assert desk.given() == [(2, 1)]


def test_a_worker_says_what_it_allows_and_takes_nothing_else():
    desk = WorkerDesk(allow=("pkg.*",), slots=3, prefetch_max=0)
    link = desk.hello()
    (welcome,) = desk.sent(Welcome)
    assert welcome.tasks == {"f": "1", "g": "1", "pkg.*": ANY}
    desk.say(link, desk.tasks(1, name="pkg.module:f"))
    assert desk.placed() == [(0, 1)]
    for seq, name in enumerate(["pkg.*", "os:system", "pkg.module.f", "pkgs:f"], 2):
        desk.say(link, desk.tasks(seq, name=name))
        (batch,) = desk.sent(Done)
        assert [failure.outcome for failure in batch.failures] == [REJECTED]
    assert "nor does it allow such a function" in batch.failures[0].error["text"]


def test_cancelling_everything_spares_what_has_begun():
    desk = ProducerDesk()
    link = desk.open("a", credit=2, slots=2)
    desk.submit(1, 2, 3, 4)
    assert desk.sent(Tasks)
    desk.say(link, Started([1], [1]))
    effects = desk.turn(CancelRequested(None, "request"))
    assert desk.settled() == [(2, "cancelled"), (3, "cancelled"), (4, "cancelled")]
    (answer,) = desk.of(Answer)
    assert answer == Answer("request", [2, 3, 4])
    kinds = [type(effect).__name__ for effect in effects]
    assert kinds.index("Settle") < kinds.index("Answer"), "who asked finds the futures cancelled"
