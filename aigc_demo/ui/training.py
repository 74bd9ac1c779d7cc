"""What the Train tab does when something is clicked: plain functions of the workshop and the
controls' values.
"""

from __future__ import annotations

import io
import math
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aigc_demo import control, runs, worker
from aigc_demo.data import DATASETS, available
from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.presets import PRESETS, WATCHED
from aigc_demo.progress import Reader, View
from aigc_demo.requests import GenerateRequest, TrainPlan
from aigc_demo.studio import YOURS, Studio
from aigc_demo.ui.handlers import downloadable
from aigc_demo.ui.texts import say

TRAINABLE = [m for m in METHODS.values() if m.task == "generate"]
SIDE = {"dcgan": 32}  # methods that are made for one size of pictures
ICONS = {
    "waiting": "…",
    "training": "▶",
    "paused": "‖",
    "done": "✓",
    "stopped": "■",
    "diverged": "⚠",
    "failed": "✗",
    "interrupted": "⚠",
}


@dataclass(frozen=True)
class Workshop:
    """Where runs are trained and watched."""

    studio: Studio
    root: Path
    workers: worker.Workers
    reader: Reader

    @staticmethod
    def of(studio: Studio) -> Workshop:
        """Return the workshop of a studio that has a folder of runs."""
        assert studio.runs_root is not None
        root = studio.runs_root
        return Workshop(studio, root, worker.Workers(root), Reader(root))


# --- The form ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Form:
    """The values of the tab's controls, in the order of the controls."""

    method: str
    data: str
    minutes: float
    steps: float
    batch: float
    lr: float
    width: float
    loss: str
    r1: float
    diffaugment: bool
    ema: bool
    seed: float
    download: bool = False


def form_of(plan: TrainPlan) -> Form:
    """Return the controls' values for `plan`, with the method's defaults where it is silent."""
    method = METHODS[plan.method]
    config = method.config.model_validate({"classes": 2} | plan.config)
    return Form(
        method=plan.method,
        data=plan.data,
        minutes=round((plan.seconds or 0) / 60, 3),
        steps=plan.steps or 0,
        batch=plan.batch or method.batch,
        lr=plan.lr or method.lr,
        width=config.width,
        loss=getattr(config, "loss", "bce"),
        r1=getattr(config, "r1", 0.0),
        diffaugment=bool(getattr(config, "diffaugment", ())),
        ema=plan.ema is None or plan.ema > 0,
        seed=plan.seed,
    )


def plan_of(form: Form) -> TrainPlan:
    """Return the checked plan that the controls' values describe; a preset that was not changed
    comes back as it was.
    """
    if form.method not in {m.name for m in TRAINABLE}:
        names = ", ".join(m.name for m in TRAINABLE)
        raise BadValue(f"method: “{str(form.method)[:40]}” cannot be trained here; use {names}.")
    if form.data not in DATASETS:
        raise BadValue(f"data: choose one of {', '.join(DATASETS)}.")
    method = METHODS[form.method]
    fields = method.config.model_fields
    minutes = _number("minutes", form.minutes, 0, 100_000)
    steps = int(_number("steps", form.steps, 0, 100_000_000, whole=True))
    config: dict[str, Any] = {"width": int(_number("width", form.width, 8, 512, whole=True))}
    if side := SIDE.get(form.method):
        config["size"] = side
    if "loss" in fields:
        config["loss"] = form.loss
    if "r1" in fields:
        config["r1"] = _number("r1", form.r1, 0, 100)
        config["r1_every"] = 4 if config["r1"] >= 0.5 else 16  # a strong pull, often
    if "diffaugment" in fields and form.diffaugment is True:
        config["diffaugment"] = ["translation"]
    return TrainPlan(
        method=form.method,
        data=form.data,
        config=config,
        seconds=minutes * 60 or None,
        steps=steps or None,
        batch=int(_number("batch", form.batch, 2, 4096, whole=True)),
        lr=float(_number("learning rate", form.lr, 1e-7, 1)),
        ema=None if form.ema is True else 0.0,
        seed=int(_number("seed", form.seed, 0, 2**53 - 1, whole=True)),
        **WATCHED,
    )


def _number(name: str, value: Any, low: float, high: float, *, whole: bool = False) -> float:
    """Return `value` where it is a number within the limits."""
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    if not usable or not math.isfinite(value) or not low <= value <= high:
        raise BadValue(f"{name}: “{str(value)[:40]}” cannot be used; take {low:g} to {high:g}.")
    if whole and value != int(value):
        raise BadValue(f"{name}: {value:g} cannot be used; take a whole number.")
    return value


def fill(preset: str) -> Form:
    """Return the values of a preset."""
    if preset not in PRESETS:
        raise BadValue(f"preset: choose one of {', '.join(PRESETS)}.")
    return form_of(PRESETS[preset])


