"""Pictures to learn from: ``DATASETS``, folders and zips, all as uint8 tensors in memory, and
seeded batches of them.

A data set is small enough to be held (at most a few hundred MB), so that no picture is decoded
while a model trains and no worker process is needed. Knows no method.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torchvision

from aigc_demo.data import image_folder, model_samples, synthetic_shapes
from aigc_demo.data.dataset import Dataset, Source, Split, fit
from aigc_demo.data.layouts import A_AND_B
from aigc_demo.data.model_samples import sample_models
from aigc_demo.data.uploads import user_dataset
from aigc_demo.errors import BadData, BadValue

STYLES = ("twemoji", "noto", "fluentui", "openmoji")


FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)

CIFAR10 = (
    *("airplane", "automobile", "bird", "cat", "deer"),
    *("dog", "frog", "horse", "ship", "truck"),
)

DATASETS: dict[str, Source] = {
    s.name: s
    for s in (
        Source(
            "mnist", "Digits (MNIST)", 32, 1, "CC BY-SA 3.0",
            classes=tuple("0123456789"), torchvision=torchvision.datasets.MNIST,
        ),
        Source(
            "fashion_mnist", "Fashion-MNIST", 32, 1, "MIT",
            classes=FASHION, torchvision=torchvision.datasets.FashionMNIST,
        ),
        Source(
            "cifar10", "CIFAR-10", 32, 3, "none stated", flip=True,
            classes=CIFAR10,
            torchvision=torchvision.datasets.CIFAR10, archive="cifar10.zip",
        ),
        Source("quickdraw", "Doodles (Quick, Draw!)", 32, 1, "CC BY 4.0", archive="quickdraw.zip"),
        Source("scenes", "Scenes", 64, 3, "unclear", flip=True, archive="scenes.zip"),
        Source("pixel_tiles", "Game sprites", 32, 3, "CC0", archive="pixel_tiles.zip"),
        Source(
            "emoji", "Emoji in four styles", 64, 3, "MIT, OFL, CC BY-SA 4.0",
            background=255, archive="emoji.zip",
        ),
        Source(
            "bsds500", "Photographs (BSDS500)", 128, 3, "research use", flip=True,
            archive="bsds500.zip", train=("train/", "test/"), test=(), windows=12, named=False,
        ),
        Source(
            "landscapes", "Landscape photographs", 128, 3, "unclear (Flickr)", flip=True,
            archive="monet2photo.zip", train=("trainB/",), test=("testB/",), named=False,
        ),
        Source(
            "monet2photo", "Monet and photographs", 128, 3,
            "paintings public domain, photos unclear", flip=True, archive="monet2photo.zip",
            domains=("Monet", "photo"), **A_AND_B,
        ),
        Source(
            "summer2winter", "Summer and winter", 128, 3, "unclear (Flickr)",
            flip=True, archive="summer2winter.zip", domains=("summer", "winter"), **A_AND_B,
        ),
        Source(
            "facades", "Façades and their plans", 128, 3, "CMP, unverified",
            flip=True, archive="facades.zip", domains=("plan", "photo"), paired=True, **A_AND_B,
        ),
        Source(
            "twemoji2fluentui", "Emoji: Twemoji and Fluent", 64, 3, "MIT", background=255,
            archive="emoji.zip", domains=("twemoji", "fluentui"), paired=True, held_out=100,
            train=("twemoji/", "fluentui/"), test=("twemoji/", "fluentui/"),
        ),
        Source(
            "emoji_styles", "Emoji in any style", 64, 3, "MIT, OFL, CC BY-SA 4.0", background=255,
            archive="emoji.zip", domains=STYLES, paired=True, held_out=100,
            train=tuple(f"{s}/" for s in STYLES), test=tuple(f"{s}/" for s in STYLES),
        ),
        Source(
            "shapes", "Shapes (drawn here)", 32, 3, synthetic_shapes.LICENCE,
            classes=tuple(synthetic_shapes.KINDS), synthetic=synthetic_shapes.pictures,
        ),
        Source(
            "outlines", "Outlines and shapes (drawn here)", 64, 3, synthetic_shapes.LICENCE,
            domains=("outline", "shape"), paired=True, synthetic=synthetic_shapes.outlines,
        ),
        Source(
            "emoji_captions", "Emoji and what they are called", 64, 3, "MIT, OFL, CC BY-SA 4.0",
            background=255, archive="emoji.zip", held_out=200, captions=True,
        ),
    )
}  # fmt: skip


def data_root(given: str | Path | None = None) -> Path:
    """Return the folder of data sets: `given`, else ``AIGC_DATA``, else ``data``."""
    return Path(given or os.environ.get("AIGC_DATA") or "data")


def load(
    name: str,
    split: Split = "train",
    *,
    root: str | Path | None = None,
    download: bool = False,
    size: int | None = None,
) -> Dataset:
    """Load a split of a registered set, or of a folder or zip of class folders whose path is
    `name`, or of registered sets together (``mnist+cifar10``: RGB, as small as the smallest,
    classes ``mnist/0`` …), or of pictures that a model paints (``generated:…``, see `generated`).

    A folder or zip with trainA/ and trainB/ is a set of two domains; pairs, where all names in
    them are the same. One with captions.csv (columns file and caption) is a set with captions.

    The pictures come at the set's own size, or `size`. Raises BadData where the set is not there
    (with `download`, torchvision's sets are fetched, with a progress bar) and BadValue where the
    name means nothing.
    """
    folder = data_root(root)
    if "+" in name and all(part in DATASETS for part in name.split("+")):
        parts = name.split("+")
        if any(DATASETS[p].domains for p in parts):
            raise BadValue("data: sets of several domains cannot be put together; give one alone.")
        smallest = min(DATASETS[p].size for p in parts)
        return _union(
            [load(p, split, root=root, download=download, size=size or smallest) for p in parts]
        )
    if source := DATASETS.get(name):
        source = replace(source, size=size or source.size)
        if source.synthetic is not None:
            return source.synthetic(split, source.size)
        if source.archive and (folder / source.archive).is_file():
            return image_folder.load(source, folder / source.archive, split)
        if source.torchvision is not None:
            return _from_torchvision(source, folder, split, download=download)
        raise BadData(
            f"The data set {name} needs the file {source.archive} in the data folder; "
            "put it there, name another folder with --data-root or AIGC_DATA, or use "
            f"{fallback(name, folder)}, which needs no file."
        )
    if name.startswith(model_samples.PREFIX):
        return model_samples.load(name, split, size=size)
    if name.startswith(user_dataset.PREFIX):
        raise BadData("These pictures were private to their run, and are nowhere else.")
    path = Path(name)
    if path.is_dir() or path.suffix.lower() == ".zip" and path.is_file():
        return image_folder.load_path(path, split, size)
    raise BadValue(
        f"data: there is no data set or folder “{name[:80]}”; "
        f"choose one of {', '.join(DATASETS)}, {model_samples.PREFIX}MODEL, or give a folder or "
        "zip of class folders."
    )


def _union(parts: list[Dataset]) -> Dataset:
    """Return the pictures of all sets as one set in colour; a class is ``set/class``."""
    before = [0]
    for part in parts:
        before.append(before[-1] + max(1, len(part.classes)))
    flips = [torch.full((len(p),), bool(p.flip)) for p in parts]
    return Dataset(
        name="+".join(p.name for p in parts),
        title=" + ".join(p.title for p in parts),
        images=torch.cat([p.images.expand(-1, 3, -1, -1) for p in parts]),
        labels=torch.cat([p.labels + k for p, k in zip(parts, before, strict=False)]),
        classes=tuple(f"{p.name}/{c}" for p in parts for c in p.classes or ("all",)),
        licence=", ".join(dict.fromkeys(p.licence for p in parts)),
        flip=torch.cat(flips),
    )


def available(root: str | Path | None = None) -> list[str]:
    """Return the names of the registered sets that can be loaded without a network; those that
    models paint are not among them (`sample_models`).
    """
    folder = data_root(root)
    raw = {
        "mnist": "MNIST/raw",
        "fashion_mnist": "FashionMNIST/raw",
        "cifar10": "cifar-10-batches-py",
    }
    return [
        name
        for name, s in DATASETS.items()
        if s.synthetic is not None
        or (s.archive and (folder / s.archive).is_file())
        or (folder / raw.get(name, "?")).is_dir()
    ]


def all_available(root: str | Path | None = None) -> list[str]:
    """Return the names of all sets that can be loaded without a network, the painted ones last."""
    return available(root) + [p.name for p in sample_models()]


def fallback(name: str, root: str | Path | None = None) -> str:
    """Return `name` where that set is here, else a set like it that needs no file: painted by a
    model that learnt from it, or shapes.
    """
    if name.split("?")[0] in all_available(root):
        return name
    painted = [p.name for p in sample_models() if p.data == name]
    several = name in DATASETS and DATASETS[name].domains
    return painted[0] if painted else "outlines" if several else "shapes"


def title_of(name: str) -> str:
    """Return what people call the set `name`: a registered, a painted or somebody's own one."""
    if source := DATASETS.get(name):
        return source.title
    if name.startswith(model_samples.PREFIX):
        return model_samples.title_of(name)
    return Path(name.removeprefix(user_dataset.PREFIX)).stem


def _from_torchvision(source: Source, folder: Path, split: Split, *, download: bool) -> Dataset:
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
    pixels = fit(pixels, source.size)
    labels = torch.as_tensor(found.targets, dtype=torch.int64)
    return Dataset(
        source.name,
        source.title,
        pixels,
        labels,
        source.classes,
        source.licence,
        source.flip,
    )
