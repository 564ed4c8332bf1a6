"""How functions travel, which are refused, and that allowing one allows no other."""

import functools
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import executor_functions as f
import pytest

import zmqwork
from zmqwork.config import PATTERNS_MAX
from zmqwork.core.functions import ANY
from zmqwork.core.ledger import TaskSpec
from zmqwork.execution.functions import AllowedHandlers, find, main_name
from zmqwork.functions import function_name
from zmqwork.options import TaskOptions
from zmqwork.wire.values import encode_call

PATIENCE = 30.0


class Callable:
    def __call__(self):
        return 1


@pytest.mark.parametrize(
    ("function", "name"),
    [
        (f.add, "executor_functions:add"),
        (f.add_async, "executor_functions:add_async"),
        (f.Shop, "executor_functions:Shop"),
        (f.Shop.method, "executor_functions:Shop.method"),
        (f.Shop.price, "executor_functions:Shop.price"),
        (f.Shop.name, "executor_functions:Shop.name"),
        (os.path.join, "posixpath:join"),
        (len, "builtins:len"),
        (os.getpid, "posix:getpid"),
    ],
)
def test_names(function, name):
    assert function_name(function) == name
    assert find(name) == function


@pytest.mark.parametrize(
    ("function", "why"),
    [
        (lambda: 1, "a lambda cannot travel"),
        (f.nameless, "a lambda cannot travel"),
        (f.outer(), "defined inside another function"),
        (f.Shop().method, "bound to an object of type Shop"),
        ([].append, "bound to an object of type list"),
        (f.old, "is not the function that was passed"),
        (Callable(), "an object of type Callable cannot travel"),
        (3, "only functions can be submitted"),
    ],
)
def test_what_cannot_travel_is_refused_by_submit(function, why, realm):
    executor = zmqwork.Executor(realm)
    with pytest.raises(zmqwork.UsageError, match=why):
        executor.submit(function)
    assert executor._backing.producer().status()["counters"]["submitted"] == 0
    executor.shutdown()


@pytest.mark.parametrize("options", [{"sink": "out"}, {"inbox": "box"}])
def test_results_that_go_to_a_sink_are_no_use_to_an_executor(options, realm):
    app = zmqwork.App(realm)
    task = app.task(max_retries=0)(f.add).using(**options)
    with zmqwork.Executor(app) as executor:
        for call in (lambda: executor.submit(task, 1, 2), lambda: list(executor.map(task, [1]))):
            with pytest.raises(
                zmqwork.UsageError, match=r"its results go to .*; submit\(\) its calls"
            ):
                call()
        assert executor._backing.producer().status()["counters"]["submitted"] == 0
    with pytest.raises(zmqwork.ConfigError, match="an executor hands results back"):
        zmqwork.Executor(realm, **options)


def test_a_name_that_is_too_long(monkeypatch):
    monkeypatch.setattr(f.add, "__qualname__", "add" * 50)
    monkeypatch.setattr(f, "add" * 50, f.add, raising=False)
    with pytest.raises(zmqwork.UsageError, match="too long"):
        function_name(f.add)


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("executor_functions:os.system", "is not defined there, but is posix:system"),
        ("executor_functions:os", "is not defined there"),
        ("executor_functions:nothing", "has no 'nothing' on this worker"),
        ("executor_functions:add.__globals__", "is not defined there"),
        ("executor_functions:add.__call__", "is not defined there"),
        ("executor_functions:Shop.__init__.__globals__", "is not defined there|has no"),
        ("no_such_module:f", "cannot be imported on this worker .ModuleNotFoundError"),
        ("executor_functions:", "has no ''"),
    ],
)
def test_what_a_name_must_not_lead_to(name, why):
    with pytest.raises(zmqwork.UsageError, match=why):
        find(name)


def test_a_module_that_ends_the_program_is_only_a_refusal(tmp_path, monkeypatch):
    (tmp_path / "leaving.py").write_text("import sys; sys.exit(3)")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(zmqwork.UsageError, match="SystemExit: 3"):
        find("leaving:f")


