"""The app of these tests: what it does to its worker is in the names."""

import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

import zmqwork

app = zmqwork.App("work")


@app.task(max_retries=0)
def headers():
    return zmqwork.current().headers


@app.task(max_retries=0)
def echo(value):
    return value


@app.task(max_retries=0)
def raise_value_error(text):
    raise ValueError(text)


@app.task(max_retries=3, retry_backoff=0.01)
def fail_until(path, times):
    with Path(path).open("a") as file:
        file.write("x")
    if Path(path).stat().st_size <= times:
        raise OSError("not yet")
    return zmqwork.current().attempt


@app.task(max_retries=0)
def call_exit(code):
    sys.exit(code)


@app.task(max_retries=0)
def exit_hard(code):
    os._exit(code)


@app.task(max_retries=0)
def segfault():
    ctypes.string_at(0)


@app.task(max_retries=0)
def kill_itself():
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(max_retries=0)
def not_encodable():
    return object()


@app.task(max_retries=0)
def as_large_as(size):
    return bytes(size)


@app.task(max_retries=0)
def note(path, value, seconds=0.0):
    """Append a line, atomically; then take some time."""
    line = f"{value} {zmqwork.current().attempt} {os.getpid()}\n".encode()
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, line)
    os.close(fd)
    threading.Event().wait(seconds)
    return value


@app.task(max_retries=0)
def gated(path, value, gate):
    """As `note`, and wait until `gate` is there (30 s at most)."""
    note(path, value)
    for _ in range(15_000):
        if Path(gate).exists():
            break
        threading.Event().wait(0.002)
    return value


@app.task(max_retries=0)
def say_pid_and_wait(fifo, seconds):
    Path(fifo).write_text(f"{os.getpid()}\n")
    threading.Event().wait(seconds)
    return "waited"


@app.task(max_retries=0)
def context():
    current = zmqwork.current()
    return [current.task_id, current.attempt, current.queue, current.cancelled]


def not_yet(error, attempt):
    return "not yet" in str(error) and attempt < 3


@app.task(retry_backoff=0.01, retry_when=not_yet)
def count_attempts(text="not yet"):
    raise OSError(text)


@app.task(max_retries=1, retry_for=LookupError, retry_backoff=0.01)
def look_up(keys, key):
    try:
        return keys[key]
    except TypeError:
        raise zmqwork.Retry(after=0.05)  # noqa: B904
    except IndexError:
        if zmqwork.current().attempt < 4:
            raise zmqwork.Snooze(0.02)  # noqa: B904
        return zmqwork.current().attempt


@app.task(max_retries=1, retry_backoff=0.01)
def sleep_once(path, seconds):
    with Path(path).open("a") as note:
        print(os.getpid(), file=note)
    if len(Path(path).read_text().split()) == 1:
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            threading.Event().wait(0.002)
    return os.getpid()


@app.task(max_retries=0, allow_wait=True)
def wait_for_look_up(keys, key):
    return look_up.submit(keys, key).result(30)


@app.task(max_retries=0, queue="special")
def special(value):
    return value


@app.task(max_retries=0)
async def gather(value):
    import asyncio

    await asyncio.sleep(0)
    return value


@app.task(max_retries=0)
def echo_when_there(value, path=None):
    """Quick, unless it is given a file to wait for (20 s at most)."""
    for _ in range(10_000):
        if path is None or Path(path).exists():
            break
        threading.Event().wait(0.002)
    return value


@app.task(max_retries=0)
def submit_more(path, values):
    """Submit a task for each value, and do not wait for them."""
    for value in values:
        note.submit(path, value)
    return len(values)


@app.task(max_retries=0)
def wait_for_another(value):
    """What a task must not do without saying so."""
    return echo.submit(value).result(30)


@app.task(max_retries=0)
def map_others(values):
    return list(echo.map(values))


@app.task(max_retries=0)
async def await_another(value):
    return await echo.submit(value)


def say(path, text):
    Path(path).write_text(text)


@app.task(max_retries=0)
def until_cancelled(begun, path):
    """Run until nobody waits for the result; then say so."""
    Path(begun).write_text("begun\n")
    current = zmqwork.current()
    pause = threading.Event()
    for _ in range(3000):
        if current.cancelled:
            Path(path).write_text("saw it\n")
            return
        pause.wait(0.01)


@app.task(max_retries=0)
def begin_and_wait(begun):
    """Look at nothing, for longer than any test waits."""
    Path(begun).write_text("begun\n")
    until = time.monotonic() + 300
    while time.monotonic() < until:
        threading.Event().wait(0.002)


@app.task(max_retries=0)
async def until_cancelled_async(begun, path):
    import asyncio

    say(begun, "begun\n")
    try:
        await asyncio.sleep(30)
    except asyncio.CancelledError:
        say(path, "saw it\n")
        raise


