"""Checkpoints: folders of ``model.safetensors`` and ``card.json``, saved atomically.

Loading runs no code. Weights are stored in half precision and used in single precision.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from aigc_demo import settings
from aigc_demo.errors import BadCheckpoint, BadValue
from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Generative

WEIGHTS, CARD = "model.safetensors", "card.json"
# Of the directory of a training run: its model's folder, its plan, and a file that exists while
# the run is being deleted.
RUN_MODEL, RUN_PLAN, RUN_DISCARD = "model", "plan.json", "discard"


class Card(BaseModel):
    """Model card: how a model was made, enough to make it again, and how good it is."""

    model_config = ConfigDict(extra="allow", allow_inf_nan=False)

    method: str = Field(max_length=100)
    title: str = Field("", max_length=200)
    config: dict[str, Any]
    data: str = ""
    data_title: str = ""
    data_size: int = 0
    data_licence: str = ""
    classes: tuple[str, ...] = ()
    domains: tuple[str, ...] = ()  # A and B, of a translator
    styles: tuple[str, ...] = ()  # that prompts of a text-conditional model may name
    examples: tuple[str, ...] = ()  # prompts that suit it
    seed: int = 0
    steps: int = 0
    images_seen: int = 0
    seconds: float = 0
    device: str = ""
    versions: dict[str, str] = {}
    commit: str = ""
    command: str = ""
    recipe: str = ""
    metrics: dict[str, Any] = {}
    defaults: dict[str, float] = {}
    started_from: dict[str, Any] = {}  # the card of the initial weights, if fine-tuned


def in_all(card: dict[str, Any], field: str) -> float:
    """Return `field` of a card and of those of all runs that led to its weights, together."""
    before = card.get("started_from")
    return card.get(field, 0) + (in_all(before, field) if before else 0)


def save(folder: Path, model: Generative, card: Card) -> None:
    """Write weights and card to `folder`; a reader sees the old or the new, never half."""
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {k: _half(v) for k, v in model.state_dict().items()}
    write_tensors(folder / WEIGHTS, tensors)
    write_text(folder / CARD, card.model_dump_json(indent=1) + "\n")


def load(folder: Path) -> tuple[Generative, Card]:
    """Return the model of `folder`, ready on the CPU, and its card; raises BadCheckpoint."""
    card, name = inspect(folder), _name_of(folder)  # before there is a model of any size
    model = _build(name, card)
    with _reading_weights(name):
        tensors = load_file(folder / WEIGHTS)
    try:
        model.load_state_dict(tensors)
    except RuntimeError:
        raise _other_model(name) from None
    if not all(bool(torch.isfinite(v).all()) for v in tensors.values() if v.is_floating_point()):
        raise BadCheckpoint(
            f"The weights of {name} hold values that are no numbers; train it again."
        )
    return model.eval().requires_grad_(False), card


def inspect(folder: Path) -> Card:
    """Return the card of `folder` if its weights fit it by name and shape; raises BadCheckpoint.

    Reads no weights, only their index.
    """
    card, name = read_card(folder), _name_of(folder)
    with torch.device("meta"):
        expected = {k: list(v.shape) for k, v in _build(name, card).state_dict().items()}
    with _reading_weights(name), safe_open(folder / WEIGHTS, framework="pt") as file:
        found = {k: file.get_slice(k).get_shape() for k in file.keys()}  # noqa: SIM118
    if found != expected:
        raise _other_model(name)
    return card


@contextlib.contextmanager
def _reading_weights(name: str) -> Iterator[None]:
    """Raise BadCheckpoint where a file of weights is missing or damaged."""
    try:
        yield
    except FileNotFoundError:
        raise BadCheckpoint(f"{name} has no {WEIGHTS}; copy the whole folder.") from None
    except (SafetensorError, OSError, ValueError):
        raise BadCheckpoint(
            f"The weights of {name} are damaged or no safetensors file; copy them again."
        ) from None


def _build(name: str, card: Card) -> Generative:
    method = METHODS.get(card.method)
    if method is None:
        raise BadCheckpoint(
            f"{name} needs the method “{card.method[:50]}”, which is not here; update the studio."
        )
    try:
        model = method.build(card.config)
    except ValidationError:
        raise BadCheckpoint(
            f"The card of {name} does not fit {method.title}; copy the folder again."
        ) from None
    if len(card.classes) != model.config.classes:
        raise BadCheckpoint(
            f"The card of {name} names {len(card.classes)} classes, but the model has "
            f"{model.config.classes}; copy the folder again."
        )
    return model


def _name_of(folder: Path) -> str:
    """Return a model's name; that of a run is in runs/NAME/model."""
    return folder.parent.name if folder.name == RUN_MODEL else folder.name


