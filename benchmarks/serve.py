"""``python -m benchmarks.serve POOL SLOTS``: the worker of every target.

It does what `zmqwork worker` does, with nothing of the command line in between.
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.tasks import app


def main() -> None:
    pool: Any = sys.argv[1]  # `App.worker` judges it
    app.worker(pool=pool, concurrency=int(sys.argv[2])).run()


if __name__ == "__main__":
    main()
