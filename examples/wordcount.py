"""The most frequent words of Python's own standard library, counted in parallel.

What you will see: each .py and .txt file of the running interpreter's library is a task that counts
its words (map). Counts are added in groups by further tasks (reduce), already while others are
still being made, until one is left. It starts a worker of its own and ends by itself:

    python examples/wordcount.py

Workers in other terminals take their share; with `--slots 0` they do it all:

    cd examples && zmqwork worker wordcount:app -c 4
"""

from __future__ import annotations

import argparse
import re
import sysconfig
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from pathlib import Path

import zmqwork

app = zmqwork.App("wordcount")

WORD = re.compile(r"[a-z]{4,}")

# Counts added by one task.
GROUP = 32


@app.task
def count(path: str) -> dict[str, int]:
    """Map: the words of one file."""
    text = Path(path).read_text("utf-8", errors="replace")
    return dict(Counter(WORD.findall(text.lower())))


@app.task
def add(parts: list[dict[str, int]]) -> dict[str, int]:
    """Reduce: the sum of some counts."""
    total: Counter[str] = Counter()
    for part in parts:
        total.update(part)
    return dict(total)


def groups(parts: Iterable[dict[str, int]]) -> Iterator[list[dict[str, int]]]:
    """Cut a stream into lists of at most GROUP."""
    stream = iter(parts)
    while group := list(islice(stream, GROUP)):
        yield group


def library_files(limit: int) -> list[str]:
    """The first `limit` texts of the standard library, without packages installed beside it."""
    root = Path(sysconfig.get_path("stdlib"))
    files = (path for path in sorted(root.rglob("*")) if path.suffix in {".py", ".txt"})
    own = (str(path) for path in files if "site-packages" not in path.parts)
    return list(islice(own, limit))


def count_all(paths: list[str]) -> dict[str, int]:
    """The words of all files; each stage starts as soon as the one before yields."""
    sums = list(add.map(groups(count.map(paths, order="completed")), order="completed"))
    while len(sums) > 1:
        sums = list(add.map(groups(sums), order="completed"))
    return sums[0] if sums else {}


def main() -> None:
    """Count, and print the most frequent words."""
    parser = argparse.ArgumentParser(description="Count the words of the standard library.")
    parser.add_argument("--limit", type=int, default=600, help="files, at most (default 600)")
    parser.add_argument("--top", type=int, default=10, help="words to print (default 10)")
    parser.add_argument("--slots", type=int, default=2, help="own worker's; 0: start none")
    asked = parser.parse_args()
    paths = library_files(asked.limit)
    with ExitStack() as stack:
        if asked.slots:
            stack.enter_context(app.worker(concurrency=asked.slots))
        words = count_all(paths)
    print(f"{sum(words.values()):,} words in {len(paths):,} files; most frequent:")
    for word, number in sorted(words.items(), key=lambda item: (-item[1], item[0]))[: asked.top]:
        print(f"{number:>9,}  {word}")


if __name__ == "__main__":
    main()
