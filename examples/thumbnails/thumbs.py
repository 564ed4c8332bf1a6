"""Thumbnails of a folder of pictures, and a contact sheet of them all.

One definition of the pipeline, which all its processes import. In this folder, with Pillow
installed (``pip install pillow``), in three terminals or on three hosts that share the pictures, in
any order:

    zmqwork worker thumbs:app              a process per processor; as many workers as you like
    python thumbs.py sink                  writes contact_sheet.png, and ends with the ventilator
    python thumbs.py push PICTURES         names the pictures of that folder; the ventilator

(Or `zmqwork sink thumbs:app --once`, and `zmqwork ventilator thumbs:app thumbnail --lines FILE`.)
`run.py` makes pictures, starts the other two, and is the ventilator itself.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw, ImageOps

import zmqwork

WIDTH, HEIGHT, MARGIN, CAPTION, COLUMNS = 120, 90, 8, 14, 10
SHEET = Path("contact_sheet.png")

app = zmqwork.App("thumbs")
pipe = app.pipeline(window=200)


@pipe.ventilator
def pictures(folder: str) -> Iterator[str]:
    """The items: paths, pulled as fast as the workers follow."""
    yield from map(str, sorted(Path(folder).resolve().glob("*.jpg")))


@pipe.stage(max_retries=0)
def thumbnail(path: str) -> dict[str, object]:
    """In a process of its own: a picture that crashes the decoder costs one task, not a worker."""
    with Image.open(path) as picture:
        size = picture.size
        small = ImageOps.fit(picture.convert("RGB"), (WIDTH, HEIGHT))
    data = io.BytesIO()
    small.save(data, "PNG")
    return {"name": Path(path).stem, "size": size, "png": data.getvalue()}


class Thumb(NamedTuple):
    """What the sheet shows of a picture."""

    size: tuple[int, int]
    picture: Image.Image


thumbs: dict[str, Thumb] = {}


@pipe.sink(batch=25)
def contact_sheet(results: list[dict[str, object]]) -> None:
    """Called with results; when it returns they are written, and may be forgotten elsewhere.

    If this process dies before that, they come again: to have a picture twice does no harm here.
    """
    for result in results:
        match result:
            case {"name": str(name), "size": (int(width), int(height)), "png": bytes(png)}:
                with Image.open(io.BytesIO(png)) as picture:
                    thumbs[name] = Thumb((width, height), picture.copy())
    sheet = draw(dict(sorted(thumbs.items())))
    beside = SHEET.with_suffix(".part")
    sheet.save(beside, "PNG")
    beside.replace(SHEET)  # nobody sees half of it


def draw(shown: dict[str, Thumb]) -> Image.Image:
    """The sheet: thumbnails in rows, each with its name."""
    across, down = WIDTH + MARGIN, HEIGHT + CAPTION + MARGIN
    rows = max(1, -(-len(shown) // COLUMNS))
    sheet = Image.new("RGB", (COLUMNS * across + MARGIN, rows * down + MARGIN), (32, 32, 36))
    pen = ImageDraw.Draw(sheet)
    for place, (name, thumb) in enumerate(shown.items()):
        left = MARGIN + place % COLUMNS * across
        top = MARGIN + place // COLUMNS * down
        sheet.paste(thumb.picture, (left, top))
        pen.text((left, top + HEIGHT + 1), name, fill=(220, 220, 220))
    return sheet


@pipe.on_failed
def complain(failure: zmqwork.Failure) -> None:
    """One that has no thumbnail; the others have."""
    print(f"{Path(failure.item).name}: {failure.error.reason}", flush=True)


@pipe.on_complete
def report(run: zmqwork.Run) -> None:
    """All are settled, and what is in the sheet is written."""
    print(f"{run.ok} of {run.read} thumbnails, {run.failed} failed, in {run.seconds:.1f} s")


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["push", folder]:
            raise SystemExit(pipe.run(folder).lost > 0)
        case ["sink"]:
            raise SystemExit(contact_sheet.run(once=True))
        case _:
            raise SystemExit(__doc__)
