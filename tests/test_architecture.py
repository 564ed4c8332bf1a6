"""The shape of the code (DESIGN 3), read from the imports: arrows point down only."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "zmqwork"

# A part may import itself and parts of a lower rank. Parts of one rank do not know each other,
# save the modules of the interface, which are one part.
RANKS = {
    "config": 0,
    "errors": 0,
    "escaping": 0,
    "options": 0,
    "disk": 1,
    "sqlite_errors": 1,
    "lock": 1,
    "queues": 0,
    "core": 1,
    "wire": 2,
    "security": 2,
    "validation": 3,
    "transport": 3,
    "discovery": 3,
    "journal": 3,
    "execution": 4,
    "nodes": 5,
    "classic": 5,  # beside the nodes: PUSH and PULL without any of them
    "api": 6,
    "patterns": 7,
    "testing": 7,
    "bench": 7,
    "cli": 8,  # the top: its commands show what all the others do
}
# The package's own modules are the interface that users import, save the two at the bottom and the
# one that starts the command line. The ready-made stores are a folder of that interface.
FACES = {"__main__": "cli", "sinks": "api"}

# errors is the one thing that config may know: it has to raise something. The others use its checks.
SIDEWAYS = {
    ("config", "errors"),
    ("options", "errors"),
    ("options", "config"),
    ("queues", "errors"),
    ("queues", "config"),
}

# What is pure in the standard library: nothing here acts, waits, or answers differently twice.
PURE = {
    "__future__",
    "abc",
    "bisect",
    "collections",
    "dataclasses",
    "difflib",
    "enum",
    "functools",
    "hashlib",
    "heapq",
    "itertools",
    "math",
    "operator",
    "types",
    "typing",
}

# Third-party packages, and the only parts that may know them.
OWNERS = {
    "msgpack": {"wire"},
    "zmq": {"transport", "security"},  # which makes key pairs with it
    "zeroconf": {"discovery"},
    "ifaddr": {"discovery"},  # zeroconf's own way to ask for interfaces: it comes with it
    "dns": {"discovery"},
    "numpy": {"wire"},
    "msgspec": {"validation"},
    "rich": {"cli"},
    "matplotlib": {"bench"},
}
NEVER = {"pickle", "cloudpickle", "dill", "marshal", "shelve", "zmq.asyncio", "zmq.utils.jsonapi"}

LINES_MAX = 380


@dataclass(frozen=True)
class Import:
    path: Path
    line: int
    module: str  # absolute, as deep as can be known
    name: str = ""  # what `from module import` takes

    def __str__(self) -> str:
        return f"{self.path.relative_to(ROOT)}:{self.line} imports {self.module}"


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def module_of(path: Path) -> list[str]:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return parts[:-1] if parts[-1] == "__init__" else parts


def resolve(base: str, name: str) -> str:
    """``from base import name``: the submodule if there is one, else the module."""
    place = ROOT.joinpath(*base.split("."), name)
    return f"{base}.{name}" if place.is_dir() or place.with_suffix(".py").is_file() else base


def imports_of(path: Path, text: str | None = None) -> Iterator[Import]:
    tree = ast.parse(path.read_text("utf-8") if text is None else text)
    package = module_of(path) if path.name == "__init__.py" else module_of(path)[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(path, node.lineno, alias.name)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package[: len(package) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            for alias in node.names:
                yield Import(path, node.lineno, resolve(base, alias.name), alias.name)


def part_of(module: str) -> str:
    """The part of the package that a module belongs to."""
    first = [*module.split("."), ""][1]
    if first in FACES:
        return FACES[first]
    is_folder = bool(first) and (ROOT / PACKAGE / first).is_dir()
    return first if first in RANKS or is_folder else "api"


def wrong_arrows(found: Import) -> str | None:
    """Why an import inside the package points the wrong way, or None."""
    if found.module.split(".")[0] != PACKAGE:
        return None
    here, there = part_of(".".join(module_of(found.path))), part_of(found.module)
    if here == there or (here, there) in SIDEWAYS or RANKS[here] > RANKS[there]:
        return None
    return f"{found}: {here} may not know {there}"


def foreign(found: Import) -> str | None:
    """Why an import from outside the package is in the wrong part, or None."""
    here = part_of(".".join(module_of(found.path)))
    top = found.module.split(".")[0]
    if top in NEVER or found.module in NEVER:
        return f"{found}, which nobody may"
    if top in OWNERS and here not in OWNERS[top]:
        return f"{found}: only {' and '.join(sorted(OWNERS[top]))} may"
    if top not in OWNERS and top not in sys.stdlib_module_names and top != PACKAGE:
        return f"{found}, which is no dependency of this package"
    return None


def impure(found: Import) -> str | None:
    """Why an import is none for the core, or None."""
    if (found.module, found.name) == ("random", "Random"):
        return None  # the type of the seeded generator that is passed in
    top = found.module.split(".")[0]
    return None if top in PURE or top == PACKAGE else f"{found}: the core is pure"


def complaints(check, *folders: str) -> list[str]:
    found = (item for path in python_files(*folders) for item in imports_of(path))
    return [text for text in map(check, found) if text is not None]


def test_every_part_has_a_rank():
    parts = {part_of(".".join(module_of(path))) for path in python_files(PACKAGE)}
    assert parts <= set(RANKS), "a new part: say in RANKS where it stands"
    assert {"core", "wire", "transport", "nodes", "api"} <= parts


def test_arrows_point_down():
    assert complaints(wrong_arrows, PACKAGE) == []


def test_the_core_is_pure():
    assert complaints(impure, f"{PACKAGE}/core") == []


def test_each_dependency_has_one_owner():
    assert complaints(foreign, PACKAGE) == []


def foreigners(paths: Iterable[Path]) -> list[Import]:
    """What these files import that is not the standard library's."""
    found = (item for path in paths for item in imports_of(path))
    return [item for item in found if item.module.split(".")[0] not in sys.stdlib_module_names]


