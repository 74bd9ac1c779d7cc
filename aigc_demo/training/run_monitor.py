"""What a run directory holds, ready to be shown: curves, previews, status and warnings.

A log is followed from where it was left, so an update costs only what is new.
"""

from __future__ import annotations

import contextlib
import math
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

from aigc_demo.errors import UserError
from aigc_demo.requests import TrainPlan
from aigc_demo.training import events, run_control, runs
from aigc_demo.training.diagnosis import REAL, SEPARATION, Diagnosis, diagnose
from aigc_demo.training.events import BASELINE, Event, Finished, Scored

MAX_POINTS = 500  # of a curve; the page gets all of them at every update
MAX_RUNS = 60  # that are listed, and whose logs are cached
SPEED = "images_per_second"
NOT_LOSSES = {"grad_norm", REAL, "fake", SEPARATION, "r1", "accuracy", SPEED}

Point = tuple[float, float]  # step, value


@dataclass
class RunLog:
    """The content of a run's log, as far as it has been read."""

    offset: int = 0  # in bytes, of the next event
    file_id: tuple[int, int] = (0, 0)
    count: int = 0
    last: Event | None = None
    series: dict[str, list[Point]] = field(default_factory=dict)
    seconds: list[Point] = field(default_factory=list)  # step -> seconds of the run
    scores: dict[str, list[Point]] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)  # why a score has no value
    baselines: dict[str, float] = field(default_factory=dict)  # scores of real test images
    logits: dict[str, tuple[float, ...]] = field(default_factory=dict)
    previews: list[tuple[int, str]] = field(default_factory=list)
    diversity: list[Point] = field(default_factory=list)  # of the samples in previews
    step: int = 0
    elapsed: float = 0.0
    progress: float = 0.0
    speed: float = 0.0
    scoring: float = 0.0  # seconds spent on scores
    saved: bool = False

    def add(self, event: Event) -> None:
        """Take in the next event."""
        self.count += 1
        self.last, self.step = event, event.step
        match event:
            case events.Started():
                self._rewind(event.step)
            case events.Step():
                self.elapsed, self.progress = event.seconds, event.progress
                self.speed = event.images_per_second
                for name, value in (event.losses | {SPEED: self.speed}).items():
                    self.series.setdefault(name, []).append((event.step, value))
                self.seconds.append((event.step, event.seconds))
            case events.DiscriminatorLogits():
                self.logits = event.outputs
            case events.Preview():
                self.previews.append((event.step, event.path))
                if event.diversity is not None:
                    self.diversity.append((event.step, event.diversity))
            case Scored():
                self._add_score(event)
            case events.Saved():
                self.saved = True
            case Finished():
                self.elapsed = event.seconds

    def _add_score(self, event: Scored) -> None:
        if event.value is None:
            self.reasons[event.name] = event.reason
        elif event.name.startswith(BASELINE):
            self.baselines[event.name.removeprefix(BASELINE)] = event.value
        else:
            if event.name.startswith("kid_"):  # one of the scores of each evaluation
                self.scoring += event.seconds
            self.scores.setdefault(event.name, []).append((event.step, event.value))

    def _rewind(self, step: int) -> None:
        """Drop what came after `step`: a killed run is resumed from its last checkpoint."""
        everything = (*self.series.values(), *self.scores.values(), self.seconds, self.diversity)
        for points in everything:
            points[:] = [p for p in points if p[0] <= step]
        self.previews = [p for p in self.previews if p[0] <= step]


