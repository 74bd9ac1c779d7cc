"""The model of a new run: with random weights, or with those of a checkpoint."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from aigc_demo import data
from aigc_demo.errors import BadValue
from aigc_demo.methods import checkpoint
from aigc_demo.methods.base import Method, Model
from aigc_demo.requests import TrainPlan, explain


def build_model(
    method: Method, plan: TrainPlan, dataset: data.Dataset
) -> tuple[Model, checkpoint.Card | None]:
    """Return the model that `plan` trains, and the card of the checkpoint that it starts from.

    Raises BadValue where the settings do not fit the method, the checkpoint or the data.
    """
    try:
        if plan.init:
            model, card = _from_checkpoint(method, Path(plan.init), plan.config)
        else:
            torch.manual_seed(plan.seed)
            config = _shape(dataset) | ({} if method.classes else {"classes": 0}) | plan.config
            model, card = method.build(config), None
    except ValidationError as error:
        raise BadValue(explain(error)) from None
    for name, value in _shape(dataset).items():
        found = getattr(model.config, name)
        if found != value and (name, found) != ("classes", 0):  # classes may be left out
            raise BadValue(
                f"{'init' if plan.init else 'config'}: the model has {name} {found} and the data "
                f"{value}; make them the same."
            )
    return model, card


def _from_checkpoint(
    method: Method, folder: Path, settings: dict[str, Any]
) -> tuple[Model, checkpoint.Card]:
    if not os.path.isdir(folder):  # False where its name is longer than systems allow
        raise BadValue("init: there is no such folder; name that of a checkpoint.")
    pretrained, card = checkpoint.load(folder)
    if card.method != method.name:
        raise BadValue(
            f"init: this checkpoint was made by {card.method}; choose one of {method.name}."
        )
    classes = card.config.get("classes", 0)
    config = card.config | settings
    model = method.build(config | {"classes": classes})
    try:
        model.load_state_dict(pretrained.state_dict())
    except RuntimeError:
        raise BadValue(
            "config: these settings make another network than the checkpoint of init; leave out "
            "those of its layers."
        ) from None
    if config.get("classes", classes) != classes:
        model = _with_other_classes(model, method, config)
    return model, card


@torch.no_grad()
def _with_other_classes(model: Model, method: Method, config: dict[str, Any]) -> Model:
    """Return a model of `config` with the weights of `model`, which has another number of classes:
    new class k starts with the weights of old class k modulo their number.
    """
    found, weights = method.build(config), model.state_dict()
    before, after = model.config.classes, found.config.classes
    for name, value in found.state_dict().items():
        old = weights.get(name, torch.zeros_like(value))
        for dim, (a, b) in enumerate(zip(old.shape, value.shape, strict=True)):
            if a != b:  # the last `before` entries of this dimension are those of the classes
                kept = torch.arange(a - before)
                classes = a - before + torch.arange(after) % before
                old = old.index_select(dim, torch.cat([kept, classes]))
        value.copy_(old)
    return found


def _shape(dataset: data.Dataset) -> dict[str, int]:
    return {
        "size": dataset.images.shape[-1],
        "channels": dataset.images.shape[1],
        "classes": len(dataset.classes),
    }
