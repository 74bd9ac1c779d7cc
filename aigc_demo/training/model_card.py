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
from aigc_demo.methods import checkpoint
from aigc_demo.requests import TrainPlan
from aigc_demo.training import recipes
from aigc_demo.training.session import Session

PACKAGES = ("torch", "torchvision", "numpy")


def create_card(session: Session, seconds: float) -> checkpoint.Card:
    """Return the card of the model as it is now, after `seconds` of training."""
    plan, dataset, trainer = session.plan, session.dataset, session.trainer
    config, initial = session.model.config, session.initial_card
    return checkpoint.Card(
        method=plan.method,
        title=f"{dataset.title} · {session.method.title}",
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
        images_seen=trainer.steps * session.batch_size,
        seconds=round(seconds, 1),
        device=devices.describe(trainer.device),
        versions={
            "python": platform.python_version(),
            **{name: importlib.metadata.version(name) for name in PACKAGES},
        },
        commit=_commit(),
        command=command(plan),
        recipe=plan.recipe or "",
        defaults=recipes.read(plan.recipe).defaults if plan.recipe else {},
        started_from=initial.model_dump(mode="json", exclude={"metrics"}) if initial else {},
    )


def command(plan: TrainPlan) -> str:
    """Return the command line that repeats `plan`."""
    words = ["python train.py"]
    fields = plan.model_dump(exclude_defaults=True, exclude_none=True)
    config = fields.pop("config", {})
    if pipeline := fields.pop("augment", None):
        words.append(f"--augment {shlex.quote(json.dumps(pipeline))}")
    for name, value in fields.items():
        words.append(f"--{name.replace('_', '-')} {shlex.quote(str(value))}")
    if config:
        words.append("--set " + shlex.join(f"{k}={_setting(v)}" for k, v in config.items()))
    return " ".join(words)


def _setting(value: Any) -> str:
    """Write a value as ``--set`` takes it: ``1,2`` for a list, else JSON or a plain word."""
    if isinstance(value, list | tuple) and len(value) > 1 and not isinstance(value[0], list):
        return ",".join(map(_setting, value))
    return value if isinstance(value, str) else json.dumps(value)


def _commit() -> str:
    """Return the commit of the repository, or nothing outside of one."""
    try:
        git = ["git", "rev-parse", "--short", "HEAD"]
        found = subprocess.run(
            git, cwd=Path(__file__).parent, capture_output=True, text=True, timeout=5
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.strip()
