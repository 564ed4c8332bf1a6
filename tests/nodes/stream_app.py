"""An app whose tasks say something while they run."""

import asyncio
import os
import signal
import threading
from pathlib import Path

import zmqwork

app = zmqwork.App("work")
HERE = "stream_app:app"


def wait_for(path):
    """Until the file is there."""
    while not Path(path).exists():
        threading.Event().wait(0.005)


@app.task(max_retries=0)
def count(number):
    yield from range(number)
    return "the end"


@app.task(max_retries=0)
async def count_async(number):
    for value in range(number):
        await asyncio.sleep(0)
        yield value


@app.task(max_retries=0)
def note_each(number, path):
    """Says in a file what it is about to yield, and that it was closed."""
    try:
        for value in range(number):
            with Path(path).open("a") as file:
                file.write(f"{value}\n")
            yield value
    finally:
        Path(path + ".closed").touch()


@app.task(max_retries=0)
def blobs(number, size):
    for value in range(number):
        yield bytes([value]) * size


@app.task(max_retries=0)
def fail_behind(number):
    yield from range(number)
    raise ValueError("no more")


@app.task(max_retries=3)
def yield_unfit(path):
    with Path(path).open("a") as file:
        file.write("x")
    yield 1
    yield object()


@app.task(max_retries=0)
def mend_unfit():
    try:
        yield object()
    except zmqwork.EncodeError:
        yield "mended"


@app.task(max_retries=2, retry_backoff=0.01)
def go_on(number, path):
    """Yields (value, attempt), and dies once behind each third value."""
    here = zmqwork.current()
    for value in range(here.checkpoint or 0, number):
        yield value, here.attempt
        zmqwork.checkpoint(value + 1)
        if value % 3 == 2 and not Path(f"{path}.{value}").exists():
            Path(f"{path}.{value}").touch()
            raise OSError("on and off")


@app.task(max_retries=0)
def step(begun, ending):
    """Says how far it is; killed, its next attempt says what it has found."""
    here = zmqwork.current()
    if here.checkpoint is not None:
        return here.checkpoint, here.attempt
    here.progress(0.25, "one of four")
    zmqwork.checkpoint({"cursor": 17})
    Path(begun).write_text(str(os.getpid()))
    wait_for(ending)
    here.progress(1.0)
    return None, here.attempt


@app.task(max_retries=0)
def hurry(number):
    here = zmqwork.current()
    for value in range(number):
        here.progress(value / number)
        zmqwork.checkpoint(value)
    return here.checkpoint


@app.task(max_retries=0)
def in_a_thread(begun, ending):
    """Another thread of the handler says it."""
    here = zmqwork.current()
    thread = threading.Thread(target=here.progress, args=(0.5, "elsewhere"))
    thread.start()
    thread.join()
    Path(begun).touch()
    wait_for(ending)


@app.task(max_retries=0)
def in_a_fork():
    """What a fork says is nobody's."""
    here = zmqwork.current()
    here.progress(0.5)
    pid = os.fork()
    if not pid:
        here.progress(0.75, "a fork")
        threading.Event().wait(0.05)
        os._exit(0)
    _, status = os.waitpid(pid, 0)
    return status


@app.task(max_retries=0)
def say_nonsense(kind):
    here = zmqwork.current()
    if kind == "large":
        zmqwork.checkpoint(bytes(70_000))
    elif kind == "unfit":
        zmqwork.checkpoint(object())
    else:
        here.progress(float(kind))


@app.task(max_retries=0, soft_timeout=0.2)
def too_slow(number):
    try:
        for value in range(number):
            yield value
            threading.Event().wait(0.005)
    except zmqwork.SoftTimeout:
        yield "too slow"


@app.task(max_retries=0)
def snooze_behind_each(attempts, each):
    """Yields some parts, and puts itself off."""
    first = zmqwork.current().checkpoint or 0
    yield from range(first, first + each)
    zmqwork.checkpoint(first + each)
    if first + each < attempts * each:
        raise zmqwork.Snooze(0.005)


@app.task(max_retries=0, soft_timeout=0.1)
def encode_slowly():
    """What it yields takes longer to encode than it has time, and cannot travel."""
    yield [[*range(2_000_000)], object()]


@app.task(max_retries=0)
def yield_and_die(number, read):
    yield from range(number)
    wait_for(read)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task(max_retries=0)
def stand_in(number):
    yield from range(100, 100 + number)


@app.task(max_retries=0, fallback=stand_in)
def degrade(number):
    yield from range(number)
    raise ValueError("as bad as it gets")


@app.task(allow_wait=True, max_retries=0)
def wait_for_stream(number):
    return count.submit(number).result()
