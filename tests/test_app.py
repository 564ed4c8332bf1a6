import logging
import os
import signal
import subprocess
import sys
import threading

import pytest
from producer_standin import StandIn

from zmqwork import App, NoWorker, Producer, TaskCancelled, UsageError
from zmqwork import producer as producer_module
from zmqwork.errors import ConfigError
from zmqwork.nodes.callbacks import Callbacks
from zmqwork.whereabouts import Whereabouts

WAIT = 30.0


def standin_app(name="test-app", **options):
    """An app whose producers, the implicit one too, are stand-ins, and the list of these."""
    app = App(name)
    nodes = []
    home = app._producers

    def make():
        def make_node(producer, recorder=None):
            nodes.append(StandIn(app, producer, **options))
            return nodes[-1]

        return Producer(
            make_node, f"{len(nodes):032x}", Callbacks(), enter=home.enter, leave=home.leave
        )

    home._make = make
    app.producer = make
    return app, nodes


@pytest.fixture(autouse=True)
def nobody_is_left_behind():
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before


# --- App


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"name": ""}, "an app's name must be a non-empty string"),
        ({"name": "x\n"}, "printable"),
        ({"name": "x", "discovery": "mdsn"}, r"unknown source 'mdsn': did you mean mdns\?"),
        ({"name": "x", "discovery": "globe"}, "choose from mdns, local, static, dns"),
        ({"name": "x", "discovery": []}, "at least one"),
        ({"name": "x", "discovery": [1]}, "names, not of"),
        ({"name": "x", "peers": "tcp://h:1"}, r"a list of endpoints: \['tcp://h:1'\]"),
    ],
)
def test_wrong_arguments_of_an_app(arguments, text):
    with pytest.raises(ConfigError, match=text):
        App(**arguments)


def test_where_nodes_look(monkeypatch):
    monkeypatch.setenv("ZMQWORK_PEERS", "127.0.0.1:7071")

    def static(discovery):
        (found,) = [s for s in discovery.describe() if s["source"] == "static"]
        discovery.close()
        return found["where"]

    app = App("x", discovery="static")
    assert static(app.discover()) == "tcp://127.0.0.1:7071"
    assert (
        static(app.discover(Whereabouts.of(peers=["localhost:2"])))
        == "tcp://127.0.0.1:7071, tcp://localhost:2"
    )
    named = App("x", discovery="static", peers=["localhost:3"])
    assert static(named.discover()) == "tcp://localhost:3"
    assert static(App("x", discovery="static", peers=[]).discover()) == ""
    (local, _) = (
        discovery := app.discover(Whereabouts.of(discovery="local", realm="y"))
    ).describe()
    discovery.close()
    assert local["state"] != "off"


def test_an_app_says_what_it_is():
    app = App("thumbs")
    app.task(name="a")(len)
    assert repr(app) == "<App 'thumbs', 1 tasks>"


# --- which producer takes the tasks


