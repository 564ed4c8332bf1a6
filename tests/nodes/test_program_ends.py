"""What a whole program does at its end, and when it was written without care."""

import os
import signal
import subprocess
import sys

import pytest
from node_processes import PATIENCE

PREAMBLE = """
import sys, zmqwork
app = zmqwork.App("ends")
@app.task(max_retries=0)
def echo(value):
    return value
"""


@pytest.fixture
def run(runtime, tmp_path):
    """Start a program of the user's; `communicate` it."""
    started = []

    def start(text):
        script = tmp_path / "script.py"
        script.write_text(PREAMBLE + text)
        process = subprocess.Popen(
            [sys.executable, str(script)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


def files(runtime):
    return [name for _, _, names in os.walk(runtime) for name in names]


def test_an_embedded_worker_that_nobody_stops_ends_with_its_program(run, runtime):
    process = run("""
if __name__ == "__main__":
    app.worker(concurrency=1).start()
    print(sum(echo.map(range(100))))
""")
    out, errors = process.communicate(timeout=PATIENCE)
    assert (out, errors, process.returncode) == ("4950\n", "", 0)
    assert files(runtime) == []


def test_an_embedded_worker_without_the_guard_is_refused_with_the_cure(run, runtime):
    process = run("""
with app.worker(concurrency=1):
    print(echo.submit(1).result(20))
""")
    out, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert out == ""
    assert 'if __name__ == "__main__":' in errors
    assert "UsageError" in errors
    assert files(runtime) == []


def test_ctrl_c_while_waiting_at_the_exit_is_no_success(run, runtime):
    process = run("""
echo.submit(1)
print("submitted", flush=True)
""")
    assert process.stdout.readline() == "submitted\n"
    waiting = process.stderr.readline()
    assert "waiting for 1 unsettled task" in waiting
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGINT
    assert "abandoned: interrupted" in errors
    assert files(runtime) == []


# In place of the 10 s; shorter than the 2 s after which it says that it waits.
GIVE_UP = """
import zmqwork.producer
zmqwork.producer.GIVE_UP_TIMEOUT = 0.1
"""


def test_tasks_that_no_worker_took_are_given_up_with_a_warning(run, runtime):
    process = run(GIVE_UP + "echo.submit(1)")
    _, errors = process.communicate(timeout=PATIENCE)
    assert "1 unsettled task given up: no worker was there for 0.1 s" in errors
    assert process.returncode == 0
    assert files(runtime) == []


def test_an_executor_waits_for_a_worker_as_long_as_it_takes(run, start_worker):
    process = run(f"""
{GIVE_UP}
import math
with zmqwork.Executor("ends") as executor:
    future = executor.submit(math.factorial, 5)
print(future.result(0))
""")
    assert "waiting for 1 unsettled task" in process.stderr.readline()
    start_worker("--pool", "thread", "--allow", "math.*", in_realm="ends")
    out, errors = process.communicate(timeout=PATIENCE)
    assert (out, errors, process.returncode) == ("120\n", "", 0)


def test_a_program_that_crashed_does_not_wait_for_its_tasks(run, runtime):
    process = run("""
echo.submit(1)
raise RuntimeError("a bug of the user's")
""")
    _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 1
    assert "a bug of the user's" in errors
    assert "waiting" not in errors
    assert files(runtime) == []


def test_the_worker_tells_its_log_of_failures_and_crashes(start_worker, producer, wait_until):
    import work_app as w

    worker = start_worker("-c", "1")
    with pytest.raises(w.zmqwork.TaskFailed):
        w.raise_value_error.submit("no such tile").result(PATIENCE)
    wait_until(lambda: "ValueError: no such tile" in worker.text(), "the failure is logged")
    with pytest.raises(w.zmqwork.TaskLost, match="SIGSEGV"):
        w.segfault.submit().result(PATIENCE)
    wait_until(lambda: "its process died (SIGSEGV)" in worker.text(), "the crash is logged")
