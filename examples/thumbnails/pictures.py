"""Makes pictures to work on, and one that is broken: ``python pictures.py FOLDER 60``."""

from __future__ import annotations

import argparse
import colorsys
import math
from pathlib import Path
from random import Random

from PIL import Image, ImageDraw

WIDTH, HEIGHT = 800, 600

Colour = tuple[int, int, int]


def colour(hue: float, saturation: float, value: float) -> Colour:
    """Red, green and blue, up to 255 each."""
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)


def landscape(number: int) -> Image.Image:
    """A sky, a sun, and hills one behind the other: always the same one for a number."""
    chance = Random(number)  # noqa: S311 - a picture, not a secret
    hue, sun = chance.random(), chance.uniform(0.2, 0.5) * HEIGHT
    sky = Image.linear_gradient("L").resize((WIDTH, HEIGHT))
    picture = Image.composite(
        Image.new("RGB", (WIDTH, HEIGHT), colour(hue + 0.08, 0.35, 1.0)),
        Image.new("RGB", (WIDTH, HEIGHT), colour(hue, 0.75, 0.55)),
        sky,
    )
    draw = ImageDraw.Draw(picture)
    centre, radius = chance.uniform(0.15, 0.85) * WIDTH, chance.uniform(30, 70)
    box = (centre - radius, sun - radius, centre + radius, sun + radius)
    draw.ellipse(box, fill=colour(hue + 0.12, 0.2, 1.0))
    for hill in range(4):
        base, height = HEIGHT * (0.55 + 0.13 * hill), chance.uniform(30, 80)
        waves = [(chance.uniform(0.5, 3), chance.uniform(0, 6.3)) for _ in range(3)]
        ridge = [
            (x, base - height / 3 * sum(math.sin(f * x * 6.3 / WIDTH + at) for f, at in waves))
            for x in range(0, WIDTH + 8, 8)
        ]
        shade = colour(hue + 0.45, 0.5, 0.6 - 0.13 * hill)
        draw.polygon([*ridge, (WIDTH, HEIGHT), (0, HEIGHT)], fill=shade)
    return picture


def make(folder: Path, count: int) -> list[Path]:
    """Write so many pictures; of the seventh one half is missing, as after a full disk."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"picture-{number:03}.jpg" for number in range(1, count + 1)]
    for number, path in enumerate(paths, 1):
        landscape(number).save(path, quality=85)
        if number == 7:
            data = path.read_bytes()
            path.write_bytes(data[: len(data) // 2])
    return paths


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int, nargs="?", default=60)
    arguments = parser.parse_args()
    print(f"{len(make(arguments.folder, arguments.count))} pictures in {arguments.folder}")