@pytest.mark.parametrize("raised", ["ImportError('no numpy')", "RuntimeError()", "SystemExit(3)"])
def test_a_module_that_raises_when_it_is_looked_into_is_only_a_refusal(
    tmp_path, monkeypatch, raised
):
    name = f"lazy_{raised.partition('(')[0].lower()}"
    (tmp_path / f"{name}.py").write_text(f"def __getattr__(name):\n    raise {raised}\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(zmqwork.UsageError, match="has no 'f'"):
        find(f"{name}:f")
    handlers = AllowedHandlers({}, ("lazy_*",))
    assert handlers.get(f"{name}:f") is not None, "it fails when it is called"


def test_a_class_is_itself_whatever_it_has():
    """Only a task stands in the place of its `handler`."""
    assert find("executor_functions:Server") is f.Server
    assert find("executor_functions:serve") is f.serve


def test_allowed_handlers():
    handlers = AllowedHandlers({"task": len}, ("executor_functions.a*",))
    assert handlers.get("task") is len
    assert (list(handlers), len(handlers)) == (["task"], 1)
    assert handlers.get("executor_functions:add") is f.add
    assert handlers.get("executor_functions:add") is f.add
    assert handlers.get("executor_functions:divide") is None
    assert handlers.get("os:system") is None
    assert isinstance(handlers["executor_functions:add[]"]([1, 2]), bytes)
    with pytest.raises(zmqwork.UsageError, match="has no 'apple'"):
        handlers["executor_functions:apple"](1)


def test_the_main_module(run):
    done = run("from zmqwork.execution.functions import main_name; print(main_name())", "a-b.py")
    assert done.stdout == "a-b\n"
    done = run("from zmqwork.execution.functions import main_name; print(main_name())", "a.b.py")
    assert done.stdout == "\n"
    assert main_name() != "__main__"


# --- with workers


def test_workers_allow_what_they_are_told_to(realm, start_worker):
    told = start_worker("--realm", realm, "-c", "1", "--allow", "executor_functions.a*")
    assert '"allow": ["executor_functions.a*"]' in told
    with zmqwork.Executor(realm) as executor:
        assert executor.submit(f.add, 1).result(PATIENCE) == 2
        assert list(executor.map(f.add, range(10), chunksize=4)) == list(range(1, 11))
        refused = executor.submit(f.divide, 1, 1)
        with pytest.raises(zmqwork.NoWorker, match="no worker allows this function") as caught:
            refused.result(1.0)
        assert "allowed are 'executor_functions.a*'" in str(caught.value)
        assert "zmqwork worker --allow 'executor_functions.*'" in str(caught.value)
        refused.cancel()
        # Somebody who names it all the same, and pretends that it is covered.
        producer = executor._backing.producer()
        for name in ("executor_functions:a.os.system", "executor_functions:add.__globals__"):
            future = producer.submit(TaskSpec(name, ANY, TaskOptions(max_retries=0)), args())
            with pytest.raises(zmqwork.TaskFailed, match=r"UsageError.*executor_functions"):
                future.result(PATIENCE)


def args(*given):
    return encode_call(given, {})


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio", "inline"])
def test_every_pool_runs_functions(realm, pool):
    app = zmqwork.App(realm)
    app.task(f.divide)
    slots = 1 if pool == "inline" else 2
    # (A task of an app is found by child processes where it is bound to a name.)
    app = zmqwork.App(realm) if pool == "process" else app
    with (
        app.worker(slots, pool, allow=["executor_functions.*"]),
        zmqwork.Executor(app) as executor,
    ):
        assert executor.submit(f.add, 1).result(PATIENCE) == 2
        assert executor.submit(f.add_async, 1).result(PATIENCE) == 2
        assert list(executor.map(f.add, range(9), chunksize=2)) == list(range(1, 10))
        if pool != "process":
            task = app.tasks["divide"]
            assert executor.submit(task, 4, 2).result(PATIENCE) == 2
            assert executor.submit(task.using(expires=60), 4, 2).result(PATIENCE) == 2
            assert list(executor.map(task, [8, 6], [2, 3], chunksize=2)) == [4, 2]


def test_a_task_of_the_app_needs_no_permission(realm):
    app = zmqwork.App(realm)
    task = app.task(f.divide)
    with app.worker(1, "thread"), zmqwork.Executor(app) as executor:
        assert executor.submit(task, 6, 3).result(PATIENCE) == 2
        waits = executor.submit(f.add, 1)
        with pytest.raises(zmqwork.NoWorker, match=r"none are allowed.*start one with"):
            waits.result(0.5)
        waits.cancel()


def test_without_workers_it_waits_and_says_so_once(realm, caplog):
    said = threading.Event()
    notices = []
    executor = zmqwork.Executor(realm)
    futures = [executor.submit(f.add, number) for number in range(5)]

    def note(notice):
        notices.append(notice)
        said.set()

    executor._backing.producer().on_notice(note)
    with pytest.raises(zmqwork.NoWorker, match="no worker was found"):
        futures[0].result(0.1)
    assert said.wait(PATIENCE)
    futures.append(executor.submit(f.add, 5))
    with zmqwork.App(realm).worker(1, "thread", allow=["executor_functions.add"]):
        assert [future.result(PATIENCE) for future in futures] == list(range(1, 7))
    executor.shutdown()
    texts = [n.text for n in notices if n.kind == "no_worker"]
    assert len(texts) == 1
    assert "5 x function 'executor_functions:add' (queue 'default') wait" in texts[0]
    assert "zmqwork worker --allow 'executor_functions.*'" in texts[0]
    assert [r.message for r in caplog.records if "no worker was found" in r.message] == texts


def test_workers_without_app_and_patterns_are_refused(start_worker, environment):
    done = subprocess.run(
        [sys.executable, "-m", "zmqwork", "worker"],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode != 0
    assert "nothing to run: name an app (MODULE:APP), or with --allow" in done.stderr


@pytest.mark.parametrize(
    ("allow", "why"),
    [
        ("pkg.*", "allow is a list of patterns"),
        (["a b"], "allow is for functions"),
        ([""], "non-empty"),
        ([f"p{number}.*" for number in range(PATTERNS_MAX + 1)], "at most 64"),
        (["divide"], "is the name of a task"),
    ],
)
def test_patterns_that_are_none(realm, allow, why):
    app = zmqwork.App(realm)
    app.task(f.divide)
    with pytest.raises(zmqwork.ConfigError, match=why):
        app.worker(1, "thread", allow=allow)


# --- programs


def test_a_script_by_its_file_and_a_module_by_its_name(run, tmp_path):
    text = """
import zmqwork

def double(n):
    return 2 * n, __name__

if __name__ == "__main__":
    with zmqwork.Executor(local_workers=1) as executor:
        print(executor.submit(double, 4).result(30))
"""
    assert run(text, "my-script.py").stdout == "(8, 'my-script')\n"
    (tmp_path / "pkg").mkdir()
    (tmp_path / "pkg" / "job.py").write_text(text)
    done = run("import runpy; runpy.run_module('pkg.job', run_name='__main__', alter_sys=True)")
    assert (done.stdout, done.stderr) == ("(8, 'pkg.job')\n", "")


def test_a_program_without_a_file_is_told_what_to_do(environment):
    text = """
import zmqwork
def double(n):
    return 2 * n
with zmqwork.Executor("nobody") as executor:
    executor.submit(double, 4)
"""
    done = subprocess.run(
        [sys.executable, "-c", text],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "a program without a file (a notebook, a prompt, python -c)" in done.stderr


def test_a_script_without_the_guard_is_refused_with_the_cure(run):
    done = run("""
import zmqwork

def double(n):
    return 2 * n

with zmqwork.Executor(local_workers=1) as executor:
    print(executor.submit(double, 4).result(30))
""")
    assert done.returncode == 1
    assert 'if __name__ == "__main__":' in done.stderr
    assert "TaskFailed" in done.stderr


def test_submitting_without_the_guard_is_refused_with_the_cure(run, realm, start_worker, tmp_path):
    text = f"""
import zmqwork

def double(n):
    return 2 * n

print(zmqwork.Executor({realm!r}).submit(double, 4).result(30))
"""
    (tmp_path / "unguarded.py").write_text(text)
    start_worker("--realm", realm, "-c", "1", "--allow", "unguarded.*", cwd=tmp_path)
    done = run(text, "unguarded.py")
    assert done.returncode == 1
    assert "Submit under" in done.stderr
    assert 'if __name__ == "__main__":' in done.stderr


def children_of(pid):
    found = []
    for task in Path(f"/proc/{pid}/task").iterdir():
        found += (task / "children").read_text().split()
    return [int(child) for child in found]


def is_gone(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


def test_local_workers_end_when_their_program_is_killed(environment, tmp_path):
    path = tmp_path / "program.py"
    path.write_text("""
import threading, zmqwork

def serve(seconds):
    threading.Event().wait(seconds)

if __name__ == "__main__":
    executor = zmqwork.Executor(local_workers=2)
    futures = [executor.submit(serve, 600) for _ in range(2)]
    while not all(future.running() for future in futures):
        serve(0.01)
    print("busy", flush=True)
    futures[0].result()
""")
    program = subprocess.Popen(
        [sys.executable, str(path)], env=environment, stdout=subprocess.PIPE, text=True
    )
    assert program.stdout.readline() == "busy\n"
    children = children_of(program.pid)
    assert len(children) == 2
    program.send_signal(signal.SIGKILL)
    program.wait(PATIENCE)
    program.stdout.close()
    pause = threading.Event()
    for _ in range(500):
        if all(map(is_gone, children)):
            break
        pause.wait(0.02)
    assert [child for child in children if not is_gone(child)] == []


def test_a_forked_child_gets_a_producer_of_its_own(place, run):
    done = run("""
import os
import zmqwork

def double(n):
    return 2 * n

if __name__ == "__main__":
    with zmqwork.Executor(local_workers=2) as executor:
        future = executor.submit(double, 1)
        assert future.result(30) == 2
        pid = os.fork()
        if pid == 0:
            code = 1
            try:
                print(executor.submit(double, 21).result(30), flush=True)
                inherited = executor.submit(double, 1)
                executor.shutdown()
                assert inherited.result() == 2
                code = 0
            finally:
                os._exit(code)
        assert os.waitpid(pid, 0)[1] == 0
        print(executor.submit(double, 4).result(30))
""")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.split()[0] == "42"
    assert done.stdout.split()[-1] == "8"


def test_partial_is_unwrapped_once_for_all():
    assert isinstance(functools.partial(f.add, 1), functools.partial)
    with pytest.raises(zmqwork.ConfigError, match="partial with keywords"):
        zmqwork.Executor("nobody").map(functools.partial(f.add, y=1), [1], chunksize=2)


def test_a_module_that_kills_its_importer_is_not_tried_for_ever(shared, monkeypatch):
    executor = shared
    deadly = type(f.add)(f.add.__code__, {}, "f")
    deadly.__module__, deadly.__qualname__ = "deadly_module", "f"
    monkeypatch.setitem(sys.modules, "deadly_module", type("deadly_module", (), {"f": deadly}))
    with pytest.raises(zmqwork.TaskLost, match="exited with 7"):
        executor.submit(deadly, 1, 2).result(PATIENCE)
    assert executor.submit(f.add, 1).result(PATIENCE) == 2


def test_local_workers_are_reached_by_this_user_alone(realm):
    app = zmqwork.App(realm, discovery="mdns, local", interface="lo")
    with zmqwork.Executor(app, local_workers=1) as executor:
        assert executor.submit(f.add, 1).result(PATIENCE) == 2
        endpoints = executor._backing.worker.endpoints
    assert [endpoint.partition(":")[0] for endpoint in endpoints] == ["ipc"]