@app.task(max_retries=0)
def submit_and_die(path):
    note.using(queue="nobody's").submit(path, 1)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(max_retries=0, allow_wait=True)
def fib(n):
    """The slowest way: every call is a task."""
    if n < 2:
        return n
    one, two = fib.submit(n - 1), fib.submit(n - 2)
    return one.result(60) + two.result(60)


@app.task(max_retries=0, allow_wait=True)
def sum_of(values, chunk=None):
    return sum(echo.map(values, chunk=chunk))


@app.task(max_retries=0, allow_wait=True)
def context_of_others():
    """What a task sees of itself before, in, and after another one that runs in its place."""
    before = zmqwork.current().task_id
    future = context.submit()
    inside = future.result(30)
    return [before == zmqwork.current().task_id, inside[0] == future.id, inside[1:], before]


@app.task(max_retries=0, allow_wait=True)
def wait_for_failures(path):
    failures = []
    for task, args in ((raise_value_error, ("no",)), (not_encodable, ())):
        try:
            task.submit(*args).result(30)
        except zmqwork.TaskFailed as error:
            failures.append([error.type_name, error.attempts])
    return failures, fail_until.submit(path, 2).result(30)


@app.task(max_retries=0, allow_wait=True)
def wait_for_special():
    try:
        return special.submit(1).result(1)
    except TimeoutError as error:
        return type(error).__name__


@app.task(max_retries=0, allow_wait=True)
def wait_with(way):
    import concurrent.futures as cf

    futures = [echo.submit(1)]
    if way == "wait":
        cf.wait(futures)
    elif way == "as_completed":
        list(cf.as_completed(futures))
    else:
        list(echo.map([1, 2], order="completed"))


@app.task(max_retries=0, allow_wait=True)
def wait_for_one_elsewhere(fifo):
    future = say_pid_and_wait.submit(fifo, 0.5)
    while not (future.running() or future.done()):
        threading.Event().wait(0.01)
    return future.result(30), os.getpid()


@app.task(max_retries=0)
def mostly_quick(path, number):
    """Write the number down; one in a hundred takes long, one in ten a little."""
    seconds = 0.03 if number % 100 == 0 else 0.002 if number % 10 == 0 else 0.0
    if seconds:
        threading.Event().wait(seconds)
    fd = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"%d\n" % number)
    os.close(fd)
    return -number


@app.task(max_retries=0)
def note_and_wait_for(notes, path):
    """Say who runs, then wait for a file (20 s at most)."""
    fd = os.open(notes, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(fd, b"%d\n" % os.getpid())
    os.close(fd)
    echo_when_there(None, path)
    return os.getpid()


@app.task(max_retries=1, retry_backoff=0.01)
def pid_at_second_attempt():
    if zmqwork.current().attempt == 1:
        raise OSError("not yet")
    return os.getpid()


@app.task(max_retries=0, queue="special")
def special_pid():
    return os.getpid()


@app.task(max_retries=0)
def broadcast_and_wait():
    """What a task must not do without saying so."""
    return echo.broadcast(1).results(30)


@app.task(max_retries=0, allow_wait=True)
def broadcast_to_others():
    return echo.broadcast(1).results(30)


@app.task(max_retries=0)
def echo_back(text):
    return f"lean on {text}"


@app.task(max_retries=0, fallback=echo_back)
def lean(text):
    if text == "no":
        raise ValueError(text)
    return text


@app.task(max_retries=0, fallback=lean)
def twice_removed(text):
    raise OSError(text)


def at_home(text):
    if text == "never":
        raise ValueError("not even here")
    return f"here: {text}"


@app.task(max_retries=1, retry_backoff=0.01, fallback=at_home, fallback_on=zmqwork.TaskError)
def plainly(text):
    raise ValueError(text)


@app.task(max_retries=0, fallback=echo_back, fallback_on=(LookupError, zmqwork.TaskLost))
def choosy(text):
    raise {"key": KeyError, "value": ValueError}[text](text)


@app.task(max_retries=0)
def tell_deadline():
    return zmqwork.current().deadline


@app.task(max_retries=0, allow_wait=True)
def ask_deadline(**options):
    return tell_deadline.using(**options).submit().result(30)


@app.task(max_retries=0)
def only_with(path, value, unfit=False):
    """Run where the file is in the worker's directory; reject it elsewhere, and note that."""
    if Path(path).exists() and os.environ.get("WORK_KIND") == Path(path).read_text():
        return value
    raise zmqwork.Reject(f"this is no {Path(path).name}", worker_unfit=unfit)


@app.task(max_retries=0, allow_wait=True)
def wait_for_rejected(path, value):
    """Wait for a task that only another worker can run."""
    return only_with.submit(path, value).result(20)


@app.task(max_retries=0, allow_wait=True)
def wait_for_lean(text):
    future = lean.submit(text)
    return [future.result(30), future.degraded]
