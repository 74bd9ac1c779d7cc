"""Does augmentation help? The same network learns from the same few pictures with a pipeline and
without, and is then asked about pictures that it has not seen.

A GAN is trained once more with DiffAugment (Zhao et al., "Differentiable Augmentation for
Data-Efficient GAN Training", 2020, https://arxiv.org/abs/2006.10738), which does the same to real
and generated pictures alike and so does not leak into what is generated.
"""

from __future__ import annotations

import time
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

from aigc_demo.errors import BadValue
from aigc_demo.requests import TrainPlan
from aigc_demo.training import runs
from aigc_demo.training.run_monitor import Log

Kind = Literal["classifier", "gan"]
KINDS: tuple[Kind, ...] = ("classifier", "gan")
ARMS = ("without", "with", "diffaugment")
PREFIX = "experiment-"
SCORE = {"classifier": "accuracy", "gan": "fid"}


def plans(
    kind: Kind,
    data: str,
    pipeline: list[dict[str, Any]],
    *,
    limit: int = 500,
    seed: int = 0,
    steps: int | None = None,
) -> dict[str, TrainPlan]:
    """Return the plan of each arm; `steps` is the budget of each, None a minute or three on a
    small machine.
    """
    shared: dict[str, Any] = {
        "data": data, "limit": limit, "seed": seed, "warmup": 50,
        "preview_every": 20.0, "save_every": 60.0,
    }  # fmt: skip
    if kind == "classifier":
        plan = TrainPlan(
            method="classifier", steps=steps or 400, batch=50, lr=0.05,
            config={"widths": [24, 48, 96], "shift": 0.0}, score_every=10.0, **shared,
        )  # fmt: skip
        arms = ("without", "with")
    elif kind == "gan":
        plan = TrainPlan(
            method="dcgan", steps=steps or 3000, batch=16, lr=6e-4,
            config={"loss": "bce", "r1": 0.1, "width": 32}, score_every=30.0, score_count=1000,
            **shared,
        )  # fmt: skip
        arms = ARMS
    else:
        raise BadValue(f"kind: “{str(kind)[:40]}” cannot be used; choose {' or '.join(KINDS)}.")
    found = {arm: plan for arm in arms}
    found["with"] = plan.model_copy(update={"augment": pipeline})
    if "diffaugment" in found:
        config = plan.config | {"diffaugment": ["translation", "cutout"]}
        found["diffaugment"] = plan.model_copy(update={"config": config})
    return found


def names(arms: dict[str, TrainPlan]) -> dict[str, str]:
    """Return the names of the runs of an experiment that begins now."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return {arm: f"{PREFIX}{stamp}-{arm}" for arm in arms}


def newest(root: Path) -> dict[str, str]:
    """Return the names of the runs of the experiment that was begun last, by arm."""
    begun = [d.name for d in runs.directories(root) if d.name.startswith(PREFIX)]
    stamps = sorted({name.rsplit("-", 1)[0] for name in begun}, reverse=True)
    if not stamps:
        return {}
    return {arm: f"{stamps[0]}-{arm}" for arm in ARMS if f"{stamps[0]}-{arm}" in begun}


def outcome(kind: Kind, log: Log) -> dict[str, float]:
    """Return what a run has come to: its last scores, by full name, and for a GAN the gap between
    what the discriminator says of real and of generated pictures.
    """
    kinds = ("accuracy",) if kind == "classifier" else ("fid", "recall")
    found = {
        name: points[-1][1]
        for name, points in log.scores.items()
        if points and name.startswith(tuple(f"{k}_" for k in kinds))
    }
    if {"real", "fake"} <= log.outputs.keys():
        found["gap"] = fmean(log.outputs["real"]) - fmean(log.outputs["fake"])
    learnt = log.series.get("accuracy")
    if kind == "classifier" and learnt:
        found["accuracy_seen"] = learnt[-1][1]
    return found
