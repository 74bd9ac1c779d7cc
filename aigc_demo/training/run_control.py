"""Controls a run while it trains: pause, single steps, slow motion, stop.

A run is controlled by files in its directory, so that a button, Ctrl-C and another process do it
in the same way, and nobody needs to know which process trains it:

stop            end after the current step
discard         and delete the run
control.json    the pace, and how many single steps have been granted
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from aigc_demo.methods import checkpoint

STOP, DISCARD, CONTROL = "stop", checkpoint.RUN_DISCARD, "control.json"
POLL_SECONDS = 0.05  # between two looks at the files
SLOW_MOTION_SECONDS = 0.6  # between two steps

Pace = Literal["run", "pause", "slow"]


class Control(BaseModel):
    """The pace of a run; `granted` counts all single steps that were ever granted."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    pace: Pace = "run"
    granted: int = Field(0, ge=0)
    part: str | None = Field(None, description="network that the next single step updates")


def read(directory: Path) -> Control:
    """Return the control of a run; the default where the file is missing or damaged."""
    try:
        return Control.model_validate_json((directory / CONTROL).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return Control()


def set_pace(directory: Path, pace: Pace) -> None:
    """Change the pace of a run."""
    _write(directory, read(directory).model_copy(update={"pace": pace, "part": None}))


def grant_step(directory: Path, part: str | None = None) -> None:
    """Pause a run and grant it one more step, of the network called `part` or of all."""
    granted = read(directory).granted + 1
    _write(directory, Control(pace="pause", granted=granted, part=part))


def stop(directory: Path) -> None:
    """Let a run end after the current step."""
    (directory / STOP).touch()


def _write(directory: Path, control: Control) -> None:
    checkpoint.write_text(directory / CONTROL, control.model_dump_json())


class ControlReader:
    """Follows the control files for the process that trains."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._control = read(directory)
        self._used = self._control.granted  # single steps of an earlier session
        self._modified = (0, 0)

    def stop_requested(self) -> bool:
        """Tell whether the run is to end."""
        return (self.directory / STOP).exists()

    def discard_requested(self) -> bool:
        """Tell whether the run is to be deleted."""
        return (self.directory / DISCARD).exists()

    def may_step(self) -> bool:
        """Tell whether the next step may be made; this uses up a single step that was granted."""
        self._refresh()
        if self._control.pace != "pause":
            return True
        if self._used < self._control.granted:
            self._used += 1
            return True
        return False

    @property
    def part(self) -> str | None:
        """The network that the next step is limited to, if any."""
        return self._control.part if self.single_steps else None

    @property
    def single_steps(self) -> bool:
        """Whether only granted steps are made."""
        return self._control.pace == "pause"

    @property
    def watched(self) -> bool:
        """Whether every step is shown: in slow motion, and when steps are single."""
        return self._control.pace != "run"

    def sleep_between_steps(self) -> float:
        """Sleep as long as slow motion asks for; return the seconds slept."""
        start = time.monotonic()
        while time.monotonic() - start < SLOW_MOTION_SECONDS and not self.stop_requested():
            self._refresh()
            if self._control.pace != "slow":
                break
            time.sleep(POLL_SECONDS)
        return time.monotonic() - start

    def _refresh(self) -> None:
        """Read the file again if it has changed."""
        try:
            status = (self.directory / CONTROL).stat()
        except OSError:
            return
        modified = status.st_ino, status.st_mtime_ns  # clocks tick slowly, and are turned back
        if modified != self._modified:
            self._control, self._modified = read(self.directory), modified