def test_the_implicit_producer_starts_at_the_first_submit():
    app, nodes = standin_app()
    task = app.task(name="double")(lambda x: 2 * x)
    assert nodes == []
    results = []
    threads = [
        threading.Thread(target=lambda: results.append(task.submit(3).result(WAIT)))
        for _ in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == [6] * 8
    assert len(nodes) == 1
    app._producers.finish()
    assert app._producers.current is None


def test_the_producer_entered_last_takes_the_tasks():
    app, nodes = standin_app()
    task = app.task(name="double")(lambda x: 2 * x)
    task.submit(0)
    with app.producer() as outer:
        task.submit(1)
        with app.producer() as inner:
            assert task.submit(2).id.startswith(inner.node_id[:8])
        task.submit(3)
        assert outer.status() == {"pending": 0} or outer.drain(WAIT)
    task.submit(4)
    assert [len(node.submitted) for node in nodes] == [2, 2, 1]
    app._producers.finish()


def test_leaving_the_block_waits_for_the_tasks():
    app, nodes = standin_app()
    task = app.task(name="double")(lambda x: 2 * x)
    with app.producer():
        nodes[0].hold()
        future = task.submit(4)
        threading.Timer(0.01, nodes[0].let_go).start()
    assert future.result(0) == 8


def test_an_exception_leaves_at_once():
    app, nodes = standin_app()
    task = app.task(name="double")(lambda x: 2 * x)
    submitted = []

    def fail_inside():
        with app.producer():
            nodes[0].hold()
            submitted.append(task.submit(4))
            raise KeyError

    with pytest.raises(KeyError):
        fail_inside()
    (future,) = submitted
    with pytest.raises(TaskCancelled, match="producer stopped"):
        future.result(0)


def test_leaving_gives_up_when_no_worker_comes(monkeypatch, caplog):
    monkeypatch.setattr(producer_module, "GIVE_UP_TIMEOUT", 0.0)
    app, nodes = standin_app()
    task = app.task(name="double")(lambda x: 2 * x)
    with caplog.at_level(logging.WARNING, "zmqwork"), app.producer():
        nodes[0].hold()
        nodes[0].workers = 0
        nodes[0].answer = "looked in /run"
        future = task.submit(4)
    assert future.cancelled()
    assert "1 unsettled task given up: no worker was there for 0 s\nlooked in /run" in caplog.text


def test_leaving_says_that_it_waits(monkeypatch, caplog):
    monkeypatch.setattr(producer_module, "_PATIENCE", 0.0)
    app, nodes = standin_app()
    task = app.task(name="double")(lambda x: 2 * x)
    caplog.set_level(logging.WARNING, "zmqwork")
    caplog.handler.addFilter(lambda record: nodes[0].let_go() or True)
    with app.producer():
        nodes[0].hold()
        futures = [task.submit(4), task.submit(5)]
    assert "waiting for 2 unsettled tasks; Ctrl-C abandons them" in caplog.text
    assert [future.result(0) for future in futures] == [8, 10]


def test_an_interrupt_abandons_the_tasks(monkeypatch, caplog):
    app, nodes = standin_app()
    task = app.task(name="double")(lambda x: 2 * x)

    def interrupted(timeout=None):
        raise KeyboardInterrupt

    caplog.set_level(logging.WARNING, "zmqwork")
    producer = app.producer().start()
    nodes[0].hold()
    future = task.submit(4)
    nodes[0].drain = interrupted
    with pytest.raises(KeyboardInterrupt):
        producer.finish()
    assert future.cancelled()
    assert "1 unsettled task abandoned: interrupted" in caplog.text


def test_after_an_interrupted_program_nobody_waits(monkeypatch):
    app, nodes = standin_app()
    task = app.task(name="double")(lambda x: 2 * x)
    future = task.submit(1)
    future.result(WAIT)
    nodes[0].hold()
    future = task.submit(2)
    monkeypatch.setattr(sys, "last_type", KeyboardInterrupt, raising=False)
    app._producers.finish()
    assert future.cancelled()


def test_a_producer_outside_its_block():
    app, _ = standin_app()
    producer = app.producer()
    assert "not started" in repr(producer)
    for call in (producer.status, producer.explain, producer.drain, producer.workers_known):
        with pytest.raises(UsageError, match="use it in a with statement"):
            call()
    producer.stop()
    with producer, pytest.raises(UsageError, match="was started already"):
        producer.start()
    producer.stop()


def test_overdue_without_a_worker():
    app, nodes = standin_app()
    task = app.task(name="double")(lambda x: 2 * x)
    with app.producer():
        node = nodes[0]
        node.hold()
        node.answer = "looked everywhere"
        future = task.submit(1)
        with pytest.raises(TimeoutError, match=r"not running yet after 0.001 s\nlooked") as caught:
            future.result(0.001)
        assert type(caught.value) is TimeoutError
        with pytest.raises(TimeoutError, match=r"not running yet after 0.00123 s\n"):
            future.result(0.001234567)
        node.workers = 0
        with pytest.raises(NoWorker, match=r"not run within 0.001 s\nlooked everywhere"):
            future.result(0.001)
        node.let_go()


# --- the real thing


SCRIPT = """
import logging, os, sys, threading
import zmqwork

app = zmqwork.App("script", discovery="local")

@app.task(max_retries=0)
def double(x: int) -> int:
    if x < 0:
        raise ValueError(f"{{x}} is negative")
    return 2 * x

@app.task
async def slowly(x: int) -> int:
    return x

@app.task
def pid() -> int:
    return os.getpid()

@app.task(max_retries=0)
def fragile(x: int) -> int:
    if x == 7:
        os.kill(os.getpid(), 9)
    return x

@app.task
def nested(x: int) -> str:
    try:
        return str(double.submit(x).result(5))
    except zmqwork.UsageError as error:
        return str(error)

base = app.task(name="base")(os.path.basename)

if __name__ == "__main__":
{body}
"""


@pytest.fixture
def script(tmp_path, private_environment):
    """Run a program against the app above; the directory is its search path."""

    def write(body):
        path = tmp_path / f"script{len(list(tmp_path.iterdir()))}.py"
        lines = "\n".join(f"    {line}" for line in body.strip().splitlines())
        path.write_text(SCRIPT.format(body=lines))
        return path

    running = []

    def start(body, **options):
        process = subprocess.Popen(
            [sys.executable, write(body)], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            text=True, env=private_environment, cwd=tmp_path, **options,
        )  # fmt: skip
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def finished(process, code=0):
    out, err = process.communicate(timeout=WAIT)
    assert process.returncode == code, err
    return out, err


@pytest.mark.parametrize("pool", ["process", "thread", "asyncio", "inline"])
def test_an_embedded_worker_serves_its_own_program(script, pool):
    out, err = finished(
        script(f"""
with app.worker(concurrency={1 if pool == "inline" else 2}, pool={pool!r}).start():
    assert double.submit(4).result(20) == 8
    assert slowly.submit(5).result(20) == 5
    assert list(double.map(range(3000))) == [2 * x for x in range(3000)]
    assert sorted(double.map(range(300), order="completed")) == [2 * x for x in range(300)]
    try:
        double.submit(-1).result(20)
    except zmqwork.TaskFailed as error:
        print(error.type_name, error.text, "is negative" in error.traceback)
    print((pid.submit().result(20) == os.getpid()))
""")
    )
    assert out.split("\n")[:2] == ["ValueError -1 is negative True", str(pool != "process")], err


def test_a_map_loses_only_the_item_that_kills_its_worker(script):
    out, err = finished(
        script("""
with app.worker(concurrency=2).start():
    results = list(fragile.map(range(20), chunk=5, return_exceptions=True))
    print([x for x in results if isinstance(x, int)] == [x for x in range(20) if x != 7])
    print(type(results[7]).__name__, "SIGKILL" in str(results[7]))
""")
    )
    assert out == "True\nTaskLost True\n", err


def test_children_find_a_task_under_the_name_that_it_is_bound_to(script):
    out, err = finished(
        script("""
with app.worker(concurrency=1).start():
    print(base.submit("/a/b").result(20), *base.map(["/c/d", "/e/f"]))
""")
    )
    assert out == "b d f\n", err


@pytest.mark.parametrize("pool", ["process", "thread"])
def test_a_task_does_not_wait_for_another(script, pool):
    out, err = finished(
        script(f"""
with app.worker(concurrency=1, pool={pool!r}).start():
    print(nested.submit(1).result(20))
app._producers.finish()
""")
    )
    assert "holds a slot that the other may need" in out, err


def test_the_end_of_the_program_waits_for_its_tasks(script):
    worker = script(
        """
worker = app.worker(pool="thread", concurrency=1).start()
print("ready", flush=True)
sys.stdin.read()
worker.stop()
""",
        stdin=subprocess.PIPE,
    )
    assert worker.stdout.readline() == "ready\n"
    out, _ = finished(
        script("""
for x in range(100):
    double.submit(x).add_done_callback(lambda f: print(f.result()))
""")
    )
    assert out.split() == [str(2 * x) for x in range(100)]
    worker.stdin.close()
    worker.wait(WAIT)


def test_the_end_of_the_program_gives_up_without_a_worker(script):
    _, err = finished(
        script("""
import zmqwork.producer
zmqwork.producer.GIVE_UP_TIMEOUT = 0.5
double.submit(1)
""")
    )
    assert "1 unsettled task given up: no worker was there for 0.5 s" in err
    assert "Traceback" not in err


def test_ctrl_c_while_the_program_waits_abandons_its_tasks(script):
    process = script("""
import zmqwork.producer
zmqwork.producer._PATIENCE = 0.0
double.submit(1)
""")
    assert "waiting for 1 unsettled task" in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    _, err = finished(process, code=-signal.SIGINT)
    assert "1 unsettled task abandoned: interrupted" in err
    assert "Traceback" not in err


def test_ctrl_c_in_the_program_does_not_wait_at_its_end(script):
    process = script("""
future = double.submit(1)
print("ready", flush=True)
future.result()
""")
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGINT)
    _, err = finished(process, -signal.SIGINT)
    assert "KeyboardInterrupt" in err
    assert "waiting" not in err


