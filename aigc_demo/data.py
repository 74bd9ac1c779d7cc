"""Pictures to learn from: ``DATASETS``, folders and zips, all as uint8 tensors in memory, and
seeded batches of them.

A data set is small enough to be held (at most a few hundred MB), so that no picture is decoded
while a model trains and no worker process is needed. Knows no method.
"""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np
import torch
import torchvision
from PIL import Image
from torch import Tensor

from aigc_demo import images
from aigc_demo.errors import BadData, BadImage, BadValue
from aigc_demo.methods.base import Batch

Split = Literal["train", "test"]
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
MAX_FILES = 200_000
MAX_FILE_BYTES = 50_000_000
HELD_OUT = 10  # a set without a test split holds out every tenth picture
# What reading a file of a folder or zip may raise; RuntimeError: it is encrypted.
UNREADABLE = (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)


@dataclass(frozen=True)
class Dataset:
    """Pictures uint8 (N, C, H, W), class numbers int64 (N,), and what is known of them."""

    name: str
    title: str
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    licence: str
    flip: bool | Tensor = False  # may pictures be mirrored; one answer, or (N,)

    def __len__(self) -> int:
        return len(self.images)

    def batches(
        self,
        size: int,
        *,
        seed: int,
        start: int = 0,
        device: torch.device | str = "cpu",
    ) -> Iterator[Batch]:
        """Yield batches for ever, in an order that `seed` alone decides; `start` skips to the
        batch of a step.

        Every picture comes once an epoch; the last batch of an epoch is filled from the next one.
        """
        n, step = len(self), start
        orders: dict[int, Tensor] = {}
        while True:
            positions = torch.arange(step * size, (step + 1) * size)
            epochs = torch.unique(positions // n).tolist()
            orders = {e: orders[e] if e in orders else self._order(seed, e) for e in epochs}
            chosen = torch.cat([orders[e][positions[positions // n == e] % n] for e in epochs])
            x = images.from_pixels(self.images[chosen])
            if self.flip is not False:
                generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**63)
                mirrored = torch.rand(size, generator=generator) < 0.5
                if isinstance(self.flip, Tensor):
                    mirrored &= self.flip[chosen]
                x = torch.where(mirrored[:, None, None, None], x.flip(-1), x)
            x = x.to(device, memory_format=torch.channels_last)
            yield Batch(x, self.labels[chosen].to(device))
            step += 1

    def _order(self, seed: int, epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed((seed * 7919 + epoch) % 2**63)
        return torch.randperm(len(self), generator=generator)


@dataclass(frozen=True)
class Source:
    """Where a data set comes from, and how its pictures are brought to one size."""

    name: str
    title: str
    size: int
    channels: int
    licence: str
    flip: bool = False
    background: int = 0
    classes: tuple[str, ...] = ()
    torchvision: Callable[..., object] | None = None
    archive: str = ""


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
    `name`, or of registered sets together (``mnist+cifar10``: RGB, 32×32, classes ``mnist/0`` …).

    The pictures come at the set's own size, or `size`. Raises BadData where the set is not there
    (with `download`, torchvision's sets are fetched, with a progress bar) and BadValue where the
    name means nothing.
    """
    folder = data_root(root)
    if "+" in name and all(part in DATASETS for part in name.split("+")):
        parts = name.split("+")
        return _union(
            [load(p, split, root=root, download=download, size=size or 32) for p in parts]
        )
    if source := DATASETS.get(name):
        source = replace(source, size=size or source.size)
        if source.archive and (folder / source.archive).is_file():
            return _from_files(source, folder / source.archive, split)
        if source.torchvision is not None:
            return _from_torchvision(source, folder, split, download=download)
        raise BadData(
            f"The data set {name} needs the file {source.archive} in the data folder; "
            "put it there, or name another folder with --data-root or AIGC_DATA."
        )
    path = Path(name)
    if path.is_dir() or path.suffix.lower() == ".zip" and path.is_file():
        source = Source(path.stem, path.stem, size or 32, 3, "yours", background=255)
        return _from_files(source, path, split)
    raise BadValue(
        f"data: there is no data set or folder “{name[:80]}”; "
        f"choose one of {', '.join(DATASETS)}, or give a folder or zip of class folders."
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
    """Return the names of the registered sets that can be loaded without a network."""
    folder = data_root(root)
    raw = {
        "mnist": "MNIST/raw",
        "fashion_mnist": "FashionMNIST/raw",
        "cifar10": "cifar-10-batches-py",
    }
    return [
        name
        for name, s in DATASETS.items()
        if (s.archive and (folder / s.archive).is_file()) or (folder / raw.get(name, "?")).is_dir()
    ]


def _from_torchvision(source: Source, folder: Path, split: Split, *, download: bool) -> Dataset:
    try:
        found = source.torchvision(str(folder), train=split == "train", download=download)
    except (RuntimeError, OSError):
        tried = "could not be downloaded" if download else "is not in the data folder"
        raise BadData(
            f"The data set {source.name} {tried}; run `python train.py … --download` "
            "with a network, or copy torchvision's files there."
        ) from None
    pixels = torch.as_tensor(np.asarray(found.data))
    pixels = pixels[:, None] if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)  # (N, C, H, W)
    pixels = _fit_tensor(pixels, source.size)
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


def _fit_tensor(pixels: Tensor, size: int) -> Tensor:
    """Bring uint8 (N, C, h, w) to `size`: pad 28 to 32 with black, resize otherwise."""
    height, width = pixels.shape[-2:]
    if (height, width) == (size, size):
        return pixels.contiguous()
    if height == width and 0 < size - height <= 8:
        before = (size - height) // 2
        after = size - height - before
        return torch.nn.functional.pad(pixels, (before, after, before, after))
    return torchvision.transforms.v2.functional.resize(pixels, [size, size], antialias=True)


def _from_files(source: Source, path: Path, split: Split) -> Dataset:
    """Read a folder or zip of class folders, with or without train/ and test/ above them."""
    if path.is_dir():
        names = sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file())

        def read(name: str) -> bytes:
            return (path / name).read_bytes()

        return _from_names(source, names, read, split)
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [i for i in archive.infolist() if not i.is_dir()]
            names = sorted(i.filename for i in infos if i.file_size <= MAX_FILE_BYTES)
            return _from_names(source, names, archive.read, split)
    except zipfile.BadZipFile:
        raise BadData(
            f"The archive of {source.name} is damaged or not a zip; copy it again."
        ) from None


def _from_names(
    source: Source, names: list[str], read: Callable[[str], bytes], split: Split
) -> Dataset:
    names = [
        n for n in names if Path(n).suffix.lower() in SUFFIXES and not Path(n).name.startswith(".")
    ]
    if len(names) > MAX_FILES:
        raise BadData(
            f"{source.title} has {len(names)} pictures; the limit is {MAX_FILES}. Use fewer."
        )
    has_splits = any(n.startswith("train/") for n in names)
    depth = 1 if has_splits else 0

    def group(name: str) -> str:
        parts = Path(name).parts[depth:-1]
        return parts[0] if parts else ""

    # A class has the same number in both splits, even where one of them has no picture of it.
    if has_splits:
        names = [n for n in names if n.startswith(("train/", "test/"))]
    classes = sorted({group(n) for n in names})
    if has_splits:
        names = [n for n in names if n.startswith(f"{split}/")]
    else:
        names = [n for i, n in enumerate(names) if (i % HELD_OUT == 0) == (split == "test")]
    if not names:
        raise BadData(
            f"{source.title} holds no pictures for “{split}”; use PNG, JPEG or WebP files."
        )

    def decode(name: str) -> Tensor | None:
        try:
            return _fit_image(images.open_image(read(name)), source)
        except (BadImage, *UNREADABLE):
            return None

    kept: list[tuple[Tensor, int]] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for name, pixels in zip(names, pool.map(decode, names), strict=True):
            if pixels is not None:
                kept.append((pixels, classes.index(group(name))))
    if not kept:
        raise BadData(
            f"None of the {len(names)} files of {source.title} is a picture that can be read."
        )
    return Dataset(
        name=source.name,
        title=source.title,
        images=torch.stack([p for p, _ in kept]),
        labels=torch.tensor([k for _, k in kept]),
        classes=() if classes == [""] else tuple(classes),
        licence=source.licence,
        flip=source.flip,
    )


def _fit_image(image: Image.Image, source: Source) -> Tensor:
    """Return one picture as uint8 (C, size, size): flattened, cropped to a square, padded or
    resized.
    """
    image = images.flatten(image, "L" if source.channels == 1 else "RGB", source.background)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    image = image.crop((left, top, left + side, top + side))
    if not 0 <= source.size - side <= 8:
        image = image.resize((source.size, source.size), Image.Resampling.LANCZOS)
    return _fit_tensor(images.to_pixels(image)[None], source.size)[0]