def fit(method: str, form: Form) -> Form:
    """Return `form` with another method's own defaults."""
    if method not in METHODS:
        raise BadValue(f"method: choose one of {', '.join(m.name for m in TRAINABLE)}.")
    minutes = form.minutes if isinstance(form.minutes, int | float) else 3
    own = TrainPlan(method=method, data=form.data, seconds=60.0 * max(minutes, 0.1))
    return form_of(own)


def start(workshop: Workshop, form: Form) -> str:
    """Queue a run and return its name; a warm worker begins at once."""
    plan = plan_of(form)
    if form.download is not True and form.data not in available():
        can = DATASETS[form.data].torchvision is not None
        how = "tick the download below" if can else "copy its zip into the data folder"
        raise BadValue(f"data: {form.data} is not here yet; {how}, or choose another set.")
    directory = worker.submit(workshop.root, plan, download=form.download is True)
    workshop.workers.ensure()
    return directory.name


# --- A run ---------------------------------------------------------------------------------------


def steer(workshop: Workshop, name: str | None, what: str) -> None:
    """Ask a run to pause, resume, slow down, make one step, stop, or vanish."""
    directory = _directory(workshop, name)
    alive = runs.is_alive(directory)
    if what == "resume" and not alive:
        runs.read_plan(directory)
        control.ask(directory, "run")
        worker.enqueue(directory)
        workshop.workers.ensure()
    elif what == "resume":
        control.ask(directory, "run")
    elif what in ("pause", "slow"):
        control.ask(directory, what)
    elif what == "stop":
        runs.stop(directory)
    elif what == "discard":
        runs.discard(directory)
    else:
        control.step_once(directory, None if what == "both" else what)


def _directory(workshop: Workshop, name: str | None) -> Path:
    if not name:
        raise BadValue("run: none is chosen; start one or choose one.")
    return runs.find(workshop.root, name)


def choices(views: list[View]) -> list[tuple[str, str]]:
    """Return what the picker of runs shows, and their names."""
    return [(f"{ICONS[v.status]} {title(v)}", v.name) for v in views]


def title(view: View) -> str:
    """Return a line about a run: when, what and of what."""
    method = METHODS[view.plan.method].title if view.plan.method in METHODS else view.plan.method
    source = DATASETS.get(view.plan.data)
    data = source.title if source else Path(view.plan.data).stem
    stamp = view.name[:15]
    when = f"{stamp[9:11]}:{stamp[11:13]}" if stamp[:8].isdigit() and len(stamp) > 12 else ""
    return " · ".join(filter(None, [when or view.name, data, method]))


def status_line(view: View, language: str) -> str:
    """Return how a run is doing, in words."""
    log, state = view.log, view.status
    key = "status_slow" if view.slow else f"status_{state}"
    if state == "training" and not log.series:
        key = "status_starting"
    words = [f"{ICONS[state]} **{say(key, language, position=view.position)}**"]
    if view.message:
        words.append(view.message)
    if log.step:
        words.append(
            say(
                "status_line",
                language,
                step=f"{log.step:,}",
                elapsed=budget(view),
                speed=f"{log.speed:,.0f}",
            )
        )
    if view.left is not None:
        words.append(say("status_left", language, left=clock(view.left)))
    if log.scoring and log.elapsed > 60:  # the first time, real pictures are looked at too
        share = f"{log.scoring / log.elapsed:.0%}"
        words.append(say("status_scoring", language, share=share))
    return " · ".join(words)


def budget(view: View) -> str:
    """Return the time that has passed, and the budget."""
    if view.plan.seconds:
        return f"{clock(view.log.elapsed)} / {clock(view.plan.seconds)}"
    return clock(view.log.elapsed)


def clock(seconds: float) -> str:
    """Write seconds as minutes:seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def frame(workshop: Workshop, view: View, position: int) -> str | None:
    """Return the file of the preview at `position` (from 1) of the film."""
    previews = view.log.previews
    if not previews:
        return None
    step, path = previews[min(max(position, 1), len(previews)) - 1]
    try:
        content = (workshop.root / view.name / path).read_bytes()
    except OSError:
        return None
    return downloadable(content, f"{view.name}-{step}.png")


# --- Its model -----------------------------------------------------------------------------------


def use(workshop: Workshop, name: str | None) -> GenerateRequest:
    """Return a request to the model of a run."""
    directory = _directory(workshop, name)
    _need_model(directory)
    return GenerateRequest(model=YOURS + directory.name)


def pack(workshop: Workshop, name: str | None) -> str:
    """Return the path of a zip of a run's model: weights and card."""
    directory = _directory(workshop, name)
    _need_model(directory)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted((directory / "model").glob("[a-z]*")):
            archive.write(file, f"{directory.name}/{file.name}")
    return downloadable(out.getvalue(), f"{directory.name}.zip")


def _need_model(directory: Path) -> None:
    if not (directory / "model" / "card.json").is_file():
        raise BadValue(f"run: {directory.name} has no model yet; wait until it has been saved.")
