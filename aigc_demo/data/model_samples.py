"""Pictures that a model paints, to learn from: ``generated:fashion_mnist-dcgan``, and with a query
``generated:fashion_mnist-flow?n=2000&seed=7&classes=Bag,Coat``.

The model is a folder of the checkpoints (``AIGC_CHECKPOINTS``, else ``checkpoints``). So
everything can be trained without a download. Picture i has the seed ``seed + i`` and the classes
in turn, in batches of eight, as the studio paints them. What was painted is kept in the cache
folder, under the name of these very weights.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl

import torch
from torch import Tensor

from aigc_demo import device as devices
from aigc_demo.data.dataset import Dataset, Split, fit
from aigc_demo.errors import BadCheckpoint, BadData, BadValue
from aigc_demo.imaging import images
from aigc_demo.methods import METHODS, checkpoint, tensor_cache
from aigc_demo.methods.base import Generative, Method
from aigc_demo.requests import MAX_SEED

PREFIX = "generated:"
CHUNK = 8  # pictures that the network sees at a time, as in the studio
COUNT, COUNT_SLOW, MAX_COUNT = 4000, 600, 20_000  # slow: a model that needs many evaluations
EVALUATIONS = 8  # of those models: half of what the studio takes
TEST_SHARE = 8  # an eighth as many to test with
TEST_SEEDS = 2**31  # of seeds far away; torch tells seeds apart by their lowest 32 bits only


@dataclass(frozen=True)
class Order:
    """What is to be painted: `n` pictures of the model in `folder`."""

    folder: Path
    n: int | None
    seed: int
    classes: tuple[str, ...]


@dataclass(frozen=True)
class SampleModel:
    """A model that can paint a data set: its set's name and title, and what it learnt from."""

    name: str
    title: str
    data: str
    quick: bool


def sample_models(folder: Path | None = None) -> list[SampleModel]:
    """Return the models that can paint a set, the quick ones first; reads their cards only."""
    found = []
    for model in checkpoint.folders(folder or checkpoint.root()):
        with contextlib.suppress(BadCheckpoint):
            card = checkpoint.read_card(model)
            method = METHODS.get(card.method)
            if method is not None and _paints(method):
                quick = all(o.name != "evaluations" for o in method.network.options)
                title = _title(model, card)
                found.append(SampleModel(PREFIX + model.name, title, card.data, quick))
    return sorted(found, key=lambda p: (not p.quick, p.name))


def title_of(name: str) -> str:
    """Return what people call the set `name`; reads one card."""
    folder = checkpoint.root() / name.removeprefix(PREFIX).partition("?")[0]
    try:
        return _title(folder, checkpoint.read_card(folder))
    except BadCheckpoint:
        return name


def _title(folder: Path, card: checkpoint.Card) -> str:
    return f"{card.title or folder.name}, painted here"


def _paints(method: Method) -> bool:
    """Tell whether models of `method` make pictures from noise, and a class, alone."""
    return method.task == "generate" and method.condition in ("none", "label")


