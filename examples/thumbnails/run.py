"""Thumbnails and a contact sheet, all of it in one program.

What you will see: pictures are made, one of them broken; a worker with a process per processor and
a sink are started, and this program is the ventilator. It says which picture failed and why, writes
contact_sheet.png and ends. It needs Pillow (``pip install pillow``):

    python examples/thumbnails/run.py

The same on several hosts, as three programs: README.md.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pictures
import thumbs


def main() -> None:
    """Make the pictures, start the others, push, and wait for the sheet."""
    parser = argparse.ArgumentParser(description="Thumbnails, and a contact sheet of them.")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--out", type=Path, default=thumbs.SHEET)
    arguments = parser.parse_args()
    thumbs.SHEET = arguments.out
    with tempfile.TemporaryDirectory(prefix="thumbs-") as folder:
        made = pictures.make(Path(folder), arguments.count)
        print(f"{len(made)} pictures of {pictures.WIDTH} x {pictures.HEIGHT}")
        with thumbs.app.worker(), thumbs.contact_sheet.start():
            thumbs.pipe.run(folder)
    print(f"contact sheet: {arguments.out}")


if __name__ == "__main__":
    main()
