"""Printed code runs, and torchvision's makes the very pixels of the pipeline."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torchvision import tv_tensors

from aigc_demo.augment import (
    AUGMENTS,
    Pipeline,
    Sample,
    albumentations_code,
    apply,
    parse,
    torchvision_code,
)
from tests.factories import photo

SIDE = 48


def run(code: str, image: Any) -> Any:
    space = {"image": image, "partner": tv_tensors.Image(photo(1))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, space)
    return space["image"]


def agrees(pipeline: Pipeline, seed: int) -> bool:
    """Tell whether the printed code makes the pixels of the pipeline."""
    ours = apply(pipeline, Sample(photo()), seed, partner=photo(1))[0].image
    theirs = run(torchvision_code(pipeline, (SIDE, SIDE), seed), tv_tensors.Image(photo()))
    return torch.equal(ours, theirs.as_subclass(Tensor))


def test_the_printed_code_makes_the_same_pixels() -> None:
    for name in AUGMENTS:
        for p in (1.0, 0.6):
            pipeline = parse([{"name": name, "p": p}])
            for seed in range(4):
                assert agrees(pipeline, seed), (name, p, seed)


def test_the_code_of_a_long_pipeline_makes_the_same_pixels_after_a_crop_too() -> None:
    names = ("crop", "rotate", "colour_jitter", "elastic", "blur", "cutout", "noise", "cutmix")
    pipeline = parse([{"name": n, "p": 1.0 if n == "crop" else 0.7} for n in names])
    for seed in range(5):
        assert agrees(pipeline, seed), seed


def test_the_code_for_albumentations_runs_without_a_complaint() -> None:
    without = []
    for name in AUGMENTS:
        code = albumentations_code(parse([{"name": name, "p": 1.0}]), (SIDE, SIDE), 5)
        if f"# {name}: no counterpart" in code:
            without.append(name)
            continue
        before = photo().permute(1, 2, 0).contiguous().numpy()
        space: dict[str, Any] = {"image": before.copy()}
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an argument that it does not know is a warning there
            exec(code, space)
        assert space["image"].dtype == np.uint8, name
        assert space["image"].shape != before.shape or (space["image"] != before).any(), name
    policies = ["auto_augment", "rand_augment", "trivial_augment", "aug_mix"]
    assert without == ["sharpen", *policies, "mixup", "cutmix"]