def test_examples_use_the_public_interface():
    used = foreigners(python_files("examples"))
    private = [
        item
        for item in used
        if not item.module.startswith(f"{PACKAGE}.patterns")
        and not (item.path.parent / f"{item.module}.py").exists()  # a script's neighbour
        and (item.module, item.path.parent.name) != ("PIL", "thumbnails")  # it says so
    ]
    assert {item.module for item in private} == {PACKAGE}, list(map(str, private))


@pytest.mark.parametrize("name", ["fanout", "freelance", "pirate", "scatter", "stages"])
def test_patterns_are_made_of_the_public_interface(name):
    used = foreigners([ROOT / PACKAGE / "patterns" / f"{name}.py"])
    assert {item.module for item in used} == {PACKAGE}, list(map(str, used))


def test_no_file_holds_two_nouns():
    lengths = {
        path: len(path.read_text("utf-8").splitlines())
        for path in python_files(PACKAGE, "examples", "benchmarks")
    }
    assert {str(p.relative_to(ROOT)): n for p, n in lengths.items() if n > LINES_MAX} == {}


def test_no_file_is_named_for_nothing():
    names = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}
    assert [path for path in python_files(PACKAGE) if names & set(module_of(path))] == []


def sleeps(path: Path) -> list[str]:
    """Calls of time.sleep, under any name, and in the scripts that tests keep in strings."""
    text = path.read_text("utf-8")
    lines = {text[: hit.start()].count("\n") + 1 for hit in re.finditer(r"\btime\.sleep\(", text)}
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ImportFrom) and node.module == "time":
            lines |= {node.lineno for alias in node.names if alias.name == "sleep"}
    return [f"{path.relative_to(ROOT)}:{line}" for line in sorted(lines)]


def test_no_test_sleeps():
    found = [
        hit for path in python_files("tests") if path != Path(__file__) for hit in sleeps(path)
    ]
    assert found == [], "wait for the event, with a bound on the time"


@pytest.mark.parametrize(
    ("path", "text", "check"),
    [
        ("core/ledger.py", "import time", impure),
        ("core/ledger.py", "from random import random", impure),
        ("core/ledger.py", "from zmqwork.wire import codec", wrong_arrows),
        ("core/ledger.py", "def late():\n    from ..nodes import producer", wrong_arrows),
        ("wire/codec.py", "from zmqwork.transport.loop import Loop", wrong_arrows),
        ("transport/loop.py", "import zmqwork.discovery.static", wrong_arrows),
        ("nodes/producer.py", "from zmqwork import App", wrong_arrows),
        ("errors.py", "import zmqwork.config", wrong_arrows),
        ("app.py", "from zmqwork.cli import main", wrong_arrows),
        ("nodes/worker.py", "import zmq", foreign),
        ("execution/channel.py", "import msgpack", foreign),
        ("transport/sockets.py", "import zmq.asyncio", foreign),
        ("wire/values.py", "import pickle", foreign),
        ("wire/values.py", "import orjson", foreign),
        ("execution/checked.py", "import msgspec", foreign),
    ],
)
def test_the_checks_can_fail(path, text, check):
    found = list(imports_of(ROOT / PACKAGE / path, text))
    assert [item for item in found if check(item)] == found
