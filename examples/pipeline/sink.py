"""The sink of the pipeline: ``python sink.py``. It ends when the ventilator has ended."""

from __future__ import annotations

from worker import app

longest = (1, 0)


@app.sink(batch=1_000)
def keep_longest(results: list[tuple[int, int]]) -> None:
    """Called with results, once with each; when it returns, they may be forgotten elsewhere."""
    global longest  # noqa: PLW0603 - a script of twenty lines
    longest = max(longest, *results, key=lambda result: (result[1], -result[0]))


if __name__ == "__main__":
    code = keep_longest.run(once=True)
    print(f"{longest[0]:,} takes the most steps: {longest[1]}")
    raise SystemExit(code)