@dataclass(frozen=True)
class RunView:
    """A run at one moment."""

    name: str
    plan: TrainPlan
    status: runs.Status
    log: RunLog
    position: int = 0  # in the queue, from 1
    slow: bool = False

    @property
    def left(self) -> float | None:
        """The seconds that the run still needs, or None where that is not known."""
        log = self.log
        if self.status != "training" or not 0 < log.progress < 1 or log.elapsed < 1:
            return None
        return log.elapsed * (1 - log.progress) / log.progress

    @property
    def message(self) -> str:
        """Why the run has failed."""
        return self.log.last.message if isinstance(self.log.last, Finished) else ""

    def losses(self) -> dict[str, list[Point]]:
        """Return the curve of each loss, downsampled."""
        return {k: downsample(v) for k, v in self.log.series.items() if k not in NOT_LOSSES}

    def metric(self, name: str) -> list[Point]:
        """Return the curve of a loss or of anything else measured at each step, downsampled."""
        return downsample(self.log.series.get(name, []))

    def diagnoses(self) -> list[Diagnosis]:
        """Return what goes wrong, as far as its log tells."""
        others = NOT_LOSSES - {REAL, SEPARATION}
        measured = {k: v for k, v in self.log.series.items() if k not in others}
        return diagnose(
            measured,
            self.log.diversity,
            loss=self.plan.config.get("loss", "bce"),
            diverged=self.status == "diverged",
        )

    def score(self, kind: str) -> tuple[str, list[Point], float | None]:
        """Return the full name of the score of a `kind` (“fid”), its curve and the real-data
        baseline.
        """
        for name, points in self.log.scores.items():
            if name.startswith(f"{kind}_"):
                return name, downsample(points), self.log.baselines.get(name)
        return "", [], None

    def reason(self, kind: str) -> str:
        """Return why there is no score of a `kind`, or nothing."""
        prefixes = (f"{kind}_", "scores")
        return next((r for n, r in self.log.reasons.items() if n.startswith(prefixes)), "")

    def last_scores(self) -> dict[str, float]:
        """Return the last value of every score."""
        return {name: points[-1][1] for name, points in self.log.scores.items() if points}


def downsample(points: list[Point], most: int = MAX_POINTS) -> list[Point]:
    """Return at most `most` points: means of neighbours, and the last point as it is."""
    if len(points) <= most:
        return points
    *rest, last = points
    size = -(-len(rest) // (most - 1))
    parts = [rest[i : i + size] for i in range(0, len(rest), size)]
    return [*((part[-1][0], fmean(v for _, v in part)) for part in parts), last]


class RunMonitor:
    """Reads the runs of one folder; safe to share between threads.

    All viewers within `fresh_for` seconds share one reading: thirty cost as much as one.
    """

    def __init__(self, root: Path, *, fresh_for: float = 0.4) -> None:
        self.root, self.fresh_for = root, fresh_for
        self._logs: OrderedDict[str, RunLog] = OrderedDict()
        self._plans: dict[str, tuple[int, TrainPlan]] = {}  # with the file's time
        self._latest: tuple[float, list[RunView]] = (-math.inf, [])
        self._lock = threading.Lock()

    def view(self, name: str) -> RunView:
        """Read the run called `name`; raises BadValue where there is none."""
        directory = runs.find(self.root, name)
        self._plans[name] = self._plan(directory)
        return self._view(directory, self._plans[name][1])

    def views(self, *, fresh: bool = False) -> list[RunView]:
        """Read the newest runs; `fresh` reads them again in any case."""
        read_at, views = self._latest
        if not fresh and time.monotonic() - read_at < self.fresh_for:
            return views
        plans, views = {}, []
        for directory in runs.directories(self.root)[:MAX_RUNS]:
            with contextlib.suppress(UserError, OSError):  # it may be deleted meanwhile
                name = directory.name
                plans[name] = self._plan(directory)
                views.append(self._view(directory, plans[name][1]))
        self._plans, self._latest = plans, (time.monotonic(), views)
        return views

    def _plan(self, directory: Path) -> tuple[int, TrainPlan]:
        """Return the plan of a run, read again where its budget has been changed."""
        stamp = (directory / runs.PLAN).stat().st_mtime_ns
        known = self._plans.get(directory.name)
        return known if known and known[0] == stamp else (stamp, runs.read_plan(directory))

    def _view(self, directory: Path, plan: TrainPlan) -> RunView:
        log = self._log(directory)
        status = runs.status(directory, log.last)
        queue = runs.waiting(self.root) if status == "waiting" else []
        position = queue.index(directory) + 1 if directory in queue else 0
        slow = status == "training" and run_control.read(directory).pace == "slow"
        return RunView(directory.name, plan, status, log, position, slow)

    def _log(self, directory: Path) -> RunLog:
        with self._lock:
            file_id = _file_id(directory / runs.EVENTS)
            log = self._logs.get(directory.name)
            if log is None or log.file_id != file_id:
                log = RunLog(file_id=file_id)
            new, log.offset = runs.read_events(directory, log.offset)
            for event in new:
                log.add(event)
            self._logs[directory.name] = log
            self._logs.move_to_end(directory.name)
            while len(self._logs) > MAX_RUNS:
                self._logs.popitem(last=False)
            return log


def _file_id(path: Path) -> tuple[int, int]:
    """Return what stays the same as long as a file is only appended to."""
    try:
        stat = path.stat()
    except OSError:
        return (0, 0)
    return (stat.st_dev, stat.st_ino)
