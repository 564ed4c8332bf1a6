"""Children that die: nothing that was finished is lost, and the right attempt is blamed."""

from __future__ import annotations

import os
import random
import signal
from pathlib import Path

import pytest
from pool_bench import descriptors, is_gone

from zmqwork.core.events import SlotDied, SlotReady


def child_of(bench, slot=0):
    return bench.pool._slots[slot]._child.process.pid


@pytest.mark.parametrize(
    ("call", "evidence"),
    [
        (("kill_me",), {"signal": "SIGKILL"}),
        (("crash",), {"signal": "SIGSEGV"}),
        (("kill_me", int(signal.SIGABRT)), {"signal": "SIGABRT"}),
        (("kill_me", int(signal.SIGRTMIN) + 3), {"signal": f"signal {int(signal.SIGRTMIN) + 3}"}),
        (("vanish", 3), {"exit_code": 3}),
        (("vanish", 0), {"exit_code": 0}),
    ],
)
def test_a_death_names_its_cause_and_its_attempt(processes, call, evidence):
    bench = processes()
    bench.give(0, *[("noop", number) for number in range(7)], call, ("noop", 99), ("noop", 98))
    event = bench.death()
    assert event == SlotDied(0, 1, evidence)
    assert bench.values(count=7) == list(range(7))
    assert bench.results[0] == []
    assert bench.call("noop", 5) == 5


def test_running_out_of_memory_fails_the_attempt_only(processes):
    bench = processes()
    bench.give(0, ("fill_memory", 2**31))
    assert bench.error()["type"] == "MemoryError"


def test_an_idle_child_that_dies_blames_nobody(processes):
    bench = processes()
    bench.call("noop", 1)
    os.kill(child_of(bench), signal.SIGKILL)
    assert bench.death() == SlotDied(0, 0, {"signal": "SIGKILL"})
    assert bench.call("noop", 1) == 1


def test_only_its_slot_is_concerned(processes, tmp_path):
    bench = processes(2)
    bench.give(1, ("wait_for_file", str(tmp_path / "go")))
    bench.give(0, ("crash",))
    assert bench.death().slot == 0
    (tmp_path / "go").touch()
    assert bench.value(1) == "seen"


def test_the_order_of_events(processes):
    bench = processes()
    bench.give(0, ("noop", 1), ("vanish", 1))
    bench.death()
    kinds = [type(event) for event in bench.host.events]
    assert kinds.index(SlotDied) == len(kinds) - 2
    assert kinds[-1] is SlotReady


@pytest.mark.parametrize("seed", range(12))
def test_killed_at_any_instant(processes, tmp_path, seed):
    """Every outcome that there was is delivered, and what had begun is either that or blamed."""
    rng = random.Random(seed)
    bench = processes()
    trace = tmp_path / "trace"
    trace.touch()
    count = 3_000
    bench.give(0, *[("mark", str(trace), number) for number in range(count)])
    wanted = rng.randrange(1, 800)
    bench.run_until(lambda: trace.stat().st_size > wanted * 8)
    os.kill(child_of(bench), signal.SIGKILL)
    event = bench.death()
    assert event.evidence == {"signal": "SIGKILL"}
    delivered = len(bench.results[0])
    lines = trace.read_text().splitlines()
    began = sum(line.startswith("b") for line in lines)
    ended = sum(line.startswith("e") for line in lines)
    assert delivered < count, "it was killed too late to prove anything"
    # Not more was blamed than the one attempt between two marks, and nothing that was delivered.
    assert began <= delivered + event.begun <= began + 1
    assert delivered <= ended <= delivered + 1


def test_large_results_before_a_death_arrive(processes):
    bench = processes()
    bench.give(0, ("blob", 3_000_000), ("blob", 300), ("blob", 100_000), ("crash",), ("noop",))
    assert bench.death().begun == 1
    assert [len(value) for value in bench.values(count=3)] == [3_000_000, 300, 100_000]


def test_many_deaths_leave_nothing_behind(processes):
    bench = processes()
    bench.give(0, ("vanish", 1))
    bench.death()
    bench.call("noop", 1)
    before, watched = descriptors(), len(bench.host.watched)
    pids = set()
    for number in range(40):
        pids.add(child_of(bench))
        bench.give(0, ("noop", number), ("vanish", 1))
        assert bench.death().begun == 1
    assert len(pids) == 40
    assert descriptors() == before
    assert len(bench.host.watched) == watched
    assert all(map(is_gone, pids))
    # No zombie: this process has no child but the present one.
    assert children() == {child_of(bench)}


def test_many_restarts_leave_nothing_behind(processes, tmp_path):
    bench = processes()
    before = descriptors()
    for number in range(40):
        started = tmp_path / str(number)
        bench.give(0, ("touch_and_wait", str(started)))
        if number % 2:
            bench.run_until(started.exists)
        ready = len(bench.ready)
        bench.pool.restart(0)
        bench.run_until(lambda ready=ready: len(bench.ready) > ready)
    assert bench.deaths == []
    assert bench.finished == []
    assert descriptors() == before
    assert children() == {child_of(bench)}


