"""Does augmentation help? The same network is trained on the same few images with a pipeline and
without, and is then tested on images that it has not seen.

A GAN is trained once more with DiffAugment (Zhao et al., "Differentiable Augmentation for
Data-Efficient GAN Training", 2020, https://arxiv.org/abs/2006.10738), which transforms real and
generated images alike and so does not leak into what is generated.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from statistics import fmean
from typing import Any, Literal

from aigc_demo.errors import BadValue
from aigc_demo.requests import TrainPlan
from aigc_demo.training.run_monitor import RunLog

Experiment = Literal["classifier", "gan"]
EXPERIMENTS: tuple[Experiment, ...] = ("classifier", "gan")
ARMS = ("without", "with", "diffaugment")
PREFIX = "experiment-"  # of the names of runs
SCORE = {"classifier": "accuracy", "gan": "fid"}  # that the arms are compared by
RESULTS = {"classifier": ("accuracy_",), "gan": ("fid_", "recall_")}  # prefixes of scores

# A minute or three on a small machine.
_PLANS: dict[str, dict[str, Any]] = {
    "classifier": {
        "method": "classifier",
        "steps": 400,
        "batch": 50,
        "lr": 0.05,
        "config": {"widths": [24, 48, 96], "shift": 0.0},
        "score_every": 10.0,
    },
    "gan": {
        "method": "dcgan",
        "steps": 3000,
        "batch": 16,
        "lr": 6e-4,
        "config": {"loss": "bce", "r1": 0.1, "width": 32},
        "score_every": 30.0,
        "score_count": 1000,
    },
}
_SHARED = {"warmup": 50, "preview_every": 20.0, "save_every": 60.0}


def plans(
    experiment: Experiment,
    data: str,
    pipeline: list[dict[str, Any]],
    *,
    limit: int = 500,
    seed: int = 0,
    steps: int | None = None,
) -> dict[str, TrainPlan]:
    """Return the plan of each arm; `steps` overrides the budget of each."""
    if experiment not in _PLANS:
        raise BadValue(
            f"kind: “{str(experiment)[:40]}” cannot be used; choose {' or '.join(EXPERIMENTS)}."
        )
    budget = {"steps": steps} if steps else {}
    plan = TrainPlan(**_PLANS[experiment] | _SHARED | budget, data=data, limit=limit, seed=seed)
    arms = {"without": plan, "with": plan.model_copy(update={"augment": pipeline})}
    if experiment == "gan":
        config = plan.config | {"diffaugment": ["translation", "cutout"]}
        arms["diffaugment"] = plan.model_copy(update={"config": config})
    return arms


def names(arms: dict[str, TrainPlan]) -> dict[str, str]:
    """Return a name for the run of each arm of an experiment that starts now."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    return {arm: f"{PREFIX}{stamp}-{arm}" for arm in arms}


def newest(names: Iterable[str]) -> dict[str, str]:
    """Return those names of runs that the newest experiment has, by arm."""
    found = {name for name in names if name.startswith(PREFIX)}
    if not found:
        return {}
    stamp = max(name.rsplit("-", 1)[0] for name in found)
    return {arm: f"{stamp}-{arm}" for arm in ARMS if f"{stamp}-{arm}" in found}


def results(experiment: Experiment, log: RunLog) -> dict[str, float]:
    """Return the results of a run: its last scores by full name, for a classifier the accuracy on
    training images, and for a GAN the gap between the discriminator's logits of real and of
    generated images.
    """
    found = {
        name: points[-1][1]
        for name, points in log.scores.items()
        if points and name.startswith(RESULTS[experiment])
    }
    if {"real", "fake"} <= log.logits.keys():
        found["gap"] = fmean(log.logits["real"]) - fmean(log.logits["fake"])
    if experiment == "classifier" and (accuracy := log.series.get("accuracy")):
        found["accuracy_seen"] = accuracy[-1][1]
    return found
