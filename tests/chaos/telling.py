"""Reports as people read them, or programs."""

import json

WIDTH = 18
FIGURES = ("faults", "recovery_seconds", "throughput", "memory_mib", "descriptors", "details")


def listed(known, output):
    """All scenarios."""
    if output == "json":
        return "\n".join(
            json.dumps({"name": one.name, "covers": list(one.covers), "about": one.about})
            for one in known
        )
    return "\n".join(f"{one.name:{WIDTH}} {' '.join(one.covers):8} {one.about}" for one in known)


def told(report, output):
    """One report: a line of JSON, or a few lines of text."""
    if output == "json":
        return json.dumps(report)
    if report["skipped"] is not None:
        return f"{report['name']:{WIDTH}} SKIPPED  {report['skipped']}"
    word = "passed" if report["passed"] else "FAILED"
    lines = [f"{report['name']:{WIDTH}} {word}  in {report['seconds']} s"]
    if "confirmed" in report:
        settled = ", ".join(f"{count:,} {state}" for state, count in report["settled"].items())
        lines.append(
            f"  {report['confirmed']:,} confirmed: {settled or 'none settled'}; LOST {report['lost']}, "
            f"{report['duplicate_executions']} ran again, "
            f"{report['duplicate_effects']} took effect again"
        )
    found = [name for name in FIGURES if report.get(name)]
    lines += [f"  {name.replace('_', ' ')}: {_plain(report[name])}" for name in found]
    lines += [f"  BREACH: {text}" for text in report["breaches"]]
    return "\n".join(lines)


def bitten(told, output):
    """Whether a planted bug was found, and by what."""
    if output == "json":
        return json.dumps(told)
    word = "found" if told["found"] else "NOT FOUND"
    first = told["breaches"][0].splitlines()[0] if told["breaches"] else ""
    return f"{told['bug']:26} {word} by {told['scenario']} in {told['seconds']} s: {first[:120]}"


def summed_up(reports):
    """The last line."""
    passed = sum(report["passed"] is True for report in reports)
    failed = [report["name"] for report in reports if report["passed"] is False]
    skipped = sum(report["skipped"] is not None for report in reports)
    text = f"{passed} passed, {len(failed)} failed, {skipped} skipped"
    return f"{text}: {', '.join(failed)}" if failed else text


def _plain(value):
    if isinstance(value, dict):
        return ", ".join(f"{name} {_plain(one)}" for name, one in value.items())
    return f"{value:,}" if isinstance(value, int | float) else str(value)
