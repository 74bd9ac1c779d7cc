"""Which images of two folders belong together: by their names, and by what they show."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d

from aigc_demo.data.layouts import UserLayout

LEAST = 5  # pairs whose contents tell something
COUNTER = re.compile(r"^\D*\d+")  # a name that is no more than a number
MOSTLY = 0.8  # of the names of two folders that have a partner where they are pairs


@dataclass(frozen=True)
class Pairs:
    """The number of the pair of each file, -1 where it has none; the stems that have no partner;
    and whether names are all that speaks for it, and no more than numbers.
    """

    numbers: list[int]
    missing: tuple[str, ...] = ()
    only_numbers: bool = False


def find(layout: UserLayout, usable: Sequence[int]) -> Pairs:
    """Return the pairs among the usable files: those of two folders that are called alike, but
    for what all names of their folder end or begin with (``1_A`` and ``1_B``).
    """
    none = Pairs([-1] * len(usable))
    folders = sorted(set(layout.groups))
    if len(folders) != 2:
        return none
    ends = []
    for folder in folders:
        members = [i for i in usable if layout.groups[i] == folder]
        stems = _without_common_word([layout.stems[i] for i in members])
        ends.append({(layout.splits[i], stem): i for i, stem in zip(members, stems, strict=True)})
        if len(ends[-1]) < len(members):
            return none
    common = sorted(ends[0].keys() & ends[1].keys())
    every = ends[0].keys() | ends[1].keys()
    if len(common) < 2 or len(common) < MOSTLY * len(every):
        return none
    place = {i: k for k, i in enumerate(usable)}
    numbers = [-1] * len(usable)
    for number, key in enumerate(common):
        for end in ends:
            numbers[place[end[key]]] = number
    missing = tuple(
        f"{folders[1 - k]}/{key[1]}"
        for k in (0, 1)
        for key in sorted(ends[k].keys() - set(common))
    )
    only = all(COUNTER.fullmatch(PurePosixPath(stem).name) for _, stem in common)
    return Pairs(numbers, missing, only_numbers=only)


def _without_common_word(stems: list[str]) -> list[str]:
    """Return stems without a word at their end, or at their beginning, that all of them share."""
    for cut in (lambda s: s.rpartition("_")[::2], lambda s: s.partition("_")[::-2]):
        parts = [cut(stem) for stem in stems]
        if len(stems) > 1 and len({word for _, word in parts}) == 1 and all(p[0] for p in parts):
            return [rest for rest, _ in parts]
    return stems


def evident(pairs: Pairs, pixels: Tensor, *, named: bool) -> bool:
    """Tell whether there are pairs beyond doubt: by names that are more than numbers, or by what
    the images (N, 3, S, S) show. Of few, folders `named` A and B will do.
    """
    count = max(pairs.numbers) + 1
    if not count:
        return False
    few = count <= LEAST
    return not pairs.only_numbers or (named and few) or _show_the_same(pixels, pairs.numbers)


def _show_the_same(pixels: Tensor, numbers: list[int]) -> bool:
    """Tell whether the edges of images lie where those of their partners are, more than where
    those of others are.
    """
    first: dict[int, int] = {}
    pairs = [
        (first[k], i) for i, k in enumerate(numbers) if k >= 0 and first.setdefault(k, i) != i
    ]
    if len(pairs) < LEAST:
        return False
    a, b = (_edges(pixels[list(end)]) for end in zip(*pairs, strict=True))
    matched = (a * b).sum(dim=1)
    shifts = range(1, min(len(pairs), 20))
    shuffled = torch.cat([(a * b.roll(shift, 0)).sum(dim=1) for shift in shifts])
    error = float(shuffled.std()) / len(pairs) ** 0.5
    return float(matched.mean() - shuffled.mean()) > max(4 * error, 0.03)


def _edges(pixels: Tensor) -> Tensor:
    """Return normalised maps (N, 225) of how much images change from place to place."""
    grey = adaptive_avg_pool2d(pixels.float().mean(dim=1), 16)
    edges = grey.diff(dim=1)[:, :, 1:].square() + grey.diff(dim=2)[:, 1:].square()
    edges = edges.sqrt().flatten(1)
    edges = edges - edges.mean(dim=1, keepdim=True)
    return edges / edges.norm(dim=1, keepdim=True).clamp(min=1e-6)
