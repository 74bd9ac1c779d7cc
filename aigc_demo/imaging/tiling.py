"""Functions of small pieces applied to pictures of any size, mode and depth, tile by tile.

Each tile is computed with a margin as wide as the receptive field of the function, so that no seam
is left. A hole that is larger than the receptive field is filled at a smaller scale first. Only
what the mask marks is written back: all other pixels keep their very values.

Pieces are float32 (H, W, 3) in [0, 1]. Knows no method and no network.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from aigc_demo.imaging.images import Planes

Picture = NDArray[np.float32]
Hole = NDArray[np.bool_]
Weights = NDArray[np.uint8]
Clean = Callable[[Picture], Picture]
Fill = Callable[[Picture, Hole, Picture | None], Picture]  # the last one is a guess
Box = tuple[slice, slice]

TILE = 512  # pixels of a side of a tile, without its margin
STEP = 16  # tiles and margins are multiples of it, as are the cells of networks
DEEPEST = 24  # pixels from the rim of a hole, up to which it is filled at one scale
SMALLEST = 64  # pixels of a side of the smallest scale


def tiles(height: int, width: int, margin: int) -> Iterator[tuple[Box, Box, Box]]:
    """Yield the place of each tile, the place with `margin` around, and its place within that.

    Both begin at multiples of STEP.
    """
    margin = -(-margin // STEP) * STEP
    for top in range(0, height, TILE):
        for left in range(0, width, TILE):
            bottom, right = min(height, top + TILE), min(width, left + TILE)
            up, far_left = max(0, top - margin), max(0, left - margin)
            down, far_right = min(height, bottom + margin), min(width, right + margin)
            yield (
                (slice(top, bottom), slice(left, right)),
                (slice(up, down), slice(far_left, far_right)),
                (slice(top - up, bottom - up), slice(left - far_left, right - far_left)),
            )


def clean(
    planes: Planes, weights: Weights | None, function: Clean, *, margin: int
) -> Iterator[float | Planes]:
    """Yield the share that is done, then the picture with what `weights` (H, W) mark, or all of
    it, cleaned.
    """
    out = planes.colour.copy()
    todo = list(tiles(*out.shape[:2], margin))
    for done, (own, around, inner) in enumerate(todo, 1):
        part = None if weights is None else weights[own]
        if part is None or part.any():
            result = function(planes[around].floats())
            _write(out, planes, own, result[inner], part)
        yield done / len(todo)
    yield replace(planes, colour=out)


def fill(
    planes: Planes, weights: Weights, function: Fill, *, margin: int, guesses: bool
) -> Iterator[float | Planes]:
    """Yield the share that is done, then the picture with what `weights` (H, W) mark filled.

    `guesses` says that the function can use a guess: large holes are then filled coarse to fine,
    and large regions tile by tile.
    """
    out = planes.colour.copy()
    boxes = regions(weights > 0, margin)
    total = sum(map(_area, boxes))
    before = 0.0
    for box in boxes:
        piece, hole = planes[box].floats(), weights[box] > 0
        share = _area(box) / total
        if guesses:
            for result in _coarse_to_fine(piece, hole, function, margin):
                if isinstance(result, float):
                    yield before + result * share
        else:
            result = function(piece, hole, None)
        before += share
        yield before
        _write(out, planes, box, result, weights[box])
    yield replace(planes, colour=out)


def _coarse_to_fine(
    piece: Picture, hole: Hole, function: Fill, margin: int
) -> Iterator[float | Picture]:
    """Yield the share that is done, then the piece, filled at the coarsest scale at which its hole
    can be seen across, then at the finer ones.
    """
    levels = [(piece, hole)]
    while depth(levels[-1][1]) > DEEPEST and min(levels[-1][1].shape) >= 2 * SMALLEST:
        levels.append(halved(*levels[-1]))
    total, done = sum(hole.size for _, hole in levels), 0
    guess: Picture | None = None
    for piece, hole in reversed(levels):
        if guess is not None:
            size = hole.shape[::-1]
            guess = cv2.resize(guess, size, interpolation=cv2.INTER_CUBIC).clip(0, 1)
        result = piece.copy()
        for own, around, inner in tiles(*hole.shape, margin):
            if hole[own].any():
                part = None if guess is None else guess[around]
                result[own] = function(piece[around], hole[around], part)[inner]
            done += _area(own)
            yield done / total
        guess = np.where(hole[..., None], result, piece)
    yield result


def halved(piece: Picture, hole: Hole) -> tuple[Picture, Hole]:
    """Return a piece and its hole at half the size; a pixel is the mean of what is known there."""
    known = (~hole).astype(np.float32)
    size = ((hole.shape[1] + 1) // 2, (hole.shape[0] + 1) // 2)
    weight = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
    mean = cv2.resize(piece * known[..., None], size, interpolation=cv2.INTER_AREA)
    return mean / np.maximum(weight, 1e-6)[..., None], weight < 0.5


def depth(hole: Hole) -> float:
    """Return how far the innermost pixel of a hole is from its rim."""
    if hole.all():
        return max(hole.shape) / 2
    return float(cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3).max())


def regions(hole: Hole, margin: int) -> list[Box]:
    """Return boxes that hold all parts of `hole` with `margin` around; no two of them overlap."""
    side = 2 * margin + 1
    near = cv2.dilate(hole.astype(np.uint8), np.ones((1, side), np.uint8))
    near = cv2.dilate(near, np.ones((side, 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(near, connectivity=8)
    merged: list[tuple[int, int, int, int]] = []
    for left, top, wide, high, _ in stats[1:].tolist():
        box = (top, left, top + high, left + wide)
        # Join the box with all that it meets, and with what the joined one meets.
        while met := [m for m in merged if _meet(m, box)]:
            merged = [m for m in merged if m not in met]
            tops, lefts, bottoms, rights = zip(*met, box, strict=True)
            box = (min(tops), min(lefts), max(bottoms), max(rights))
        merged.append(box)
    return [(slice(top, bottom), slice(left, right)) for top, left, bottom, right in merged]


def _meet(a: tuple[int, ...], b: tuple[int, ...]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _area(box: Box) -> int:
    return (box[0].stop - box[0].start) * (box[1].stop - box[1].start)


def _write(
    out: NDArray[np.generic], planes: Planes, box: Box, result: Picture, weights: Weights | None
) -> None:
    """Blend `result` into a box of `out` by `weights`; where they are 0, write nothing."""
    values = planes.integers(result)
    if weights is None:
        out[box] = values
        return
    share = weights[..., None].astype(np.float32) / 255
    mixed = np.rint(out[box] * (1 - share) + values * share).astype(out.dtype)
    out[box] = np.where(weights[..., None] > 0, mixed, out[box])
