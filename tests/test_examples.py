"""Each example runs as a reader would run it, and what it says is recomputed."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import os
import re
import select
import struct
import subprocess
import sys
import threading
import zlib
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import pytest

import zmqwork
from zmqwork.config import NodeConfig
from zmqwork.nodes.observer import Observer

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"

# What is no program by itself, or one of several.
PARTS = {
    *("pipeline/sink.py", "pipeline/ventilator.py", "pipeline/worker.py"),
    *("thumbnails/pictures.py", "thumbnails/thumbs.py"),
}

# A bound for what hangs; on an idle machine each takes some seconds.
PATIENCE = 90.0


# What the log says of a worker that dies, and perhaps before there is another one; nothing else may
# be said.
LOST = r"(worker .* is lost; .*\n)?(.* wait: no worker was found \(peers known: 1 lost\).*\n)?"


def run(environment, name, *arguments, cwd, complains=""):
    ended = subprocess.run(
        [sys.executable, "-W", "error", str(EXAMPLES / name), *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert re.fullmatch(complains, ended.stderr)
    return ended.stdout


@contextmanager
def worker(environment, *words):
    """`zmqwork worker ...`, in the folder of the examples, ended by SIGTERM."""
    process = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "worker", *words, "-c", "2"],
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
    module_name = f"example_{name.replace('/', '_')}"
    spec = importlib.util.spec_from_file_location(module_name, EXAMPLES / f"{name}.py")
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
    names = [str(path.relative_to(EXAMPLES)) for path in EXAMPLES.rglob("*.py")]
    assert [name for name in names if f'"{name}"' not in text] == []


def test_every_example_says_what_you_will_see():
    for path in EXAMPLES.rglob("*.py"):
        name = str(path.relative_to(EXAMPLES))
        if name not in PARTS:
            assert "What you will see:" in ast.get_docstring(ast.parse(path.read_text())), name


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


def test_executor_alone(private_environment, tmp_path):
    said = run(private_environment, "executor.py", cwd=tmp_path)
    primes = load("executor").primes
    counts = [primes(start) for start in range(0, 50_000, 5_000)]
    lines = said.splitlines()
    expected = {f"{n:>8} to {n + 5_000:>6}: {primes(n)} primes" for n in range(0, 50_000, 5_000)}
    assert set(lines[:10]) == expected
    assert lines[10] == f"in order: {counts}"
    assert lines[11:] == [
        "below 1,000: 168",
        "a call that failed: ZeroDivisionError: division by zero",
    ]


def test_executor_with_a_worker_from_the_command_line(private_environment, tmp_path):
    with worker(private_environment, "--allow", "executor.*", "--realm", "example"):
        said = run(private_environment, "executor.py", "--realm", "example", cwd=tmp_path)
    assert "below 1,000: 168\n" in said


def test_asyncio_embed(private_environment, tmp_path):
    said = run(private_environment, "asyncio_embed.py", cwd=tmp_path)
    first = hashlib.pbkdf2_hmac("sha256", b"client 0", b"salt", 100_000).hex()
    head, ticks = said.splitlines()
    assert head == f"24 clients have different keys; the first is {first[:16]}..."
    assert re.fullmatch(r"the event loop ticked \d+ times meanwhile, .* ms late at median", ticks)


def test_killed_worker(private_environment, tmp_path):
    said = run(private_environment, "killed_worker.py", cwd=tmp_path, complains=LOST)
    killed, *did, again, results, pause = said.splitlines()
    assert re.fullmatch(r"worker \d+ is killed after 40 results", killed)
    # What the dead one has delivered may be done again, when its ack did not come through.
    counts = [int(re.fullmatch(r"worker \d+ did (\d+) tasks", line)[1]) for line in did]
    assert sum(counts) == 120
    assert counts[0] < counts[1]
    assert re.fullmatch(r"\d+ tasks were lost with it and done again", again)
    assert results == "120 of 120 results, each once: True"
    assert pause.startswith("the longest pause")


def test_stream(private_environment, tmp_path):
    said = run(private_environment, "stream.py", cwd=tmp_path, complains=LOST)
    lines = said.splitlines()
    assert lines.pop(6) == "its worker is killed, and another one is started"
    assert lines[:12] == [f"{n} x {n} = {n * n}" for n in range(1, 13)]
    assert lines[12:] == [
        "2 attempts; the handler said last: Progress(fraction=1.0, note='12 of 12')"
    ]


def test_killed_worker_leaves_no_worker_behind(private_environment):
    """Also when it ends in a way in which it can put nothing away."""
    command = [sys.executable, str(EXAMPLES / "killed_worker.py")]
    with subprocess.Popen(command, env=private_environment) as process:
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        pause = threading.Event()
        while len(pids := [int(word) for word in children.read_text().split()]) < 2:
            assert process.poll() is None
            pause.wait(0.01)
        descriptors = [os.pidfd_open(pid) for pid in pids]
        process.terminate()
    for descriptor in descriptors:
        ended, _, _ = select.select([descriptor], [], [], PATIENCE)
        os.close(descriptor)
        assert ended


def test_render_farm_alone(private_environment, tmp_path):
    said = run(
        private_environment,
        "render_farm.py",
        *("--width", "70", "--height", "40", "--out", "farm.png"),
        cwd=tmp_path,
    )
    *who, total = said.splitlines()
    assert total == "6 tiles, 70 x 40 pixels: farm.png"
    assert sum(int(line.split()[0]) for line in who) == 6
    rows, _ = traced_here(70, 40)
    assert pixels_of(tmp_path / "farm.png") == (70, 40, rows)
    assert len(set(b"".join(rows))) > 50, "a picture has more than one colour"


def test_render_farm_with_a_worker_from_the_command_line(private_environment, tmp_path):
    with worker(private_environment, "render_farm:app"):
        size = ("--width", "32", "--height", "32")
        said = run(private_environment, "render_farm.py", "--own", "0", *size, cwd=tmp_path)
    assert "1 tiles by process" in said
    assert pixels_of(tmp_path / "render_farm.png") == (32, 32, traced_here(32, 32)[0])


def traced_here(width, height):
    """The same picture, in this process: its rows, and how many tiles it has."""
    farm = load("render_farm")
    rows = [bytearray(3 * width) for _ in range(height)]
    orders = list(farm.tiles(width, height))
    for order in orders:
        _, left, top, pixels = farm.render(order)
        stride = 3 * min(farm.TILE, width - left)
        for line in range(len(pixels) // stride):
            row = pixels[line * stride : (line + 1) * stride]
            rows[top + line][3 * left : 3 * left + stride] = row
    return [bytes(row) for row in rows], len(orders)


def test_classic_pipeline(private_environment, tmp_path):
    said = run(private_environment, "patterns/pipeline.py", cwd=tmp_path)
    longest, report, shares, _, _, again, _, loss, *missing, _, _ = said.splitlines()
    assert longest == "the longest way has 143 steps"
    assert re.fullmatch(r"received 600 of 600 in .*: 0 missing, 0 duplicates, 0 failed", report)
    shared = re.findall(r"\w+ (\d+) \(\d+%\)", shares)
    assert len(shared) == 2
    assert sum(map(int, shared)) == 600
    assert again == "and now the left worker is killed after a quarter of the results:"
    received, lost = map(int, re.match(r"received (\d+) of 600 .*: (\d+) missing", loss).groups())
    assert lost > 0
    assert received + lost == 600
    assert re.match(r"  ventilator .*: missing \d+-\d+", missing[0])


def test_pirate(private_environment, tmp_path):
    said = run(private_environment, "patterns/pirate.py", cwd=tmp_path, complains=LOST)
    assert said.splitlines() == [
        "1 / 8 = 0.125, in attempt 2",
        "1 / 0: ZeroDivisionError: division by zero",
        "a dream: its time is over",
        "1 of 2 workers live",
    ]


def test_freelance(private_environment, tmp_path):
    said = run(private_environment, "patterns/freelance.py", cwd=tmp_path, complains=LOST)
    first, second, third = said.splitlines()
    assert first == "9 answers, by 3 workers"
    assert second == "9 answers, 0 by the stopped one"
    assert re.fullmatch(r"another one was asked \d+ times", third)


def test_scatter(private_environment, tmp_path):
    said = run(private_environment, "patterns/scatter.py", cwd=tmp_path)
    primes = load("patterns/scatter").primes
    counts = [primes(range(start, start + 5_000)) for start in range(0, 40_000, 5_000)]
    assert said.splitlines() == [
        f"{sum(counts)} primes, by part: {counts}",
        "2 of 5 parts failed: 2 (items 2 to 3), 5 (items 8 to 9)",
        "  ValueError: could not convert string to float: '2l.0'",
        "  ValueError: could not convert string to float: '1 8.5'",
    ]


def test_fanout(private_environment, tmp_path):
    said = run(private_environment, "patterns/fanout.py", cwd=tmp_path, complains=LOST)
    first, *three, second, one, other = said.splitlines()
    assert first == "3 were told of version 1:"
    assert second == "2 were told of version 2:"
    told = r"  worker .*-(\d+)#[0-9a-f]{4}: process \1 has version {}"
    lost = [line for line in three if ": lost: its worker was lost" in line]
    assert len(lost) == 1
    for line in three:
        assert line in lost or re.fullmatch(told.replace("{}", "1"), line)
    for line in (one, other):
        assert re.fullmatch(told.replace("{}", "2"), line)


def test_stages(private_environment, tmp_path):
    said = run(private_environment, "patterns/stages.py", cwd=tmp_path, complains=LOST)
    failed, *readings, count, workers = said.splitlines()
    reason = "ValueError: could not convert string to float: '7O'"
    assert failed == f"'7O' failed in 'read': {reason}"
    assert [line.split(" C")[0].strip() for line in readings] == [
        *("-10.0", "0.0", "5.0", "10.0", "15.0", "25.0", "37.0", "100.0")
    ]
    assert readings[0] == "-10.0 C, in attempt 2"
    assert count == "8 of 9 came out"
    assert workers == "1 of 2 workers of the stage in the middle live"


@contextmanager
def scripts(environment, folder):
    """Start programs of a folder, in which they find each other; they are killed at the end."""
    started = []

    def start(*words, cwd=EXAMPLES / folder):
        program = [sys.executable, "-W", "error", *map(str, words)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        started.append(subprocess.Popen(program, cwd=cwd, env=environment, **pipes))
        return started[-1]

    try:
        yield start
    finally:
        for process in started:
            process.kill()
            process.communicate()


def said_by(process):
    """What a program says until it ends."""
    output, complaint = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, complaint
    return output


COLLATZ = "17,647 takes the most steps: 278\n"


@pytest.mark.parametrize("order", ["worker sink ventilator", "ventilator sink worker"])
def test_pipeline(private_environment, order):
    with scripts(private_environment, "pipeline") as start:
        processes = {name: start(f"{name}.py") for name in order.split()}
        said = said_by(processes["ventilator"])
        assert re.fullmatch(
            r"20,000 ok of 20,000 in \d+\.\d s, .*/s\nsink .* has 20,000 results\n", said
        )
        assert said_by(processes["sink"]) == COLLATZ
        processes["worker"].terminate()
        assert said_by(processes["worker"]) == ""


def test_pipeline_with_a_killed_worker(private_environment, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", private_environment["XDG_RUNTIME_DIR"])
    app = zmqwork.App("pipeline")
    config = NodeConfig(node_id="0" * 32, name="test", realm=app.name)
    with (
        scripts(private_environment, "pipeline") as start,
        Observer(config, app.discover(), settle_delay=0.01) as observer,
    ):
        sink, ventilator = start("sink.py"), start("ventilator.py")
        worker = start("worker.py")
        while not any(node.get("stored") for node in observer.survey()["nodes"]):
            assert ventilator.poll() is None
        worker.kill()
        worker.wait(PATIENCE)
        assert ventilator.poll() is None, "it has all, before half of it could be done"
        start("worker.py")
        assert said_by(ventilator).startswith("20,000 ok of 20,000 in ")
        assert said_by(sink) == COLLATZ


def sheet_of(path):
    """How a contact sheet looks at the middle of each thumbnail."""
    from PIL import Image

    with Image.open(path) as sheet:
        columns, rows = sheet.size[0] // 128, sheet.size[1] // 112
        return [
            sheet.getpixel((8 + 60 + 128 * column, 8 + 45 + 112 * row))
            for row in range(rows)
            for column in range(columns)
        ]


BROKEN = r"picture-007\.jpg: OSError: image file is truncated \(\d+ bytes not processed\)\n"


def test_thumbnails(private_environment, tmp_path):
    said = run(private_environment, "thumbnails/run.py", "--count", "12", cwd=tmp_path)
    assert re.fullmatch(
        rf"12 pictures of 800 x 600\n{BROKEN}11 of 12 thumbnails, 1 failed, in .* s\n"
        r"contact sheet: contact_sheet\.png\n",
        said,
    )
    middles = sheet_of(tmp_path / "contact_sheet.png")
    assert len(set(middles[:11])) > 8, "pictures differ"
    assert set(middles[11:]) == {(32, 32, 36)}, "and there are eleven"


def test_thumbnails_as_three_programs(private_environment, tmp_path):
    with scripts(private_environment, "thumbnails") as start:
        pictures = tmp_path / "pictures"
        assert said_by(start("pictures.py", pictures, 8)) == f"8 pictures in {pictures}\n"
        thumbs = EXAMPLES / "thumbnails" / "thumbs.py"
        ventilator = start(thumbs, "push", pictures)
        sink = start(thumbs, "sink", cwd=tmp_path)
        start("-m", "zmqwork", "worker", "thumbs:app", "-c", "2")
        said, _ = ventilator.communicate(timeout=PATIENCE)
        assert re.fullmatch(rf"{BROKEN}7 of 8 thumbnails, 1 failed, in .* s\n", said)
        assert ventilator.returncode == 1, "one has failed"
        assert said_by(sink) == ""
    assert len({*sheet_of(tmp_path / "contact_sheet.png")}) > 5
