"""Run directories: a training run is a directory that grows, and everybody else only reads it.

plan.json       what is trained
events.jsonl    one event a line, appended
previews/       contact sheets by step
model/          the last good checkpoint
state.safetensors   what resuming needs
pictures.safetensors, captions.csv   the user's own data set, if the run learns from one
owner.json      whose run it is (see `access`)
log.txt         the traceback of a failure, for the host
lock            locked as long as a process trains the run
queued          exists while the run waits for a worker
stop, discard, control.json    how the run is controlled (see `run_control`)
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import shutil
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Literal

from safetensors import SafetensorError

from aigc_demo import access
from aigc_demo.data.uploads.user_dataset import UserDataset
from aigc_demo.errors import BadValue, UserError
from aigc_demo.methods import checkpoint
from aigc_demo.requests import TrainPlan
from aigc_demo.training import loop, run_control
from aigc_demo.training.events import Event, Finished, Saved, from_line, to_line
from aigc_demo.training.session import STATE

PLAN = checkpoint.RUN_PLAN
EVENTS, LOG, LOCK, QUEUED = "events.jsonl", "log.txt", "lock", "queued"
# The fields of a plan that can change while it is trained.
REVISABLE = ("steps", "seconds", "save_every", "preview_every", "score_every")
LOCK_TIMEOUT = 2.0  # seconds: `is_alive` of another process may hold the lock for a moment

Status = Literal[
    "waiting", "training", "paused", "done", "stopped", "diverged", "failed", "interrupted"
]


def create(
    root: Path, plan: TrainPlan, name: str | None = None, *, pictures: UserDataset | None = None
) -> Path:
    """Make a new run directory for `plan` below `root` and return it; the user's own `pictures`
    are stored in it, and deleted with it. It belongs to who asks.
    """
    directory = checkpoint.folder_called(root, _unused_name(root, plan) if name is None else name)
    try:
        directory.mkdir(mode=0o700, parents=True)
        access.claim(directory)
        if pictures is not None:
            pictures.save(directory)
        checkpoint.write_text(directory / PLAN, plan.model_dump_json(indent=1))
    except FileExistsError:
        raise BadValue(
            f"name: the run “{directory.name}” exists already; choose another name or resume it."
        ) from None
    except (OSError, SafetensorError) as problem:
        shutil.rmtree(directory, ignore_errors=True)
        raise _disk_error(problem) from None
    return directory


def _unused_name(root: Path, plan: TrainPlan) -> str:
    data = re.sub(r"[^a-z0-9_]+", "-", Path(plan.data.split("?")[0]).stem.lower())[-40:]
    name = f"{time.strftime('%Y%m%d-%H%M%S')}-{data}-{plan.method}"
    names = [name, *(f"{name}-{i}" for i in range(2, 1000))]
    return next(n for n in names if not (root / n).exists())


def find(root: Path, name: str) -> Path:
    """Return the directory of the run called `name`; raises BadValue where there is none."""
    directory = checkpoint.folder_called(root, name)
    read_plan(directory)
    return directory


def read_plan(directory: Path) -> TrainPlan:
    """Return the plan of a run; raises BadValue where the directory is not that of a run."""
    try:
        return TrainPlan.model_validate_json((directory / PLAN).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise unknown(directory.name) from None


def unknown(name: str) -> BadValue:
    """Return the error for the name of a run that is not there."""
    return BadValue(f"run: “{name}” is not a run; list them with --list.")


def revise(directory: Path, **changes: Any) -> None:
    """Change the plan of a run that nobody trains, in fields of `REVISABLE`. A new budget takes
    the place of the old one and counts from the run's beginning.

    Raises BadValue where that is used up already.
    """
    if not changes:
        return
    if changes.keys() & {"steps", "seconds"}:
        changes = {"steps": None, "seconds": None} | changes
    with lock(directory):
        plan = TrainPlan(**read_plan(directory).model_dump() | changes)
        logged = events(directory)
        used = {"steps": max((e.step for e in logged if isinstance(e, Saved)), default=0)}
        used["seconds"] = max((e.seconds for e in logged if isinstance(e, Finished)), default=0)
        for budget in ("steps", "seconds"):
            wanted = changes.get(budget)
            if wanted is not None and wanted <= used[budget]:
                raise BadValue(
                    f"{budget}: the run has had {used[budget]:,.0f} already, and {wanted:,.10g} "
                    "are meant in all; ask for more."
                )
        checkpoint.write_text(directory / PLAN, plan.model_dump_json(indent=1))


# --- Training ------------------------------------------------------------------------------------


def run(directory: Path, *, held: IO[str] | None = None, **settings: Any) -> Iterator[Event]:
    """Train the plan of `directory`, or resume it; append each event to its log and yield it.

    `held` is the lock of the run, if the caller has it already. Raises BadValue where another
    process trains the run, and what `loop.train` raises, after it has been logged.
    """
    plan = read_plan(directory)
    with held or lock(directory):
        (directory / run_control.STOP).unlink(missing_ok=True)
        (directory / QUEUED).unlink(missing_ok=True)
        _drop_unfinished(directory)
        try:
            with open(directory / EVENTS, "a", encoding="utf-8") as log:
                for event in _ending_with_failure(
                    loop.train(plan, directory, **settings), directory
                ):
                    log.write(to_line(event) + "\n")
                    log.flush()
                    yield event
        except OSError as problem:
            raise _disk_error(problem, directory) from None
        finally:
            if (directory / run_control.DISCARD).exists():
                shutil.rmtree(directory, ignore_errors=True)


def _ending_with_failure(events: Iterator[Event], directory: Path) -> Iterator[Event]:
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
            error = _disk_error(error, directory)
        message = "Something went wrong inside; the host's log says what."
        if isinstance(error, UserError):
            message = str(error)
        yield Finished("failed", step, time.monotonic() - start, message)
        raise error from None


def _disk_error(problem: Exception, directory: Path | None = None) -> Exception:
    """Explain a full or read-only disk, or that the `directory` of a run is gone; return other
    problems as they are.
    """
    if not isinstance(problem, OSError):
        return problem
    if directory is not None and not directory.exists():
        return UserError("The folder of the run is gone; bring it back, or begin the run anew.")
    if problem.errno in (errno.ENOSPC, errno.EDQUOT):
        return UserError("The disk is full; delete runs that are not needed and resume this one.")
    if problem.errno in (errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR):
        return UserError("The folder of runs cannot be written to; give the studio another one.")
    return problem


def _drop_unfinished(directory: Path) -> None:
    """Delete what a killed process had not finished: files, and a line of the log, so that the
    next one is separate.
    """
    model = directory / checkpoint.RUN_MODEL
    for path in (directory / STATE, model / checkpoint.WEIGHTS, model / checkpoint.CARD):
        checkpoint.drop_temporaries(path)
    if (log := directory / EVENTS).is_file():
        text = log.read_bytes()
        os.truncate(log, text.rfind(b"\n") + 1)


def lock(directory: Path) -> IO[str]:
    """Lock a run for this process and return the open file; closing it, or the end of the process,
    releases the lock.

    Raises BadValue where another process holds it.
    """
    try:
        file = open(directory / LOCK, "w")  # noqa: SIM115
    except OSError as problem:
        raise _disk_error(problem) from None
    deadline = time.monotonic() + LOCK_TIMEOUT
    while not _try_lock(file, fcntl.LOCK_EX):
        if time.monotonic() > deadline:
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


def stop(directory: Path) -> None:
    """Let a run end after the current step, or take it out of the queue."""
    (directory / QUEUED).unlink(missing_ok=True)
    run_control.stop(directory)


def discard(directory: Path) -> None:
    """Delete a run: now, or by the process that trains it, after the current step."""
    (directory / run_control.DISCARD).touch()
    stop(directory)
    if not is_alive(directory):
        shutil.rmtree(directory, ignore_errors=True)


# --- Reading -------------------------------------------------------------------------------------


def is_alive(directory: Path) -> bool:
    """Tell whether a process trains the run now."""
    try:
        with open(directory / LOCK) as file:
            return not _try_lock(file, fcntl.LOCK_SH)
    except OSError:
        return False


def status(directory: Path, last: Event | None) -> Status:
    """Return the status of a run, from its directory and its last event."""
    if is_alive(directory):
        return "paused" if run_control.read(directory).pace == "pause" else "training"
    if (directory / QUEUED).exists():
        return "waiting"
    if isinstance(last, Finished):
        return last.reason
    # One that was killed before its first event is not one that was taken out of the queue.
    is_stopped = last is None and (directory / run_control.STOP).exists()
    return "stopped" if is_stopped else "interrupted"


def events(directory: Path) -> list[Event]:
    """Return the events that a run has logged."""
    return read_events(directory, 0)[0]


def read_events(directory: Path, offset: int) -> tuple[list[Event], int]:
    """Return the events after `offset` bytes of the log, and the offset of the next one.

    A line that is only partly written is left for later; one that is damaged, or of another
    version, is skipped.
    """
    try:
        with open(directory / EVENTS, "rb") as log:
            log.seek(offset)
            text = log.read()
    except OSError:
        return [], 0
    complete = text[: text.rfind(b"\n") + 1]
    found = map(from_line, complete.splitlines())
    return [event for event in found if event is not None], offset + len(complete)


directories = checkpoint.run_directories


def waiting(root: Path) -> list[Path]:
    """Return the runs in the queue, the next one first."""
    found = []
    for directory in directories(root):
        with contextlib.suppress(OSError):
            found.append(((directory / QUEUED).stat().st_mtime_ns, directory))
    return [directory for _, directory in sorted(found)]


def alive(root: Path) -> list[Path]:
    """Return the runs that are trained now."""
    return [d for d in directories(root) if is_alive(d)]
