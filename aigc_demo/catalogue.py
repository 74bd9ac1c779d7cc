"""What is known of a model without loading it: what its card says, and where it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from aigc_demo import checkpoint
from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Method, Option, Translator

Stamp = tuple[int, ...]

YOURS = "yours-"  # before the name of a run: its model


@dataclass(frozen=True)
class ModelInfo:
    """What is known of a model without loading it; one with a `problem` cannot be used."""

    name: str
    title: str
    problem: str = ""
    task: str = ""
    condition: str = "none"
    method: str = ""
    data: str = ""
    labels: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    size: int = 0
    channels: int = 0
    options: tuple[Option, ...] = ()
    megabytes: float = 0
    card: dict[str, Any] = field(default_factory=dict)

    @property
    def yours(self) -> bool:
        """Tell whether it was made by a training run here, and not shipped."""
        return self.name.startswith(YOURS)


def describe(name: str, folder: Path, card: checkpoint.Card) -> ModelInfo:
    """Return what the card of the model in `folder` says, with the defaults that suit it best."""
    method = METHODS[card.method]
    options = [o for o in method.network.options if card.classes or o.name != "guidance"]
    return ModelInfo(
        name=name,
        title=card.title or name,
        task=method.task,
        condition=method.condition if card.classes else "none",
        method=method.name,
        data=card.data,
        labels=card.classes,
        domains=card.domains or ("A", "B") * (method.task == "translate"),
        directions=_directions(method, card),
        size=int(card.config.get("size", 32)),
        channels=int(card.config.get("channels", 3)),
        options=tuple(replace(o, default=card.defaults.get(o.name, o.default)) for o in options),
        megabytes=(folder / checkpoint.WEIGHTS).stat().st_size / 1e6,
        card=card.model_dump(mode="json"),
    )


def _directions(method: Method, card: checkpoint.Card) -> tuple[str, ...]:
    """Return the ways that a model that translates can go, without its weights."""
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
