"""How a model can be made again: its card, and the command line that repeats a plan."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shlex
import subprocess
from pathlib import Path
from typing import Any

from aigc_demo import data, device as devices
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.methods.base import Trainer
from aigc_demo.requests import TrainPlan


def card(
    plan: TrainPlan,
    dataset: data.Dataset,
    trainer: Trainer,
    *,
    batch: int,
    seconds: float,
    before: checkpoint.Card | None = None,
) -> checkpoint.Card:
    """Return the card of the model that `trainer` moves, as it is now; `before` is that of the
    weights it started from.
    """
    config = trainer.model.config
    return checkpoint.Card(
        method=plan.method,
        title=f"{dataset.title} · {METHODS[plan.method].title}",
        config=config.model_dump(mode="json"),
        data=dataset.name,
        data_title=dataset.title,
        data_size=len(dataset),
        data_licence=dataset.licence,
        classes=dataset.classes if config.classes else (),
        domains=dataset.domains if isinstance(dataset, data.Domains) else (),
        styles=dataset.styles if isinstance(dataset, data.Captioned) else (),
        examples=dataset.examples() if isinstance(dataset, data.Captioned) else (),
        seed=plan.seed,
        steps=trainer.steps,
        images_seen=trainer.steps * batch,
        seconds=round(seconds, 1),
        device=devices.describe(trainer.device),
        versions=_versions(),
        commit=_commit(),
        command=command(plan),
        started_from=before.model_dump(mode="json", exclude={"metrics"}) if before else {},
    )


def command(plan: TrainPlan) -> str:
    """Return the command line that repeats `plan`."""
    words = ["python train.py"]
    given = plan.model_dump(exclude_defaults=True, exclude_none=True)
    config = given.pop("config", {})
    if steps := given.pop("augment", None):
        words.append(f"--augment {shlex.quote(json.dumps(steps))}")
    for name, value in given.items():
        words.append(f"--{name.replace('_', '-')} {shlex.quote(str(value))}")
    if config:
        words.append("--set " + shlex.join(f"{k}={_flat(v)}" for k, v in config.items()))
    return " ".join(words)


def _flat(value: Any) -> str:
    """Write a setting as `train.setting` reads it: ``1,2`` for a list, else JSON or a word."""
    if isinstance(value, list | tuple) and len(value) > 1 and not isinstance(value[0], list):
        return ",".join(map(_flat, value))
    return value if isinstance(value, str) else json.dumps(value)


def _versions() -> dict[str, str]:
    names = ("torch", "torchvision", "numpy")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"python": platform.python_version(), **found}


def _commit() -> str:
    try:
        out = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=Path(__file__).parent,
            capture_output=True,
            text=True,
            timeout=5,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return out.stdout.strip()
