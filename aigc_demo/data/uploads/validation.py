"""Checks and reads somebody's own pictures: what belongs together, what cannot be used and why.

Folders say what belongs together: class folders; none; ``trainA`` and ``trainB``, or any two, for
translation; pairs, where the names in two folders are the same. A folder around everything does
not count, and folders called ``test`` are left out.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from aigc_demo.data.uploads import archive
from aigc_demo.data.uploads.archive import (
    OWNER_LIMITS,
    REASONS,
    VISITOR_LIMITS,
    Brought,
    Limits,
    Member,
    Skipped,
)
from aigc_demo.data.uploads.user_dataset import Layout, Report, UserDataset
from aigc_demo.errors import BadData, BadImage
from aigc_demo.imaging import images

__all__ = ["VISITOR_LIMITS", "OWNER_LIMITS", "validate", "validate_steps"]

MIN_SIDE, FEW, FEW_OF_CLASS, UNEQUAL = 16, 100, 10, 10
MAX_CLASSES = 100
LOOSE = "unsorted"  # the class of pictures beside class folders
Found = tuple[Tensor | None, str, bool]  # the pixels, or None; why, or what tells copies; small


def validate(paths: list[Path], *, size: int = 64, limits: Limits = VISITOR_LIMITS) -> UserDataset:
    """Check and read a zip, a folder or picture files; pictures become squares of side `size`.

    Raises BadData where fewer than two can be used, or there is more than the limits allow.
    """
    *_, own = validate_steps(paths, size=size, limits=limits)
    assert isinstance(own, UserDataset)
    return own


def validate_steps(
    paths: list[Path], *, size: int = 64, limits: Limits = VISITOR_LIMITS
) -> Iterator[float | UserDataset]:
    """Yield the share that is done, from 0 to 1, then the pictures."""
    with archive.opened(paths, limits) as brought:
        if (need := len(brought.members) * 3 * size * size) > limits.kept:
            raise BadData(
                f"pictures: {len(brought.members):,} of {size}×{size} need {need / 1e6:,.0f} MB; "
                f"the limit is {limits.kept / 1e6:,.0f}. Choose a smaller size or bring fewer."
            )
        sorting = _sort(brought.members)
        results: list[Found] = []
        for result in _decoded([brought.members[i] for i in sorting.used], size, limits):
            results.append(result)
            yield len(results) / len(sorting.used)
    yield _own(brought, sorting, results, size)


# --- What belongs together -----------------------------------------------------------------------


@dataclass(frozen=True)
class Sorting:
    """Which members are used, and the class and the stem of each."""

    used: list[int]
    groups: list[str]
    stems: list[str]
    held: int = 0
    folders: int = 0  # too many to be classes


def _sort(members: list[Member]) -> Sorting:
    """Read from the folders what belongs together."""
    paths = [m.parts for m in members]
    while len({p[0] for p in paths}) == 1 and all(len(p) > 1 for p in paths):
        paths = [p[1:] for p in paths]
    used = list(range(len(paths)))
    tops = {p[0].lower() for p in paths if len(p) > 1} if all(len(p) > 1 for p in paths) else set()
    if {"traina", "trainb"} <= tops <= {"traina", "trainb", "testa", "testb"}:
        used = [i for i in used if paths[i][0].lower().startswith("train")]
        paths = [(p[0][-1].upper(), *p[1:]) for p in paths]
    elif tops == {"train", "test"}:
        used = [i for i in used if paths[i][0].lower() == "train"]
        paths = [p[1:] for p in paths]
    groups = [archive.plain(paths[i][0]) or "?" if len(paths[i]) > 1 else "" for i in used]
    stems = [str(PurePosixPath(*paths[i][1:] or paths[i]).with_suffix("")) for i in used]
    folders = len(set(groups))
    if folders > MAX_CLASSES:
        return Sorting(used, [""] * len(used), stems, len(paths) - len(used), folders)
    if folders > 1:
        groups = [g or LOOSE for g in groups]
    elif groups:
        groups = [""] * len(used)
    return Sorting(used, groups, stems, len(paths) - len(used))


def _own(brought: Brought, sorting: Sorting, results: list[Found], size: int) -> UserDataset:
    """Put together what was decoded."""
    kept = [i for i, (pixels, _, _) in enumerate(results) if pixels is not None]
    members = [brought.members[i] for i in sorting.used]
    skipped = [
        Skipped(m.name, why) for m, (x, why, _) in zip(members, results, strict=True) if x is None
    ]
    skipped = [*brought.skipped, *skipped]
    if len(kept) < 2:
        reasons = Counter(REASONS[s.reason] for s in skipped)
        left = "; ".join(f"{n} × {why}" for why, n in reasons.most_common(4))
        raise BadData(
            f"pictures: {len(kept) or 'none'} can be used, and training needs at least 2"
            + (f" (left out: {left})" if left else "")
            + ". Bring PNG, JPEG or WebP files, in a zip or as they are."
        )
    groups = [sorting.groups[i] for i in kept]
    classes = tuple(sorted(set(groups)))
    labels = torch.tensor([classes.index(g) for g in groups])
    pairs, matched = _pairs(sorting, kept)
    layout: Layout = "one" if len(classes) == 1 else "two" if len(classes) == 2 else "classes"
    counts = {c or "all": groups.count(c) for c in classes}
    report = Report(
        brought.title, "pairs" if matched else layout, counts, tuple(skipped),
        tuple(_warnings(sorting, counts, [results[i] for i in kept], size)),
        len(brought.captions.splitlines()) if brought.captions else 0,
    )  # fmt: skip
    return UserDataset(
        report, torch.stack([results[i][0] for i in kept]), labels,
        () if layout == "one" else classes, pairs, tuple(members[i].name for i in kept),
        brought.captions,
    )  # fmt: skip


def _pairs(sorting: Sorting, kept: list[int]) -> tuple[Tensor, bool]:
    """Return the number of the pair of each picture that is kept, and whether there are pairs: two
    folders whose names, without their endings, are the same.
    """
    ends = [[s for s, g in zip(sorting.stems, sorting.groups, strict=True) if g == group]
            for group in sorted(set(sorting.groups))]  # fmt: skip
    nobody = torch.full((len(kept),), -1)
    if len(ends) != 2 or sorted(ends[0]) != sorted(ends[1]) or len(set(ends[0])) < len(ends[0]):
        return nobody, False
    there = Counter(sorting.stems[i] for i in kept)  # a pair of which one is damaged is none
    number = {stem: k for k, stem in enumerate(sorted(s for s, n in there.items() if n == 2))}
    pairs = torch.tensor([number.get(sorting.stems[i], -1) for i in kept])
    return pairs, len(number) > 1


def _warnings(
    sorting: Sorting, counts: dict[str, int], found: list[Found], size: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what somebody should think of before training."""
    total = sum(counts.values())
    if total < FEW:
        yield "few", {"least": FEW}
    large, small = (pick(counts, key=lambda name: counts[name]) for pick in (max, min))
    if counts[large] >= UNEQUAL * counts[small]:
        about = {"large": large, "most": counts[large], "small": small, "fewest": counts[small]}
        yield "unequal", about
    rare = [name for name, n in counts.items() if n < FEW_OF_CLASS]
    if rare and len(counts) > 1:
        yield "rare", {"least": FEW_OF_CLASS, "names": ", ".join(rare[:8])}
    if copies := total - len({digest for _, digest, _ in found}):
        yield "copies", {"count": copies}
    if enlarged := sum(small for _, _, small in found):
        yield "small", {"count": enlarged, "size": size}
    if sorting.held:
        yield "held", {"count": sorting.held}
    if sorting.folders:
        yield "many", {"count": sorting.folders}
    if LOOSE in counts:
        yield "loose", {"count": counts[LOOSE], "name": LOOSE}


