"""Reads data sets from folders and zips of class folders.

What was decoded from the archive of a registered set is kept in the cache folder (``AIGC_CACHE``,
else ``.cache``): reading 50,000 JPEG files takes half a minute, reading their pixels none.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import random
import zipfile
import zlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from aigc_demo.data.dataset import Dataset, Domains, Source, Split, fit
from aigc_demo.errors import BadData, BadImage
from aigc_demo.imaging import images
from aigc_demo.methods import tensor_cache

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
MAX_FILES = 200_000
MAX_FILE_BYTES = 50_000_000
HELD_OUT = 10  # a set without a test split holds out every tenth picture
# What reading a file of a folder or zip may raise; RuntimeError: it is encrypted.
UNREADABLE = (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)

Reader = Callable[[str], bytes]  # of a file by its name


def read(source: Source, path: Path, split: Split) -> Dataset:
    """Return a split of the folder or zip at `path`; raises BadData where there is none."""
    if not source.archive:
        return _from_files(source, path, split)
    key = cache_key(source, path, split)
    others = [f"images{i}" for i in range(1, len(source.domains))]
    if entry := tensor_cache.read(key, ["images", "labels", *others]):
        pixels, labels, *more = entry.tensors.values()
        if source.domains:
            return domains_of(source, [pixels, *more])
        return _dataset(source, pixels, labels, tuple(entry.metadata["classes"]))
    found = _from_files(source, path, split)
    tensors = {"images": found.images, "labels": found.labels}
    if isinstance(found, Domains):
        tensors |= dict(zip(others, found.others, strict=True))
    tensor_cache.write(key, tensors, {"classes": found.classes})
    return found


def read_yours(path: Path, split: Split, size: int | None) -> Dataset:
    """Return a split of somebody's own folder or zip: class folders, or trainA/ and trainB/."""
    source = Source(path.stem, path.stem, size or 32, 3, "yours", background=255)
    with opened(source, path) as (names, _):
        ends = [{Path(n).stem for n in names if n.startswith(f"train{d}/")} for d in "AB"]
        test = any(n.startswith("testA/") for n in names)
    if all(ends):
        train = ("trainA/", "trainB/")
        source = replace(
            source,
            domains=("A", "B"),
            paired=ends[0] == ends[1],
            size=size or 128,
            train=train,
            test=("testA/", "testB/") if test else train,
            held_out=0 if test else max(1, min(map(len, ends)) // HELD_OUT),
        )
    return read(source, path, split)


def cache_key(source: Source, path: Path, split: Split) -> str:
    """Return a key that another archive, source or split does not share."""
    described = f"{tensor_cache.file_key(path)}|{source}|{split}"
    digest = hashlib.blake2b(described.encode(), digest_size=8).hexdigest()
    return f"pictures/{source.name}-{split}-{source.size}px-{digest}"


@contextlib.contextmanager
def opened(source: Source, path: Path) -> Iterator[tuple[list[str], Reader]]:
    """Give the names of the pictures in a folder or zip, sorted, and what reads a file of it and
    refuses one that is too large.
    """
    if path.is_dir():
        names = sorted(str(p.relative_to(path)) for p in path.rglob("*") if p.is_file())
        yield _pictures(source, names), lambda name: _small(path / name).read_bytes()
        return
    try:
        with zipfile.ZipFile(path) as archive:
            infos = [i for i in archive.infolist() if not i.is_dir()]
            names = sorted(i.filename for i in infos if i.file_size <= MAX_FILE_BYTES)
            large = {i.filename for i in infos} - set(names)

            def read(name: str) -> bytes:
                if name in large:
                    raise OSError(f"{name} is too large")
                return archive.read(name)

            yield _pictures(source, names), read
    except zipfile.BadZipFile:
        raise BadData(
            f"The archive of {source.name} is damaged or not a zip; copy it again."
        ) from None


def _small(path: Path) -> Path:
    if path.stat().st_size > MAX_FILE_BYTES:
        raise OSError(f"{path.name} is too large")
    return path


def _pictures(source: Source, names: list[str]) -> list[str]:
    names = [
        n for n in names if Path(n).suffix.lower() in SUFFIXES and not Path(n).name.startswith(".")
    ]
    if len(names) > MAX_FILES:
        raise BadData(
            f"{source.title} has {len(names)} pictures; the limit is {MAX_FILES}. Use fewer."
        )
    return names


def _from_files(source: Source, path: Path, split: Split) -> Dataset:
    """Read a folder or zip of class folders, with or without train/ and test/ above them; or one
    of domains.
    """
    with opened(source, path) as (names, read):
        if source.domains:
            return _from_domains(source, names, read, split)
        return _from_names(source, names, read, split)


def _from_names(source: Source, names: list[str], read: Reader, split: Split) -> Dataset:
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

    kept: list[Tensor] = []
    labels: list[int] = []
    for name, pixels in zip(names, decode(source, names, read), strict=True):
        if pixels is not None:
            kept.append(pixels)
            labels += [classes.index(group(name))] * len(pixels)
    if not kept:
        raise BadData(
            f"None of the {len(names)} files of {source.title} is a picture that can be read."
        )
    named = () if classes == [""] else tuple(classes)
    return _dataset(source, torch.cat(kept), torch.tensor(labels), named)


def decode(source: Source, names: list[str], read: Reader) -> Iterator[Tensor | None]:
    """Yield the pixels of each file, or None where it cannot be read."""

    def one(name: str) -> Tensor | None:
        try:
            return _cut(images.open_image(read(name)), source, seed=zlib.crc32(name.encode()))
        except (BadImage, *UNREADABLE):
            return None

    with ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        yield from pool.map(one, names)


def _from_domains(source: Source, names: list[str], read: Reader, split: Split) -> Domains:
    """Read the folders of the domains: for pairs, the names that all of them have."""
    folders = source.train if split == "train" else source.test
    found: list[dict[str, str]] = []
    for folder in folders:
        found.append({n[len(folder) :]: n for n in names if n.startswith(folder)})
    if source.paired:
        found = [{str(Path(n).with_suffix("")): file for n, file in f.items()} for f in found]
        common = sorted(set.intersection(*map(set, found)))
        found = [{n: f[n] for n in common} for f in found]
    if source.held_out:
        found = [_part(f, source.held_out, split) for f in found]
    decoded = [list(decode(source, list(f.values()), read)) for f in found]
    if source.paired:  # a pair of which one picture cannot be read is none
        whole = [i for i, pair in enumerate(zip(*decoded, strict=True)) if None not in pair]
        decoded = [[d[i] for i in whole] for d in decoded]
    pixels = [[x for x in d if x is not None] for d in decoded]
    for name, some in zip(source.domains, pixels, strict=True):
        if not some:
            raise BadData(
                f"{source.title} holds no pictures of “{name}” for “{split}”"
                + (" that are there in every domain" if source.paired else "")
                + "; use PNG, JPEG or WebP files."
            )
    return domains_of(source, [torch.cat(x) for x in pixels])


def _part(found: dict[str, str], count: int, split: Split) -> dict[str, str]:
    """Return the `count` names that are held out, or the others.

    Which those are is decided name by name, so that what one set holds out no larger or smaller
    set of the same names learns from.
    """
    shuffled = sorted(found, key=lambda name: hashlib.blake2b(name.encode()).digest())
    held = set(shuffled[: min(count, len(found) // 2)])
    return {n: f for n, f in found.items() if (n in held) == (split == "test")}


def domains_of(source: Source, pixels: list[Tensor]) -> Domains:
    """Return the pictures of the domains of `source`, in their order, as a data set."""
    several = len(pixels) > 2
    return Domains(
        name=source.name,
        title=source.title,
        images=pixels[0],
        labels=torch.zeros(len(pixels[0]), dtype=torch.int64),
        classes=source.domains if several else (),
        licence=source.licence,
        flip=source.flip,
        others=tuple(pixels[1:]),
        domains=source.domains,
        paired=source.paired,
    )


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
