"""Faults of the machine, while runs train and folders are restored, by the programs themselves:

    python -m benchmarks.faults              # all; needs Linux, and root for disks of its own
    python -m benchmarks.faults --only kills --kills 3

Whatever happens, what was saved can be loaded, no file is half written under its own name, the
state that is told is the true one, and a run that was interrupted goes on from its last save.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from aigc_demo.data.uploads import user_dataset, validation
from aigc_demo.errors import UserError
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.requests import TrainPlan
from aigc_demo.training import run_control, runs
from aigc_demo.training.events import Event, Finished, Preview, Saved, Started, from_line
from aigc_demo.training.session import STATE
from benchmarks.report import rows_of, table, write_section

ROOT = Path(__file__).parents[1]
TITLE = "Faults"
KILLS, SEED = 50, 0
STEPS = 150  # of the run that is killed, for each time
DISK_MB = 12
ROOM = (0, 1_000, 5_000, 20_000, 50_000, 100_000, 200_000, 400_000)  # bytes left on the disk
TIMEOUT = 300.0  # seconds, of anything that is waited for
CONFIG = {"width": 8, "latent": 8}
# A wall clock that goes back by a day whenever it is read.
BACKWARDS = """
import itertools, time
now, day = time.time, itertools.count(1)
time.time = lambda: now() - 86400 * next(day)
time.strftime = lambda form, *given, f=time.strftime: f(form, *given or [time.gmtime(time.time())])
"""


@dataclass
class Result:
    """How often a fault was tried, and what was not as it should be."""

    fault: str
    tried: int = 0
    wrong: list[str] = field(default_factory=list)
    told: str = ""

    def check(self, holds: object, otherwise: str) -> None:
        """Note what should hold and does not."""
        if not holds:
            self.wrong.append(f"{self.tried}: {otherwise}")


# --- What is started, and what is looked at ------------------------------------------------------


def start(*words: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Start a program of the repository on one thread."""
    return subprocess.Popen(
        [sys.executable, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "AIGC_DEVICE": "cpu", "OMP_NUM_THREADS": "1", "AIGC_THREADS": "1"}
        | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def train(*words: str | Path, **environment: str) -> subprocess.Popen[str]:
    return start("train.py", "--threads", "1", *words, **environment)


def restore(source: Path, target: Path) -> subprocess.Popen[str]:
    words = ("restore", "--method", "bicubic", "--threads", "1", source, target)
    return start("-m", "aigc_demo", *words)


def ended(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Wait for the end of a process; return its status and the last line that it told."""
    _, told = process.communicate(timeout=TIMEOUT)
    lines = [line for line in re.split(r"[\n\r]", told) if line.strip() and "%|" not in line]
    return process.returncode, lines[-1] if lines else ""


def in_short(sentences: Iterable[str], base: Path) -> str:
    """Return what was told, once each, without what it is too long to show."""
    without = (line.replace(str(base), "…").removeprefix("train.py: ") for line in sentences)
    return " / ".join(sorted({textwrap.shorten(line, 110, placeholder=" …") for line in without}))


def until(condition: Callable[[], Any], process: subprocess.Popen[str] | None = None) -> Any:
    """Wait until something is so, or the process has ended, and return it."""
    end = time.monotonic() + TIMEOUT
    while not (value := condition()) and time.monotonic() < end:
        if process is not None and process.poll() is not None:
            return condition()
        time.sleep(0.01)
    return value


def kill(process: subprocess.Popen[str]) -> bool:
    """Kill a process as the system does without memory; tell whether it was there."""
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


def steps_of(directory: Path, kind: type) -> list[int]:
    return [event.step for event in runs.events(directory) if isinstance(event, kind)]


def saved(directory: Path) -> int:
    return max(steps_of(directory, Saved), default=0)


def last(directory: Path) -> Event | None:
    return (runs.events(directory) or [None])[-1]


def write_pictures(folder: Path, count: int = 24, side: int = 32) -> Path:
    """Write pictures of noise in two class folders."""
    numbers = np.random.default_rng(0)
    for i in range(count):
        path = folder / "ab"[i % 2] / f"{i:03d}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(numbers.integers(0, 256, (side, side, 3), np.uint8)).save(path)
    return folder


def plan(data: Path | str, **fields: Any) -> TrainPlan:
    """Return the plan of a tiny GAN that saves as often as it may."""
    given = {"steps": 100_000, "batch": 4, "config": CONFIG, "score_every": 0, "save_every": 0.05}
    return TrainPlan(method="dcgan", data=str(data), **given | {"preview_every": 0.3} | fields)


def look(result: Result, directory: Path) -> None:
    """Check that all that a run has written is whole, and that what it says is there."""
    try:
        runs.read_plan(directory)
        if saved(directory):
            checkpoint.load(directory / checkpoint.RUN_MODEL)
            step = checkpoint.load_state(directory / STATE)["trainer"]["steps"]
            result.check(step >= saved(directory), f"step {step} of {saved(directory)} is lost")
    except Exception as problem:
        result.check(False, f"cannot be loaded: {problem!r}")
    log = directory / runs.EVENTS
    lines = log.read_bytes().split(b"\n")[:-1] if log.exists() else []
    result.check(all(from_line(line) for line in lines), "a line of the log is damaged")
    shown = [directory / e.path for e in runs.events(directory) if isinstance(e, Preview)]
    for path in {*shown, *directory.glob("previews/[0-9]*.png")}:
        with contextlib.suppress(UserError):
            images.open_image(path)
            continue
        result.check(False, "a preview is not whole")


# --- Killed --------------------------------------------------------------------------------------


def kill_training(base: Path, kills: int, chance: random.Random) -> Result:
    """Kill a run, in turn of the command line and of a worker; resume it each time; in the end
    its weights should be those of a run that nobody killed.
    """
    result = Result("kill -9 during training")
    own = write_pictures(base / "pictures")
    planned = plan(own, steps=STEPS * kills)
    directory = runs.create(base / "runs", planned, "killed")
    begun = resumed = 0
    while result.tried < kills and not isinstance(last(directory), Finished):
        before, sessions = saved(directory), len(steps_of(directory, Started))
        saves = len(steps_of(directory, Saved))
        process = _resume(directory, by_worker=bool(result.tried % 2))
        if chance.random() < 0.2:  # while it prepares, else while it learns and saves
            until(lambda: runs.is_alive(directory), process)
        else:
            until(lambda n=saves: len(steps_of(directory, Saved)) > n, process)
        time.sleep(chance.uniform(0, 1))
        if not kill(process):
            result.check(False, f"it had ended by itself: {last(directory)}")
            break
        result.tried += 1
        waits = (directory / runs.QUEUED).exists()
        status = runs.status(directory, last(directory))
        result.check(status == ("waiting" if waits else "interrupted"), f"is told as {status}")
        look(result, directory)
        started = steps_of(directory, Started)[sessions:]
        begun += len(started)
        resumed += sum(step >= before for step in started)
    result.check(resumed == begun, f"{begun - resumed} sessions have lost what was saved")
    equal = _as_if_not_killed(result, directory)
    result.told = (
        f"{resumed} of {begun} sessions that began did so from the last save; after "
        f"{planned.steps:,} steps the weights are {'' if equal else 'not '}those of a run that "
        "nobody killed"
    )
    return result


def _as_if_not_killed(result: Result, directory: Path) -> bool:
    """Let a run go on to its end; tell whether its weights are those of one that nobody killed."""
    (directory / runs.QUEUED).unlink(missing_ok=True)
    words = ("--runs", directory.parent, "--resume")
    status, told = ended(train(*words, directory.name))
    result.check(status == 0 and last(directory).reason == "done", f"ends with {told}")
    left = [p.name for p in directory.rglob(".*") if p.is_file()]
    result.check(not left, f"left over: {len(left)} files")
    whole = runs.create(directory.parent, runs.read_plan(directory), "whole")
    result.check(ended(train(*words, "whole"))[0] == 0, "no reference")
    a, b = (load_file(d / checkpoint.RUN_MODEL / checkpoint.WEIGHTS) for d in (directory, whole))
    equal = all(torch.equal(a[name], b[name]) for name in b)
    result.check(equal, "the weights differ from those of a run that nobody killed")
    return equal


def _resume(directory: Path, *, by_worker: bool) -> subprocess.Popen[str]:
    if not by_worker:
        (directory / runs.QUEUED).unlink(missing_ok=True)
        return train("--resume", directory.name, "--runs", directory.parent)
    checkpoint.write_text(directory / runs.QUEUED, "{}")
    return start("-m", "aigc_demo.training.worker", directory.parent, AIGC_NICE="0")


def kill_restoring(base: Path, kills: int, chance: random.Random) -> Result:
    """Kill a command that enlarges a folder of pictures; what is there must be what a command that
    nobody kills has made.
    """
    result = Result("kill -9 during a batch")
    source = base / "in"
    for path in sorted(write_pictures(base / "more", 20, 300).rglob("*.png")):
        source.mkdir(exist_ok=True)
        shutil.copy(path, source / path.name)
    process, began = restore(source, base / "whole"), 0.0
    until(lambda: list(base.glob("whole/*.png")), process)
    began = time.monotonic()
    result.check(ended(process)[0] == 0, "cannot be done at all")
    span = time.monotonic() - began
    made = 0
    while result.tried < kills:
        target = base / f"out{result.tried}"
        process = restore(source, target)
        until(lambda target=target: target.is_dir(), process)
        time.sleep(chance.uniform(0, 1.2 * span))
        if not kill(process):  # it was quicker
            shutil.rmtree(target)
            continue
        result.tried += 1
        found = list(target.glob("*.png"))
        made += len(found)
        for path in found:
            same = path.read_bytes() == (base / "whole" / path.name).read_bytes()
            result.check(same, f"{path.name} is not whole: {path.stat().st_size} bytes")
    result.told = f"{made} pictures had their names, each of them whole"
    return result


# --- Disks ---------------------------------------------------------------------------------------


@contextlib.contextmanager
def disk(base: Path) -> Iterator[Path]:
    """Give the folder of a small disk of its own."""
    place = base / "disk"
    place.mkdir(exist_ok=True)
    size = f"size={DISK_MB}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", size, "tmpfs", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


def fill(place: Path, room: int) -> Path:
    """Leave `room` bytes on a disk; return the file that takes the others."""
    filler, free = place / "filler", shutil.disk_usage(place).free
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        file.write(bytes(max(0, free - room)))
    return filler


def fill_disk(base: Path, kills: int, chance: random.Random) -> Result:
    """Fill the disk while a run trains; make room, and resume it."""
    result, sentences = Result("full disk during training"), set()
    own = write_pictures(base / "pictures")
    for room in ROOM:
        with disk(base) as place:
            result.tried += 1
            directory = runs.create(place / "runs", plan(own), "run")
            process = _begin(directory)
            filler = fill(place, room)
            status, told = ended(process)
            sentences.add(told)
            result.check(status == 2 and told.startswith("train.py: The disk is full"), told)
            state = runs.status(directory, last(directory))
            result.check(state in ("failed", "interrupted"), f"is told as {state}")
            look(result, directory)
            filler.unlink()
            _goes_on(result, directory)
    result.told = in_short(sentences, base)
    return result


def fill_at_start(base: Path, kills: int, chance: random.Random) -> Result:
    """Begin a run, and restore a folder, on a disk that is full."""
    result, sentences = Result("full disk from the start"), set()
    own = write_pictures(base / "pictures")
    source = base / "in"
    shutil.copytree(own / "a", source, dirs_exist_ok=True)
    flags = ("--method", "dcgan", "--data", own, "--steps", "5", "--set", "width=8", "--name", "a")
    for room in ROOM[:4]:
        with disk(base) as place:
            result.tried += 1
            fill(place, room)
            status, told = ended(train(*flags, "--runs", place / "runs"))
            sentences.add(told)
            result.check(status == 2 and "The disk is full" in told, told)
            result.check(not runs.directories(place / "runs"), "there is half of a run")
            (place / "out").mkdir(exist_ok=True)
            status, told = ended(restore(source, place / "out"))
            result.check(status in (1, 2), f"restore ends with {status}, {told}")
            for path in place.glob("out/*.png"):
                result.check(path.stat().st_size, f"{path.name} is empty")
    result.told = in_short(sentences, base)
    return result


def read_only(base: Path, kills: int, chance: random.Random) -> Result:
    """Train and restore into folders that cannot be written to, with a cache that cannot."""
    result, told = Result("read-only folders"), []
    own = write_pictures(base / "pictures")
    with disk(base) as place:
        runs.create(place / "runs", plan(own, steps=20), "run")
        (place / "out").mkdir()
        subprocess.run(["mount", "-o", "remount,ro", place], check=True)
        cases = {
            "resume": train("--resume", "run", "--runs", place / "runs"),
            "begin": train("--method", "dcgan", "--data", own, "--steps", "5",
                           "--runs", place / "runs"),
            "restore": restore(own / "a", place / "out"),
        }  # fmt: skip
        for name, process in cases.items():
            result.tried += 1
            status, line = ended(process)
            told.append(line)
            why = "Read-only" in line or "cannot be written to" in line
            result.check(status == 2 and why, f"{name}: {status}, {line}")
        subprocess.run(["mount", "-o", "remount,rw", place], check=True)
        again = train("--resume", "run", "--runs", place / "runs", AIGC_CACHE="/proc/cache")
        result.tried += 1
        status, line = ended(again)
        result.check(status == 0, f"resumed: {line}")
    result.told = in_short(told, base)
    return result


# --- Data and time -------------------------------------------------------------------------------


def pull_data(base: Path, kills: int, chance: random.Random) -> Result:
    """Take a run's own pictures away while it trains, or the folder that it learns from; kill it,
    resume it without and with them.
    """
    result, sentences = Result("data pulled away"), set()
    folder = write_pictures(base / "pictures")
    for pictures in (None, validation.validate([folder], size=32)):
        result.tried += 1
        name = f"run{result.tried}"
        source = user_dataset.PREFIX + name if pictures else folder
        directory = runs.create(base / "runs", plan(source), name, pictures=pictures)
        process = _begin(directory)
        away = directory / user_dataset.IMAGES_FILE if pictures else folder
        away.rename(base / "away")
        step = saved(directory)
        until(lambda d=directory, n=step: saved(d) > n, process)
        result.check(kill(process), "the run had ended")
        status, told = ended(train("--resume", name, "--runs", base / "runs"))
        sentences.add(told)
        result.check(status == 2 and told.startswith("train.py: "), f"{status}, {told}")
        state = runs.status(directory, last(directory))
        result.check(state == "failed", f"without its data it is told as {state}")
        (base / "away").rename(away)
        _goes_on(result, directory)
    result.told = in_short(sentences, base)
    return result


def pull_run(base: Path, kills: int, chance: random.Random) -> Result:
    """Take the directory of a run away while it trains, bring it back and resume it."""
    result = Result("run pulled away", tried=1)
    directory = runs.create(base / "runs", plan(write_pictures(base / "pictures")), "run")
    process = _begin(directory)
    directory.rename(base / "away")
    status, told = ended(process)
    result.check(status == 2 and told.startswith("train.py: The folder of the run is gone"), told)
    result.check(not directory.exists(), "a run without a plan has come back")
    shutil.rmtree(directory, ignore_errors=True)
    (base / "away").rename(directory)
    state = runs.status(directory, last(directory))
    result.check(state == "failed", f"is told as {state}")
    _goes_on(result, directory)
    result.told = in_short([told], base)
    return result


def _begin(directory: Path, **environment: str) -> subprocess.Popen[str]:
    """Train a run until it has been saved."""
    process = train("--resume", directory.name, "--runs", directory.parent, **environment)
    until(lambda: saved(directory) > 5, process)
    return process


def _goes_on(result: Result, directory: Path) -> None:
    """Check that a run has what it had saved, and goes on from there to its end."""
    look(result, directory)
    wanted = saved(directory) + 50
    words = ("--resume", directory.name, "--runs", directory.parent)
    status, told = ended(train(*words, "--steps", wanted))
    result.check(status == 0 and last(directory).step == wanted, f"resumed: {told}")


def turn_back(base: Path, kills: int, chance: random.Random) -> Result:
    """Turn the clock back while a run trains, pauses and goes on, and by a day between two."""
    result = Result("clock turned back")
    site = base / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(BACKWARDS)
    own = write_pictures(base / "pictures")
    began = time.monotonic()
    names = ("--runs", base / "runs", "--data", own, "--method", "dcgan", "--set", "width=8")
    for _ in range(2):  # a budget of time, and names of runs from the time
        result.tried += 1
        process = train(*names, "--seconds", "5", PYTHONPATH=str(site))
        status, told = ended(process)
        result.check(status == 0, told)
    took = time.monotonic() - began
    found = runs.directories(base / "runs")
    result.check(len(found) == 2, f"{len(found)} runs of 2")
    for directory in found:
        end = last(directory)
        fair = isinstance(end, Finished) and end.reason == "done" and 5 <= end.seconds < 30
        result.check(fair, f"a budget of 5 seconds ends with {end} after {took:.0f} s")
    result.tried += 1
    directory = runs.create(base / "runs", plan(own), "paused")
    process = _begin(directory, PYTHONPATH=str(site))
    for pace, status in (("pause", "paused"), ("run", "training"), ("pause", "paused")):
        run_control.set_pace(directory, pace)
        _a_day_earlier(directory / run_control.CONTROL)
        told = until(lambda s=status: runs.status(directory, last(directory)) == s, process)
        result.check(told, f"does not follow to {pace}")
    runs.stop(directory)
    status, told = ended(process)
    result.check(status == 0 and last(directory).reason == "stopped", told)
    for path in directory.rglob("*"):
        _a_day_earlier(path)
    run_control.set_pace(directory, "run")
    _goes_on(result, directory)
    result.told = "budgets are kept, names differ, pauses are followed"
    return result


def _a_day_earlier(path: Path) -> None:
    then = path.stat().st_mtime - 86_400
    os.utime(path, (then, then))


# --- The command ---------------------------------------------------------------------------------

FAULTS: dict[str, Callable[[Path, int, random.Random], Result]] = {
    "kills": kill_training,
    "batches": kill_restoring,
    "disk": fill_disk,
    "start": fill_at_start,
    "read_only": read_only,
    "data": pull_data,
    "run": pull_run,
    "clock": turn_back,
}


def main(arguments: list[str] | None = None) -> int:
    """Try the faults, print what became of them and write it into the section; return 1 where
    something was not as it should be.
    """
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--kills", type=int, default=KILLS, help="of a run, of a batch (%(default)s)")
    p.add_argument("--only", nargs="*", choices=list(FAULTS), help="these faults")
    given = p.parse_args(arguments)
    wrong = 0
    for name in given.only or FAULTS:
        with tempfile.TemporaryDirectory() as base:
            result = FAULTS[name](Path(base), given.kills, random.Random(SEED))
        wrong += len(result.wrong)
        print(f"{result.fault}: {result.tried} tried, {len(result.wrong)} wrong. {result.told}")
        print(*(f"  {each}" for each in result.wrong), sep="\n", flush=True)
        found = [result.fault, str(result.tried), str(len(result.wrong)), result.told]
        rows = rows_of(TITLE) | {result.fault: found}
        text = table(("fault", "tried", "wrong", "what is told"), list(rows.values()))
        about = __doc__.split("\n\n")[2].strip()
        write_section(TITLE, "python -m benchmarks.faults", f"{about}\n\n{text}")
    return min(wrong, 1)


if __name__ == "__main__":
    sys.exit(main())
