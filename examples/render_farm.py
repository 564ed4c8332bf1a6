"""A picture of spheres, traced ray by ray, by whoever is there.

What you will see: the picture is cut into tiles, workers take tiles as they become free, and at the
end it says who has done how many. It starts two workers, writes render_farm.png and ends:

    python examples/render_farm.py

Start more in other terminals while it runs; with `--own 0` they do it all:

    cd examples && zmqwork worker render_farm:app
"""

from __future__ import annotations

import argparse
import math
import os
import socket
import struct
import subprocess
import sys
import zlib
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import zmqwork

app = zmqwork.App("render-farm")

TILE = 32
BOUNCES = 3

Vector = tuple[float, float, float]
# Centre, radius, colour, and how much it mirrors.
Sphere = tuple[Vector, float, Vector, float]
# Where it lies (left, top), and the size of the picture.
Order = tuple[int, int, int, int]

SCENE: list[Sphere] = [
    ((0.0, -1000.5, 0.0), 1000.0, (0.55, 0.55, 0.5), 0.1),
    ((-1.1, 0.0, 3.6), 0.5, (0.9, 0.2, 0.15), 0.25),
    ((0.0, 0.1, 3.0), 0.6, (0.95, 0.95, 0.95), 0.8),
    ((1.15, -0.05, 3.4), 0.45, (0.1, 0.35, 0.85), 0.25),
    ((0.55, -0.35, 2.1), 0.15, (0.95, 0.75, 0.1), 0.15),
    ((-0.5, -0.38, 2.2), 0.12, (0.15, 0.7, 0.3), 0.15),
]
LIGHT: Vector = (-0.53, 0.74, -0.42)


def dot(a: Vector, b: Vector) -> float:
    """The product of two vectors."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def along(origin: Vector, direction: Vector, distance: float) -> Vector:
    """The point so far along a ray."""
    x, y, z = origin
    return (x + direction[0] * distance, y + direction[1] * distance, z + direction[2] * distance)


def unit(a: Vector) -> Vector:
    """The vector of length 1 in this direction."""
    return along((0.0, 0.0, 0.0), a, 1 / math.sqrt(dot(a, a)))


def hit(origin: Vector, direction: Vector) -> tuple[float, Sphere] | None:
    """The first sphere that a ray meets, and how far away it is."""
    nearest: tuple[float, Sphere] | None = None
    for sphere in SCENE:
        centre, radius, _, _ = sphere
        to_origin = along(origin, centre, -1.0)
        b = dot(to_origin, direction)
        root = b * b - dot(to_origin, to_origin) + radius * radius
        if root > 0:
            distance = -b - math.sqrt(root)
            if distance > 1e-4 and (nearest is None or distance < nearest[0]):
                nearest = (distance, sphere)
    return nearest


def trace(origin: Vector, direction: Vector, bounces: int = BOUNCES) -> Vector:
    """The colour that comes along a ray."""
    found = hit(origin, direction)
    if found is None:
        height = 0.5 * (direction[1] + 1)
        return (0.85 - 0.45 * height, 0.9 - 0.3 * height, 1.0)
    distance, (centre, _, colour, mirror) = found
    point = along(origin, direction, distance)
    normal = unit(along(point, centre, -1.0))
    light = 0.15
    if hit(point, LIGHT) is None:
        light += 0.85 * max(0.0, dot(normal, LIGHT))
    own = (colour[0] * light, colour[1] * light, colour[2] * light)
    if not bounces:
        return own
    other = trace(point, along(direction, normal, -2 * dot(direction, normal)), bounces - 1)
    return along(along((0.0, 0.0, 0.0), own, 1 - mirror), other, mirror)


@app.task
def render(order: Order) -> tuple[str, int, int, bytes]:
    """One tile: who made it, where it lies, and its pixels, three bytes each, row by row."""
    left, top, width, height = order
    pixels = bytearray()
    for y in range(top, min(top + TILE, height)):
        for x in range(left, min(left + TILE, width)):
            ray = unit(((x - width / 2) / width * 1.3, (height / 2 - y) / width * 1.3, 1.0))
            pixels += bytes(min(255, int(255 * part)) for part in trace((0.0, 0.1, 0.0), ray))
    return f"{socket.gethostname()} {os.getpid()}", left, top, bytes(pixels)


def tiles(width: int, height: int) -> Iterator[Order]:
    """The whole picture, as orders."""
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            yield left, top, width, height


def draw(width: int, height: int) -> tuple[list[bytearray], Counter[str]]:
    """Have all tiles rendered, put them in their places, and count who did how many."""
    rows = [bytearray(3 * width) for _ in range(height)]
    done_by: Counter[str] = Counter()
    orders = tiles(width, height)
    for who, left, top, pixels in render.map(orders, order="completed", chunk=1):
        done_by[who] += 1
        stride = 3 * min(TILE, width - left)
        for line in range(len(pixels) // stride):
            row = pixels[line * stride : (line + 1) * stride]
            rows[top + line][3 * left : 3 * left + stride] = row
    return rows, done_by


def png(width: int, height: int, rows: list[bytearray]) -> bytes:
    """A PNG of eight bits per colour; each row is preceded by its filter, which is none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = b"\x89PNG\r\n\x1a\n"
    for kind, data in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b"")):
        chunks += struct.pack(">I", len(data)) + kind + data
        chunks += struct.pack(">I", zlib.crc32(kind + data))
    return chunks


def start_worker(stack: ExitStack) -> None:
    """One more worker, as from the command line, that ends with this program."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "worker", "render_farm:app", "-c", "1"],
        cwd=Path(__file__).parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    stack.callback(process.wait)
    stack.callback(process.terminate)


def main() -> None:
    """Draw the picture and write it."""
    parser = argparse.ArgumentParser(description="Trace a picture of spheres.")
    parser.add_argument("--width", type=int, default=480)
    parser.add_argument("--height", type=int, default=320)
    parser.add_argument("--out", type=Path, default=Path("render_farm.png"))
    parser.add_argument("--own", type=int, default=2, help="workers to start; 0: none")
    asked = parser.parse_args()
    with ExitStack() as stack:
        for _ in range(asked.own):
            start_worker(stack)
        rows, done_by = draw(asked.width, asked.height)
    asked.out.write_bytes(png(asked.width, asked.height, rows))
    for who, count in done_by.most_common():
        print(f"{count:>5} tiles by process {who}")
    print(f"{done_by.total()} tiles, {asked.width} x {asked.height} pixels: {asked.out}")


if __name__ == "__main__":
    main()