def test_no_worker_is_explained(script):
    out, _ = finished(
        script("""
with app.producer() as producer:
    try:
        double.submit(1).result(0.3)
    except zmqwork.NoWorker as error:
        print(error)
    producer.stop()
""")
    )
    assert "zmqwork worker" in out


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_has_a_producer_of_its_own(script):
    out, err = finished(
        script("""
import warnings
warnings.simplefilter("ignore")
with app.worker(pool="thread", concurrency=1).start():
    first = double.submit(1)
    assert first.result(20) == 2
    sys.stdout.flush()
    child = os.fork()
    if not child:
        try:
            print("child", double.submit(20).result(20), flush=True)
            try:
                first._condition
            except zmqwork.UsageError as error:
                print("belong" in str(error), flush=True)
            app._producers.finish()
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    print("parent", double.submit(21).result(20))
""")
    )
    assert out.split("\n")[:3] == ["child 40", "True", "parent 42"], err


def test_a_full_producer(script):
    finished(
        script("""
import pytest
with app.producer(on_full="raise", max_pending=3) as producer:
    futures = [double.submit(x) for x in range(3)]
    with pytest.raises(zmqwork.PendingFull):
        double.submit(4)
    producer.stop()
    assert all(future.cancelled() for future in futures)
    with pytest.raises(zmqwork.UsageError):
        producer.submit(double.spec, b"")
""")
    )


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"on_full": "wait"}, "on_full must be 'block' or 'raise'"),
        ({"max_pendin": 1}, "did you mean 'max_pending'"),
        ({"max_pending": 0}, "max_pending must be a number at least 1"),
        ({"name": ""}, "name must be a non-empty string"),
        ({"discovery": "x"}, "unknown source 'x'"),
        ({"discovery": "mdns", "interface": "nonsense"}, "no interface 'nonsense'"),
        ({"discovery": "local", "interface": "lo"}, "is for mdns"),
    ],
)
def test_wrong_arguments_of_a_producer(arguments, text):
    with pytest.raises(ConfigError, match=text):
        App("x").producer(**arguments).start()


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"pool": "processes"}, "did you mean 'process'"),
        ({"concurrency": 0}, "concurrency must be a number"),
        ({"concurrency": 1.5}, "concurrency must be a whole number"),
        ({"queues": "images"}, r"queues is a list of names: \['images'\]"),
        ({"queues": [""]}, "queue must be a non-empty string"),
        ({"bind": "tcp://127.0.0.1:*"}, "bind is a list of endpoints"),
        ({"drain_timeout": -1}, "drain_timeout must be a number at least 0"),
        ({"bind": ["tcp://0.0.0.0:*"], "pool": "inline"}, "insecure"),
    ],
)
def test_wrong_arguments_of_a_worker(arguments, text):
    app = App("x")
    app.task(name="length")(len)
    with pytest.raises(ConfigError, match=text):
        app.worker(**{"pool": "thread", **arguments})


def test_a_worker_without_tasks():
    with pytest.raises(UsageError, match="app 'x' has no task"):
        App("x").worker(pool="thread")


def test_a_task_that_is_bound_to_no_name_cannot_run_in_child_processes():
    app = App("x")
    app.task(name="base")(os.path.basename)
    with pytest.raises(UsageError, match=r"bound to no name.*tokenise = app.task"):
        app.worker(pool="process")


def test_local_functions_cannot_run_in_child_processes():
    app = App("x")

    @app.task
    def local(): ...

    with pytest.raises(UsageError, match="local"):
        app.worker(pool="process").start()
