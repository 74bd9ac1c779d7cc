"""The Train tab's form: what its controls say, as a plan, and back."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, replace
from typing import Any

from aigc_demo import augment
from aigc_demo.data import DATASETS, Source, all_available, fallback, sample_models
from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.nn.patchgan import GAMES
from aigc_demo.requests import TrainPlan
from aigc_demo.training.presets import INTERACTIVE, PRESETS

TRAINABLE = [m for m in METHODS.values() if m.task in ("generate", "translate")]
LOSSES = ("bce", "hinge", "relativistic")
# Methods that are made for one size of pictures, or learn in minutes only at that size.
SIDE = {"dcgan": 32, "cyclegan": 64, "pix2pix": 64}
ALIKE = ("twemoji2fluentui", "emoji_styles")  # sets whose domains differ little
LEVELS = (1, 2, 4, 6)  # widths of a U-Net at its scales, as multiples of the first


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
    augment: str = ""


def form_of(plan: TrainPlan) -> Form:
    """Return the controls' values for `plan`, with the method's defaults where it is silent."""
    method = METHODS[plan.method]
    config = method.config.model_validate({"classes": 2 * method.classes} | plan.config)
    return Form(
        method=plan.method,
        data=plan.data,
        minutes=round((plan.seconds or 0) / 60, 3),
        steps=plan.steps or 0,
        batch=plan.batch or method.batch,
        lr=plan.lr or method.lr,
        width=config.widths[0] if hasattr(config, "widths") else config.width,
        loss=getattr(config, "loss", None) or getattr(config, "game", "bce"),
        r1=getattr(config, "r1", 0.0),
        diffaugment=bool(getattr(config, "diffaugment", ())),
        ema=plan.ema is None or plan.ema > 0,
        seed=plan.seed,
        augment=json.dumps(plan.augment) if plan.augment else "",
    )


def plan_of(form: Form) -> TrainPlan:
    """Return the checked plan that the controls' values describe; a preset that was not changed
    comes back as it was.
    """
    if form.method not in {m.name for m in TRAINABLE}:
        names = ", ".join(m.name for m in TRAINABLE)
        raise BadValue(f"method: “{str(form.method)[:40]}” cannot be trained here; use {names}.")
    if str(form.data).split("?")[0] not in (fitting := sets_for(form.method)):
        raise BadValue(f"data: choose one of {', '.join(fitting)}.")
    method = METHODS[form.method]
    fields = method.config.model_fields
    minutes = _number("minutes", form.minutes, 0, 100_000)
    steps = int(_number("steps", form.steps, 0, 100_000_000, whole=True))
    width = int(_number("width", form.width, 8, 512, whole=True))
    config: dict[str, Any] = {"width": width}
    if "widths" in fields:
        config = {"widths": [width * level for level in LEVELS]}
    if "residual" in fields:
        config["residual"] = form.data in ALIKE
    if side := SIDE.get(form.method):
        config["size"] = side
    losses = losses_of(form.method)
    if losses and form.loss != "":
        if form.loss not in losses:
            raise BadValue(
                f"loss: “{str(form.loss)[:40]}” cannot be used; choose one of {', '.join(losses)}."
            )
        config["loss" if "loss" in fields else "game"] = form.loss
    if "r1" in fields:
        config["r1"] = _number("r1", form.r1, 0, 100)
        config["r1_every"] = 4 if config["r1"] >= 0.5 else 16  # a strong pull, often
    if "diffaugment" in fields and form.diffaugment is True:
        config["diffaugment"] = ["translation"]
    pipeline = augment.parse(form.augment or "", field="augmentation")
    return TrainPlan(
        method=form.method,
        data=form.data,
        config=config,
        seconds=minutes * 60 or None,
        steps=steps or None,
        batch=int(_number("batch", form.batch, 2, 4096, whole=True)),
        lr=float(_number("learning rate", form.lr, 1e-7, 1)),
        ema=None if form.ema is True else 0.0,
        augment=augment.data(pipeline),
        seed=int(_number("seed", form.seed, 0, 2**53 - 1, whole=True)),
        **INTERACTIVE,
    )


def sets_for(method: str) -> list[str]:
    """Return the names of the data sets that a method can learn from."""
    needs, reads = METHODS[method].needs, METHODS[method].condition == "text"

    def fits(source: Source) -> bool:
        if needs == "pictures":
            return not source.domains and (source.named or not reads)
        if needs == "pairs":
            return bool(source.domains) and source.paired
        if needs == "plans":
            return source.paired and "plan" in source.domains
        return len(source.domains) == 2

    painted = [p.name for p in sample_models()] if needs == "pictures" else []
    return [name for name, source in DATASETS.items() if fits(source)] + painted


def losses_of(method: str) -> list[str]:
    """Return the losses between which one can choose; none where there is no choice."""
    fields = METHODS[method].config.model_fields
    return list(LOSSES) if "loss" in fields else list(GAMES) if "game" in fields else []


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


def at_hand(form: Form) -> Form:
    """Return `form` with a set that needs no file in the place of one that is not here."""
    return replace(form, data=fallback(form.data))


def fit(method: str, form: Form) -> Form:
    """Return `form` with another method's own defaults."""
    if method not in METHODS:
        raise BadValue(f"method: choose one of {', '.join(m.name for m in TRAINABLE)}.")
    minutes = form.minutes if isinstance(form.minutes, int | float) else 3
    fitting = sets_for(method)
    known = all_available()
    there = [name for name in fitting if name in known] or fitting
    source = form.data if form.data in fitting else there[0]
    own = TrainPlan(method=method, data=source, seconds=60.0 * max(minutes, 0.1))
    return form_of(own)