def load(name: str, split: Split, *, size: int | None = None) -> Dataset:
    """Return what the model in `name` paints, at its own size or `size`.

    Raises BadValue where the name or its query mean nothing, BadData where the model is broken.
    """
    order = read(name)
    try:
        card = checkpoint.inspect(order.folder)
    except BadCheckpoint as problem:
        raise BadData(f"data: these pictures cannot be painted. {problem}") from None
    if not _paints(METHODS[card.method]):
        raise BadValue(
            f"data: {order.folder.name} does not make pictures from noise; {_others()}."
        )
    classes = _chosen(order, card)
    n, first = _count(order, card), order.seed
    if split == "test":
        n, first = max(2, n // TEST_SHARE), first + TEST_SEEDS
    labels = torch.arange(n) % max(1, len(classes))
    key = _cache_key(order, card, (split, n, first, classes))
    if entry := tensor_cache.read(key, ["images"]):
        pixels = entry.tensors["images"]
    else:
        pixels = _paint(order.folder, card, labels, first, classes)
        tensor_cache.write(key, {"images": pixels})
    return Dataset(
        name=name,
        title=_title(order.folder, card),
        images=fit(pixels, size or pixels.shape[-1]),
        labels=labels,
        classes=classes,
        licence=f"painted by {order.folder.name}, which learnt from: {card.data_licence}"[:200],
    )


def read(name: str) -> Order:
    """Return what `name` asks for; raises BadValue, which says what can be asked for."""
    model, _, query = name.removeprefix(PREFIX).partition("?")
    folder = checkpoint.root() / model
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}", model) or not folder.is_dir():
        raise BadValue(f"data: there is no model “{model[:60]}” to paint pictures; {_others()}.")
    given = parse_qsl(query, keep_blank_values=True)
    asked = dict(given)
    if len(asked) < len(given) or asked.keys() - {"n", "seed", "classes"}:
        raise BadValue(
            f"data: “?{query[:60]}” cannot be understood; take n, seed and classes, each once, as "
            "in ?n=2000&seed=7&classes=Bag,Coat."
        )
    return Order(
        folder,
        _whole("n", asked["n"], 2, MAX_COUNT) if "n" in asked else None,
        _whole("seed", asked.get("seed", "0"), 0, MAX_SEED - TEST_SEEDS - MAX_COUNT),
        tuple(asked["classes"].split(",")) if "classes" in asked else (),
    )


def _whole(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise BadValue(
            f"data: {name}={text[:40]} cannot be used; take a whole number from {low} to {high}."
        )
    return int(text)


def _others() -> str:
    names = ", ".join(p.name for p in sample_models()) or "none is here"
    return f"choose one of: {names}"


def _chosen(order: Order, card: checkpoint.Card) -> tuple[str, ...]:
    wrong = [c for c in order.classes if c not in card.classes]
    if wrong or len(set(order.classes)) < len(order.classes):
        raise BadValue(
            f"data: classes={','.join(order.classes)[:60]} cannot be used; take some of "
            f"{', '.join(card.classes) or 'none, for the model has no classes'}, each once."
        )
    return order.classes or card.classes


def _count(order: Order, card: checkpoint.Card) -> int:
    slow = any(o.name == "evaluations" for o in METHODS[card.method].network.options)
    return order.n or (COUNT_SLOW if slow else COUNT)


@torch.no_grad()
def _paint(
    folder: Path, card: checkpoint.Card, labels: Tensor, first: int, classes: tuple[str, ...]
) -> Tensor:
    """Return uint8 (N, C, H, W) of the seeds from `first`."""
    try:
        model, _ = checkpoint.load(folder)
    except BadCheckpoint as problem:
        raise BadData(f"data: these pictures cannot be painted. {problem}") from None
    assert isinstance(model, Generative)
    device = devices.default_device()
    model.to(device).to(memory_format=model.layout)
    options = {o.name: card.defaults.get(o.name, o.default) for o in model.options}
    if "evaluations" in options:
        options["evaluations"] = EVALUATIONS
    own = torch.tensor([card.classes.index(c) for c in classes] or [0])
    parts = []
    for at in range(0, len(labels), CHUNK):
        chosen = labels[at : at + CHUNK]
        rest = CHUNK - len(chosen)
        seeds = [*range(first + at, first + at + len(chosen)), *[0] * rest]
        numbers = torch.cat([own[chosen], own[:1].expand(rest)]).to(device)
        x = model.sample(model.noise(seeds), numbers if card.classes else None, **options)
        parts.append(images.quantise(x[: len(chosen)]).cpu())
    return torch.cat(parts).contiguous()


def _cache_key(order: Order, card: checkpoint.Card, request: tuple[object, ...]) -> str:
    """Return a key that other weights, options or requests do not share."""
    weights = tensor_cache.file_key(order.folder / checkpoint.WEIGHTS)
    described = (weights, sorted(card.defaults.items()), card.config, EVALUATIONS, request)
    digest = hashlib.blake2b(repr(described).encode(), digest_size=8).hexdigest()
    return f"pictures/generated-{order.folder.name}-{digest}"
