"""Tasks that child processes import, and the middleware around them."""

from __future__ import annotations

import os

from zmqwork import App

app = App("hooks-app")


@app.task
def crash():
    os._exit(3)
