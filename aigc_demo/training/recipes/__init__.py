"""Recipes: how each shipped model is made, one JSON file a checkpoint, called like it.

A recipe is a plan without a budget of time: it counts in pictures seen, so that it means the same
on every machine. ``train.py --recipe NAME`` follows one; ``python -m aigc_demo checkpoints``
follows all of them and ships what has become better.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import torch
from pydantic import Field

from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.requests import Batch, Request, SampleCount, TrainPlan, Whole

FOLDER = Path(__file__).parent
Pictures = Annotated[Whole, Field(ge=1, le=10**10)]
_REPORTS = {"save_every": 120, "preview_every": 600, "score_every": 0}  # seconds: it is long
_BUDGET = {"steps", "seconds", "recipe"}  # of a plan: not for a recipe to say


class Recipe(Request):
    """What makes a checkpoint, and what it must reach."""

    plan: dict[str, Any] = Field(description="fields of TrainPlan, without a budget")
    pictures: Pictures = Field(description="how many it sees, each as often as it is seen")
    weight: float = Field(1, gt=0, le=1000, description="share of a budget that all recipes share")
    large_batch: Batch | None = Field(
        None, description="batch size on a GPU; the learning rate grows with its square root"
    )
    defaults: dict[str, float] = Field(
        default_factory=dict, description="options of sampling that the page begins with"
    )
    count: SampleCount = Field(2000, description="samples that are scored")
    scores: dict[str, float] = Field(
        default_factory=dict, description="to be reached: fid at most, the others at least"
    )
    why: str = Field(min_length=1, max_length=2000, description="reasons for the choices")


def names() -> list[str]:
    """Return the names of all recipes."""
    return sorted(path.stem for path in FOLDER.glob("*.json"))


def read(name: str) -> Recipe:
    """Return the recipe of a checkpoint; raises BadValue where there is none, or a wrong one."""
    if name not in names():
        raise BadValue(f"recipe: there is none called “{name[:80]}”; take {', '.join(names())}.")
    recipe = Recipe.model_validate_json((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    if wrong := recipe.plan.keys() - (TrainPlan.model_fields.keys() - _BUDGET):
        raise BadValue(f"plan: {min(wrong)} is not for the recipe {name} to say; leave it out.")
    return recipe


def fields(name: str, device: torch.device) -> dict[str, Any]:
    """Return the fields of a plan that follows the recipe `name` on `device`, with its budget in
    steps.
    """
    recipe = read(name)
    found = {"recipe": name, **_REPORTS, **recipe.plan}
    if "init" in found:  # a shipped model
        found["init"] = str(checkpoint.root() / found["init"])
    method = METHODS[found["method"]]
    batch = found.get("batch") or method.batch
    if recipe.large_batch and device.type == "cuda":
        found["lr"] = (found.get("lr") or method.lr) * math.sqrt(recipe.large_batch / batch)
        found["batch"] = batch = recipe.large_batch
    return found | {"steps": steps(recipe.pictures, batch)}


def steps(pictures: float, batch: int) -> int:
    """Return how many batches hold `pictures`; at least one."""
    return max(1, math.ceil(pictures / batch))
