"""Handlers that pools run, also in child processes."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import sys
import threading
import time
from pathlib import Path

import zmqwork

KEPT = []


def noop(value=None):
    return value


def add(a, b):
    return a + b


def pid():
    return os.getpid()


def fail(text="no"):
    raise ValueError(text)


def leave(code=0):
    sys.exit(code)


def interrupt():
    raise KeyboardInterrupt


def vanish(code):
    os._exit(code)


def kill_me(number=9):
    os.kill(os.getpid(), number)
    threading.Event().wait()


def crash():
    ctypes.string_at(0)


def fill_memory(limit):
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    return len(bytearray(limit))


def size(data):
    return len(data)


def blob(count):
    return bytes(count)


def unsendable():
    return object()


def complain(*lines):
    for line in lines:
        print(line, file=sys.stderr)


def complain_and_die(*lines):
    complain(*lines)
    sys.stderr.writelines(["last\n"])
    os.kill(os.getpid(), signal.SIGKILL)
    threading.Event().wait()


def touch_and_wait(path):
    """Says that it runs, and runs until its process is killed."""
    Path(path).write_text(str(os.getpid()))
    threading.Event().wait()


def wait_for_file(path):
    """Runs until the file is there."""
    until = time.monotonic() + 20
    while not Path(path).exists():
        if time.monotonic() > until:
            raise TimeoutError(path)
        threading.Event().wait(0.002)
    return "seen"


def until_cancelled(path):
    Path(path).touch()
    until = time.monotonic() + 20
    while not zmqwork.current().cancelled:
        if time.monotonic() > until:
            raise TimeoutError("never cancelled")
        threading.Event().wait(0.002)
    return "stopped"


def until_alarmed(path):
    try:
        forever(path)
    except zmqwork.SoftTimeout as error:
        return f"cleaned up: {error}"


def forever(path):
    Path(path).touch()
    until = time.monotonic() + 20
    while time.monotonic() < until:
        threading.Event().wait(0.002)


def context():
    task = zmqwork.current()
    return [task.task_id, task.name, task.attempt, task.queue, task.deadline, task.cancelled]


async def async_add(a, b):
    await asyncio.sleep(0)
    return a + b


async def async_fail():
    await asyncio.sleep(0)
    raise LookupError("async")


async def async_context():
    await asyncio.sleep(0)
    return zmqwork.current().task_id


async def async_forever(path):
    started, cleaned = Path(path), Path(path + ".cleaned")
    started.touch()  # noqa: ASYNC240  # the file is a signal to the test
    try:
        await asyncio.Event().wait()
    finally:
        cleaned.touch()  # noqa: ASYNC240  # likewise


async def async_cancel_itself():
    asyncio.current_task().cancel()
    return "returned"


async def async_cancel_itself_later():
    asyncio.get_running_loop().call_soon(asyncio.current_task().cancel)
    return "returned"


async def async_cancel_itself_and_wait():
    asyncio.current_task().cancel()
    await asyncio.sleep(0)


async def async_loop_id():
    return id(asyncio.get_running_loop())


def hidden_async(a):
    """A plain function that returns a coroutine, as decorators make them."""
    return async_add(a, 1)


def shout(text):
    print(text)


def start_threads(count):
    for _ in range(count):
        thread = threading.Thread(target=threading.Event().wait, daemon=True)
        thread.start()
        KEPT.append(thread)
    return threading.active_count()


def close_descriptors():
    os.closerange(3, 4096)
    return "closed"


def close_and_open():
    """What daemons do: close everything, open a log."""
    os.closerange(3, 4096)
    KEPT.append(Path(os.devnull).open("w"))  # noqa: SIM115  # it is to stay open
    return KEPT[-1].fileno()


def fork_and_return():
    """Forks, and lets both processes return."""
    if os.fork():
        return "parent"
    return "copy"


def fork_and_exit():
    if os.fork():
        return "parent"
    sys.exit(5)


def fork_holder(path):
    """Forks a process that outlives this one and holds what it inherited; then dies."""
    child = os.fork()
    if child == 0:
        threading.Event().wait()
    Path(path).write_text(str(child))
    os._exit(7)


def start_sleeper():
    import subprocess

    process = subprocess.Popen(["sleep", "60"])
    KEPT.append(process)
    return process.pid


def multiprocess(count):
    import multiprocessing

    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(abs, range(-count, 0))


def end_copies(count):
    """Ends forked processes at once, maybe before they have run at all; how they ended."""
    codes = []
    for _ in range(count):
        copy = os.fork()
        if not copy:
            threading.Event().wait()
        os.kill(copy, signal.SIGTERM)
        codes.append(os.waitstatus_to_exitcode(os.waitpid(copy, 0)[1]))
    return codes


def environment(name):
    return os.environ.get(name)


def signal_ignored():
    """Is this process deaf for Ctrl-C and SIGTERM, and a program that it starts not?"""
    os.kill(os.getpid(), signal.SIGINT)
    os.kill(os.getpid(), signal.SIGTERM)
    import subprocess

    process = subprocess.Popen(["sleep", "60"])
    process.terminate()
    return process.wait(10)


def deep(n):
    return deep(n + 1)


class Hostile(Exception):
    def __str__(self):
        raise SystemExit("even this")


def hostile():
    raise Hostile


def surrogate():
    raise OSError("file \udcff is no good")


def long_error(count):
    raise ValueError("é" * count)


def nested():
    try:
        fail("first")
    except ValueError:
        raise RuntimeError("second")  # noqa: B904  # that is the test


def mark(path, number):
    """Leaves a trace of its beginning and of its end."""
    file = os.open(path, os.O_WRONLY | os.O_APPEND)
    os.write(file, b"b%d\n" % number)
    value = sum(range(200))
    os.write(file, b"e%d\n" % number)
    os.close(file)
    return value


def write_to_channel():
    """Writes to descriptors that are not its own."""
    for link in list(Path("/proc/self/fd").iterdir()):
        if link.is_symlink() and str(link.readlink()).startswith("socket:"):
            os.write(int(link.name), b"\xff" * 100)
    threading.Event().wait()


def at_exit(path):
    import atexit

    atexit.register(Path(path).touch)


def hold(started, ending):
    """Run from the one file's appearance until the other's."""
    Path(started).touch()
    wait_for_file(ending)


def hold_and_crash(started, ending):
    hold(started, ending)
    crash()


def append(path, value):
    with open(path, "a") as file:  # noqa: PTH123
        file.write(f"{value}\n")


def keep(size):
    """Have that much memory for ever."""
    KEPT.append(b"x" * size)
    return os.getpid()


def keep_thread():
    """Leave a thread that keeps its process from ending."""
    threading.Thread(target=threading.Event().wait).start()
    return os.getpid()


def crash_in_fork():
    pid = os.fork()
    if not pid:
        crash()
    _, status = os.waitpid(pid, 0)
    return os.WTERMSIG(status)


def crash_deep_down(depth):
    if depth:
        return crash_deep_down(depth - 1)
    return crash()
