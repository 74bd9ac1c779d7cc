"""Samples of a model as a data set: ``generated:fashion_mnist-dcgan``, and with a query
``generated:fashion_mnist-flow?n=2000&seed=7&classes=Bag,Coat``.

The model is a folder of the checkpoints, so everything can be trained without a download. Sample i
has the seed ``seed + i`` and the classes in turn, in batches of eight, as in the studio. They are
cached until the model's weights change.
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

from aigc_demo import device as devices, settings
from aigc_demo.data.dataset import Dataset, Split, fit
from aigc_demo.errors import BadCheckpoint, BadData, BadValue
from aigc_demo.imaging import images
from aigc_demo.methods import METHODS, checkpoint, tensor_cache
from aigc_demo.methods.base import Generative, Method
from aigc_demo.requests import MAX_SEED

PREFIX = "generated:"
CACHED = "pictures/generated-"  # how the keys of cached samples begin
BATCH = 8  # as in the studio
COUNT, COUNT_SLOW, MAX_COUNT = 4000, 600, 20_000  # slow: a model that needs many evaluations
EVALUATIONS = 8  # of those models: half of what the studio takes
TEST_SHARE = 8  # the test split has an eighth as many samples
TEST_SEEDS = 2**31  # far from the others; torch tells seeds apart by their lowest 32 bits only


@dataclass(frozen=True)
class SampleRequest:
    """What a name asks for: `n` samples of the model in `folder`, else the model's own number."""

    folder: Path
    n: int | None
    seed: int
    classes: tuple[str, ...]


@dataclass(frozen=True)
class SampleModel:
    """A model whose samples can be a data set: the set's name and title, and what the model was
    trained with.
    """

    name: str
    title: str
    data: str
    quick: bool


def sample_models(folder: Path | None = None) -> list[SampleModel]:
    """Return the models whose samples can be a data set, quick ones first; reads cards only."""
    found = []
    for model in checkpoint.folders(folder or checkpoint.root()):
        with contextlib.suppress(BadCheckpoint):
            card = checkpoint.read_card(model)
            method = METHODS.get(card.method)
            if method is not None and _samples_from_noise(method):
                name, title = PREFIX + model.name, _title(model, card)
                found.append(SampleModel(name, title, card.data, quick=not _is_slow(method)))
    return sorted(found, key=lambda p: (not p.quick, p.name))


def title_of(name: str) -> str:
    """Return the title of the set `name`; reads one card."""
    try:
        folder = parse(name).folder
        return _title(folder, checkpoint.read_card(folder))
    except (BadCheckpoint, BadValue):
        return name


def _title(folder: Path, card: checkpoint.Card) -> str:
    return f"{card.title or folder.name}, painted here"


def _samples_from_noise(method: Method) -> bool:
    """Tell whether models of `method` need noise, and perhaps a class, alone."""
    return method.task == "generate" and method.condition in ("none", "label")


def _is_slow(method: Method) -> bool:
    return any(option.name == "evaluations" for option in method.network.options)


