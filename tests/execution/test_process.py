"""Child processes in daily life: what they are started with, what user code may do in them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from pool_bench import all_gone, descriptors, references

from zmqwork.errors import UsageError
from zmqwork.execution import child, interpreter
from zmqwork.execution.handlers import HandlerRef
from zmqwork.execution.process import ProcessPool

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent


# -- what user code may do ----------------------------------------------------------------------


def test_large_arguments_and_results_pass_and_the_loop_goes_on(processes, tmp_path):
    bench = processes()
    sizes = [10, 5_000_000, 70_000, 0, 20_000_000, 1]
    go = tmp_path / "go"
    # The child reads nothing meanwhile, so most of this must wait here.
    bench.give(0, ("wait_for_file", str(go)), *[("size", bytes(size)) for size in sizes])
    bench.host.run_for(0.05)
    assert bench.pool._slots[0]._link._unsent
    go.touch()
    assert bench.values(count=1 + len(sizes)) == ["seen", *sizes]
    assert not bench.pool._slots[0]._link._unsent
    bench.give(0, *[("blob", size) for size in sizes])
    assert [len(value) for value in bench.values(count=len(sizes))] == sizes


def test_a_child_that_does_not_read_costs_no_processor_time(processes, tmp_path):
    bench = processes()
    bench.give(0, ("wait_for_file", str(tmp_path / "go")), ("size", bytes(5_000_000)))
    bench.host.run_for(0.3)
    bench.host.calls = 0
    bench.host.run_for(0.3)
    # Looks for finished outcomes, four times a second.
    assert bench.host.calls <= 3
    (tmp_path / "go").touch()
    bench.values(count=2)


def test_an_idle_pool_does_nothing(processes):
    bench = processes(2)
    bench.call("noop", 1)
    bench.host.run_for(0.05)
    bench.host.calls = 0
    bench.host.run_for(0.2)
    assert bench.host.calls == 0


def test_results_larger_than_a_message_fail_for_good(processes, monkeypatch):
    bench = processes()
    bench.give(0, ("blob", 300 * 1024 * 1024), ("noop", 1))
    error = bench.error()
    assert error["final"] is True
    assert bench.value() == 1


def test_threads_of_a_task_do_not_disturb(processes):
    bench = processes()
    assert bench.call("start_threads", 3) == 4
    assert [bench.call("noop", number) for number in range(5)] == list(range(5))


def test_a_copy_that_returns_does_not_answer_for_the_task(processes):
    bench = processes()
    for name in ("fork_and_return", "fork_and_exit"):
        bench.give(0, ("noop", 1), (name,), ("noop", 2))
        assert bench.values(count=3) == [1, "parent", 2]
    bench.host.run_for(0.1)
    assert bench.deaths == []
    assert bench.call("noop", 3) == 3


def test_multiprocessing_works_inside_a_task(processes):
    bench = processes()
    assert bench.call("multiprocess", 5) == [5, 4, 3, 2, 1]
    assert bench.call("noop", 1) == 1


def test_what_a_task_forks_can_be_ended_at_once(processes):
    assert processes().call("end_copies", 100) == [-signal.SIGTERM] * 100


def test_signals_that_are_the_parents_business(processes):
    bench = processes()
    assert bench.call("signal_ignored") == -signal.SIGTERM


def test_children_are_out_of_reach_of_the_terminal(processes):
    bench = processes()
    pid = bench.call("pid")
    assert os.getpgid(pid) == pid != os.getpgid(0)


@pytest.mark.parametrize("name", interpreter.THREAD_LIMITS)
def test_libraries_start_one_thread(processes, monkeypatch, name):
    monkeypatch.delenv(name, raising=False)
    assert processes().call("environment", name) == "1"


def test_unless_told_otherwise(processes, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert processes().call("environment", "OMP_NUM_THREADS") == "3"


# -- start and stop -----------------------------------------------------------------------------


def test_idle_children_end_by_themselves(processes, tmp_path):
    bench = processes()
    bench.call("at_exit", str(tmp_path / "done"))
    bench.pool.stop()
    assert (tmp_path / "done").exists()


def test_stop_kills_what_runs(processes, tmp_path):
    bench = processes(2)
    started = tmp_path / "started"
    bench.give(0, ("touch_and_wait", str(started)))
    bench.run_until(lambda: started.exists() and started.read_text())
    before = len(bench.host.watched)
    bench.pool.stop()
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
    assert before > 0
    assert bench.host.watched == set()


def test_stop_before_the_children_are_ready(processes):
    count = descriptors()
    bench = processes(2, start=False)
    bench.pool.start(bench.host)
    bench.pool.stop()
    bench.host.close()
    assert descriptors() == count


def test_stop_without_start():
    ProcessPool(1, references()).stop()


def test_a_forked_copy_of_the_worker_leaves_the_children_alone(processes):
    bench = processes()
    pid = os.fork()
    if not pid:
        bench.pool.stop()
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
    assert bench.call("noop", 1) == 1


def test_an_import_error_is_said_once_and_tried_again_later(processes, tmp_path, monkeypatch):
    module = tmp_path / "broken_tasks.py"
    module.write_text("def noop(value): return value\n1 / 0\n")
    monkeypatch.syspath_prepend(tmp_path)
    handlers = [HandlerRef("noop", "broken_tasks", "noop")]
    bench = processes(2, handlers, start=False)
    bench.pool.start(bench.host)
    bench.run_until(lambda: bench.pool._slots[0]._deaths >= 2)
    assert len(bench.troubles) == 1
    assert "ZeroDivisionError" in bench.troubles[0]
    assert 'broken_tasks.py", line 2' in bench.troubles[0]
    assert "child.py" not in bench.troubles[0]
    assert bench.ready == []
    assert bench.deaths == []
    module.write_text("def noop(value): return value\n")
    bench.run_until(lambda: bench.ready)
    assert bench.call("noop", 4, slot=bench.ready[0]) == 4


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import os; os._exit(3)", "exit_code 3"),
        ("import os; os.kill(os.getpid(), 9)", "signal SIGKILL"),
        ("", "no 'noop'"),
        ("noop = 3", "is no function"),
    ],
)
def test_modules_that_end_the_child(processes, tmp_path, monkeypatch, source, text):
    (tmp_path / "ending_tasks.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    bench = processes(1, [HandlerRef("noop", "ending_tasks", "noop")], start=False)
    bench.pool.start(bench.host)
    bench.run_until(lambda: bench.troubles)
    assert text in bench.troubles[0]


def test_no_room_for_a_process_is_trouble_and_passes(processes, monkeypatch):
    bench = processes(start=False)
    real = interpreter._run

    def fail(*args):
        monkeypatch.setattr(interpreter, "_run", real)
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(interpreter, "_run", fail)
    count = descriptors()
    bench.pool.start(bench.host)
    assert descriptors() == count
    assert "temporarily unavailable" in bench.troubles[0]
    bench.run_until(lambda: bench.ready)
    assert bench.call("noop", 1) == 1


def test_where_there_are_no_process_descriptors(processes, monkeypatch):
    monkeypatch.delattr(os, "pidfd_open")
    bench = processes()
    bench.give(0, ("noop", 1), ("vanish", 9))
    event = bench.death()
    assert (event.begun, event.evidence) == (1, {"exit_code": 9})
    assert bench.value() == 1
    assert bench.call("noop", 2) == 2


def test_where_there_is_no_memory_without_a_file(processes, monkeypatch):
    monkeypatch.delattr(os, "memfd_create")
    assert processes().call("noop", 2) == 2


# -- whole programs -----------------------------------------------------------------------------

MAIN = """
    import sys
    sys.path.insert(0, {here!r})

    def double(value):
        return 2 * value

    def pid_of(value):
        import os
        return os.getpid()

    def main():
        from pool_bench import Bench
        from zmqwork.execution.handlers import HandlerRef
        from zmqwork.execution.process import ProcessPool
        pool = ProcessPool(1, [HandlerRef.of("double", double)])
        bench = Bench(pool)
        bench.start()
        print(bench.call("double", 21), sys.argv[1:])
        bench.close()

    {start}
