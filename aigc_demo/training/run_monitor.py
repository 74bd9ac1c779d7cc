"""What a run directory says, ready to be shown: series, film, state and warnings.

A log is read once and followed from where it was left, so a tick costs what is new.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median
from typing import Any

from aigc_demo.errors import UserError
from aigc_demo.requests import TrainPlan
from aigc_demo.training import run_control, runs

MAX_POINTS = 500  # a series; the page gets all of it at every update
SHOWN = KEPT = 60  # runs that are listed, and whose logs are remembered
GAUGES = {"grad_norm", "real", "fake", "r1", "accuracy"}  # measured, but no losses
FLOOR = "floor_"

Point = tuple[float, float]  # step, value


@dataclass
class Log:
    """What has been read of one log; `offset` is where the next event will stand."""

    offset: int = 0
    identity: tuple[int, int] = (0, 0)
    count: int = 0
    last: dict[str, Any] | None = None
    series: dict[str, list[Point]] = field(default_factory=dict)
    seconds: list[Point] = field(default_factory=list)  # step -> seconds of the run
    scores: dict[str, list[Point]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)  # why a score has no value
    floors: dict[str, float] = field(default_factory=dict)
    outputs: dict[str, list[float]] = field(default_factory=dict)
    previews: list[tuple[int, str]] = field(default_factory=list)
    step: int = 0
    elapsed: float = 0.0
    progress: float = 0.0
    speed: float = 0.0
    scoring: float = 0.0  # seconds spent on scores
    saved: bool = False

    def add(self, event: dict[str, Any]) -> None:
        """Take in one event."""
        self.count += 1
        self.last, kind = event, event["event"]
        self.step = event["step"]
        if kind == "Started":
            self._rewind(event["step"])
        elif kind == "Step":
            self.elapsed, self.progress = event["seconds"], event["progress"]
            self.speed = event["images_per_second"]
            values = event["losses"] | {"images_per_second": self.speed}
            for name, value in values.items():
                self.series.setdefault(name, []).append((self.step, value))
            self.seconds.append((self.step, self.elapsed))
        elif kind == "Judged":
            self.outputs = event["outputs"]
        elif kind == "Preview":
            self.previews.append((self.step, event["path"]))
        elif kind == "Scored":
            self._score(event)
        elif kind == "Saved":
            self.saved = True
        elif kind == "Finished":
            self.elapsed = event["seconds"]

    def _score(self, event: dict[str, Any]) -> None:
        name, value = event["name"], event["value"]
        if value is None:
            self.reasons[name] = event["reason"]
        elif name.startswith(FLOOR):
            self.floors[name.removeprefix(FLOOR)] = value
        else:
            if name.startswith("fid_") or name.startswith("kid_"):
                self.scoring += event["seconds"] if name.startswith("kid_") else 0
            self.scores.setdefault(name, []).append((self.step, value))

    def _rewind(self, step: int) -> None:
        """Forget what came after `step`: a killed run goes on from its last save."""
        for points in (*self.series.values(), *self.scores.values(), self.seconds):
            points[:] = [p for p in points if p[0] <= step]
        self.previews = [p for p in self.previews if p[0] <= step]


@dataclass(frozen=True)
class View:
    """One look at a run."""

    name: str
    plan: TrainPlan
    status: runs.Status
    log: Log
    position: int = 0  # in the queue, from 1
    slow: bool = False

    @property
    def left(self) -> float | None:
        """Return the seconds that the run still needs, or None where that is not known."""
        log = self.log
        if self.status != "training" or not 0 < log.progress < 1 or log.elapsed < 1:
            return None
        return log.elapsed * (1 - log.progress) / log.progress

    @property
    def message(self) -> str:
        """Return why a run has failed."""
        last = self.log.last or {}
        return last.get("message", "") if last.get("event") == "Finished" else ""

    def losses(self) -> dict[str, list[Point]]:
        """Return the losses of each network by name, thinned."""
        return {k: thin(v) for k, v in self.log.series.items() if not _is_gauge(k)}

    def gauge(self, name: str) -> list[Point]:
        """Return another series that was measured at each step, thinned."""
        return thin(self.log.series.get(name, []))

    def score(self, kind: str) -> tuple[str, list[Point], float | None]:
        """Return the full name of the score of a `kind` (“fid”), its points and its floor."""
        for name, points in self.log.scores.items():
            if name.startswith(f"{kind}_"):
                return name, thin(points), self.log.floors.get(name)
        return "", [], None

    def reason(self, kind: str) -> str:
        """Return why there is no score of a `kind`, or nothing."""
        found = {**self.log.reasons}
        return next((r for n, r in found.items() if n.startswith((f"{kind}_", "scores"))), "")

    def best(self) -> dict[str, float]:
        """Return the last value of every score."""
        return {name: points[-1][1] for name, points in self.log.scores.items() if points}


def _is_gauge(name: str) -> bool:
    return name in GAUGES or name == "images_per_second"


def thin(points: list[Point], most: int = MAX_POINTS) -> list[Point]:
    """Return at most `most` points: means of neighbours, the last point as it is."""
    if len(points) <= most:
        return points
    *rest, last = points
    size = -(-len(rest) // (most - 1))
    parts = [rest[i : i + size] for i in range(0, len(rest), size)]
    return [*((part[-1][0], fmean(v for _, v in part)) for part in parts), last]


class Reader:
    """Reads the runs of one folder; safe to share between threads.

    All who look within `fresh_for` seconds share one look: a class of thirty costs as much as one
    person.
    """

    def __init__(self, root: Path, *, fresh_for: float = 0.4) -> None:
        self.root, self.fresh_for = root, fresh_for
        self._logs: OrderedDict[str, Log] = OrderedDict()
        self._plans: dict[str, TrainPlan] = {}
        self._looked: tuple[float, list[View]] = (-math.inf, [])
        self._lock = threading.Lock()

    def view(self, name: str) -> View:
        """Look at the run called `name`; raises BadValue where there is none."""
        directory = runs.find(self.root, name)
        plan = self._plans.setdefault(name, runs.read_plan(directory))
        return self._look(directory, plan)

    def _look(self, directory: Path, plan: TrainPlan) -> View:
        log = self._log(directory)
        status = runs.status(directory, log.last)
        queue = runs.waiting(self.root) if status == "waiting" else []
        position = queue.index(directory) + 1 if directory in queue else 0
        slow = status == "training" and run_control.read(directory).pace == "slow"
        return View(directory.name, plan, status, log, position, slow)

    def views(self, *, fresh: bool = False) -> list[View]:
        """Look at the newest runs; `fresh` looks again in any case."""
        looked, views = self._looked
        if not fresh and time.monotonic() - looked < self.fresh_for:
            return views
        directories = runs.directories(self.root)[:SHOWN]
        plans, views = {}, []
        for directory in directories:
            with contextlib.suppress(UserError, OSError):  # it may be deleted meanwhile
                name = directory.name
                plans[name] = self._plans.get(name) or runs.read_plan(directory)
                views.append(self._look(directory, plans[name]))
        self._plans, self._looked = plans, (time.monotonic(), views)
        return views

    def _log(self, directory: Path) -> Log:
        with self._lock:
            identity = _identity(directory / runs.EVENTS)
            log = self._logs.get(directory.name)
            if log is None or log.identity != identity:
                log = Log(identity=identity)
            events, log.offset = runs.read_events(directory, log.offset)
            for event in events:
                log.add(event)
            self._logs[directory.name] = log
            self._logs.move_to_end(directory.name)
            while len(self._logs) > KEPT:
                self._logs.popitem(last=False)
            return log


def _identity(path: Path) -> tuple[int, int]:
    """Return what stays the same as long as a file is only appended to."""
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_dev, stat.st_ino)


# --- Warnings ------------------------------------------------------------------------------------

WINDOW = 8  # points of a series that count as “now”


def warnings(view: View) -> list[str]:
    """Return what goes wrong, as keys of sentences: diverges, wins, collapses, uniform."""
    found = []
    if view.status == "diverged" or _diverges(view):
        found.append("diverges")
    if _wins(view):
        found.append("wins")
    if (variety := _variety(view)) is not None:
        found.append(variety)
    return found


def _diverges(view: View) -> bool:
    """A loss is far beyond what it was for most of the run."""
    for points in view.losses().values():
        values = [abs(v) for _, v in points]
        if len(values) >= 2 * WINDOW:
            usual = median(values[: -WINDOW // 2])
            if median(values[-WINDOW // 2 :]) > max(20 * usual, 20):
                return True
    return False


def _wins(view: View) -> bool:
    """The discriminator is sure of itself on both sides: σ(±3) is 95 %."""
    real, fake = view.gauge("real")[-WINDOW:], view.gauge("fake")[-WINDOW:]
    if len(real) < WINDOW or len(fake) < WINDOW:
        return False
    return fmean(v for _, v in real) > 3 and fmean(v for _, v in fake) < -3


def _variety(view: View) -> str | None:
    """Recall has fallen to less than half, or never came."""
    values = [v for _, v in view.score("recall")[1]]
    if len(values) >= 3 and max(values) > 0.1 and values[-1] < max(values) / 2:
        return "collapses"
    if len(values) >= 3 and view.log.progress > 0.4 and max(values[-3:]) < 0.02:
        return "uniform"
    return None
