"""Augmentation: pipelines of named transforms, for one picture and for the batches of training."""

from aigc_demo.augment.codegen import albumentations_code, torchvision_code
from aigc_demo.augment.execution import Sample, apply, apply_batch, mix_batch
from aigc_demo.augment.pipeline import (
    AUGMENTS,
    Pipeline,
    Sampled,
    Step,
    check,
    data,
    parse,
    read,
)

__all__ = [
    "AUGMENTS",
    "Pipeline",
    "Sample",
    "Sampled",
    "Step",
    "albumentations_code",
    "apply",
    "apply_batch",
    "check",
    "data",
    "mix_batch",
    "parse",
    "read",
    "torchvision_code",
]
