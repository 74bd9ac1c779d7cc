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
from aigc_demo.augment.sampling import DrawFrom, apply_policy
from aigc_demo.augment.transform import FILL, Pixels, Size, Values


@dataclass
class Sample:
    """A picture, uint8 (3 or 1, H, W), and what moves with it: boxes (N, 4) as x0, y0, x1, y1,
    float32, and a mask (H, W), uint8. Boxes keep their rows; one that is cut off is empty.
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
    generator = torch.Generator().manual_seed(int(seed) % 2**63)
    record = []
    with DrawFrom(generator), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # erasing warns that it leaves masks alone; so it should
        for step in pipeline:
            sampled = None
            if not step.gated or torch.rand(1).item() < step.p:
                if step.mixes:
                    sample, sampled = _mix(step, sample, partner)
                elif step.transform.group == "policy":
                    policy = step.call(sample.size).build()
                    image, sampled = apply_policy(policy, sample.image)
                    sample = Sample(image)
                else:
                    sample, sampled = _move(step, sample, fast=fast)
            record.append(Sampled(step.name, sampled))
    return sample, record


def _move(step: Step, sample: Sample, *, fast: bool) -> tuple[Sample, Values]:
    """Return a sample after a step that is neither a policy nor mixes, and what was sampled."""
    image, boxes, mask = sample.image, sample.boxes, sample.mask
    values = tuple(step.values.items())
    transform = _transform(step.name, values, sample.size, masked=mask is not None)
    sampled = transform.make_params([image])
    if boxes is not None:
        boxes = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=sample.size)
        boxes = transform.transform(boxes, sampled).as_subclass(Tensor)
    if mask is not None:
        mask = transform.transform(tv_tensors.Mask(mask), sampled).as_subclass(Tensor)
    if fast and step.transform.opencv is not None:
        pixels = step.transform.opencv(_to_pixels(image), sampled, **step.values)
        pixels = pixels.reshape(*pixels.shape[:2], -1)  # OpenCV drops the one channel of grey
        image = torch.from_numpy(pixels).permute(2, 0, 1)
    else:
        image = transform.transform(image, sampled)
    return Sample(image, boxes, mask), sampled


@functools.lru_cache(maxsize=256)
def _transform(name: str, values: tuple[tuple[str, Any], ...], size: Size, *, masked: bool) -> Any:
    """Return the transform of a step that is applied; what it uncovers is 0 in masks.

    Cached, since building one costs as much as using it.
    """
    step = Step(name, values=dict(values))
    call = step.call(size)
    if masked and FILL in step.transform.parameters and "fill" in call.arguments:
        return call.build(fill={tv_tensors.Mask: 0, "others": call.arguments["fill"]})
    return call.build()


def _mix(step: Step, sample: Sample, partner: Tensor | None) -> tuple[Sample, Values]:
    """Mix a picture with its partner, as torchvision does with a batch of the two."""
    assert partner is not None
    if partner.shape[-2:] != sample.image.shape[-2:]:
        partner = v2.functional.resize(partner, list(sample.size), antialias=True)
    both = torch.stack([sample.image, partner]).float()
    images, labels = step.call(sample.size).build()(both, torch.tensor([0, 1]))
    image = images[0].round().clamp(0, 255).to(torch.uint8)
    return Sample(image), {"share": float(labels[0, 0])}


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
    with DrawFrom(torch.Generator().manual_seed(int(seed) % 2**63)):
        for step in pipeline:
            if step.mixes and not (step.gated and bool(torch.rand(1) >= step.p)):
                call = step.call((images.shape[-2], images.shape[-1]))
                images, weights = call.build(num_classes=classes)(images, weights)
    return images, weights
