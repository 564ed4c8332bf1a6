"""The Mandelbrot set, computed in tiles by whoever is there, written as a PNG.

What you will see: the picture is cut into tiles, each tile is a task, and tiles arrive in the order
in which they are done. It starts a worker of its own, writes mandelbrot.png and ends:

    python examples/mandelbrot.py

Workers in other terminals take their share; with `--slots 0` they do it all:

    cd examples && zmqwork worker mandelbrot:app -c 4
"""

from __future__ import annotations

import argparse
import struct
import zlib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import zmqwork

app = zmqwork.App("mandelbrot")

# The part of the plane that is shown: its left upper corner and its width.
CORNER = complex(-2.2, 1.2)
SPAN = 3.2

# A tile's side in pixels: some 10 ms of work.
TILE = 32

# Where it lies (left, top), its size, the picture's width, and the iterations before giving up.
Order = tuple[int, int, int, int, int, int]


def colour(steps: int, iterations: int) -> tuple[int, int, int]:
    """Black inside; outside from dark blue to bright, the longer it took to escape."""
    if steps == iterations:
        return (0, 0, 0)
    shade = (steps / iterations) ** 0.4
    return (int(255 * shade), int(220 * shade**2), int(60 + 140 * shade))


def escape(point: complex, iterations: int) -> int:
    """How many steps a point takes to leave the circle of radius 2."""
    z = 0j
    for step in range(iterations):
        z = z * z + point
        if z.real * z.real + z.imag * z.imag > 4:
            return step
    return iterations


@app.task
def render(order: Order) -> tuple[int, int, bytes]:
    """One tile: where it lies, and its pixels, three bytes each, row by row."""
    left, top, width, height, picture_width, iterations = order
    step = SPAN / picture_width
    pixels = bytearray()
    for y in range(top, top + height):
        for x in range(left, left + width):
            point = CORNER + complex(x * step, -y * step)
            pixels += bytes(colour(escape(point, iterations), iterations))
    return left, top, bytes(pixels)


def tiles(width: int, height: int, iterations: int) -> Iterator[Order]:
    """The whole picture, as orders."""
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            size = min(TILE, width - left), min(TILE, height - top)
            yield (left, top, *size, width, iterations)


def chunk(kind: bytes, data: bytes) -> bytes:
    """One chunk of a PNG: length, kind, data, checksum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, rows: list[bytearray]) -> bytes:
    """A PNG of eight bits per colour; each row is preceded by its filter, which is none."""
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(b"".join(b"\0" + row for row in rows), 9)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunks


def draw(width: int, height: int, iterations: int) -> list[bytearray]:
    """Have all tiles rendered, and put them in their places."""
    rows = [bytearray(3 * width) for _ in range(height)]
    for left, top, pixels in render.map(tiles(width, height, iterations), order="completed"):
        stride = 3 * min(TILE, width - left)
        for line in range(len(pixels) // stride):
            row = pixels[line * stride : (line + 1) * stride]
            rows[top + line][3 * left : 3 * left + stride] = row
    return rows


def main() -> None:
    """Draw the picture and write it."""
    parser = argparse.ArgumentParser(description="Draw the Mandelbrot set.")
    parser.add_argument("--width", type=int, default=720)
    parser.add_argument("--height", type=int, default=540)
    parser.add_argument("--iterations", type=int, default=150)
    parser.add_argument("--out", type=Path, default=Path("mandelbrot.png"))
    parser.add_argument("--slots", type=int, default=2, help="own worker's; 0: start none")
    asked = parser.parse_args()
    with ExitStack() as stack:
        if asked.slots:
            stack.enter_context(app.worker(concurrency=asked.slots))
        rows = draw(asked.width, asked.height, asked.iterations)
    asked.out.write_bytes(png(asked.width, asked.height, rows))
    count = sum(1 for _ in tiles(asked.width, asked.height, asked.iterations))
    print(f"{count} tiles, {asked.width} x {asked.height} pixels: {asked.out}")


if __name__ == "__main__":
    main()
