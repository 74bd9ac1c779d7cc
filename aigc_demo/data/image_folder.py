"""Data sets in folders and zips: class folders, domains, images with captions.

What was decoded of a registered archive is cached: reading 50,000 JPEG files takes half a minute,
reading their pixels none.
"""

from __future__ import annotations

import contextlib
import hashlib
import random
import zlib
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from aigc_demo.data import archives, caption_files, captions, layouts
from aigc_demo.data.archives import CAPTIONS, ImageFile, Limits, Listing, Skipped
from aigc_demo.data.dataset import Dataset, Domains, Source, Split, fit
from aigc_demo.errors import BadData
from aigc_demo.imaging import images
from aigc_demo.methods import tensor_cache

LIMITS = Limits(
    entries=1_000_000,
    images=200_000,
    file_bytes=50_000_000,
    total_bytes=10**12,
    captions_bytes=20_000_000,
)


def load(source: Source, path: Path, split: Split) -> Dataset:
    """Return a split of the folder or zip at `path`; raises BadData where there is none."""
    if source.captions:
        return _load_captioned(source, path, split)
    key = _cache_key(source, path, split)
    others = [f"images{i}" for i in range(1, len(source.domains))]
    if source.archive and (entry := tensor_cache.read(key, ["images", "labels", *others])):
        pixels, labels, *more = entry.tensors.values()
        if source.domains:
            return _domains(source, [pixels, *more])
        return source.dataset(pixels, labels, tuple(entry.metadata["classes"]))
    with _opened(source, path) as listing:
        read = _read_domains if source.domains else _read_classes
        found = read(source, listing.images, split)
    if source.archive:
        tensors = {"images": found.images, "labels": found.labels}
        if isinstance(found, Domains):
            tensors |= dict(zip(others, found.others, strict=True))
        tensor_cache.write(key, tensors, {"classes": found.classes})
    return found


@contextlib.contextmanager
def _opened(source: Source, path: Path) -> Iterator[Listing]:
    with archives.opened([path], LIMITS, field=f"data: {source.name}") as listing:
        yield listing


def _cache_key(source: Source, path: Path, split: Split) -> str:
    """Return a key that another archive, source or split does not share."""
    described = f"{tensor_cache.file_key(path)}|{source}|{split}"
    digest = hashlib.blake2b(described.encode(), digest_size=8).hexdigest()
    return f"pictures/{source.name}-{split}-{source.size}px-{digest}"


def _read_classes(source: Source, files: list[ImageFile], split: Split) -> Dataset:
    found = layouts.class_folders(source, files, split)
    decoded = list(_decode(source, found.files))
    pixels = [x for x in decoded if x is not None]
    if not pixels:
        raise BadData(
            f"None of the {len(decoded)} files of {source.title} is a picture that can be read."
        )
    labels = [
        torch.full((len(x),), k)
        for x, k in zip(decoded, found.labels, strict=True)
        if x is not None
    ]
    return source.dataset(torch.cat(pixels), torch.cat(labels), found.classes)


def _read_domains(source: Source, files: list[ImageFile], split: Split) -> Domains:
    found = layouts.domain_folders(source, files, split)
    decoded = [list(_decode(source, domain)) for domain in found]
    if source.paired:  # a pair of which one image cannot be read is none
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
    return _domains(source, [torch.cat(x) for x in pixels])


def _load_captioned(source: Source, path: Path, split: Split) -> captions.Captioned:
    """Return the images that a captions.csv describes, without or of those that are held out."""
    with _opened(source, path) as listing:
        given = caption_files.read(listing, LIMITS, of=source.title)
        if not given.sources:
            raise BadData(f"{source.title} has no {CAPTIONS}; add one.")
        files = {f.path: f for f in sorted(listing.images, key=lambda f: f.path)}
        subjects = captions.subjects_of(list(files), given.rows, title=source.title)
        named = {name: (s.name, s.style) for name, s in subjects.items()}
        held = layouts.hold_out_styles(named, source.held_out)
        names = [name for name in subjects if (name in held) == (split == "test")]
        if not names:
            raise BadData(f"{source.title} holds no pictures for “{split}”; add more.")
        key = _cache_key(source, path, split)
        if source.archive and (entry := tensor_cache.read(key, ["images"])):
            pixels, names = entry.tensors["images"], entry.metadata["files"]
        else:
            decoded = dict(zip(names, _decode(source, [files[n] for n in names]), strict=True))
            names = [name for name, x in decoded.items() if x is not None]
            if not names:
                raise BadData(f"None of the {len(decoded)} files of {source.title} can be read.")
            pixels = torch.cat([decoded[name] for name in names])
            if source.archive:
                tensor_cache.write(key, {"images": pixels}, {"files": names})
    styles = tuple(sorted({s.style for s in subjects.values() if s.style}))
    labels = [styles.index(s) if (s := subjects[name].style) else 0 for name in names]
    if not styles:
        styles, labels = _classes(listing.images, names)
    plain = source.dataset(pixels, torch.tensor(labels), styles)
    return captions.with_subjects(plain, tuple(subjects[name] for name in names))


def _classes(files: list[ImageFile], names: list[str]) -> tuple[tuple[str, ...], list[int]]:
    """Return the classes of folders and the number of the class of each of `names`, as where
    there are no captions.
    """
    layout = layouts.detect(files)
    groups = {f.path: group for f, group in zip(layout.files, layout.groups, strict=True)}
    found = [groups.get(name, "") for name in names]
    if "" in found:
        return (), [0] * len(names)
    classes = sorted(set(layout.groups))
    return tuple(classes), [classes.index(group) for group in found]


def _decode(source: Source, files: list[ImageFile]) -> Iterator[Tensor | None]:
    """Yield the squares of each file, or None where it cannot be read."""

    def squares(file: ImageFile, content: bytes) -> Tensor:
        return _cut(images.open_image(content), source, seed=zlib.crc32(file.path.encode()))

    for found in archives.decode(files, squares):
        yield None if isinstance(found, Skipped) else found


def _domains(source: Source, pixels: list[Tensor]) -> Domains:
    """Return the images of the domains of `source`, in their order, as a data set."""
    return Domains(
        name=source.name,
        title=source.title,
        images=pixels[0],
        labels=torch.zeros(len(pixels[0]), dtype=torch.int64),
        classes=source.domains if len(pixels) > 2 else (),
        licence=source.licence,
        flip=source.flip,
        others=tuple(pixels[1:]),
        domains=source.domains,
        paired=source.paired,
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
