"""Fuzzing of everything that reads bytes or text of strangers (see `fuzz_targets`):

    python -m benchmarks.fuzz --minutes 30              # each target, one after the other
    python -m benchmarks.fuzz --only zips --seed 1234   # this one input again, with its traceback

An input may be read or refused with a `UserError`, which names no folder of the host, within a
second of processor time and 200 MB, and nothing may be written outside of its folder, no program
started and no connection opened. Each target runs in a process of its own, so that one that is
killed or hangs is counted, too. The seed alone decides an input.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from aigc_demo.errors import UserError
from benchmarks.fuzz_targets import TARGETS
from benchmarks.report import rows_of, table, write_section

TITLE = "Fuzzing"
COLUMNS = ("target", "minutes", "inputs", "refused", "seconds (seed)", "MB (seed)", "failures")
SECONDS, MEGABYTES = 1.0, 200.0
HANG = 60.0  # seconds on the clock after which an input is given up
SMOKE_SECONDS = 1.0  # a target
SHOWN = 5  # failures of a kind
CHANGES = {  # audit events that change files, start programs or connect: the number of the path
    **dict.fromkeys(("os.mkdir", "os.remove", "os.rmdir", "os.truncate", "os.chmod"), 0),
    **dict.fromkeys(("os.rename", "os.link", "os.symlink"), 1),
    **dict.fromkeys(("subprocess.Popen", "os.system", "os.posix_spawn", "socket.connect"), None),
}
Numbers = Any  # shared: tried, refused, seed, slowest, its seed, largest, its seed
TRIED, REFUSED, SEED, SLOWEST, SLOWEST_SEED, LARGEST, LARGEST_SEED = range(7)


@dataclass
class Tally:
    """What became of the inputs of a target."""

    numbers: list[float] = field(default_factory=lambda: [0.0] * 7)
    failures: list[tuple[str, int]] = field(default_factory=list)  # what happened, and the seed
    minutes: float = 0.0

    def kinds(self) -> dict[str, list[int]]:
        """Return the seeds of each kind of failure."""
        found: dict[str, list[int]] = collections.defaultdict(list)
        for kind, seed in self.failures:
            found[kind].append(seed)
        return found


# --- One input -----------------------------------------------------------------------------------


class Guard:
    """Notes what is done outside of a folder while it watches."""

    def __init__(self, folder: Path) -> None:
        self.inside, self.watching = os.path.realpath(folder), False
        self.seen: list[str] = []
        sys.addaudithook(self._note)

    def _note(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self.watching:
            return
        if event == "open":
            path, mode, flags = arguments
            writes = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
            if isinstance(path, int) or not (flags or 0) & writes:
                return
        elif event in CHANGES:
            number = CHANGES[event]
            path = event if number is None else arguments[number]
        else:
            return
        place = os.path.realpath(os.fsdecode(path))
        if not (place + os.sep).startswith((self.inside + os.sep, os.devnull)):
            self.seen.append(f"{event} {os.path.basename(place)}")

    @contextlib.contextmanager
    def watch(self) -> Iterator[None]:
        self.seen, self.watching = [], True
        try:
            yield
        finally:
            self.watching = False


def memory(name: str) -> float:
    """Return a number of /proc/self/status, such as VmRSS, in MB; 0 where there is none."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith(name + ":"):
                return int(line.split()[1]) / 1e3
    return 0.0


