"""``python -m benchmarks.serve POOL SLOTS [ENDPOINT]``: the worker of every target.

It does what `zmqwork worker` does, with nothing of the command line in between. With an endpoint it
listens there, and nowhere else.
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.tasks import app


def main() -> None:
    pool: Any = sys.argv[1]  # `App.worker` judges it
    where: dict[str, Any] = {}
    if len(sys.argv) > 3:
        where = {"bind": [sys.argv[3]], "discovery": "static"}
    app.worker(pool=pool, concurrency=int(sys.argv[2]), **where).run()


if __name__ == "__main__":
    main()
