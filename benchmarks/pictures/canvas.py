"""How all pictures look: sober, readable without colours, and the same bytes for the same data."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

DARK, MIDDLE, LIGHT = "#1a1a1a", "#777777", "#d0d0d0"
# One after the other for lines: told apart by mark and dashes.
LINES = (("o", "-", DARK), ("s", "--", MIDDLE), ("^", ":", DARK), ("D", "-.", MIDDLE))
# Of some 1,100 pixels in a line of text, which a browser shows as they are.
_DPI = 110
# As many are enough for smooth letters, and a picture is a third as large as with colours.
_GREYS = 16
# Characters of a line below a picture, for each inch of its width.
_PER_INCH = 15

_SETTINGS: Any = {
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": MIDDLE,
    "axes.axisbelow": True,
    "grid.color": LIGHT,
    "grid.linewidth": 0.6,
    "legend.frameon": False,
    "figure.facecolor": "white",
}


@contextmanager
def figure(path: Path, width: float, height: float, below: str) -> Iterator[Figure]:
    """A figure of so many inches, which is written at the end; `below`: how it was taken."""
    from matplotlib import rc_context  # noqa: PLC0415 - of the extra `dev`
    from matplotlib.backends.backend_agg import FigureCanvasAgg  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415
    from PIL import Image  # noqa: PLC0415

    with rc_context(_SETTINGS):
        made = Figure(figsize=(width, height), layout="constrained")
        FigureCanvasAgg(made)
        yield made
        for axes in made.axes:
            axes.minorticks_off()  # nine for each power of ten, which nobody counts
        text = "\n".join(textwrap.wrap(below, int(width * _PER_INCH)))
        made.supxlabel(text, fontsize=7, color=MIDDLE, x=0.01, ha="left")
        made.savefig(path, dpi=_DPI)
        with Image.open(path) as drawn:
            grey = drawn.convert("L").quantize(_GREYS)
        grey.save(path, optimize=True)


def logarithmic(axis: Axis, steps: Sequence[float] = (1.0,)) -> None:
    """Ticks at these multiples of powers of ten, in words that people read: ``0.5``, ``10k``."""
    from matplotlib.ticker import LogLocator  # noqa: PLC0415 - of the extra `dev`

    axis.set_major_locator(LogLocator(subs=steps, numticks=8))
    axis.set_major_formatter(lambda value, _: short(value))


def short(value: float) -> str:
    """A number of an axis."""
    for power, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= power:
            return f"{value / power:g}{letter}"
    return f"{value:g}"
