"""Reads data sets from folders and zips of class folders.

What was decoded from the archive of a registered set is kept in the cache folder (``AIGC_CACHE``,
else ``.cache``): reading 50,000 JPEG files takes half a minute, reading their pixels none.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import zipfile
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor

from aigc_demo import checkpoint, images
from aigc_demo.data.dataset import Dataset, Source, Split, fit
from aigc_demo.errors import BadData, BadImage

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
MAX_FILES = 200_000
MAX_FILE_BYTES = 50_000_000
HELD_OUT = 10  # a set without a test split holds out every tenth picture
# What reading a file of a folder or zip may raise; RuntimeError: it is encrypted.
UNREADABLE = (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)


def read(source: Source, path: Path, split: Split) -> Dataset:
    """Return a split of the folder or zip at `path`; raises BadData where there is none."""
    if not source.archive:
        return _from_files(source, path, split)
    kept = _kept(source, path, split)
    if (found := _recall(source, kept)) is None:
        found = _from_files(source, path, split)
        with contextlib.suppress(OSError):  # the cache may be read-only or full
            kept.parent.mkdir(parents=True, exist_ok=True)
            tensors = {"images": found.images, "labels": found.labels}
            checkpoint.write_tensors(kept, tensors, {"classes": json.dumps(found.classes)})
    return found


def _kept(source: Source, path: Path, split: Split) -> Path:
    """Return where the pixels of this very file, read in this very way, are kept."""
    stat = path.stat()
    told = f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{source}|{split}"
    key = hashlib.blake2b(told.encode(), digest_size=8).hexdigest()
    cache = Path(os.environ.get("AIGC_CACHE") or ".cache")
    return cache / "pictures" / f"{source.name}-{split}-{source.size}px-{key}.safetensors"


def _recall(source: Source, kept: Path) -> Dataset | None:
    try:
        with safe_open(kept, framework="pt") as file:
            classes = tuple(json.loads(file.metadata()["classes"]))
            pixels, labels = file.get_tensor("images"), file.get_tensor("labels")
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        return None
    return _dataset(source, pixels, labels, classes)


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
    wanted = source.train if split == "train" else source.test
    has_splits = any(n.startswith(source.train) for n in names)
    depth = 1 if has_splits else 0

    def group(name: str) -> str:
        parts = Path(name).parts[depth:-1]
        return parts[0] if parts else ""

    # A class has the same number in both splits, even where one of them has no picture of it.
    if has_splits:
        names = [n for n in names if n.startswith((*source.train, *source.test))]
    classes = sorted({group(n) for n in names})
    if has_splits:
        names = [n for n in names if n.startswith(wanted)]
    else:
        names = [n for i, n in enumerate(names) if (i % HELD_OUT == 0) == (split == "test")]
    if not names:
        raise BadData(
            f"{source.title} holds no pictures for “{split}”; use PNG, JPEG or WebP files."
        )

    def decode(name: str) -> Tensor | None:
        try:
            return _cut(images.open_image(read(name)), source, seed=zlib.crc32(name.encode()))
        except (BadImage, *UNREADABLE):
            return None

    kept: list[Tensor] = []
    labels: list[int] = []
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for name, pixels in zip(names, pool.map(decode, names), strict=True):
            if pixels is not None:
                kept.append(pixels)
                labels += [classes.index(group(name))] * len(pixels)
    if not kept:
        raise BadData(
            f"None of the {len(names)} files of {source.title} is a picture that can be read."
        )
    named = () if classes == [""] else tuple(classes)
    return _dataset(source, torch.cat(kept), torch.tensor(labels), named)


def _dataset(source: Source, pixels: Tensor, labels: Tensor, classes: tuple[str, ...]) -> Dataset:
    return Dataset(
        name=source.name,
        title=source.title,
        images=pixels,
        labels=labels,
        classes=classes,
        licence=source.licence,
        flip=source.flip,
    )


def _cut(image: Image.Image, source: Source, *, seed: int) -> Tensor:
    """Return squares of a flattened picture as uint8 (windows, C, size, size).

    One square is the largest, from the middle. Several lie at random: every other one at the
    picture's own scale, the rest of any side that fits, reduced.
    """
    image = images.flatten(image, "L" if source.channels == 1 else "RGB", source.background)
    largest, size = min(image.size), source.size
    if source.windows == 1 or largest <= size:
        left, top = (image.width - largest) // 2, (image.height - largest) // 2
        return _square(image, (left, top, left + largest, top + largest), size)
    chance, squares = random.Random(seed), []
    for i in range(source.windows):
        side = size if i % 2 == 0 else chance.randint(size, largest)
        left = chance.randint(0, image.width - side)
        top = chance.randint(0, image.height - side)
        squares.append(_square(image, (left, top, left + side, top + side), size))
    return torch.cat(squares)


def _square(image: Image.Image, box: tuple[int, int, int, int], size: int) -> Tensor:
    """Return the square `box` of a picture as uint8 (1, C, size, size): padded or resized."""
    image = image.crop(box)
    if not 0 <= size - image.width <= 8:
        image = image.resize((size, size), Image.Resampling.LANCZOS)
    return fit(images.to_pixels(image)[None], size)
