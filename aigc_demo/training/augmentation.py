"""Augmentation of what a model learns from: batches in, batches out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import cv2
import torch

from aigc_demo.augment.opencv_backend import apply, mixed
from aigc_demo.augment.pipeline import Pipeline
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.methods.base import Batch, Method

SPREAD = 1_000_003  # between the seeds of two runs


def check_for(pipeline: Pipeline, method: Method, *, domains: bool) -> None:
    """Raise BadValue where `method` cannot learn from what a pipeline makes."""
    for step in pipeline:
        if step.kind.group == "mixing" and method.task != "measure":
            raise BadValue(
                f"augment: {step.name} mixes classes, which only a classifier can learn from; "
                "remove it."
            )
        if domains and not step.kind.moves:
            raise BadValue(
                f"augment: {step.name} changes colours, and so the domain that a picture is of; "
                "take only steps that move pixels."
            )


def augmented(
    batches: Iterator[Batch], pipeline: Pipeline, *, seed: int, start: int = 0, classes: int = 0
) -> Iterator[Batch]:
    """Yield the batches after the pipeline. What is drawn depends on the seed, the number of the
    step and the place in the batch alone; two pictures that belong together move together.
    """
    cv2.setNumThreads(1)  # on small pictures, threads cost more than they give
    for step, batch in enumerate(batches, start):
        count = len(batch.images)
        first = (seed * SPREAD + step) * 4096
        seeds = range(first, first + count)
        parts = {}
        for name in ("images", "targets"):
            x = getattr(batch, name)
            if x is not None:
                made = apply(pipeline, images.quantise(x).cpu(), seeds)
                x = images.from_pixels(made).to(x.device, memory_format=torch.channels_last)
            parts[name] = x
        labels = batch.labels
        if classes and labels is not None and any(s.kind.group == "mixing" for s in pipeline):
            parts["images"], labels = mixed(pipeline, parts["images"], labels, classes, first)
        yield replace(batch, labels=labels, **parts)
