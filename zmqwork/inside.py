"""Whether this code runs inside a task, where waiting is another thing: see `helping`.

Programs that only submit have loaded nothing of what runs tasks, and need not for this question.
"""

from __future__ import annotations

import sys

from zmqwork.errors import UsageError


def inside_task() -> bool:
    """Whether this code runs for a task."""
    context = sys.modules.get("zmqwork.execution.context")
    return context is not None and context.inside_task()


def refuse_waiting() -> None:
    """Raise `UsageError` inside of a task that was not declared to wait for others."""
    if inside_task():
        from zmqwork import helping  # noqa: PLC0415 - see above

        if not helping.may_wait():
            raise UsageError(
                "a task that waits for another one holds a slot that the other may need: return "
                "what is known, and let the submitter submit the next task; or declare it with "
                "@app.task(allow_wait=True)"
            )


def refuse_inside_task(what: str) -> None:
    """Raise `UsageError` for a way of waiting that cannot lend the slot of a task."""
    if inside_task():
        raise UsageError(
            f"{what} inside a task holds a slot that the awaited task may need: wait with "
            "result(), or map(), in a task with @app.task(allow_wait=True)"
        )
