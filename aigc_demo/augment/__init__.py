"""Augmentation: pipelines of named steps, for one picture with all that is drawn told, and for the
batches of training.
"""

from aigc_demo.augment.codegen import albumentations_code, told, torchvision_code
from aigc_demo.augment.pipeline import (
    Drawn,
    Pipeline,
    Sample,
    Step,
    check,
    data,
    draw,
    parse,
    read,
    sweep,
)
from aigc_demo.augment.transforms import AUGMENTS

__all__ = [
    "AUGMENTS",
    "Drawn",
    "Pipeline",
    "Sample",
    "Step",
    "albumentations_code",
    "check",
    "data",
    "draw",
    "parse",
    "read",
    "sweep",
    "told",
    "torchvision_code",
]
