"""From an `AugmentRequest` to variants of its picture, with all that was sampled for them."""

from __future__ import annotations

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
MIN_SIDE = 8  # pixels: what all transforms can work with


@dataclass(frozen=True)
class AugmentResult:
    """Variants of a picture (RGB) with the seed and the sampled parameters of each, the boxes and
    the mask (L) that moved along, and the seconds it took.
    """

    images: list[Image.Image]
    seeds: list[int]
    sampled: list[list[Sampled]]
    boxes: list[list[Box]]
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
    yield AugmentResult(
        images=[_to_image(s.image) for s, _ in made],
        seeds=seeds,
        sampled=[sampled for _, sampled in made],
        boxes=[_boxes(s.boxes) for s, _ in made if s.boxes is not None],
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
    for i, (x0, y0, x1, y1) in enumerate(request.boxes):
        if not (0 <= x0 < x1 <= width and 0 <= y0 < y1 <= height):
            raise BadValue(
                f"boxes.{i}: ({x0:g}, {y0:g}, {x1:g}, {y1:g}) is no box within {width}×{height} "
                "pixels; give left, top, right, bottom."
            )
    boxes = torch.tensor(request.boxes, dtype=torch.float32) if request.boxes else None
    if request.mask is None:
        return Sample(x, boxes)
    images.check_size("mask", request.mask, (width, height))
    return Sample(x, boxes, images.to_pixels(images.flatten(request.mask, "L"))[0])


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


def _boxes(boxes: Tensor) -> list[Box]:
    """Return the boxes that something is left of."""
    rounded = [[round(v, 1) for v in box] for box in boxes.tolist()]
    return [(x0, y0, x1, y1) for x0, y0, x1, y1 in rounded if x1 > x0 and y1 > y0]
