"""What is known of a model without loading its weights, and whether a request fits it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.methods.base import Method, Option, Translator
from aigc_demo.pipelines.latent_directions import LinearLatents
from aigc_demo.requests import DirectionRequest, GenerateRequest, MorphRequest

Stamp = tuple[int, ...]

RUN_PREFIX = "yours-"  # of the names of models of training runs; part of the public API


@dataclass(frozen=True)
class ModelInfo:
    """What the card of a model says; one with a `problem` cannot be used."""

    name: str
    title: str
    problem: str = ""
    task: str = ""
    condition: str = "none"
    method: str = ""
    data: str = ""
    labels: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    styles: tuple[str, ...] = ()
    examples: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    size: int = 0
    channels: int = 0
    options: tuple[Option, ...] = ()
    has_latent_directions: bool = False
    megabytes: float = 0
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def from_run(self) -> bool:
        """Tell whether it is the model of a training run, and not a shipped one."""
        return self.name.startswith(RUN_PREFIX)


def describe(name: str, folder: Path, card: checkpoint.Card) -> ModelInfo:
    """Return what the card of the model in `folder` says, with its defaults of the options."""
    method = METHODS[card.method]
    conditional = method.condition == "text" or bool(card.classes)
    options = method.network.options_for(card.config)
    options = [o for o in options if conditional or o.name != "guidance"]
    return ModelInfo(
        name=name,
        title=card.title or name,
        task=method.task,
        condition=method.condition if conditional else "none",
        method=method.name,
        data=card.data,
        labels=card.classes,
        domains=card.domains or ("A", "B") * (method.task == "translate"),
        styles=card.styles,
        examples=card.examples,
        directions=_directions(method, card),
        size=int(card.config.get("size", 32)),
        channels=int(card.config.get("channels", 3)),
        options=tuple(replace(o, default=card.defaults.get(o.name, o.default)) for o in options),
        has_latent_directions=issubclass(method.network, LinearLatents),
        megabytes=(folder / checkpoint.WEIGHTS).stat().st_size / 1e6,
        card=card.model_dump(mode="json"),
    )


def _directions(method: Method, card: checkpoint.Card) -> tuple[str, ...]:
    """Return the directions of a translator, without its weights."""
    if not issubclass(method.network, Translator):
        return ()
    with torch.device("meta"):
        model = method.build(card.config)
    assert isinstance(model, Translator)
    return model.directions


def stamp_of(folder: Path) -> Stamp:
    """Return what changes when a model folder does."""
    files = (folder / checkpoint.WEIGHTS, folder / checkpoint.CARD)
    return tuple(f.stat().st_mtime_ns if f.is_file() else 0 for f in files)


def labels_of(info: ModelInfo, label: str | None, count: int) -> list[str]:
    """Return the class of each picture: `label`, or every class in turn; "" where the model has no
    classes.
    """
    if label is not None and label not in info.labels:
        known = ", ".join(info.labels) or "none, it is unconditional"
        raise BadValue(f"label: {info.name} has no class “{label[:60]}”; its classes: {known}.")
    if not info.labels:
        return [""] * count
    return [label or info.labels[i % len(info.labels)] for i in range(count)]


def class_of(info: ModelInfo, label: str) -> int:
    """Return the class number of a label of the model; 0 for ""."""
    return info.labels.index(label) if label else 0


def check_prompt(info: ModelInfo, prompt: str | None) -> None:
    """Raise BadValue for a prompt where the model is not conditioned on text."""
    if prompt and info.condition != "text":
        raise BadValue(f"prompt: {info.name} is not conditioned on text; leave it empty.")


def options_of(
    info: ModelInfo, request: GenerateRequest | MorphRequest | DirectionRequest
) -> dict[str, float]:
    """Return the options that the model has, with their values in `request` or their defaults."""
    given = {o.name: getattr(request, o.name, None) for o in info.options}
    return {o.name: o.default if given[o.name] is None else given[o.name] for o in info.options}
