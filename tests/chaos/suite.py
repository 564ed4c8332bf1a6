"""The scenarios by name; how one is run, and what its report says."""

import importlib
import os
import pkgutil
import shutil
import subprocess
import tempfile
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import scenarios
from chaos_processes import ROOT
from scene import opened
from trial import Skip, Trial

SCALES = ("short", "full")
# A report is one line of JSON, and these come first, in this order, whatever else there is.
HEAD = ("name", "covers", "scale", "passed", "skipped", "seconds", "commit", "seed")
# What a planted bug has brought to a standstill is waited for less long.
PLANTED_STALL = 30.0
FIGURES = ("confirmed", "settled", "lost", "duplicate_executions", "duplicate_effects")


@dataclass(frozen=True)
class Scenario:
    """One of them: its first line says what it does."""

    name: str
    covers: tuple[str, ...]
    run: Any

    @property
    def about(self):
        return (self.run.__doc__ or "").strip().splitlines()[0]


def load():
    """All scenarios, in the order of what they cover: name -> Scenario."""
    found = []
    for module in pkgutil.iter_modules(scenarios.__path__):
        made = importlib.import_module(f"scenarios.{module.name}")
        found += [
            Scenario(*thing.scenario, run=thing)
            for thing in vars(made).values()
            if hasattr(thing, "scenario") and thing.__module__ == made.__name__
        ]
    found.sort(key=lambda one: (int(one.covers[0].lstrip("CP")), one.name))
    return {one.name: one for one in found}


def run(scenario, scale="short", seed=1, *, minutes=None, plant=None, keep=False, started=None):
    """Run it; its report.

    Args:
        scenario: which.
        scale: ``short`` or ``full``.
        seed: of what is chosen by chance.
        minutes: for scenarios that take as long as they are told.
        plant: a bug that all processes shall have.
        keep: leave the facts of what failed where they are.
        started: gets the trial, so that its progress can be told.
    """
    begun_at = time.monotonic()
    report = dict.fromkeys(HEAD)
    report |= {"name": scenario.name, "covers": list(scenario.covers), "scale": scale, "seed": seed}
    place = Path(tempfile.mkdtemp(prefix="zw-chaos-", dir="/tmp"))
    breaches = []
    try:
        with opened(place) as scene:
            trial = Trial(scene, scale, seed, minutes)
            if plant is not None:
                scene.environment["CHAOS_PLANT"] = plant
                trial.stall = PLANTED_STALL
            if started is not None:
                started(trial)
            try:
                scenario.run(trial)
            except Skip as why:
                report["skipped"] = str(why)
            except Exception as error:
                breaches.append(_told(error))
            finally:
                trial.close()
            breaches += trial.breaches
            if report["skipped"] is None:
                report |= trial.report()
        breaches += _bugs(scene.complaints())
        report["breaches"] = breaches[:20]
        report["passed"] = None if report["skipped"] is not None else not breaches
        if breaches and keep:
            report["place"] = str(place)
    finally:
        if not (breaches and keep):
            shutil.rmtree(place, ignore_errors=True)
    report["seconds"] = round(time.monotonic() - begun_at, 1)
    report["commit"] = commit()
    return report


def commit():
    """Which code it was; with a mark, if that was changed since."""
    words = ["git", "-C", str(ROOT), "describe", "--always", "--dirty", "--abbrev=10"]
    try:
        return subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return os.environ.get("ZMQWORK_COMMIT", "unknown")


def _told(error):
    where = traceback.extract_tb(error.__traceback__)[-1]
    return f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"


def _bugs(text):
    """What no node may ever say."""
    _, found, behind = text.partition("Traceback")
    return [f"a traceback in what the nodes said:\n{found}{behind[:1500]}"] if found else []