def reset_peak() -> None:
    """Let VmHWM, the largest resident size, begin anew (Linux)."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def attempt(name: str, seed: int, guard: Guard) -> tuple[str, bool, float, float]:
    """Read the input of a seed; return what is wrong or "", whether it was refused, the seconds of
    processor time and the MB.
    """
    folder = Path(guard.inside)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    given = TARGETS[name].make(random.Random(f"{name} {seed}"))
    problem, refused = "", False
    reset_peak()
    before, start = memory("VmRSS"), time.process_time()
    try:
        with guard.watch():
            TARGETS[name].read(folder, given)
    except UserError as error:
        refused = True
        if guard.inside in str(error):
            problem = f"a path in the message: {error}"
    except Exception as error:
        here = traceback.extract_tb(error.__traceback__)[-1]
        problem = f"{type(error).__name__} in {Path(here.filename).name}, {here.name}"
    seconds, megabytes = time.process_time() - start, memory("VmHWM") - before
    if guard.seen:
        problem = f"outside: {guard.seen[0]}"
    elif not problem and list(folder.parent.iterdir()) != [folder]:
        problem = "outside: a file beside the folder"
    return problem, refused, seconds, megabytes


def checked(name: str, seed: int, guard: Guard) -> tuple[str, bool, float, float]:
    """Read an input; again where it took long, for other processes may have been why."""
    problem, refused, seconds, megabytes = attempt(name, seed, guard)
    for _ in range(2):
        if not problem and seconds > SECONDS:
            seconds = min(seconds, attempt(name, seed, guard)[2])
    if not problem and seconds > SECONDS:
        problem = "too slow"
    if not problem and megabytes > MEGABYTES:
        problem = "too much memory"
    return problem, refused, seconds, megabytes


# --- One target ----------------------------------------------------------------------------------


@contextlib.contextmanager
def prepared() -> Iterator[Guard]:
    """Work in a folder of our own, in which a folder is watched."""
    sys.dont_write_bytecode = True
    warnings.simplefilter("ignore")  # Pillow warns of damage that it can read over
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as base:
        os.chdir(base)
        yield Guard(Path(base) / "inside")
        os.chdir("/")


def work(name: str, seconds: float, first: int, numbers: Numbers, failures: Any) -> None:
    """Read inputs from seed `first` on for so long; a process of its own does it."""
    with prepared() as guard:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries that print what is damaged
        attempt(name, first, guard)  # what is done once is not the first input's fault
        seed, end = first, time.monotonic() + seconds
        while time.monotonic() < end:
            numbers[SEED] = seed
            problem, refused, seconds, megabytes = checked(name, seed, guard)
            numbers[TRIED] += 1
            numbers[REFUSED] += refused
            for place, value in ((SLOWEST, seconds), (LARGEST, megabytes)):
                if value > numbers[place]:
                    numbers[place], numbers[place + 1] = value, seed
            if problem:
                failures.put((problem, seed))
            seed += 1


def fuzz(name: str, seconds: float) -> Tally:
    """Fuzz a target for so long; a process that is killed or hangs is started anew."""
    context = multiprocessing.get_context("fork")
    tally, start, first = Tally(), time.monotonic(), 0
    numbers, failures = context.Array("d", 7), context.Queue()
    while (left := start + seconds - time.monotonic()) > 0:
        arguments = (name, left, first, numbers, failures)
        process = context.Process(target=work, args=arguments)
        process.start()
        ending = _wait(process, numbers, failures, tally)
        if ending:
            tally.failures.append((ending, int(numbers[SEED])))
        first = int(numbers[SEED]) + 1
    tally.numbers, tally.minutes = list(numbers), (time.monotonic() - start) / 60
    return tally


def _wait(process: Any, numbers: Numbers, failures: Any, tally: Tally) -> str:
    """Collect the failures of a process until it ends; return what ended it, "" for its time."""
    seed, since = -1.0, time.monotonic()
    while process.is_alive():
        process.join(0.1)
        if numbers[SEED] != seed:
            seed, since = numbers[SEED], time.monotonic()
        if time.monotonic() - since > HANG:
            process.kill()
            process.join()
            return "hangs"
        while not failures.empty():
            tally.failures.append(failures.get())
    while not failures.empty():
        tally.failures.append(failures.get())
    return "" if process.exitcode == 0 else f"ends the process ({process.exitcode})"


# --- The command ---------------------------------------------------------------------------------


def show(name: str, seed: int) -> int:
    """Read one input, with the traceback of what it raises."""
    with prepared() as guard:
        problem, refused, seconds, megabytes = checked(name, seed, guard)
        print(f"{name}, seed {seed}: {seconds:.2f} s, {megabytes:.0f} MB", end="; ")
        print(problem or ("refused" if refused else "read"))
        given = TARGETS[name].make(random.Random(f"{name} {seed}"))
        print(repr(given)[:2000])
        shutil.rmtree(guard.inside)
        os.mkdir(guard.inside)
        try:
            TARGETS[name].read(Path(guard.inside), given)
        except Exception:
            traceback.print_exc(file=sys.stdout)
    return 1 if problem else 0


def row(name: str, tally: Tally) -> list[str]:
    """Return what the table says of a target."""
    tried, refused, _, slowest, slowest_seed, largest, largest_seed = tally.numbers
    return [
        name,
        f"{tally.minutes:.1f}",
        f"{tried:,.0f}",
        f"{refused / max(tried, 1):.0%}",
        f"{slowest:.2f} ({slowest_seed:.0f})",
        f"{largest:.0f} ({largest_seed:.0f})",
        f"{len(tally.failures):,}",
    ]


def main(arguments: list[str] | None = None) -> int:
    """Fuzz the targets, print what was found and write it into the section; return 1 where
    something failed.
    """
    p = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    p.add_argument("--minutes", type=float, default=30, help="of each target (%(default)s)")
    p.add_argument("--only", nargs="*", choices=list(TARGETS), help="these targets")
    p.add_argument("--seed", type=int, help="read this one input of the target")
    p.add_argument("--smoke", action="store_true", help="a second each, and no section is written")
    given = p.parse_args(arguments)
    names = given.only or list(TARGETS)
    if given.seed is not None:
        return max(show(name, given.seed) for name in names)
    failed = False
    for name in names:
        tally = fuzz(name, SMOKE_SECONDS if given.smoke else 60 * given.minutes)
        found = row(name, tally)
        print(*found, sep=" | ", flush=True)
        for kind, seeds in tally.kinds().items():
            failed = True
            print(f"  {kind}: {len(seeds)}, seeds {seeds[:SHOWN]}", flush=True)
        if not given.smoke:
            rows = rows_of(TITLE) | {name: found}
            text = table(COLUMNS, [rows[name] for name in TARGETS if name in rows])
            about = __doc__.split("\n\n")[2].strip()
            write_section(TITLE, "python -m benchmarks.fuzz", f"{about}\n\n{text}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
