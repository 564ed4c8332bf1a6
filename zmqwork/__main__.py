"""``python -m zmqwork`` is the ``zmqwork`` command."""

from __future__ import annotations

import sys

from zmqwork.cli import main

if __name__ == "__main__":
    sys.exit(main())
