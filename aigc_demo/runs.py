"""Run directories: a training run is a directory that grows, and whoever looks only reads it.

plan.json       what was asked
events.jsonl    one event a line, appended
previews/       contact sheets by step
model/          the last good checkpoint
state.safetensors   what resuming needs
stop            exists once somebody asked the run to stop
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from aigc_demo import checkpoint, engine
from aigc_demo.errors import BadValue
from aigc_demo.events import Event, to_json
from aigc_demo.requests import TrainPlan

PLAN, EVENTS = "plan.json", "events.jsonl"


def create(root: Path, plan: TrainPlan, name: str | None = None) -> Path:
    """Make a new run directory for `plan` below `root` and return it."""
    if name is None:
        data = re.sub(r"[^a-z0-9_]+", "-", plan.data.lower())[-40:]
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{data}-{plan.method}"
    directory = _below(root, name)
    try:
        directory.mkdir(parents=True)
    except FileExistsError:
        raise BadValue(
            f"name: the run “{name}” exists already; choose another name or resume it."
        ) from None
    checkpoint.write_text(directory / PLAN, plan.model_dump_json(indent=1))
    return directory


def find(root: Path, name: str) -> Path:
    """Return the directory of the run called `name`; raises BadValue where there is none."""
    directory = _below(root, name)
    read_plan(directory)
    return directory


def _below(root: Path, name: str) -> Path:
    """Return the directory called `name` in `root`, refusing names that could lead elsewhere."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise BadValue(
            f"name: “{name[:40]}” cannot be used; take up to 100 letters, digits, dots and dashes."
        )
    return root / name


def read_plan(directory: Path) -> TrainPlan:
    """Return the plan of a run; raises BadValue where the directory is none."""
    try:
        return TrainPlan.model_validate_json((directory / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BadValue(f"run: “{directory.name}” is not a run; list them with --list.") from None


def run(directory: Path, **settings: Any) -> Iterator[Event]:
    """Train the plan of `directory`, or go on with it; log each event and yield it."""
    plan = read_plan(directory)
    (directory / engine.STOP).unlink(missing_ok=True)
    _drop_half_line(directory / EVENTS)
    with open(directory / EVENTS, "a", encoding="utf-8") as log:
        for event in engine.train(plan, directory, **settings):
            log.write(json.dumps(to_json(event)) + "\n")
            log.flush()
            yield event


def _drop_half_line(log: Path) -> None:
    """Cut off what a killed run had not finished writing, so that the next line stands alone."""
    if log.is_file():
        text = log.read_bytes()
        os.truncate(log, text.rfind(b"\n") + 1)


def stop(directory: Path) -> None:
    """Ask a run to end after the step that it is in."""
    (directory / engine.STOP).touch()


def events(directory: Path) -> list[dict[str, Any]]:
    """Return the events that a run has logged; a line that is only half written is left out."""
    try:
        text = (directory / EVENTS).read_text(encoding="utf-8")
    except FileNotFoundError:
        return []
    lines = text[: text.rfind("\n") + 1].splitlines()
    return [json.loads(line) for line in lines if line]


def directories(root: Path) -> list[Path]:
    """Return the run directories below `root`, the newest first."""
    if not root.is_dir():
        return []
    found = [p for p in root.iterdir() if (p / PLAN).is_file()]
    return sorted(found, key=lambda p: (p / PLAN).stat().st_mtime, reverse=True)
