"""The source files of an app, and which of them have changed."""

from __future__ import annotations

import os
from collections.abc import Collection
from importlib.machinery import PathFinder
from pathlib import Path

from zmqwork.errors import UsageError

# More files than an app has; a directory with more is not one of an app's source.
_FILES_MAX = 10_000

_SKIPPED = ("__pycache__", "node_modules", "site-packages")

Stamp = tuple[int, int]  # nanoseconds, bytes


class Sources:
    """All Python files of a package; of a plain module, those of its directory, however deep.

    Args:
        target: ``MODULE:APP`` or ``MODULE``; None: those of the current directory.

    Raises:
        UsageError: there are too many, or no such module.

    Attributes:
        what: the directory, for people.
    """

    def __init__(self, target: str | None) -> None:
        self._root = Path.cwd() if target is None else _root(target)
        self.what = str(self._root)
        self._seen = self._stamps()
        self._told = self._seen

    def changed(self) -> Collection[str]:
        """The files that have changed, come or gone; empty, too, while they still change."""
        now = self._stamps()
        if now != self._seen:
            self._seen = now  # an editor may be about to write another one
            return ()
        changed = {path for path in {*now, *self._told} if now.get(path) != self._told.get(path)}
        self._told = now
        return changed

    def faults(self, paths: Collection[str]) -> list[str]:
        """Why these files could not be imported: a line for each that is no Python."""
        found = []
        for path in sorted(paths):
            try:
                compile(Path(path).read_bytes(), path, "exec")
            except FileNotFoundError:
                continue
            except (SyntaxError, ValueError, OSError) as error:
                line = getattr(error, "lineno", None)
                where = f"{path}, line {line}" if line else path
                found.append(f"{where}: {getattr(error, 'msg', None) or error}")
        return found

    def _stamps(self) -> dict[str, Stamp]:
        stamps: dict[str, Stamp] = {}
        for directory, names, files in os.walk(self._root):
            names[:] = [n for n in names if not (n.startswith(".") or n in _SKIPPED)]
            if "pyvenv.cfg" in files:
                names.clear()
                continue
            for name in files:
                path = os.path.join(directory, name)  # noqa: PTH118  # this is done often
                if not name.endswith(".py"):
                    continue
                try:
                    stat = os.stat(path)  # noqa: PTH116
                except OSError:
                    continue  # gone meanwhile
                stamps[path] = stat.st_mtime_ns, stat.st_size
            if len(stamps) > _FILES_MAX:
                raise UsageError(
                    f"--reload: {self._root} has more than {_FILES_MAX} Python files: start in a "
                    "directory with the app's source only"
                )
        return stamps


def _root(target: str) -> Path:
    """Where the source of an app is; nothing of it is imported."""
    top = target.partition(":")[0].partition(".")[0]
    here = str(Path.cwd())
    found = PathFinder.find_spec(top, [here]) or PathFinder.find_spec(top)
    if found is None:
        raise UsageError(f"--reload: there is no module {top!r} in {here}, or on the search path")
    if found.submodule_search_locations:
        return Path(next(iter(found.submodule_search_locations)))
    return Path(found.origin or here).parent
