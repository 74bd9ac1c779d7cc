"""Augmentation of training batches."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import torch

from aigc_demo.augment import Pipeline, apply_batch, mix_batch
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.methods.base import Batch, Method

SEED_STRIDE = 1_000_003  # between the seeds of two runs
STEP_STRIDE = 4096  # between the seeds of two steps: the largest batch


def check_pipeline(pipeline: Pipeline, method: Method, *, domains: bool) -> None:
    """Raise BadValue where `method` cannot learn from what `pipeline` makes of images, or of the
    images of several `domains`.
    """
    for step in pipeline:
        if step.mixes and method.task != "measure":
            raise BadValue(
                f"augment: {step.name} mixes classes, which only a classifier can learn from; "
                "remove it."
            )
        if domains and not step.transform.moves:
            raise BadValue(
                f"augment: {step.name} changes colours, and so the domain that a picture is of; "
                "take only steps that move pixels."
            )


def augment_batches(
    batches: Iterator[Batch], pipeline: Pipeline, *, seed: int, start: int = 0, classes: int = 0
) -> Iterator[Batch]:
    """Yield the augmented batches, the first of which is that of step `start`.

    The random parameters depend only on the seed, the step and the position in the batch; the two
    images of a pair get the same ones.
    """
    cv2.setNumThreads(1)  # on small images, threads cost more than they give
    mixing = bool(classes) and any(step.mixes for step in pipeline)
    for step, batch in enumerate(batches, start):
        first = (seed * SEED_STRIDE + step) * STEP_STRIDE
        seeds = range(first, first + len(batch.images))

        def augmented(x: torch.Tensor, seeds: range = seeds) -> torch.Tensor:
            pixels = apply_batch(pipeline, images.quantise(x).cpu(), seeds)
            return images.from_pixels(pixels).to(x.device, memory_format=torch.channels_last)

        x, labels, y = augmented(batch.images), batch.labels, batch.targets
        if mixing and labels is not None:
            x, labels = mix_batch(pipeline, x, labels, classes, first)
        targets = None if y is None else augmented(y)
        yield replace(batch, images=x, labels=labels, targets=targets)
