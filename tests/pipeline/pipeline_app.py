"""A pipeline that processes import: three stages, each with options of its own."""

import os

import zmqwork

app = zmqwork.App("pipeline-app")
pipe = app.pipeline(window=50)


@pipe.ventilator
def numbers(count):
    yield from range(count)


@pipe.stage(max_retries=0)
def half(number):
    """No odd number has a half, and a 4 kills its process."""
    if number == 4:
        os._exit(3)
    if number % 2:
        raise ValueError(f"{number} is odd")
    return number // 2


@pipe.stage(name="shaky", max_retries=2, retry_backoff=0.0)
def shake(number):
    """The third attempt succeeds."""
    attempt = zmqwork.current().attempt
    if attempt < 3:
        raise OSError("not yet")
    return number, attempt


@pipe.stage
async def dress(pair):
    return {"half": pair[0], "attempt": pair[1]}
