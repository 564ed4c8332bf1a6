"""The table and the picture of docs/scale.md: ``python -m benchmarks.scale RESULTS [--plot FILE]``.

RESULTS is a JSON file with a list of what ``python -m zmqwork.testing.scale -o json`` has printed.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

Figures = dict[str, Any]

_COLUMNS = (
    "producers x workers",
    "sessions",
    "heartbeats a second",
    "kB a second",
    "a producer's processor for them",
    "messages a task",
    "bytes a task",
    "producer, us a task",
    "worker, us a task",
    "all runs again",
)


def name_of(it: Figures) -> str:
    """``10 x 1,000``."""
    setting = it["setting"]
    return f"{setting['producers']} x {setting['workers']:,}"


def row(it: Figures) -> list[str]:
    """One run, as the table has it; a phase that was left out has no figures."""
    beats = it["heartbeats"]
    cells = [
        name_of(it),
        f"{it['sessions']:,}",
        f"{beats['messages_per_second']:,.0f}",
        f"{beats['bytes_per_second'] / 1e3:,.0f}",
        f"{beats['producer_load']:.1%}",
    ]
    work, loss = it.get("work"), it.get("loss")
    if work is None:
        cells += [""] * 4
    else:
        cells += [
            f"{work['messages_per_task']:.1f}",
            f"{work['bytes_per_task']:.0f}",
            f"{work['producer_us_per_task']:,.0f}",
            f"{work['worker_us_per_task']:,.0f}",
        ]
    cells.append("" if loss is None else f"{loss['all_running_again_after']:.2f} s")
    return cells


def table(runs: list[Figures]) -> str:
    """In Markdown."""
    rows = [list(_COLUMNS), ["---"] * len(_COLUMNS), *map(row, runs)]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in rows)


def draw(runs: list[Figures], path: Path) -> None:
    """What grows with workers, and what with producers."""
    import matplotlib as mpl  # noqa: PLC0415 - of the extra `plot`
    from matplotlib.backends.backend_svg import FigureCanvasSVG  # noqa: PLC0415 - likewise
    from matplotlib.figure import Figure  # noqa: PLC0415 - likewise

    # The same file for the same figures; and text as text, which is smaller.
    mpl.rcParams |= {"svg.hashsalt": "scale", "svg.fonttype": "none"}
    figure = Figure(figsize=(10.5, 3.4), layout="constrained")
    FigureCanvasSVG(figure)
    beats, messages, times = figure.subplots(1, 3)
    marks = dict(zip(sorted({it["setting"]["workers"] for it in runs}), "os^Dv", strict=False))
    for workers, mark in marks.items():
        some = [it for it in runs if it["setting"]["workers"] == workers]
        x = [it["setting"]["producers"] for it in some]
        label = f"{workers:,} workers"
        load = [it["heartbeats"]["producer_load"] * 100 for it in some]
        beats.plot([it["sessions"] / p for it, p in zip(some, x, strict=True)], load, mark)
        worked = [it for it in some if "work" in it]
        x = [it["setting"]["producers"] for it in worked]
        for axes, name in ((messages, "messages_per_task"), (times, "worker_us_per_task")):
            axes.plot(x, [it["work"][name] for it in worked], f"-{mark}", label=label)
    beats.set_title("heartbeats: % of a processor")
    beats.set_xlabel("sessions of a producer")
    messages.set_title("messages for each task")
    times.set_title("worker: us for each task")
    for axes in (messages, times):
        axes.set_xlabel("producers")
        axes.set_xscale("log")
        axes.legend(fontsize="small")
    for axes in (beats, messages, times):
        axes.set_ylim(bottom=0)
        axes.grid(visible=True, alpha=0.3)
    figure.savefig(path, metadata={"Date": None})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path)
    parser.add_argument("--plot", type=Path)
    arguments = parser.parse_args()
    runs = json.loads(arguments.results.read_text())
    print(table(runs))
    if arguments.plot is not None:
        draw(runs, arguments.plot)


if __name__ == "__main__":
    main()