def _other_model(name: str) -> BadCheckpoint:
    return BadCheckpoint(
        f"The weights of {name} belong to another model than its card says; copy the folder again."
    )


def read_card(folder: Path) -> Card:
    """Return the card of `folder`; raises BadCheckpoint where it is missing or invalid."""
    try:
        return Card.model_validate_json((folder / CARD).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise BadCheckpoint(f"{_name_of(folder)} has no {CARD}; copy the whole folder.") from None
    except (ValidationError, OSError, UnicodeDecodeError):
        raise BadCheckpoint(
            f"The card of {_name_of(folder)} cannot be read; copy the folder again."
        ) from None


def root() -> Path:
    """Return the folder of models: ``AIGC_CHECKPOINTS``, else ``checkpoints``."""
    return settings.folder("AIGC_CHECKPOINTS")


def folder_called(root: Path, name: str) -> Path:
    """Return the folder that a new model or run called `name` has in `root`; raises BadValue for
    names that could lead elsewhere.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,99}", name):
        raise BadValue(
            f"name: “{str(name)[:40]}” cannot be used; take up to 100 letters, digits, dots and "
            "dashes."
        )
    return root / name


def folders(root: Path) -> list[Path]:
    """Return the model folders below `root` in order of name."""
    if not root.is_dir():
        return []
    return [p for p in sorted(root.iterdir()) if p.is_dir() and not p.name.startswith(".")]


def run_directories(root: Path) -> list[Path]:
    """Return the directories of training runs below `root`, the newest first."""
    found = []
    with contextlib.suppress(OSError):
        for run in root.iterdir():
            with contextlib.suppress(OSError):  # it has no plan, or is deleted meanwhile
                if not (run / RUN_DISCARD).exists():
                    found.append(((run / RUN_PLAN).stat().st_mtime, run))
    return [run for _, run in sorted(found, reverse=True)]


def save_state(path: Path, state: dict[str, Any]) -> None:
    """Write nested dicts and lists of tensors and plain values to one safetensors file,
    atomically.
    """
    tensors: dict[str, Tensor] = {}

    def flatten(node: Any) -> Any:
        if isinstance(node, Tensor):
            key = str(len(tensors))
            tensors[key] = node.detach().cpu().clone(memory_format=torch.contiguous_format)
            return {"__tensor__": key}
        if isinstance(node, dict):
            return {"__items__": [[k, flatten(v)] for k, v in node.items()]}
        if isinstance(node, list | tuple):
            return [flatten(v) for v in node]
        return node

    write_tensors(path, tensors, {"tree": json.dumps(flatten(state))})


def load_state(path: Path) -> dict[str, Any]:
    """Read what `save_state` wrote; raises BadCheckpoint where it is damaged."""

    def restore(node: Any) -> Any:
        if isinstance(node, dict):
            if "__tensor__" in node:
                return tensors[node["__tensor__"]]
            return {k: restore(v) for k, v in node["__items__"]}
        if isinstance(node, list):
            return [restore(v) for v in node]
        return node

    try:
        with safe_open(path, framework="pt") as file:
            tree = json.loads(file.metadata()["tree"])
            tensors = {k: file.get_tensor(k) for k in file.keys()}  # noqa: SIM118
        return restore(tree)
    except (SafetensorError, OSError, ValueError, KeyError, TypeError, RecursionError):
        raise BadCheckpoint(
            f"The file {path.name} of the run is damaged, so it cannot go on; begin it anew."
        ) from None


def write_tensors(
    path: Path, tensors: dict[str, Tensor], metadata: dict[str, str] | None = None
) -> None:
    """Write a safetensors file atomically; raises OSError where the disk is full or read-only."""
    try:
        _write(path, lambda temporary: save_file(tensors, temporary, metadata))
    except SafetensorError as problem:  # which tells the system's error in words
        if number := re.search(r"\(os error (\d+)\)", str(problem)):
            raise OSError(int(number[1]), os.strerror(int(number[1]))) from None
        raise


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    write_bytes(path, text.encode())


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    _write(path, lambda temporary: temporary.write_bytes(content))


def _write(path: Path, write: Callable[[Path], object]) -> None:
    temporary = _temporary(path)
    try:
        write(temporary)
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def drop_temporaries(path: Path) -> None:
    """Delete what killed processes have left of a file that nobody is writing now."""
    for left in path.parent.glob(f".{path.name}.*"):
        left.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}")


def _half(value: Tensor) -> Tensor:
    value = value.detach().cpu().contiguous()
    if value.dtype == torch.float32 and value.abs().max() < torch.finfo(torch.float16).max:
        return value.half()
    return value
