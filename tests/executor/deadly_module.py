"""Kills whoever imports it."""

import os

os._exit(7)


def f():
    pass
