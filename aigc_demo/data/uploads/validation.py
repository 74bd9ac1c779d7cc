"""Validates a user's images before anything is trained, and brings them to one size.

The zip or folder itself is opened and checked by `archives`; `layouts` says what folders mean.
What cannot be used is skipped and reported with its reason.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image
from torch import Tensor

from aigc_demo.data import archives, caption_files, hold_out, layouts, pairs
from aigc_demo.data.archives import REASONS, ImageFile, Limits, Listing, Skipped
from aigc_demo.data.caption_files import Captions
from aigc_demo.data.class_names import safe
from aigc_demo.data.uploads.user_dataset import Layout, Report, UserDataset
from aigc_demo.errors import BadData, TooManyPixels
from aigc_demo.imaging import images
from aigc_demo.nn import byte_tokenizer

MIN_SIDE, FEW, FEW_OF_CLASS, UNEQUAL = 16, 100, 10, 10
NAMED = 5  # files that a warning names


@dataclass(frozen=True)
class UploadLimits(Limits):
    """How much a user may upload."""

    decoded: int  # pixels of all images together, as decoded
    kept: int  # bytes of all images at the size of the run


VISITOR_LIMITS = UploadLimits(
    entries=20_000,
    images=3000,
    file_bytes=50_000_000,
    total_bytes=1_000_000_000,
    captions_bytes=5_000_000,
    decoded=4_000_000_000,
    kept=200_000_000,
)
OWNER_LIMITS = UploadLimits(  # of those who own the machine
    entries=65_535,
    images=60_000,
    file_bytes=100_000_000,
    total_bytes=20_000_000_000,
    captions_bytes=5_000_000,
    decoded=10**12,
    kept=4_000_000_000,
)


@dataclass(frozen=True)
class Decoded:
    """A square image, and what is known of its file."""

    pixels: Tensor  # uint8 (3, S, S)
    thumbnail: Tensor  # uint8 (3, T, T)
    digest: str  # of the file's content
    enlarged: bool
    cost: int  # pixels that had to be decoded


def validate(
    paths: list[Path], *, size: int = 64, limits: UploadLimits = VISITOR_LIMITS
) -> UserDataset:
    """Validate a zip, a folder or image files; images become squares of side `size`.

    Raises BadData where fewer than two can be used, or there is more than the limits allow.
    """
    *_, own = validate_steps(paths, size=size, limits=limits)
    assert isinstance(own, UserDataset)
    return own


def validate_steps(
    paths: list[Path], *, size: int = 64, limits: UploadLimits = VISITOR_LIMITS
) -> Iterator[float | UserDataset]:
    """Yield the share that is done, from 0 to 1, then the images."""
    with archives.opened(paths, limits) as listing:
        count = len(listing.images)
        if (need := count * 3 * size * size) > limits.kept:
            raise BadData(
                f"pictures: {count:,} of {size}×{size} need {need / 1e6:,.0f} MB; "
                f"the limit is {limits.kept / 1e6:,.0f}. Choose a smaller size or bring fewer."
            )
        layout = layouts.detect(listing.images)
        results: list[Decoded | Skipped] = []
        spent = 0
        for result in archives.decode(layout.files, lambda f, c: _decode(f, c, size)):
            spent += result.cost if isinstance(result, Decoded) else 0
            if spent > limits.decoded:
                raise BadData(
                    f"pictures: together they have more than {limits.decoded / 1e6:,.0f} "
                    "megapixels; make them smaller, or bring fewer."
                )
            results.append(result)
            yield len(results) / len(layout.files)
        captions = caption_files.read(listing, limits, of=listing.title)
    yield _user_dataset(listing, layout, results, size=size, captions=captions)


def _decode(file: ImageFile, content: bytes, size: int) -> Decoded | Skipped:
    """Return the largest square from the middle of an image, at `size`."""
    try:
        width, height = images.size_of(content)
        if min(width, height) < MIN_SIDE:
            return Skipped(file.name, "tiny")
        image = images.open_image(content, draft=2 * size)
    except TooManyPixels:
        return Skipped(file.name, "pixels")
    cost = image.width * image.height
    image = images.flatten(image, "RGB", background=255)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    box = (left, top, left + side, top + side)
    small = (hold_out.THUMBNAIL, hold_out.THUMBNAIL)
    thumbnail = images.to_pixels(image.resize(small, Image.Resampling.BOX, box))
    if image.size != (size, size):
        image = image.resize((size, size), Image.Resampling.LANCZOS, box)
    digest = hashlib.blake2b(content, digest_size=16).hexdigest()
    return Decoded(images.to_pixels(image), thumbnail, digest, min(width, height) < size, cost)


def _user_dataset(
    listing: Listing,
    layout: layouts.UserLayout,
    results: list[Decoded | Skipped],
    *,
    size: int,
    captions: Captions,
) -> UserDataset:
    """Put together what was decoded."""
    usable = [i for i, result in enumerate(results) if isinstance(result, Decoded)]
    skipped = (*listing.skipped, *captions.unused, *(r for r in results if isinstance(r, Skipped)))
    if len(usable) < 2:
        raise _too_few(len(usable), skipped)
    decoded = [r for r in results if isinstance(r, Decoded)]
    paths = tuple(layout.files[i].path for i in usable)
    groups = [layout.groups[i] for i in usable]
    classes = tuple(sorted(set(groups)))
    counts = {c or "all": groups.count(c) for c in classes}
    labels, pixels = [classes.index(g) for g in groups], torch.stack([d.pixels for d in decoded])
    found = pairs.find(layout, usable)
    sure = pairs.evident(found, pixels, named=classes == layouts.DOMAINS)
    splits = [layout.splits[i] for i in usable]
    thumbnails = torch.stack([d.thumbnail for d in decoded])
    digests = [d.digest for d in decoded]
    held = hold_out.choose(labels, splits, digests, thumbnails, found.numbers)
    kinds: dict[int, Layout] = {1: "one", 2: "two"}
    report = Report(
        title=listing.title,
        layout="pairs" if sure else kinds.get(len(classes), "classes"),
        counts=counts,
        skipped=skipped,
        warnings=(
            *_warnings(layout, counts, decoded, size),
            *_split_warnings(layout, splits, held, found, sure=sure),
            *_listing_warnings(listing, captions, paths),
        ),
        pairable=max(found.numbers) > 0,
        captions=sum(path in captions.rows for path in paths),
    )
    return UserDataset(
        report=report,
        images=pixels,
        labels=torch.tensor(labels),
        classes=() if len(classes) == 1 else classes,
        pairs=torch.tensor(found.numbers),
        held_out=torch.tensor(held),
        names=paths,
        captions=captions.stored(paths) if report.captions else None,
    )


def _too_few(count: int, skipped: tuple[Skipped, ...]) -> BadData:
    reasons = Counter(REASONS[s.reason] for s in skipped)
    listed = "; ".join(f"{n} × {why}" for why, n in reasons.most_common(4))
    return BadData(
        f"pictures: {count or 'none'} can be used, and training needs at least 2"
        + (f" (left out: {listed})" if listed else "")
        + ". Bring PNG, JPEG or WebP files, in a zip or as they are."
    )


def _warnings(
    layout: layouts.UserLayout, counts: dict[str, int], decoded: list[Decoded], size: int
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield warnings before training: keys of `WARNINGS` and their values."""
    if len(decoded) < FEW:
        yield "few", {"least": FEW}
    large, small = (pick(counts, key=lambda name: counts[name]) for pick in (max, min))
    if counts[large] >= UNEQUAL * counts[small]:
        about = {"large": large, "most": counts[large], "small": small, "fewest": counts[small]}
        yield "unequal", about
    rare = [name for name, n in counts.items() if n < FEW_OF_CLASS]
    if rare and len(counts) > 1:
        yield "rare", {"least": FEW_OF_CLASS, "names": ", ".join(rare[:8])}
    if copies := len(decoded) - len({d.digest for d in decoded}):
        yield "copies", {"count": copies}
    if enlarged := sum(d.enlarged for d in decoded):
        yield "small", {"count": enlarged, "size": size}
    if layout.folders:
        yield "many", {"count": layout.folders}
    if layout.loose in counts:
        yield "loose", {"count": counts[layout.loose], "name": layout.loose}


