"""Hostile input is read or refused with a sentence, whatever reads it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_hostile_input_is_read_or_refused_and_costs_little() -> None:
    command = [sys.executable, "-m", "benchmarks.fuzz", "--smoke"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
