"""What the executors' workers run: imported by them by name."""

import os
import signal
import threading
from pathlib import Path

import zmqwork

initialized = []


def initialize(value):
    initialized.append(value)


def read_initialized():
    return initialized


def fail_to_initialize():
    raise ValueError("no such device")


def add(x, y=1):
    return x + y


def capture(*args, **kwargs):
    return args, kwargs


def divide(x, y):
    return x / y


async def add_async(x):
    return x + 1


def wait_for(path):
    """Say that it runs, and wait until the file at `path` has been written to; its text."""
    Path(f"{path}.begun").write_text("begun")
    return Path(path).read_text()


def die():
    os.kill(os.getpid(), signal.SIGKILL)


def name_of_thread():
    return threading.current_thread().name


def seen_cancelled():
    return zmqwork.current().cancelled


class Server:
    def handler(self):
        raise AssertionError("nobody has asked for this")


def serve():
    return "served"


serve.handler = Server.handler


class Shop:
    @staticmethod
    def price(count):
        return count * 3

    @classmethod
    def name(cls):
        return cls.__name__

    def method(self):
        return 1


def outer():
    def inner():
        return 1

    return inner


def renamed():
    return "the old one"


old = renamed


def renamed():
    return "the new one"


nameless = lambda: 1  # noqa: E731
