"""Run directories: a training run is a directory that grows, and whoever looks only reads it.

plan.json       what was asked
events.jsonl    one event a line, appended
previews/       contact sheets by step
model/          the last good checkpoint
state.safetensors   what resuming needs
pictures.safetensors, captions.csv   somebody's own pictures, where it learns from those
log.txt         what went wrong, for the host
lock            locked as long as a process trains the run
queued          exists while the run waits for a worker
stop, discard, control.json    what people ask of the run (see `control`)
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

from safetensors import SafetensorError

from aigc_demo.data.uploads.user_dataset import UserDataset
from aigc_demo.errors import BadValue, UserError
from aigc_demo.methods import checkpoint
from aigc_demo.requests import TrainPlan
from aigc_demo.training import loop, run_control
from aigc_demo.training.events import Event, Finished, to_json

PLAN = checkpoint.RUN_PLAN
EVENTS, LOG, LOCK, QUEUED = "events.jsonl", "log.txt", "lock", "queued"
PATIENCE = 2.0  # seconds to wait for a lock that somebody only looks at

Status = Literal[
    "waiting", "training", "paused", "done", "stopped", "diverged", "failed", "interrupted"
]


def create(
    root: Path, plan: TrainPlan, name: str | None = None, *, pictures: UserDataset | None = None
) -> Path:
    """Make a new run directory for `plan` below `root` and return it; somebody's own `pictures`
    lie in it, and vanish with it.
    """
    if name is None:
        data = re.sub(r"[^a-z0-9_]+", "-", Path(plan.data.split("?")[0]).stem.lower())[-40:]
        name = f"{time.strftime('%Y%m%d-%H%M%S')}-{data}-{plan.method}"
        name = next(n for n in _variants(name) if not (root / n).exists())
    directory = _below(root, name)
    try:
        directory.mkdir(parents=True)
        if pictures is not None:
            pictures.save(directory)
        checkpoint.write_text(directory / PLAN, plan.model_dump_json(indent=1))
    except FileExistsError:
        raise BadValue(
            f"name: the run “{name}” exists already; choose another name or resume it."
        ) from None
    except (OSError, SafetensorError) as problem:
        shutil.rmtree(directory, ignore_errors=True)
        raise _about_disk(problem) from None
    return directory


def _variants(name: str) -> Iterator[str]:
    yield name
    for i in range(2, 1000):
        yield f"{name}-{i}"


def find(root: Path, name: str) -> Path:
    """Return the directory of the run called `name`; raises BadValue where there is none."""
    directory = _below(root, name)
    read_plan(directory)
    return directory


def _below(root: Path, name: str) -> Path:
    """Return the directory called `name` in `root`, refusing names that could lead elsewhere."""
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise BadValue(
            f"name: “{str(name)[:40]}” cannot be used; take up to 100 letters, digits, dots and "
            "dashes."
        )
    return root / name


def read_plan(directory: Path) -> TrainPlan:
    """Return the plan of a run; raises BadValue where the directory is none."""
    try:
        return TrainPlan.model_validate_json((directory / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise BadValue(f"run: “{directory.name}” is not a run; list them with --list.") from None


def run(directory: Path, *, held: IO[str] | None = None, **settings: Any) -> Iterator[Event]:
    """Train the plan of `directory`, or go on with it; log each event and yield it.

    `held` is the run's lock, where the caller has it already. Raises BadValue where another
    process trains the run, and what `engine.train` raises, after it has been logged.
    """
    plan = read_plan(directory)
    with held or lock(directory):
        (directory / run_control.STOP).unlink(missing_ok=True)
        (directory / QUEUED).unlink(missing_ok=True)
        _drop_half_line(directory / EVENTS)
        try:
            with open(directory / EVENTS, "a", encoding="utf-8") as log:
                for event in _told(loop.train(plan, directory, **settings), directory):
                    log.write(json.dumps(to_json(event)) + "\n")
                    log.flush()
                    yield event
        except OSError as problem:
            raise _about_disk(problem) from None
        finally:
            if (directory / run_control.DISCARD).exists():
                shutil.rmtree(directory, ignore_errors=True)


def _told(events: Iterator[Event], directory: Path) -> Iterator[Event]:
    """Yield the events; an error becomes the last of them before it is raised."""
    start, step = time.monotonic(), 0
    try:
        for event in events:
            step = event.step
            yield event
    except Exception as error:
        with contextlib.suppress(OSError):
            (directory / LOG).write_text(traceback.format_exc(), encoding="utf-8")
        if isinstance(error, OSError):
            error = _about_disk(error)
        known = isinstance(error, UserError)
        message = str(error) if known else "Something went wrong inside; the host's log says what."
        yield Finished("failed", step, time.monotonic() - start, message)
        raise error from None


def _about_disk(problem: Exception) -> Exception:
    """Turn a full or read-only disk into a sentence; leave other problems as they are."""
    if not isinstance(problem, OSError):
        return problem
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError("The disk is full; delete runs that are not needed and resume this one.")
    if problem.errno in (errno.EROFS, errno.EACCES):
        return UserError("The folder of runs cannot be written to; give the studio another one.")
    return problem


def _drop_half_line(log: Path) -> None:
    """Cut off what a killed run had not finished writing, so that the next line stands alone."""
    if log.is_file():
        text = log.read_bytes()
        os.truncate(log, text.rfind(b"\n") + 1)


def lock(directory: Path) -> IO[str]:
    """Lock a run for this process and return the open file; closing it, or the end of the process,
    however it ends, lets it go.

    Raises BadValue where another process holds it.
    """
    try:
        file = open(directory / LOCK, "w")  # noqa: SIM115
    except OSError as problem:
        raise _about_disk(problem) from None
    until = time.monotonic() + PATIENCE
    while not _try_lock(file, fcntl.LOCK_EX):
        if time.monotonic() > until:
            file.close()
            raise BadValue(f"run: “{directory.name}” is being trained already.")
        time.sleep(0.01)
    return file


def _try_lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_alive(directory: Path) -> bool:
    """Tell whether some process trains the run now."""
    try:
        with open(directory / LOCK) as file:
            return not _try_lock(file, fcntl.LOCK_SH)
    except OSError:
        return False


def stop(directory: Path) -> None:
    """Ask a run to end after the step that it is in, or take it out of the queue."""
    (directory / QUEUED).unlink(missing_ok=True)
    run_control.stop(directory)


def discard(directory: Path) -> None:
    """Delete a run: now, or by the process that trains it, within a step."""
    (directory / run_control.DISCARD).touch()
    stop(directory)
    if not is_alive(directory):
        shutil.rmtree(directory, ignore_errors=True)


def status(directory: Path, last: dict[str, Any] | None) -> Status:
    """Return how a run is doing, from its directory and its last event."""
    if is_alive(directory):
        return "paused" if run_control.read(directory).pace == "pause" else "training"
    if (directory / QUEUED).exists():
        return "waiting"
    if last and last["event"] == "Finished":
        return last["reason"]
    return "interrupted" if last else "stopped"


def events(directory: Path) -> list[dict[str, Any]]:
    """Return the events that a run has logged; a line that is only half written is left out."""
    return read_events(directory, 0)[0]


def read_events(directory: Path, offset: int) -> tuple[list[dict[str, Any]], int]:
    """Return the events that stand after `offset` bytes of the log, and where the next will."""
    try:
        with open(directory / EVENTS, "rb") as log:
            log.seek(offset)
            text = log.read()
    except OSError:
        return [], 0
    whole = text[: text.rfind(b"\n") + 1]
    return [json.loads(line) for line in whole.splitlines() if line], offset + len(whole)


def directories(root: Path) -> list[Path]:
    """Return the run directories below `root`, the newest first."""
    found = []
    with contextlib.suppress(OSError):
        for p in root.iterdir():
            with contextlib.suppress(OSError):  # it may be deleted meanwhile
                if not (p / run_control.DISCARD).exists():
                    found.append(((p / PLAN).stat().st_mtime, p))
    return [p for _, p in sorted(found, reverse=True)]


def waiting(root: Path) -> list[Path]:
    """Return the runs that wait, the one that is next first."""
    found = []
    for directory in directories(root):
        with contextlib.suppress(OSError):
            found.append(((directory / QUEUED).stat().st_mtime_ns, directory))
    return [directory for _, directory in sorted(found)]


def alive(root: Path) -> list[Path]:
    """Return the runs that are trained now."""
    return [d for d in directories(root) if is_alive(d)]
