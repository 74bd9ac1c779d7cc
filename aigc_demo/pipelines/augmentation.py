"""From an `AugmentRequest` to variants of its picture, with all that was sampled for them."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from aigc_demo.augment import Sample, Sampled, apply, check, parse
from aigc_demo.errors import BadImage, BadValue
from aigc_demo.imaging import images
from aigc_demo.requests import MAX_SEED, AugmentRequest

Box = tuple[float, float, float, float]
MAX_STRENGTHS = 16
ROUNDING = 0.1  # pixels that a box may go beyond the edge of its picture
MIN_SIDE = 8  # pixels: what all transforms can work with


@dataclass(frozen=True)
class AugmentResult:
    """Variants of a picture (RGB) with the seed and the sampled parameters of each, the boxes and
    the mask (L) that moved along, and the seconds it took.

    Of each variant, ``boxes[i][k]`` belongs to ``labels[i][k]`` and is what became of box number
    ``numbers[i][k]`` of the request; `dropped` are the labels of boxes of which nothing is left.
    """

    images: list[Image.Image]
    seeds: list[int]
    sampled: list[list[Sampled]]
    boxes: list[list[Box]]
    labels: list[list[str | int]]
    numbers: list[list[int]]
    dropped: list[list[str | int]]
    masks: list[Image.Image]
    seconds: float


def run(request: AugmentRequest) -> AugmentResult:
    """Return `request.n` variants; raises UserError where something does not fit."""
    *_, result = run_steps(request)
    assert isinstance(result, AugmentResult)
    return result


def run_steps(request: AugmentRequest) -> Iterator[float | AugmentResult]:
    """Yield the share that is done, from 0 to 1, then the result."""
    start = time.perf_counter()
    pipeline = parse(request.pipeline)
    sample = _sample_of(request)
    check(pipeline, annotated=sample.annotated, partner=request.partner is not None)
    partner = _pixels_of(request.partner) if request.partner is not None else None
    seeds = [(request.seed + i) % (MAX_SEED + 1) for i in range(request.n)]
    made: list[tuple[Sample, list[Sampled]]] = []
    for i, seed in enumerate(seeds, 1):
        made.append(apply(pipeline, sample, seed, partner=partner, fast=request.quick))
        yield i / request.n
    moved = [_boxes(s.boxes) for s, _ in made if s.boxes is not None]
    labels = dict(enumerate(request.labels or range(len(request.boxes))))
    yield AugmentResult(
        images=[_to_image(s.image) for s, _ in made],
        seeds=seeds,
        sampled=[sampled for _, sampled in made],
        boxes=[list(boxes.values()) for boxes in moved],
        labels=[[labels[k] for k in boxes] for boxes in moved],
        numbers=[list(boxes) for boxes in moved],
        dropped=[[label for k, label in labels.items() if k not in boxes] for boxes in moved],
        masks=[Image.fromarray(s.mask.numpy()) for s, _ in made if s.mask is not None],
        seconds=time.perf_counter() - start,
    )


def strip(request: AugmentRequest, step: int, count: int = 8) -> list[tuple[float, Image.Image]]:
    """Return the picture under step number `step` of the pipeline alone, at `count` shares of its
    strength from 0 to 1, what is sampled otherwise the same.
    """
    pipeline = parse(request.pipeline)
    if not 0 <= step < len(pipeline):
        raise BadValue(f"step: there is no step {step + 1}; the pipeline has {len(pipeline)}.")
    if not 2 <= count <= MAX_STRENGTHS:
        raise BadValue(f"count: {count} cannot be used; take 2 to {MAX_STRENGTHS}.")
    sample, strip = Sample(_pixels_of(request.image)), []
    for share in (i / (count - 1) for i in range(count)):
        made, _ = apply((pipeline[step].at(share),), sample, request.seed)
        strip.append((share, _to_image(made.image)))
    return strip


def _sample_of(request: AugmentRequest) -> Sample:
    """Return the picture of a request with its boxes and mask; raises BadValue or BadImage where
    they do not fit it.
    """
    x = _pixels_of(request.image)
    height, width = x.shape[-2:]
    within = [_within(f"boxes.{i}", box, width, height) for i, box in enumerate(request.boxes)]
    boxes = torch.tensor(within, dtype=torch.float32) if within else None
    if request.mask is None:
        return Sample(x, boxes)
    mask = images.upright(request.mask)
    images.check_size("mask", mask, (width, height))
    return Sample(x, boxes, images.to_pixels(images.flatten(mask, "L"))[0])


def _within(place: str, box: Box, width: int, height: int) -> Box:
    """Return a box without what lies beyond the edge of the picture by rounding."""
    given = ", ".join(f"{side:.9g}" for side in box)
    x0, y0, x1, y1 = (
        min(max(side, 0.0), most) if -ROUNDING <= side <= most + ROUNDING else math.nan
        for side, most in zip(box, (width, height) * 2, strict=True)
    )
    if math.isnan(x0 + y0 + x1 + y1):
        raise BadValue(
            f"{place}: ({given}) goes beyond the {width}×{height} pixels of the picture; give "
            "left, top, right, bottom."
        )
    if not (x0 < x1 and y0 < y1):
        raise BadValue(
            f"{place}: ({given}) is empty, since right must be more than left and bottom more "
            "than top; give left, top, right, bottom."
        )
    return x0, y0, x1, y1


def _pixels_of(image: Image.Image) -> Tensor:
    """Return a picture of any mode as uint8 (3, H, W), transparent parts laid over white."""
    if min(image.size) < MIN_SIDE:
        raise BadImage(
            f"The picture has {image.width}×{image.height} pixels; it takes {MIN_SIDE} a side at "
            "least."
        )
    return images.to_pixels(images.flatten(images.upright(image), "RGB", 255))


def _to_image(x: Tensor) -> Image.Image:
    return Image.fromarray(np.ascontiguousarray(x.permute(1, 2, 0).numpy()))


def _boxes(boxes: Tensor) -> dict[int, Box]:
    """Return the boxes that something is left of, by their numbers."""
    rounded = (tuple(round(v, 1) for v in box) for box in boxes.tolist())
    return {k: (a, b, c, d) for k, (a, b, c, d) in enumerate(rounded) if c > a and d > b}