def _split_warnings(
    layout: layouts.UserLayout,
    splits: list[str],
    held: list[bool],
    found: pairs.Pairs,
    *,
    sure: bool,
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield what is said of splits, of what is held out and of pairs."""
    own = [f"{split}: {n}" for split in ("val", "test") if (n := splits.count(split))]
    if own:
        yield "split", {"splits": ", ".join(own)}
    if not any(held):
        yield "none_held", {"least": hold_out.LEAST}
    elif not own:
        yield "held", {"count": sum(held)}
    if layout.untaught:
        yield "untaught", {"count": layout.untaught}
    if layout.like_splits:
        yield "like_splits", {"names": ", ".join(layout.like_splits)}
    if sure and found.missing:
        both = max(found.numbers) + 1
        missing = ", ".join(found.missing[:8]) + (" …" if len(found.missing) > 8 else "")
        yield "partners", {"count": both, "all": both + len(found.missing), "names": missing}
    elif max(found.numbers) > 0 and not sure:
        yield "numbers", {}


def _listing_warnings(
    listing: Listing, captions: Captions, paths: tuple[str, ...]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield warnings of names and captions."""
    if listing.coding:
        yield "coding", {"coding": listing.coding}
    without = [path for path in paths if path not in captions.rows]
    if captions.sources and without:
        yield "uncaptioned", {"count": len(without), "names": _a_few(without)}
    if lost := captions.unmatched:
        yield "unmatched", {"count": len(lost), "names": _a_few(lost)}
    if captions.joined:
        yield "joined", {"count": captions.joined}
    if captions.repeated:
        yield "repeated", {"count": captions.repeated}
    said = [
        byte_tokenizer.clean(captions.rows[p].get("caption", ""))
        for p in paths
        if p in captions.rows
    ]
    if long := sum(len(text.encode(errors="replace")) > byte_tokenizer.MAX_BYTES for text in said):
        yield "long", {"count": long, "most": byte_tokenizer.MAX_BYTES}


def _a_few(names: Sequence[str]) -> str:
    return ", ".join(safe(name, 60) for name in names[:NAMED]) + ", …" * (len(names) > NAMED)
