"""Where the programs of these tests are, and how long they may take."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
RAW = HERE / "raw"
ROOT = HERE.parents[1]
sys.path.insert(0, str(RAW))

# Far above what anything here takes: a wait that reaches it is a failure.
PATIENCE = 30.0

# What is waited where nothing comes. Raw programs wait for nothing; that takes a time to be shown.
SILENCE = 0.4
