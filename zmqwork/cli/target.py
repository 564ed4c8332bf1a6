"""From ``MODULE:APP`` on the command line to the app; errors as Python says them, and the cure."""

from __future__ import annotations

import difflib
import importlib
import os
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType, TracebackType
from typing import Any

from zmqwork.app import App
from zmqwork.cli.parser import nearest
from zmqwork.errors import UsageError
from zmqwork.execution.context import while_importing
from zmqwork.task import Task

_NO_APP = """\
there is no App in it. It should say:
    import zmqwork
    app = zmqwork.App({name!r})"""


def load_app(target: str) -> App:
    """The app that ``MODULE:APP`` names, or the only one of ``MODULE``.

    The current directory comes first on the search path, as with ``python MODULE.py``.

    Raises:
        UsageError: it cannot be imported or is no app; the text has all that a person needs.
    """
    module_name, colon, attribute = target.partition(":")
    _check_module_name(target, module_name, attribute)
    search_current_directory()
    module = _import(target, module_name)
    if colon and not attribute:
        raise UsageError(f"{target!r} ends with a colon: write {module_name}:APP")
    return _named(module, attribute) if attribute else _only(module)


def load_task(target: str) -> tuple[App, Task[..., Any]]:
    """The task that ``MODULE:TASK`` names, or ``MODULE:APP:TASK``, and its app.

    TASK is the name of the function in the module, or that of the task in the app.

    Raises:
        UsageError: there is none; the text has all that a person needs.
    """
    module_name, _, rest = target.partition(":")
    app_name, _, name = rest.rpartition(":")
    if not name:
        raise UsageError(f"{target!r} is not MODULE:TASK, as in thumbs:thumbnail")
    if app_name:
        app = load_app(f"{module_name}:{app_name}")
        return app, task_named(app, name)
    _check_module_name(target, module_name, name)
    search_current_directory()
    module = _import(target, module_name)
    task = vars(module).get(name)
    if isinstance(task, Task):
        for app_name in _names_of_apps(module):
            app = vars(module)[app_name]
            if any(task is known for known in app.tasks.values()):
                return app, task
    app = _only(module)
    return app, task_named(app, name)


def task_named(app: App, name: str) -> Task[..., Any]:
    """A task of the app. Raises `UsageError`, with those that there are."""
    tasks = app.tasks
    if name in tasks:
        return tasks[name]
    known = ", ".join(sorted(tasks)) or "none"
    near = nearest(name, tasks) or f": its tasks are {known}"
    raise UsageError(f"app {app.name!r} has no task {name!r}{near}")


def search_current_directory() -> None:
    """Let modules of the current directory be found, before all others."""
    # Python's -P asks for the opposite, by those who run in directories that others can write.
    here = str(Path.cwd())
    if not sys.flags.safe_path and here not in sys.path:
        sys.path.insert(0, here)


def _check_module_name(target: str, module_name: str, attribute: str) -> None:
    if module_name.endswith(".py") or os.sep in module_name:
        path = Path(module_name)
        where = f" (in the directory {path.parent})" if path.parent != Path() else ""
        name = path.stem + (f":{attribute}" if attribute else "")
        raise UsageError(f"{target!r} is a file: name the module, {name}{where}")
    if not all(part.isidentifier() for part in module_name.split(".")):
        raise UsageError(f"{target!r} is not MODULE:APP, as in thumbs:app")


def _import(target: str, module_name: str) -> ModuleType:
    try:
        with while_importing():
            return importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        missing = error.name or ""
        if missing and (module_name == missing or module_name.startswith(f"{missing}.")):
            raise UsageError(_not_found(target, module_name, error)) from error
        raise UsageError(_broken(module_name, error)) from error
    # Whatever the user's module does while it is imported, he should see it as Python shows it.
    except (Exception, SystemExit) as error:
        raise UsageError(_broken(module_name, error)) from error


def _not_found(target: str, module_name: str, error: ModuleNotFoundError) -> str:
    lines = [f"cannot import {target!r}", f"ModuleNotFoundError: {error}"]
    lines += [f"  searched  {path or Path.cwd()}" for path in sys.path]
    parent, _, last = module_name.rpartition(".")
    if parent and "is not a package" in str(error):
        return "\n".join([*lines, f"  did you mean {parent}:{last}?"])
    near = difflib.get_close_matches(module_name, _modules_here(), n=1)
    if near:
        lines.append(f"  did you mean {target.replace(module_name, near[0], 1)}?")
    else:
        lines.append("  is the file in another directory? Go there first, or set PYTHONPATH")
    return "\n".join(lines)


def _modules_here() -> list[str]:
    here = Path.cwd()
    files = [path.stem for path in here.glob("*.py")]
    return files + [path.parent.name for path in here.glob("*/__init__.py")]


def _broken(module_name: str, error: BaseException) -> str:
    lines = traceback.format_exception(type(error), error, _from_user_code(error))
    text = "".join(lines).rstrip()
    if isinstance(error, SystemExit):
        text += (
            "\n(It ended the program while it was imported. What a script does belongs under\n"
            'if __name__ == "__main__":)'
        )
    return f"cannot import {module_name!r}\n{text}"


def _from_user_code(error: BaseException) -> TracebackType | None:
    # Skip our own frame and those of the import machinery: they are no news.
    trace = error.__traceback__
    own = (__file__, importlib.__file__)
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if name not in own and not name.startswith("<frozen importlib"):
            return trace
        trace = trace.tb_next
    return None


def _named(module: ModuleType, attribute: str) -> App:
    found: object = module
    for part in attribute.split("."):
        if not hasattr(found, part):
            raise UsageError(_no_attribute(module, attribute))
        found = getattr(found, part)
    if isinstance(found, App):
        return found
    kind = type(found).__name__
    raise UsageError(
        f"{module.__name__}:{attribute} is not a zmqwork.App, but of type {kind}"
        + _suggest(module, _names_of_apps(module))
    )


def _no_attribute(module: ModuleType, attribute: str) -> str:
    apps = _names_of_apps(module)
    # Apps first: of two names that are as near, the one that can be meant.
    near = difflib.get_close_matches(attribute, [*apps, *vars(module)], n=1)
    where = getattr(module, "__file__", None) or "built in"
    text = f"module {module.__name__!r} has no attribute {attribute!r} ({where})"
    return text + _suggest(module, near if near and near[0] in apps else apps)


def _suggest(module: ModuleType, names: Sequence[str]) -> str:
    if not names:
        return f"\n{_NO_APP.format(name=module.__name__)}"
    if len(names) == 1:
        return f"\ndid you mean {module.__name__}:{names[0]}?"
    return "\nit has " + ", ".join(f"{module.__name__}:{name}" for name in names)


def _only(module: ModuleType) -> App:
    names = _names_of_apps(module)
    if len(names) == 1:
        app: App = vars(module)[names[0]]
        return app
    if names:
        choices = " or ".join(f"{module.__name__}:{name}" for name in names)
        raise UsageError(f"{module.__name__!r} has several Apps: say which, {choices}")
    where = getattr(module, "__file__", None) or "built in"
    raise UsageError(f"{module.__name__!r} ({where}): {_NO_APP.format(name=module.__name__)}")


def _names_of_apps(module: ModuleType) -> list[str]:
    """The module's apps, each by the first name that it has there."""
    found: dict[int, str] = {}
    for name, value in vars(module).items():
        if isinstance(value, App):
            found.setdefault(id(value), name)
    return list(found.values())
