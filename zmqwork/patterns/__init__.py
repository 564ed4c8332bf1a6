"""Patterns of the ZeroMQ guide, made of the public interface alone. A page for each: docs/patterns.

| pattern | topology | guarantee | cost |
|---|---|---|---|
| `fanout` | one to each worker | each worker that is there runs it once, or is named with what kept it | a task per worker |
| `freelance` | one to any of N, no broker | an answer while one worker lives; the first one that comes | `hedge` times the work, at most |
| `pipeline` | ventilator, workers, sink, over PUSH and PULL | at most once; what is lost is counted and named | a message per batch |
| `pirate` | request and reply | an answer while one worker lives, or an error when the time is over | heartbeats; after a crash work is done twice |
| `scatter` | one to many, and back in order | a result for each part, or an error that names the parts without | a task per part |
| `stages` | several steps in a row, to a sink | each item comes out, or is named with the step that it failed in | outputs pass through the ventilator |
"""  # noqa: E501 - a row is a line

from __future__ import annotations

__all__ = ["fanout", "freelance", "pipeline", "pirate", "scatter", "stages"]
