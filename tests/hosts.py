"""Hosts of the tests' own: those of the benchmarks, and nothing else."""

from benchmarks.netns.hosts import PATIENCE, Switch, why_not

__all__ = ["PATIENCE", "Switch", "why_not"]
