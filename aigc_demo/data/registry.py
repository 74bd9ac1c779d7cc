"""Loads any data set by its name.

A data set is small enough to be held in memory (at most a few hundred MB), so that no image is
decoded while a model trains and no worker process is needed. Knows no method.
"""

from __future__ import annotations

import functools
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from aigc_demo import settings
from aigc_demo.data import image_folder, layouts, model_samples
from aigc_demo.data.catalogue import DATASETS
from aigc_demo.data.dataset import Dataset, Source, Split, fit
from aigc_demo.data.model_samples import sample_models
from aigc_demo.data.uploads import user_dataset, validation
from aigc_demo.errors import BadData, BadValue

# Where torchvision puts its files in the data folder.
SIZE, DOMAIN_SIZE = 32, 128  # of pictures whose size nobody says
TORCHVISION_FOLDERS = {
    "mnist": "MNIST/raw",
    "fashion_mnist": "FashionMNIST/raw",
    "cifar10": "cifar-10-batches-py",
}


def data_root(given: str | Path | None = None) -> Path:
    """Return the folder of data sets: `given`, else ``AIGC_DATA``, else ``data``."""
    return Path(given) if given else settings.folder("AIGC_DATA")


def load(
    name: str,
    split: Split = "train",
    *,
    root: str | Path | None = None,
    download: bool = False,
    size: int | None = None,
) -> Dataset:
    """Load a split of a data set, at its own size or `size`.

    `name` is that of a registered set, of several together (``mnist+cifar10``: RGB, as small as
    the smallest, classes ``mnist/0`` …), of a model's samples (``generated:…``, see
    `model_samples`), or the path of a folder or zip (see `layouts`). `download` fetches
    torchvision's sets.

    Raises BadData where the set is not there and BadValue where the name means nothing.
    """
    folder, parts = data_root(root), name.split("+")
    if len(parts) > 1 and all(part in DATASETS for part in parts):
        return _load_union([DATASETS[p] for p in parts], folder, split, size, download=download)
    if source := DATASETS.get(name):
        return _load_source(source, folder, split, size, download=download)
    if name.startswith(model_samples.PREFIX):
        return model_samples.load(name, split, size=size)
    if name.startswith(user_dataset.PREFIX):
        raise BadData("These pictures were private to their run, and are nowhere else.")
    if os.path.exists(name):  # False where it is longer than systems allow
        return _load_path(Path(name), split, size)
    raise BadValue(
        f"data: there is no data set or folder “{name[:80]}”; choose one of "
        + ", ".join(DATASETS)
        + f", {model_samples.PREFIX}MODEL, or give a folder or zip of class folders."
    )


def _load_path(path: Path, split: Split, size: int | None) -> Dataset:
    """Return a split of a folder or zip that is no registered set: as runs learn from it."""
    read = functools.partial(validation.validate, [path], limits=validation.OWNER_LIMITS)
    own = read(size=size or SIZE)
    if own.classes != layouts.DOMAINS:
        found = own.split(split, captioned=own.captions is not None)
    else:
        own = own if size else read(size=DOMAIN_SIZE)
        found = own.split(split, "pairs" if own.report.pairable else "domains")
    return replace(found, name=own.report.title)


def _load_source(
    source: Source, folder: Path, split: Split, size: int | None, *, download: bool
) -> Dataset:
    source = replace(source, size=size or source.size)
    if source.synthetic is not None:
        return source.synthetic(split, source.size)
    if source.archive and (folder / source.archive).is_file():
        return image_folder.load(source, folder / source.archive, split)
    if source.torchvision is not None:
        return _load_torchvision(source, folder, split, download=download)
    raise BadData(
        f"The data set {source.name} needs the file {source.archive} in the data folder; "
        "put it there, name another folder with --data-root or AIGC_DATA, or use "
        f"{fallback(source.name, folder)}, which needs no file."
    )


def _load_torchvision(source: Source, folder: Path, split: Split, *, download: bool) -> Dataset:
    try:
        found = source.torchvision(str(folder), train=split == "train", download=download)
    except (RuntimeError, OSError):
        tried = "could not be downloaded" if download else "is not in the data folder"
        raise BadData(
            f"The data set {source.name} {tried}; run `python train.py … --download` "
            "with a network, copy torchvision's files there, or use "
            f"{fallback(source.name, folder)}, which needs no file."
        ) from None
    pixels = torch.as_tensor(np.asarray(found.data))
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)  # (N, C, H, W)
    labels = torch.as_tensor(found.targets, dtype=torch.int64)
    return source.dataset(fit(pixels, source.size), labels, source.classes)


def _load_union(
    sources: list[Source], folder: Path, split: Split, size: int | None, *, download: bool
) -> Dataset:
    """Return the images of all sets as one set in colour; a class is ``set/class``."""
    if any(source.domains for source in sources):
        raise BadValue("data: sets of several domains cannot be put together; give one alone.")
    size = size or min(source.size for source in sources)
    parts = [_load_source(s, folder, split, size, download=download) for s in sources]
    first_class = [0]
    for part in parts:
        first_class.append(first_class[-1] + max(1, len(part.classes)))
    return Dataset(
        name="+".join(p.name for p in parts),
        title=" + ".join(p.title for p in parts),
        images=torch.cat([p.images.expand(-1, 3, -1, -1) for p in parts]),
        labels=torch.cat([p.labels + k for p, k in zip(parts, first_class, strict=False)]),
        classes=tuple(f"{p.name}/{c}" for p in parts for c in p.classes or ("all",)),
        licence=", ".join(dict.fromkeys(p.licence for p in parts)),
        flip=torch.cat([torch.full((len(p),), bool(p.flip)) for p in parts]),
    )


def available(root: str | Path | None = None) -> list[str]:
    """Return the names of the registered sets that can be loaded without a network."""
    folder = data_root(root)
    return [
        name
        for name, s in DATASETS.items()
        if s.synthetic is not None
        or (s.archive and (folder / s.archive).is_file())
        or (s.torchvision is not None and (folder / TORCHVISION_FOLDERS[name]).is_dir())
    ]


def all_available(root: str | Path | None = None) -> list[str]:
    """Return the names of all sets that can be loaded without a network, model samples last."""
    return available(root) + [model.name for model in sample_models()]


def fallback(name: str, root: str | Path | None = None) -> str:
    """Return `name` where that set is available, else a set like it that needs no file: samples of
    a model that was trained with it, or shapes.
    """
    if name.split("?")[0] in all_available(root):
        return name
    samples = [model.name for model in sample_models() if model.data == name]
    several = name in DATASETS and DATASETS[name].domains
    return samples[0] if samples else "outlines" if several else "shapes"


def title_of(name: str) -> str:
    """Return the title of a registered set, of a model's samples or of a user's own set."""
    if source := DATASETS.get(name):
        return source.title
    if name.startswith(model_samples.PREFIX):
        return model_samples.title_of(name)
    if name.startswith(user_dataset.PREFIX):
        return name.removeprefix(user_dataset.PREFIX)
    return Path(name).stem
