"""The documents say what is: their code runs, their links lead somewhere, their checks exist."""

from __future__ import annotations

import ast
import contextlib
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from zmqwork.core import lifecycle

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
DOCUMENTS = sorted(
    [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("benchmarks/**/*.md")]
)

# Long enough for a loaded machine with two cores; nothing waits for it to pass.
PATIENCE = 90.0


def blocks(language: str, path: Path = README) -> list[str]:
    return re.findall(
        rf"^```{language}\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )


def anchors(path: Path) -> set[str]:
    """The heading anchors of a document, made as GitHub makes them."""
    headings = re.findall(r"^#+ +(.*)$", path.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", text.lower()).strip().replace(" ", "-") for text in headings}


def makefile() -> dict[str, tuple[list[str], list[str]]]:
    """Target -> (prerequisites, recipe lines), of the plain rules that our Makefile has."""
    rules: dict[str, tuple[list[str], list[str]]] = {}
    target = ""
    for line in (ROOT / "Makefile").read_text("utf-8").splitlines():
        if line.startswith("\t"):
            rules[target][1].append(line.strip())
        elif rule := re.match(r"^(\.?[a-z][\w./-]*):(?!=)(.*)$", line):
            target = rule[1]
            rules[target] = (rule[2].split(), [])
    return rules


def commands(target: str) -> list[str]:
    """What a target runs, set-up first."""
    prerequisites, recipe = makefile()[target]
    lines = [line for name in prerequisites if name in makefile() for line in commands(name)]
    return [*lines, *(line for line in recipe if not line.startswith("@"))]


def test_readme_commands_are_those_of_the_makefile():
    given = [line for block in blocks("sh") for line in block.splitlines() if ".venv" in line]
    assert given == [" && ".join(commands(target)) for target in ("demo", "test")]


def test_ci_runs_all_of_check():
    rules = makefile()
    assert set(rules["check"][0]) == {*rules["rest"][0], "test"}
    script = (ROOT / ".ci" / "run").read_text("utf-8")
    assert re.search(r"^timeout \d+ make .*\brest$", script, re.MULTILINE)


def test_every_make_target_is_phony_or_a_file():
    text = (ROOT / "Makefile").read_text("utf-8")
    phony = set(re.search(r"^\.PHONY: (.*)$", text, re.MULTILINE)[1].split())
    assert {name for name in makefile() if not name.startswith(".venv/")} == phony


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    prose = re.sub(r"^```.*?^```$", "", path.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    dead = []
    for target in re.findall(r"\[[^\]]*\]\(([^)\s]+)\)", prose):
        if re.match(r"[a-z]+:", target):
            continue
        name, _, anchor = target.partition("#")
        place = (path.parent / name).resolve() if name else path
        if not place.exists() or (anchor and anchor not in anchors(place)):
            dead.append(target)
    assert dead == []


def defines(path: Path, name: str) -> bool:
    """Does a module define this function, class, or method (``Class.method``)?"""
    names = set()
    for node in ast.parse(path.read_text("utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            names |= {f"{node.name}.{item.name}" for item in node.body if hasattr(item, "name")}
        if isinstance(node, ast.Assign):  # a hypothesis machine: TestX = Machine.TestCase
            names |= {item.id for item in node.targets if isinstance(item, ast.Name)}
    return name in names


def test_each_guarantee_names_checks_that_exist():
    text = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
    sections = re.split(r"^### ", text, flags=re.MULTILINE)[1:]
    assert len(sections) >= 8
    silent, missing = [], []
    for section in sections:
        title = section.splitlines()[0]
        checks = re.findall(r"`([\w/.-]+\.py)(?:::([\w.:]+))?`", section)
        if not checks:
            silent.append(title)
        for name, item in checks:
            path = ROOT / name
            if not path.is_file() or (item and not defines(path, item.replace("::", "."))):
                missing.append(f"{title}: {name}::{item}")
    assert silent == [], "a promise without a check"
    assert missing == []


def test_each_checker_of_the_simulator_is_named_by_a_guarantee():
    text = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
    nameless = []
    for path in sorted((ROOT / "zmqwork" / "testing").glob("*.py")):
        for node in ast.parse(path.read_text("utf-8")).body:
            if not isinstance(node, ast.FunctionDef) or node.name.startswith("_"):
                continue
            calls = {ast.unparse(n.func) for n in ast.walk(node) if isinstance(n, ast.Call)}
            name = f"zmqwork/testing/{path.name}::{node.name}"
            if calls & {"require", "_require", "Violation"} and f"`{name}`" not in text:
                nameless.append(name)
    assert [name for name in nameless if not name.endswith("::require")] == []


def test_each_guarantee_says_what_it_costs():
    text = (ROOT / "docs" / "guarantees.md").read_text("utf-8")
    for section in re.split(r"^### ", text, flags=re.MULTILINE)[1:]:
        assert "**Costs:**" in section, section.splitlines()[0]
        assert "**Checked by:**" in section, section.splitlines()[0]


@pytest.mark.parametrize(
    ("table", "start"), [(lifecycle.TASK, lifecycle.WAITING), (lifecycle.PEER, lifecycle.NEW)]
)
@pytest.mark.parametrize("page", ["lifecycle.md", "protocol.md"])
def test_pictures_show_the_tables(page, table, start):
    assert lifecycle.picture(table, start) in (ROOT / "docs" / page).read_text("utf-8")


def test_decisions_are_numbered_without_a_gap():
    paths = sorted((ROOT / "docs" / "decisions").glob("*.md"))
    assert [int(path.name[:4]) for path in paths] == list(range(1, len(paths) + 1))
    for path in paths:
        text = path.read_text("utf-8")
        assert text.startswith(f"# {int(path.name[:4])}. "), path.name
        assert "\nStatus: " in text
        headings = re.findall(r"^## (.*)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences", "Rejected"], path.name


def test_changelog_names_this_version_or_what_is_to_come():
    headings = re.findall(
        r"^## \[([^\]]+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert headings[0] == "Unreleased"
    assert len(headings) == len(set(headings))


def test_readme_examples(private_environment, tmp_path):
    """The interpreter's dialogue, in a process of its own, as a reader has it."""
    (dialogue,) = blocks("pycon")
    assert dialogue.count(">>> ") > 5
    (tmp_path / "readme.txt").write_text(dialogue, "utf-8")
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-m", "doctest", "-o", "ELLIPSIS", "readme.txt"],
        cwd=tmp_path,
        env=private_environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_readme_program(private_environment, tmp_path):
    """The twelve lines, as two processes: a worker from the command line, and the program."""
    program, *_ = blocks("python")
    lines = [line for line in program.splitlines() if line]
    assert len(lines) <= 12
    (tmp_path / "primes.py").write_text(program, "utf-8")
    worker = subprocess.Popen(
        [sys.executable, "-m", "zmqwork", "worker", "primes:app", "-c", "2"],
        cwd=tmp_path,
        env=private_environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        ended = subprocess.run(
            [sys.executable, "primes.py"],
            cwd=tmp_path,
            env=private_environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    finally:
        worker.terminate()
        _, complaint = worker.communicate(timeout=PATIENCE)
    assert ended.returncode == 0, ended.stderr
    assert (
        ended.stdout
        == re.search(r"# in another: (.*)$", README.read_text("utf-8"), re.MULTILINE)[1] + "\n"
    )
    assert worker.returncode == 0, complaint.decode()


def test_readme_journal(private_environment, tmp_path):
    """Nobody is there to do it, and it is not lost."""
    *_, program = blocks("python")
    program = program.replace("/var/lib/shop/tasks", str(tmp_path))
    program = f"import zmqwork\n{program}\nassert future.confirmed\nimport os\nos._exit(7)"
    command = [sys.executable, "-c", program]
    ended = subprocess.run(command, env=private_environment, timeout=60, check=False)
    assert ended.returncode == 7
    again = "assert app.producer().start().status()['pending'] == 1; import os; os._exit(8)"
    again = f"import zmqwork; app = zmqwork.App('shop', journal={str(tmp_path)!r}); {again}"
    command = [sys.executable, "-c", again]
    ended = subprocess.run(command, env=private_environment, timeout=60, check=False)
    assert ended.returncode == 8


def test_readme_pipeline(private_environment, tmp_path):
    """The sink, a worker and the ventilator of the README, as its commands start them."""
    _, program, _ = blocks("python")
    (tmp_path / "squares.py").write_text(program, "utf-8")
    commands = re.search(
        r"^python -c .*squares.*\n.*\n.*$", README.read_text("utf-8"), re.MULTILINE
    )
    assert commands is not None
    sink, worker, ventilator = commands[0].splitlines()
    environment = private_environment | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    }
    with contextlib.ExitStack() as started:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        begun = [
            started.enter_context(
                subprocess.Popen(shlex.split(line), cwd=tmp_path, env=environment, **pipes)
            )
            for line in (ventilator, worker, sink)
        ]
        try:
            said, complaint = begun[0].communicate(timeout=PATIENCE)
            assert begun[0].returncode == 0, complaint
            stored, complaint = begun[2].communicate(timeout=PATIENCE)
            assert begun[2].returncode == 0, complaint
        finally:
            for process in begun:
                process.terminate()
    counts = [int(line.split()[0]) for line in stored.splitlines() if "more, up to" in line]
    assert sum(counts) == 10_000
    assert "10,000" in said