def load(name: str, split: Split, *, size: int | None = None) -> Dataset:
    """Return samples of the model in `name`, at their own size or `size`.

    Raises BadValue where the name or its query mean nothing, BadData where the model is broken.
    """
    request, card = check(name)
    folder, method, classes = request.folder, METHODS[card.method], _classes(request, card)
    n, first = request.n or (COUNT_SLOW if _is_slow(method) else COUNT), request.seed
    if split == "test":
        n, first = max(2, n // TEST_SHARE), first + TEST_SEEDS
    labels = torch.arange(n) % max(1, len(classes))
    key = _cache_key(folder, card, (split, n, first, classes))
    if entry := tensor_cache.read(key, ["images"]):
        pixels = entry.tensors["images"]
    else:
        pixels = _sample(folder, labels, first, classes)
        tensor_cache.write(key, {"images": pixels})
        tensor_cache.prune(CACHED, 1_000_000 * settings.whole("AIGC_MAX_SAMPLES_MB"))
    return Dataset(
        name=name,
        title=_title(folder, card),
        images=fit(pixels, size or pixels.shape[-1]),
        labels=labels,
        classes=classes,
        licence=f"painted by {folder.name}, which learnt from: {card.data_licence}"[:200],
    )


def check(name: str) -> tuple[SampleRequest, checkpoint.Card]:
    """Return what `name` asks for, and the card of the model that can make it.

    Raises BadValue where the name or its query mean nothing, BadData where the model is broken.
    """
    request = parse(name)
    try:
        card = checkpoint.inspect(request.folder)
    except BadCheckpoint as problem:
        raise BadData(f"data: there can be no samples. {problem}") from None
    if not _samples_from_noise(METHODS[card.method]):
        raise BadValue(
            f"data: {request.folder.name} does not make pictures from noise; {_choices()}."
        )
    _classes(request, card)
    return request, card


def parse(name: str) -> SampleRequest:
    """Return what `name` asks for; raises BadValue, which says what can be asked for."""
    model, _, query = name.removeprefix(PREFIX).partition("?")
    folder = checkpoint.root() / model
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]{0,99}", model) or not folder.is_dir():
        raise BadValue(f"data: there is no model “{model[:60]}” to sample from; {_choices()}.")
    given = parse_qsl(query, keep_blank_values=True)
    asked = dict(given)
    if len(asked) < len(given) or asked.keys() - {"n", "seed", "classes"}:
        raise BadValue(
            f"data: “?{query[:60]}” cannot be understood; take n, seed and classes, each once, as "
            "in ?n=2000&seed=7&classes=Bag,Coat."
        )
    return SampleRequest(
        folder,
        _integer("n", asked["n"], 2, MAX_COUNT) if "n" in asked else None,
        _integer("seed", asked.get("seed", "0"), 0, MAX_SEED - TEST_SEEDS - MAX_COUNT),
        tuple(asked["classes"].split(",")) if "classes" in asked else (),
    )


def _integer(name: str, text: str, low: int, high: int) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20 and low <= int(text) <= high):
        raise BadValue(
            f"data: {name}={text[:40]} cannot be used; take a whole number from {low} to {high}."
        )
    return int(text)


def _choices() -> str:
    names = ", ".join(p.name for p in sample_models()) or "none is here"
    return f"choose one of: {names}"


def _classes(request: SampleRequest, card: checkpoint.Card) -> tuple[str, ...]:
    wrong = [c for c in request.classes if c not in card.classes]
    if wrong or len(set(request.classes)) < len(request.classes):
        raise BadValue(
            f"data: classes={','.join(request.classes)[:60]} cannot be used; take some of "
            f"{', '.join(card.classes) or 'none, for the model has no classes'}, each once."
        )
    return request.classes or card.classes


@torch.no_grad()
def _sample(folder: Path, labels: Tensor, first: int, classes: tuple[str, ...]) -> Tensor:
    """Return uint8 (N, C, H, W) of the seeds from `first`; `labels` are places in `classes`."""
    try:
        model, card = checkpoint.load(folder)
    except BadCheckpoint as problem:
        raise BadData(f"data: there can be no samples. {problem}") from None
    assert isinstance(model, Generative)
    device = devices.default_device()
    model.to(device).to(memory_format=model.memory_format)
    options = {o.name: card.defaults.get(o.name, o.default) for o in model.options}
    if "evaluations" in options:
        options["evaluations"] = EVALUATIONS
    numbers = torch.tensor([card.classes.index(c) for c in classes] or [0])
    parts = []
    for at in range(0, len(labels), BATCH):
        some = labels[at : at + BATCH]
        padding = BATCH - len(some)
        seeds = [*range(first + at, first + at + len(some)), *[0] * padding]
        y = torch.cat([numbers[some], numbers[:1].expand(padding)]).to(device)
        x = model.sample(model.noise(seeds), y if card.classes else None, **options)
        parts.append(images.quantise(x[: len(some)]).cpu())
    return torch.cat(parts).contiguous()


def _cache_key(folder: Path, card: checkpoint.Card, asked: tuple[object, ...]) -> str:
    """Return a key that other weights, options or requests do not share."""
    weights = tensor_cache.file_key(folder / checkpoint.WEIGHTS)
    described = (weights, sorted(card.defaults.items()), card.config, EVALUATIONS, asked)
    digest = hashlib.blake2b(repr(described).encode(), digest_size=8).hexdigest()
    return f"{CACHED}{folder.name}-{digest}"
