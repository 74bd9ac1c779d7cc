"""What people ask of a run while it trains: pause, one step, slow motion, stop.

A run is steered through files in its directory, so that a button, Ctrl-C and another process do
it the same way and nobody needs to know who trains:

stop            end after the step that the run is in
discard         and leave nothing behind
control.json    the pace, and how many single steps have been granted
"""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from aigc_demo.methods import checkpoint

STOP, DISCARD, CONTROL = "stop", checkpoint.RUN_DISCARD, "control.json"
NAP = 0.05  # seconds between two looks while a run waits
SLOW = 0.6  # seconds between two steps in slow motion


class Control(BaseModel):
    """The pace of a run; `granted` counts all single steps ever asked for."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pace: Literal["run", "pause", "slow"] = "run"
    granted: int = Field(0, ge=0)
    part: str | None = Field(None, description="network that the next single step updates")


def read(directory: Path) -> Control:
    """Return what was asked last; a missing or damaged file asks for nothing."""
    try:
        return Control.model_validate_json((directory / CONTROL).read_text(encoding="utf-8"))
    except (OSError, ValueError, ValidationError):
        return Control()


def ask(directory: Path, pace: Literal["run", "pause", "slow"]) -> None:
    """Ask the run in `directory` for another pace."""
    _write(directory, read(directory).model_copy(update={"pace": pace, "part": None}))


def step_once(directory: Path, part: str | None = None) -> None:
    """Pause the run and let it make one more step, of the network called `part` or of all."""
    before = read(directory)
    _write(directory, Control(pace="pause", granted=before.granted + 1, part=part))


def stop(directory: Path) -> None:
    """Ask the run to end after the step that it is in."""
    (directory / STOP).touch()


def _write(directory: Path, control: Control) -> None:
    temporary = directory / f".{CONTROL}.{os.getpid()}.{threading.get_ident()}"
    temporary.write_text(control.model_dump_json(), encoding="utf-8")
    os.replace(temporary, directory / CONTROL)


class Gate:
    """The run's side: may the next step be made, and which part of it?"""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.control = read(directory)
        self.used = self.control.granted
        self.stamp = -1

    def stopped(self) -> bool:
        """Tell whether somebody asked the run to end."""
        return (self.directory / STOP).exists()

    def discarded(self) -> bool:
        """Tell whether somebody wants nothing to remain of the run."""
        return (self.directory / DISCARD).exists()

    def open(self) -> bool:
        """Tell whether the next step may be made; one that was granted is used up by asking."""
        self._look()
        if self.control.pace != "pause":
            return True
        if self.used < self.control.granted:
            self.used += 1
            return True
        return False

    @property
    def part(self) -> str | None:
        """Return the network that the next step is limited to, if any."""
        return self.control.part if self.control.pace == "pause" else None

    @property
    def single(self) -> bool:
        """Tell whether steps are made one by one."""
        return self.control.pace == "pause"

    @property
    def watched(self) -> bool:
        """Tell whether each step is looked at: in slow motion, and when steps are single."""
        return self.control.pace != "run"

    def rest(self) -> float:
        """Sleep between two steps of slow motion; return the seconds slept."""
        start = time.monotonic()
        while time.monotonic() - start < SLOW and not self.stopped():
            self._look()
            if self.control.pace != "slow":
                break
            time.sleep(NAP)
        return time.monotonic() - start

    def _look(self) -> None:
        """Read the file again when it has changed."""
        try:
            stamp = (self.directory / CONTROL).stat().st_mtime_ns
        except OSError:
            return
        if stamp != self.stamp:
            self.control, self.stamp = read(self.directory), stamp
