"""Model folders: ``model.safetensors`` and ``card.json``, saved atomically, loaded without running any code.

Weights are stored in half precision and used in single precision. A folder that cannot be used is listed with the
reason instead of raising, so that one bad file never takes the others down.
"""

from __future__ import annotations

import json
import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from aigc_demo.errors import BadCheckpoint
from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Generative

WEIGHTS, CARD = "model.safetensors", "card.json"
MAX_BYTES = 2_000_000_000


class Card(BaseModel):
    """How a model was made and how good it is: enough to make it again."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    method: str = Field(max_length=100)
    title: str = Field("", max_length=200)
    config: dict[str, Any]
    data: str = ""
    data_title: str = ""
    data_size: int = 0
    data_licence: str = ""
    classes: tuple[str, ...] = ()
    seed: int = 0
    steps: int = 0
    images_seen: int = 0
    seconds: float = 0
    device: str = ""
    versions: dict[str, str] = {}
    commit: str = ""
    command: str = ""
    metrics: dict[str, Any] = {}


@dataclass(frozen=True)
class Entry:
    """A model folder: its card, or the reason why it cannot be used."""

    name: str
    path: Path
    card: Card | None
    problem: str = ""


def save(folder: Path, model: Generative, card: Card) -> None:
    """Write weights and card to `folder`; a reader sees the old ones or the new ones, never half."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {k: _half(v) for k, v in model.state_dict().items()}
    write_tensors(folder / WEIGHTS, tensors)
    write_text(folder / CARD, card.model_dump_json(indent=1) + "\n")


def load(folder: Path) -> tuple[Generative, Card]:
    """Return the model of `folder`, ready to sample on the CPU, and its card; raises BadCheckpoint."""
    card = read_card(folder)
    name = folder.name
    method = METHODS.get(card.method)
    if method is None:
        raise BadCheckpoint(
            f"{name} needs the method “{card.method[:50]}”, which this version does not have."
        )
    try:
        model = method.build(card.config)
    except ValidationError:
        raise BadCheckpoint(
            f"The card of {name} has a configuration that {method.title} does not accept."
        ) from None
    try:
        tensors = load_file(folder / WEIGHTS)
    except FileNotFoundError:
        raise BadCheckpoint(
            f"{name} has no {WEIGHTS}; copy the whole folder."
        ) from None
    except (SafetensorError, OSError, ValueError):
        raise BadCheckpoint(
            f"The weights of {name} are damaged or no safetensors file; copy them again."
        ) from None
    try:
        model.load_state_dict(tensors)
    except RuntimeError:
        raise BadCheckpoint(
            f"The weights of {name} belong to another model than its card says."
        ) from None
    if not all(
        bool(torch.isfinite(v).all())
        for v in model.state_dict().values()
        if v.is_floating_point()
    ):
        raise BadCheckpoint(
            f"The weights of {name} hold values that are not numbers; train it again."
        )
    return model.eval().requires_grad_(False), card


def read_card(folder: Path) -> Card:
    """Return the card of `folder`; raises BadCheckpoint where it is missing or invalid."""
    try:
        return Card.model_validate_json((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadCheckpoint(
            f"{folder.name} has no {CARD}; copy the whole folder."
        ) from None
    except (ValidationError, OSError, UnicodeDecodeError):
        raise BadCheckpoint(
            f"The card of {folder.name} cannot be read; copy the folder again."
        ) from None


def entries(root: Path) -> list[Entry]:
    """Return every model folder below `root` in order of name, the broken ones with their problem."""
    if not root.is_dir():
        return []
    return [
        _inspect(p)
        for p in sorted(root.iterdir())
        if p.is_dir() and not p.name.startswith(".")
    ]


def _inspect(folder: Path) -> Entry:
    """Check a folder without reading its weights."""
    try:
        card = read_card(folder)
        if card.method not in METHODS:
            raise BadCheckpoint(
                f"{folder.name} needs the method “{card.method[:50]}”, which this version does not have."
            )
        weights = folder / WEIGHTS
        if not weights.is_file():
            raise BadCheckpoint(
                f"{folder.name} has no {WEIGHTS}; copy the whole folder."
            )
        if not 8 < weights.stat().st_size < MAX_BYTES:
            raise BadCheckpoint(
                f"The weights of {folder.name} are empty or far too large; copy them again."
            )
        return Entry(folder.name, folder, card)
    except BadCheckpoint as problem:
        return Entry(folder.name, folder, None, str(problem))


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write nested dicts and lists of tensors and plain values to one safetensors file, atomically."""
    tensors: dict[str, Tensor] = {}

    def strip(node: Any) -> Any:
        if isinstance(node, Tensor):
            key = str(len(tensors))
            tensors[key] = (
                node.detach().cpu().clone(memory_format=torch.contiguous_format)
            )
            return {"__tensor__": key}
        if isinstance(node, dict):
            return {"__items__": [[k, strip(v)] for k, v in node.items()]}
        if isinstance(node, list | tuple):
            return [strip(v) for v in node]
        return node

    write_tensors(path, tensors, {"tree": json.dumps(strip(state))})


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote."""
    with safe_open(path, framework="pt") as file:
        tree = json.loads(file.metadata()["tree"])
        tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118

    def dress(node: Any) -> Any:
        if isinstance(node, dict):
            if "__tensor__" in node:
                return tensors[node["__tensor__"]]
            return {k: dress(v) for k, v in node["__items__"]}
        if isinstance(node, list):
            return [dress(v) for v in node]
        return node

    return dress(tree)


def write_tensors(
    path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write a safetensors file atomically."""
    temporary = _beside(path)
    try:
        save_file(tensors, temporary, metadata)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    temporary = _beside(path)
    try:
        temporary.write_text(text, encoding="utf-8")
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _beside(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")


def _half(value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous()
    if (
        value.dtype == torch.float32
        and value.abs().max() < torch.finfo(torch.float16).max
    ):
        return value.half()
    return value