# --- Pixels --------------------------------------------------------------------------------------


def _decoded(members: list[Member], size: int, limits: Limits) -> Iterator[Found]:
    """Yield the pixels (3, size, size) of each picture with what tells copies of it, or None with
    the reason.
    """
    spent = 0
    pool = ThreadPoolExecutor(max_workers=os.cpu_count())
    try:
        for found, pixels in pool.map(lambda m: _decode(m, size), members):
            spent += pixels
            if spent > limits.decoded:
                raise BadData(
                    f"pictures: together they have more than {limits.decoded / 1e6:,.0f} "
                    "megapixels; make them smaller, or bring fewer."
                )
            yield found
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _decode(member: Member, size: int) -> tuple[Found, int]:
    """Return what `_decoded` yields, and how many pixels had to be decoded."""
    try:
        content = member.read()
        width, height = images.size_of(content)
        if min(width, height) < MIN_SIDE:
            return (None, "tiny", False), 0
        if width * height > images.MAX_PIXELS:
            return (None, "pixels", False), 0
        image = images.open_image(content, draft=2 * size)
    except (BadImage, OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile):
        return (None, "damaged", False), 0
    spent = image.width * image.height
    image = images.flatten(image, "RGB", background=255)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    if side != size or image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS, box)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return (images.to_pixels(image), digest, min(width, height) < size), spent