"""


def run(*command, cwd, timeout=60):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, *command],
        cwd=cwd, env=environment, timeout=timeout, capture_output=True, text=True, check=False,
    )  # fmt: skip


def program(start='if __name__ == "__main__":\n        main()', text=MAIN):
    return textwrap.dedent(text.format(here=str(HERE), start=start))


def test_tasks_in_the_main_script(tmp_path):
    (tmp_path / "script.py").write_text(program())
    done = run("script.py", "argument", cwd=tmp_path)
    assert done.stdout == "42 ['argument']\n", done.stderr


def test_tasks_in_the_main_module_of_a_package(tmp_path):
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").touch()
    (tmp_path / "package" / "__main__.py").write_text(program())
    done = run("-m", "package", cwd=tmp_path)
    assert done.stdout == "42 []\n", done.stderr


def test_tasks_in_a_directory_that_is_run(tmp_path):
    (tmp_path / "place").mkdir()
    (tmp_path / "place" / "__main__.py").write_text(program())
    done = run("place", cwd=tmp_path)
    assert done.stdout == "42 []\n", done.stderr


def test_tasks_that_no_child_can_import_are_refused(tmp_path):
    done = run("-c", program(), cwd=tmp_path)
    assert "UsageError" in done.stderr
    assert "there is no file of it" in done.stderr


def test_a_missing_guard_is_named(tmp_path):
    """The module is imported again by the children, and starts a worker there."""
    start = textwrap.dedent(
        """
        from pool_bench import Bench
        from zmqwork.execution.handlers import HandlerRef
        from zmqwork.execution.process import ProcessPool
        pool = ProcessPool(1, [HandlerRef.of("double", double)], lambda text: print(text) or 1)
        bench = Bench(pool)
        pool.start(bench.host)
        bench.run_until(lambda: pool._told)
        bench.close()
        """
    ).replace("\n", "\n    ")
    (tmp_path / "script.py").write_text(program(start))
    done = run("script.py", cwd=tmp_path)
    assert 'if __name__ == "__main__":' in done.stdout
    assert "UsageError" in done.stdout
    assert done.returncode == 0, done.stderr


def test_what_tasks_print_is_seen_when_they_are_done(tmp_path):
    (tmp_path / "script.py").write_text(
        program(
            """
    if __name__ == "__main__":
        import execution_tasks, os, signal
        from pool_bench import Bench, references
        from zmqwork.execution.process import ProcessPool
        bench = Bench(ProcessPool(1, references()))
        bench.start()
        bench.call("shout", "hello")
        # Even if the child is killed right afterwards.
        bench.call("noop", 1)
        bench.give(0, ("kill_me",))
        bench.death()
        bench.close()
            """
        )
    )
    done = run("script.py", cwd=tmp_path)
    assert done.stdout == "hello\n", done.stderr


ORPHANS = """
    if __name__ == "__main__":
        import execution_tasks, os, signal
        from pool_bench import Bench, references
        from zmqwork.execution.process import ProcessPool
        bench = Bench(ProcessPool(3, references()))
        bench.start()
        pids = [bench.call("pid", slot=slot) for slot in range(3)]
        bench.give(0, ("touch_and_wait", {path!r}))
        bench.give(1, ("async_forever", {path!r} + "2"))
        bench.run_until(lambda: os.path.exists({path!r} + "2") and os.path.exists({path!r}))
        print(*pids, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
"""


def test_children_end_with_a_parent_that_is_killed(processes, tmp_path):
    """Busy, in a coroutine, idle: a pipe that all of them hold is closed when the last is gone."""
    (tmp_path / "script.py").write_text(program(ORPHANS.format(path=str(tmp_path / "started"))))
    # `communicate` returns when nobody holds the other end of stdout.
    done = run("script.py", cwd=tmp_path, timeout=20)
    assert done.returncode == -signal.SIGKILL, done.stderr
    pids = list(map(int, done.stdout.split()))
    assert len(pids) == 3
    assert all_gone(pids)


def test_where_the_system_does_not_end_children(tmp_path):
    """Without PR_SET_PDEATHSIG they look for their parent themselves."""
    (tmp_path / "ctypes.py").write_text("raise ImportError('none here')\n")
    script = program(ORPHANS.format(path=str(tmp_path / "started")))
    script = script.replace("sys.path.insert(0, ", "sys.path.insert(1, ", 1)
    (tmp_path / "script.py").write_text(script.replace("import execution_tasks, os", "import os"))
    tasks = (HERE / "execution_tasks.py").read_text().replace("import ctypes\n", "")
    (tmp_path / "execution_tasks.py").write_text(tasks)
    done = run("script.py", cwd=tmp_path, timeout=20)
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert all_gone(list(map(int, done.stdout.split())))


def test_the_interpreters_options_are_passed_on(tmp_path):
    start = """
    def optimised(value):
        return sys.flags.optimize

    if __name__ == "__main__":
        main()
    """
    text = program(start).replace('"double", double', '"double", optimised')
    (tmp_path / "script.py").write_text(text)
    done = run("-OO", "script.py", cwd=tmp_path)
    assert done.stdout == "2 []\n", done.stderr


def test_a_module_search_path_that_the_program_made(processes, tmp_path, monkeypatch):
    (tmp_path / "elsewhere.py").write_text("def noop(value): return value\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend("")
    bench = processes(1, [HandlerRef("noop", "elsewhere", "noop")], start=False)
    # Relative entries mean what they meant when the pool was made.
    monkeypatch.chdir("/")
    bench.start()
    assert bench.call("noop", 3) == 3


def test_starting_a_pool_inside_a_child_is_refused(monkeypatch):
    monkeypatch.setattr(child, "in_child", True)
    with pytest.raises(UsageError, match="__main__"):
        ProcessPool(1, references())
