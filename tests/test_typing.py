"""Type checkers see the public API as it is meant."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
API = "tests/typing/api.py"


def run(*command):
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=110, check=False
    )
    return done.returncode, done.stdout + done.stderr


def test_mypy():
    # Errors inside the package are the linter's business; here it is what users see.
    code, text = run(sys.executable, "-m", "mypy", "--strict", "--follow-imports=silent", API)
    assert code == 0, text


def test_pyright():
    pyright = shutil.which("pyright") or shutil.which("pyright", path=Path(sys.executable).parent)
    if pyright is None:
        pytest.skip("pyright is not installed")
    code, text = run(pyright, API)
    assert code == 0, text