def children():
    found = set()
    for listed in Path("/proc/self/task").glob("*/children"):
        found |= set(map(int, listed.read_text().split()))
    return found


def test_what_a_task_started_ends_with_its_child(processes):
    bench = processes()
    sleeper = bench.call("start_sleeper")
    assert not is_gone(sleeper)
    os.kill(child_of(bench), signal.SIGKILL)
    bench.death()
    bench.run_until(lambda: is_gone(sleeper))


def test_a_copy_that_outlives_the_child_does_not_hide_its_death(processes, tmp_path):
    bench = processes()
    path = tmp_path / "pid"
    bench.give(0, ("noop", 1), ("fork_holder", str(path)))
    assert bench.death() == SlotDied(0, 1, {"exit_code": 7})
    assert bench.value() == 1
    bench.run_until(lambda: is_gone(int(path.read_text())))


def test_a_child_that_closes_its_channel_is_replaced(processes):
    bench = processes()
    bench.give(0, ("noop", 1), ("close_descriptors",), ("noop", 2))
    event = bench.death()
    # Its outcome was in the page; what came after it was not begun.
    assert event.begun == 0
    assert event.evidence["exit_code"] == 74
    assert "channel" in event.evidence["text"]
    assert bench.values(count=2) == [1, "closed"]
    assert bench.call("noop", 3) == 3


def test_nothing_is_written_to_what_takes_the_channels_place(processes):
    bench = processes()
    bench.give(0, ("close_and_open",))
    assert bench.death().begun == 0
    assert bench.value() < 200


def test_deaths_in_a_row_are_not_a_hot_loop(processes):
    bench = processes()
    for _ in range(4):
        bench.give(0, ("vanish", 1))
        bench.death()
    # Replaced at once the first time; from then on after a pause.
    assert bench.pool._slots[0]._deaths == 4
    bench.call("noop", 1)
    assert bench.pool._slots[0]._deaths == 0


def test_garbage_in_the_channel_costs_the_child_its_life(processes):
    bench = processes()
    bench.give(0, ("noop", 1), ("write_to_channel",))
    event = bench.death()
    assert event.evidence["signal"] == "SIGKILL"
    assert "frame" in event.evidence["text"]
    assert bench.value() == 1
    assert bench.call("noop", 2) == 2


def test_a_death_tells_where_it_was_and_what_it_had_used(processes, capfd):
    bench = processes()
    bench.call("keep", 50 * 2**20)
    bench.give(0, ("crash",))
    bench.death()
    assert "Segmentation fault" in bench.traces["stderr"]
    assert "in crash\n" in bench.traces["stderr"]
    assert len(bench.traces["stderr"]) <= 4096
    assert bench.traces["memory_mib"] > 50
    assert bench.traces["cpu_seconds"] > 0
    assert "in crash\n" in capfd.readouterr().err, "people see it as well"


def test_a_child_that_is_killed_leaves_no_words(processes):
    bench = processes()
    bench.give(0, ("kill_me",))
    bench.death()
    assert bench.traces.keys() == {"cpu_seconds", "memory_mib"}


def test_a_death_tells_what_the_attempt_has_written(processes, capfd):
    bench = processes()
    bench.give(0, ("complain", "of another task"), ("complain_and_die", "one", "zwei: \u00e4"))
    bench.death()
    assert bench.traces["stderr"] == "one\nzwei: \u00e4\nlast"
    assert "of another task\none\nzwei: \u00e4\nlast\n" in capfd.readouterr().err, "people see it"


def test_of_much_the_end_is_kept(processes):
    bench = processes()
    bench.give(0, ("complain_and_die", *[f"line {n}" for n in range(1000)]))
    bench.death()
    lines = bench.traces["stderr"].splitlines()
    assert lines[-2:] == ["line 999", "last"]
    assert lines[:-1] == [f"line {n}" for n in range(1001 - len(lines), 1000)]
    assert 1500 < len(bench.traces["stderr"]) <= 2048


def test_silence_after_another_task_has_spoken(processes):
    bench = processes()
    bench.give(0, ("complain", "of another task"), ("kill_me",))
    bench.death()
    assert "stderr" not in bench.traces


def test_what_a_task_forks_does_not_speak_for_its_child(processes, capfd):
    bench = processes()
    assert bench.call("crash_in_fork") == int(signal.SIGSEGV)
    bench.give(0, ("kill_me",))
    bench.death()
    assert "stderr" not in bench.traces
    assert "Segmentation fault" in capfd.readouterr().err


def test_many_words_are_cut(processes):
    bench = processes()
    bench.give(0, ("crash_deep_down", 90))
    bench.death()
    assert 3000 < len(bench.traces["stderr"].encode()) <= 4096
    assert bench.call("noop", 1) == 1
