from __future__ import annotations

import execution_tasks
import pytest

from zmqwork.errors import UsageError
from zmqwork.execution.handlers import HandlerRef


def test_a_function_is_found_again():
    ref = HandlerRef.of("sum", execution_tasks.add)
    assert ref == HandlerRef("sum", "execution_tasks", "add")
    assert ref.resolve() is execution_tasks.add


def test_a_task_leads_to_its_handler(monkeypatch):
    class Task:
        handler = staticmethod(execution_tasks.add)

    monkeypatch.setattr(execution_tasks, "decorated", Task(), raising=False)
    assert HandlerRef("t", "execution_tasks", "decorated").resolve() is execution_tasks.add


def test_lambdas_and_local_functions_are_refused():
    def local():
        pass

    for function in (local, lambda: None):
        with pytest.raises(UsageError, match="top level of a module"):
            HandlerRef.of("t", function)


def test_what_is_not_there_is_said():
    with pytest.raises(UsageError, match="no 'gone'"):
        HandlerRef("t", "execution_tasks", "gone").resolve()
    with pytest.raises(UsageError, match="is no function"):
        HandlerRef("t", "execution_tasks", "KEPT").resolve()
