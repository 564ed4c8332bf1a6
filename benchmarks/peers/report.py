"""How results are told: a line for each figure, and a Markdown table of all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.peers.harness import Line, judged
from benchmarks.peers.workloads import WORKLOADS, Figure

# A failure in a cell; the reason stands below.
FAILED = "failed"
PREFIXES = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1.0, ""), (1e-3, "m"), (1e-6, "µ"))
# What takes no prefix.
SHARE = "of ideal"

LEGEND = (
    "In parentheses: how many times better zmqwork did in the same minutes (below 1: worse). "
    "\\*: fewer tasks than the others, because the time was over."
)
COLUMNS = f"{'peer':<16}{'work':<16}{'value':>12} {'':<9}"
HEAD = f"{COLUMNS}{'zmqwork':>12}{'factor':>10}  tasks"


def row(line: Line) -> str:
    """For a terminal."""
    what = f"{line.peer:<16}{line.workload + ' ' + line.figure:<16}"
    if line.value is None:
        return f"{what}{FAILED}: {(line.failed or '').splitlines()[0]}"
    factor = "" if line.factor is None else f"{times(line.factor)}x"
    few = f" of {line.asked:,}" if line.count < line.asked else ""
    partly = f"  ({FAILED} later)" if line.failed else ""
    return (
        f"{what}{line.value:>12.4g} {line.unit:<9}{line.zmqwork:>12.4g}{factor:>10}"
        f"  {line.count:,}{few}{partly}"
    )


def scaled(value: float, unit: str) -> str:
    """With three digits and a prefix: ``1.23 k``."""
    if unit == SHARE:
        return f"{value:.0%}"
    size, prefix = next((pair for pair in PREFIXES if abs(value) >= pair[0]), PREFIXES[-1])
    return f"{value / size:.3g} {prefix}".strip()


def times(factor: float) -> str:
    """A factor in as many digits as are worth reading."""
    return (
        f"{factor:,.0f}" if factor >= 100 else f"{factor:.2g}" if factor >= 1 else f"{factor:.2f}"
    )


def pooled(records: Iterable[Mapping[str, Any]]) -> list[Line]:
    """The lines of several files as one: the pairs of the same figure are put together.

    Those of a peer that had other settings or versions in a later file are left out.
    """
    records = list(records)
    last = last_settings(records)
    found: dict[tuple[str, str, str], Line] = {}
    for record in records:
        for fields in record["peers"]:
            line = Line(**fields)
            if record["settings"][line.peer] != last[line.peer]:
                continue
            key = (line.peer, line.workload, line.figure)
            earlier = found.get(key)
            pairs = [*(earlier.runs if earlier else []), *line.runs]
            if not pairs:
                found[key] = line
                continue
            filled = line if line.runs or earlier is None else earlier
            failed = line.failed or (earlier.failed if earlier else None)
            merged = Line(**{**filled.as_dict(), "failed": failed})
            found[key] = judged(merged, figure_of(line), [(one, two) for one, two in pairs])
    return list(found.values())


def figure_of(line: Line) -> Figure:
    figures = WORKLOADS[line.workload].figures
    return next(figure for figure in figures if figure.name == line.figure)


def cell(line: Line | None) -> str:
    if line is None:
        return ""
    if line.value is None:
        return FAILED
    text = scaled(line.value, line.unit)
    few = "\\*" if line.count < line.asked else ""
    return f"{text}{few}" if line.factor is None else f"{text}{few} ({times(line.factor)})"


def table(records: Sequence[Mapping[str, Any]]) -> str:
    """Markdown: what was measured, on what, and with which settings."""
    lines = pooled(records)
    by_key = {(line.peer, line.workload, line.figure): line for line in lines}
    names = list(dict.fromkeys(line.peer for line in lines))
    columns = [
        (workload.name, figure)
        for workload in WORKLOADS.values()
        for figure in workload.figures
        if any((name, workload.name, figure.name) in by_key for name in names)
    ]
    titles = [f"{name} {figure.title}" for name, figure in columns]
    rows = [["peer", *titles], ["---"] * (len(columns) + 1)]
    for name in names:
        cells = [cell(by_key.get((name, work, figure.name))) for work, figure in columns]
        rows.append([name, *cells])
    parts = [
        "\n".join(f"| {' | '.join(words)} |" for words in rows),
        LEGEND,
        "\n".join(
            f"- {name}: {WORKLOADS[name].what}" for name in dict.fromkeys(one for one, _ in columns)
        ),
        failures(lines),
        "\n\n".join(circumstances(record) for record in records),
        settings(records),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def failures(lines: Iterable[Line]) -> str:
    told = {f"{line.peer}, {line.workload}": line.failed for line in lines if line.failed}
    if not told:
        return ""
    # The last line of what a program says names the error.
    shown = [
        f"- {what}: {why.splitlines()[0]}; {why.splitlines()[-1]}" for what, why in told.items()
    ]
    return "Failed:\n\n" + "\n".join(shown)


def circumstances(record: Mapping[str, Any]) -> str:
    """How one file was taken."""
    taken = record["taken"]
    text = (
        f"Taken {taken['at'][:10]}, {taken['runs']} run(s) of each, on {taken['processor']}, "
        f"{taken['cores']} cores, load {taken['load_before']:.1f} before; {taken['system']}, "
        f"Python {taken['python']}, Redis {taken['redis'] or 'none'}."
    )
    return f"{text} {taken['note']}" if taken.get("note") else text


def last_settings(records: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Of each peer, those of the last file that has a line of it."""
    return {
        line["peer"]: record["settings"][line["peer"]]
        for record in records
        for line in record["peers"]
    }


def settings(records: Iterable[Mapping[str, Any]]) -> str:
    return "\n".join(
        f"- **{peer}** ({versions_of(how['versions'])}). {' '.join(how['settings'].split())}"
        for peer, how in last_settings(records).items()
    )


def versions_of(versions: Mapping[str, str]) -> str:
    own = [f"{name} {version}" for name, version in versions.items() if name != "python"]
    return ", ".join(own) or f"Python {versions['python']}"
