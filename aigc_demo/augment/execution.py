"""Pipelines applied: to one picture with all that was sampled, and to the batches of training.

One seed decides what is sampled. The arithmetic is torchvision's or, where a transform has it and
`fast` is asked for, OpenCV's: on small pictures one by one, torchvision spends most of its time on
the way into each operation. Pixels then differ by rounding, and where a filled corner meets the
picture.
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from aigc_demo.augment.pipeline import Pipeline, Sampled, Step, check
from aigc_demo.augment.sampling import DrawFrom, always, record
from aigc_demo.augment.transform import FILL, Pixels, Size, Values


@dataclass
class Sample:
    """A picture, uint8 (3 or 1, H, W), and what moves with it: boxes (N, 4) as x0, y0, x1, y1,
    float32, and a mask (H, W), uint8.
    """

    image: Tensor
    boxes: Tensor | None = None
    mask: Tensor | None = None

    @property
    def size(self) -> Size:
        return self.image.shape[-2], self.image.shape[-1]

    @property
    def annotated(self) -> bool:
        return self.boxes is not None or self.mask is not None

    def annotations(self) -> dict[str, Tensor | None]:
        """Return the boxes and the mask as torchvision has them."""
        boxes, mask = self.boxes, self.mask
        if boxes is not None:
            boxes = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=self.size)
        return {"boxes": boxes, "mask": None if mask is None else tv_tensors.Mask(mask)}


def apply(
    pipeline: Pipeline,
    sample: Sample,
    seed: int,
    *,
    partner: Tensor | None = None,
    fast: bool = False,
) -> tuple[Sample, list[Sampled]]:
    """Return `sample` after the pipeline, and what `seed` sampled for each step.

    Steps that mix take `partner`, another picture. Raises BadValue where a step cannot move boxes
    or a mask that are there.
    """
    check(pipeline, annotated=sample.annotated, partner=partner is not None)
    generator = torch.Generator().manual_seed(seed % 2**63)
    sampled = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # erasing warns that it leaves masks alone; so it should
        for step in pipeline:
            values = None
            if not step.gated or torch.rand(1, generator=generator).item() < step.p:
                if step.mixes:
                    sample, values = _mix(step, sample, partner, generator)
                elif fast and step.transform.opencv is not None:
                    sample, values = _with_opencv(step, sample, generator)
                else:
                    sample, values = _with_torchvision(step, sample, generator)
            sampled.append(Sampled(step.name, values))
    return sample, sampled


def _with_torchvision(
    step: Step, sample: Sample, generator: torch.Generator
) -> tuple[Sample, Values]:
    transform = _build(step, sample.size, masked=sample.mask is not None)
    values = record(transform)
    with DrawFrom(generator):
        parts = transform({"image": tv_tensors.Image(sample.image)} | sample.annotations())
    return Sample(**_plain(parts)), values


def _with_opencv(step: Step, sample: Sample, generator: torch.Generator) -> tuple[Sample, Values]:
    values = tuple(step.values.items())
    transform = _cached(step.name, values, sample.size, masked=sample.mask is not None)
    with DrawFrom(generator):
        sampled = transform.make_params([sample.image])
    pixels = step.transform.opencv(_to_pixels(sample.image), sampled, **step.values)
    pixels = pixels.reshape(*pixels.shape[:2], -1)  # OpenCV drops the one channel of grey
    image = torch.from_numpy(pixels).permute(2, 0, 1)
    there = {k: v for k, v in sample.annotations().items() if v is not None}
    moved = {k: transform.transform(v, sampled) for k, v in there.items()}
    return Sample(image, **_plain(moved)), sampled


def _mix(
    step: Step, sample: Sample, partner: Tensor | None, generator: torch.Generator
) -> tuple[Sample, Values]:
    """Mix a picture with its partner, as torchvision does with a batch of the two."""
    assert partner is not None
    if partner.shape[-2:] != sample.image.shape[-2:]:
        partner = v2.functional.resize(partner, list(sample.size), antialias=True)
    both = torch.stack([sample.image, partner]).float()
    with DrawFrom(generator):
        images, labels = step.call(sample.size).build()(both, torch.tensor([0, 1]))
    image = images[0].round().clamp(0, 255).to(torch.uint8)
    return Sample(image), {"share": float(labels[0, 0])}


def _build(step: Step, size: Size, *, masked: bool) -> Any:
    """Return the transform of a step that is applied; what it uncovers is 0 in masks."""
    call = step.call(size)
    more: dict[str, Any] = {"p": 1.0} if step.transform.takes_p else {}
    if masked and "fill" in call.arguments and FILL in step.transform.parameters:
        more["fill"] = {tv_tensors.Mask: 0, "others": call.arguments["fill"]}
    transform = call.build(**more)
    if step.transform.takes_p:
        always(transform)
    return transform


@functools.lru_cache(maxsize=256)
def _cached(name: str, values: tuple[tuple[str, Any], ...], size: Size, *, masked: bool) -> Any:
    """Return what `_build` returns: building a transform costs as much as using it."""
    return _build(Step(name, values=dict(values)), size, masked=masked)


def _plain(parts: dict[str, Tensor | None]) -> dict[str, Tensor | None]:
    return {k: None if v is None else v.as_subclass(Tensor) for k, v in parts.items()}


def _to_pixels(image: Tensor) -> Pixels:
    """Return a picture (C, H, W) as OpenCV takes it."""
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy())


# --- Batches -------------------------------------------------------------------------------------


def apply_batch(pipeline: Pipeline, images: Tensor, seeds: Sequence[int]) -> Tensor:
    """Return pictures uint8 (B, C, H, W) after the pipeline, each with a seed of its own, at the
    size they had and as channels_last. Steps that mix are for `mix_batch`, and left out here.
    """
    steps = tuple(step for step in pipeline if not step.mixes)
    height, width = images.shape[-2:]
    made = []
    # Channels stay innermost, as OpenCV has them, from here to the end.
    for image, seed in zip(images.to(memory_format=torch.channels_last), seeds, strict=True):
        sample, _ = apply(steps, Sample(image), seed, fast=True)
        pixels = _to_pixels(sample.image)
        if sample.size != (height, width):
            pixels = cv2.resize(pixels, (width, height))
        made.append(pixels.reshape(height, width, -1))
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)


def mix_batch(
    pipeline: Pipeline, images: Tensor, labels: Tensor, classes: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Mix the pictures (B, C, H, W), float, of a batch and their class numbers (B,); return them
    and the classes' weights (B, K).
    """
    weights = F.one_hot(labels, classes).float()
    with DrawFrom(torch.Generator().manual_seed(seed % 2**63)):
        for step in pipeline:
            if step.mixes and not (step.gated and bool(torch.rand(1) >= step.p)):
                call = step.call((images.shape[-2], images.shape[-1]))
                images, weights = call.build(num_classes=classes)(images, weights)
    return images, weights
