"""The Train tab's form: what its controls hold, as a plan, and back."""

from __future__ import annotations

import json
from typing import Annotated, Any, get_args

from pydantic import Field

from aigc_demo import augment, requests
from aigc_demo.data import (
    DATASETS,
    Source,
    all_available,
    fallback,
    model_samples,
    sample_models,
)
from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.requests import Request, TrainPlan
from aigc_demo.training.presets import INTERACTIVE, PRESETS

TRAINABLE = [m for m in METHODS.values() if m.task in ("generate", "translate")]
# Methods that are made for one size of pictures, or learn in minutes only at that size.
IMAGE_SIZES = {"dcgan": 32, "cyclegan": 64, "pix2pix": 64}
SIMILAR_DOMAINS = ("twemoji2fluentui", "emoji_styles")  # the output is the input and a little
UNET_MULTIPLIERS = (1, 2, 4, 6)  # of the first width, one a scale


class TrainForm(Request):
    """The values of the tab's controls, by the names that the endpoint ``train`` gives them."""

    method: requests.Name
    data: requests.Name
    minutes: requests.Minutes = 3
    steps: requests.Steps = 0
    batch: requests.Batch = 32
    lr: requests.LearningRate = 6e-4
    width: requests.Width = 64
    latent: Annotated[requests.Whole, Field(ge=0, le=1024)] = 0  # 0: as many as the method has
    loss: requests.Label = ""
    r1: Annotated[float, Field(ge=0, le=100)] = 0.1
    diffaugment: bool = False
    ema: bool = True
    seed: requests.Seed = 0
    download: bool = False
    augment: requests.Json = ""
    title: Annotated[str, Field(max_length=requests.MAX_TITLE)] = ""


def form_of(plan: TrainPlan) -> TrainForm:
    """Return the controls' values for `plan`, with the method's defaults where it has none."""
    method = METHODS[plan.method]
    config = method.config.model_validate({"classes": 2 * method.classes} | plan.config)
    return TrainForm(
        method=plan.method,
        data=plan.data,
        minutes=round((plan.seconds or 0) / 60, 3),
        steps=plan.steps or 0,
        batch=plan.batch or method.batch,
        lr=plan.lr or method.lr,
        width=config.widths[0] if hasattr(config, "widths") else config.width,
        latent=getattr(config, "latent", 0),
        loss=getattr(config, "loss", None) or getattr(config, "game", "bce"),
        r1=getattr(config, "r1", 0.0),
        diffaugment=bool(getattr(config, "diffaugment", ())),
        ema=plan.ema is None or plan.ema > 0,
        seed=plan.seed,
        title=plan.title or "",
        augment=json.dumps(plan.augment) if plan.augment else "",
    )


def plan_of(form: TrainForm) -> TrainPlan:
    """Return the plan that the controls describe; an unchanged preset comes back as it was."""
    names = [m.name for m in TRAINABLE]
    if form.method not in names:
        raise BadValue(
            f"method: “{form.method[:40]}” cannot be trained here; use {', '.join(names)}."
        )
    suitable = datasets_for(form.method)
    if form.data.split("?")[0] not in suitable:
        raise BadValue(f"data: choose one of {', '.join(suitable)}.")
    if form.data.startswith(model_samples.PREFIX):
        model_samples.check(form.data)
    return TrainPlan(
        method=form.method,
        data=form.data,
        config=_config_of(form),
        seconds=form.minutes * 60 or None,
        steps=form.steps or None,
        batch=form.batch,
        lr=form.lr,
        ema=None if form.ema else 0.0,
        augment=augment.data(augment.parse(form.augment, field="augmentation")),
        seed=form.seed,
        title=form.title.strip() or None,
        **INTERACTIVE,
    )


def _config_of(form: TrainForm) -> dict[str, Any]:
    """Return the settings of the method; those that it does not have are left out."""
    fields = METHODS[form.method].config.model_fields
    config: dict[str, Any] = {"width": form.width}
    if "widths" in fields:
        config = {"widths": [form.width * multiplier for multiplier in UNET_MULTIPLIERS]}
    if "residual" in fields:
        config["residual"] = form.data in SIMILAR_DOMAINS
    if size := IMAGE_SIZES.get(form.method):
        config["size"] = size
    losses = losses_of(form.method)
    if losses and form.loss:
        if form.loss not in losses:
            raise BadValue(
                f"loss: “{form.loss[:40]}” cannot be used; choose one of {', '.join(losses)}."
            )
        config["loss" if "loss" in fields else "game"] = form.loss
    if "latent" in fields and form.latent:
        config["latent"] = form.latent
    if "r1" in fields:
        config["r1"] = form.r1
        config["r1_every"] = 4 if form.r1 >= 0.5 else 16  # a strong penalty, often
    if "diffaugment" in fields and form.diffaugment:
        config["diffaugment"] = ["translation"]
    return config


def datasets_for(method: str) -> list[str]:
    """Return the names of the data sets that a method can learn from."""
    needs, text = METHODS[method].needs, METHODS[method].condition == "text"

    def suits(source: Source) -> bool:
        if needs == "pictures":
            return not source.domains and (source.named or not text)
        if needs == "pairs":
            return bool(source.domains) and source.paired
        if needs == "plans":
            return source.paired and "plan" in source.domains
        return len(source.domains) == 2

    generated = [p.name for p in sample_models()] if needs == "pictures" else []
    return [name for name, source in DATASETS.items() if suits(source)] + generated


def losses_of(method: str) -> list[str]:
    """Return the losses that a method can be trained with; none where there is no choice."""
    fields = METHODS[method].config.model_fields
    field = fields.get("loss") or fields.get("game")
    return list(get_args(field.annotation)) if field else []


def preset_form(preset: str) -> TrainForm:
    """Return the values of a preset."""
    if preset not in PRESETS:
        raise BadValue(f"preset: choose one of {', '.join(PRESETS)}.")
    return form_of(PRESETS[preset])


def with_local_data(form: TrainForm) -> TrainForm:
    """Return `form` with a data set that needs no file where its own is not on this machine."""
    return form.model_copy(update={"data": fallback(form.data)})


def method_form(method: str, data: str | None, minutes: float | None) -> TrainForm:
    """Return the defaults of a method, with the data set where it suits, and the minutes."""
    if method not in METHODS:
        raise BadValue(f"method: choose one of {', '.join(m.name for m in TRAINABLE)}.")
    suitable, known = datasets_for(method), all_available()
    if data not in suitable:
        data = next((name for name in suitable if name in known), suitable[0])
    seconds = 60.0 * max(3 if minutes is None else minutes, 0.1)
    return form_of(TrainPlan(method=method, data=data, seconds=seconds))
