"""Each example runs as a reader would run it, and what it says is recomputed."""

from __future__ import annotations

import importlib.util
import re
import struct
import subprocess
import sys
import zlib
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

# A bound for what hangs; on an idle machine each takes some seconds.
PATIENCE = 90.0


def run(environment, name, *arguments, cwd):
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    return ended.stdout


@contextmanager
def worker(environment, target):
    """`zmqwork worker TARGET`, in the folder of the examples, ended by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "worker", target, "-c", "2"],
        cwd=EXAMPLES,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield
    finally:
        process.terminate()
        _, complaint = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaint


def load(name):
    """An example as a module: its tasks are called as the plain functions that they are."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pixels_of(path):
    """The size and the rows of a PNG as `examples/mandelbrot.py` writes it, checksums checked."""
    data = path.read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    chunks, at = {}, 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length) == (zlib.crc32(kind + body),)
        chunks[kind], at = body, at + 12 + length
    assert list(chunks) == [b"IHDR", b"IDAT", b"IEND"]
    width, height, *form = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert form == [8, 2, 0, 0, 0]
    raw, stride = zlib.decompress(chunks[b"IDAT"]), 1 + 3 * width
    rows = [raw[line * stride : (line + 1) * stride] for line in range(height)]
    assert len(raw) == stride * height
    assert {row[0] for row in rows} == {0}
    return width, height, [row[1:] for row in rows]


def whole_picture(width, height, iterations):
    """The same picture, in this process and in one piece."""
    _, _, pixels = load("mandelbrot").render((0, 0, width, height, width, iterations))
    return [pixels[3 * width * line : 3 * width * (line + 1)] for line in range(height)]


def test_every_example_has_a_test():
    text = Path(__file__).read_text("utf-8")
    assert [path.name for path in EXAMPLES.glob("*.py") if f'"{path.name}"' not in text] == []


def test_every_example_says_what_you_will_see():
    for path in EXAMPLES.glob("*.py"):
        assert "What you will see:" in load(path.stem).__doc__, path.name


# 100 x 70 pixels: whole tiles, and narrower ones at both edges.
def test_mandelbrot_alone(private_environment, tmp_path):
    said = run(
        private_environment,
        "mandelbrot.py",
        *("--width", "100", "--height", "70", "--iterations", "60", "--out", "set.png"),
        cwd=tmp_path,
    )
    assert said == "12 tiles, 100 x 70 pixels: set.png\n"
    width, height, rows = pixels_of(tmp_path / "set.png")
    assert (width, height) == (100, 70)
    assert rows == whole_picture(100, 70, 60)
    assert len(set(b"".join(rows))) > 20, "a picture has more than one colour"


def test_mandelbrot_with_a_worker_from_the_command_line(private_environment, tmp_path):
    with worker(private_environment, "mandelbrot:app"):
        run(
            private_environment,
            "mandelbrot.py",
            *("--slots", "0", "--width", "64", "--height", "64", "--iterations", "40"),
            cwd=tmp_path,
        )
    assert pixels_of(tmp_path / "mandelbrot.png") == (64, 64, whole_picture(64, 64, 40))


def words_of_the_library(limit):
    """The same count, without the example's map and reduce."""
    total = Counter()
    for path in load("wordcount").library_files(limit):
        text = Path(path).read_text("utf-8", errors="replace").lower()
        total.update(re.findall("[a-z]{4,}", text))
    return total


def expected_words(limit, top):
    total = words_of_the_library(limit)
    best = sorted(total.items(), key=lambda item: (-item[1], item[0]))[:top]
    head = f"{total.total():,} words in {limit:,} files; most frequent:"
    return "\n".join([head, *(f"{number:>9,}  {word}" for word, number in best)]) + "\n"


# More files than one group, so that there are two rounds of sums.
def test_wordcount_alone(private_environment, tmp_path):
    said = run(private_environment, "wordcount.py", "--limit", "70", "--top", "12", cwd=tmp_path)
    assert said == expected_words(70, 12)


def test_wordcount_with_a_worker_from_the_command_line(private_environment, tmp_path):
    with worker(private_environment, "wordcount:app"):
        said = run(
            private_environment, "wordcount.py", "--slots", "0", "--limit", "10", cwd=tmp_path
        )
    assert said == expected_words(10, 10)
