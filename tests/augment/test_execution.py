"""Pipelines applied: one seed, one result, alone and in batches, with torchvision and OpenCV."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from aigc_demo.augment import AUGMENTS, Sample, Sampled, apply, apply_batch, mix_batch, parse
from aigc_demo.errors import BadValue
from tests.factories import photo

SIDE = 48
SINGLE = [name for name in AUGMENTS if name not in ("mixup", "cutmix")]


def one(name: str, seed: int, **values: Any) -> tuple[Tensor, Sampled]:
    """Return the photograph after one step, and what was sampled."""
    pipeline = parse([{"name": name, "p": 1.0, **values}])
    made, (sampled,) = apply(pipeline, Sample(photo()), seed, partner=photo(1))
    return made.image, sampled


def test_many_at_once_are_what_each_is_alone() -> None:
    images = torch.stack([photo(i % 2) for i in range(12)])
    for name in SINGLE:
        fill = {"fill": 90} if any(p.name == "fill" for p in AUGMENTS[name].parameters) else {}
        pipeline = parse([{"name": name, "p": 0.7, **fill}])
        for x in (images, images[:, :1]):
            together = apply_batch(pipeline, x, range(12))
            assert together.shape == x.shape and together.dtype == torch.uint8, name
            if name != "crop":  # which comes back at the size that it had
                alone = [apply(pipeline, Sample(y), i)[0].image for i, y in enumerate(x)]
                error = (together.int() - torch.stack(alone).int()).abs()
                # All but the rim of filled corners.
                assert (error <= 4).float().mean() > 0.95, name
                assert error.float().mean() < 1.5, name


def test_a_seed_decides_the_result_and_disturbs_nobody() -> None:
    for name in AUGMENTS:
        pipeline = parse([{"name": name, "p": 0.8}])
        made = []
        for state, seed in ((1, 3), (2, np.int64(3))):
            torch.manual_seed(state)
            before = torch.get_rng_state()
            made.append(apply(pipeline, Sample(photo()), seed, partner=photo(1))[0].image)
            assert torch.equal(before, torch.get_rng_state()), name
        assert torch.equal(*made), name


def test_seeds_differ_and_probability_is_what_it_says() -> None:
    pipeline = parse([{"name": "rotate", "p": 0.3}])
    values = [apply(pipeline, Sample(photo()), seed)[1][0].values for seed in range(400)]
    angles = [v["angle"] for v in values if v is not None]
    assert 0.22 < len(angles) / 400 < 0.38
    assert max(angles) > 10 and min(angles) < -10 and max(map(abs, angles)) <= 15
    for p, applied in ((0.0, False), (1.0, True)):
        _, (sampled,) = apply(parse([{"name": "rotate", "p": p}]), Sample(photo()), 0)
        assert (sampled.values is not None) is applied


def test_policies_record_their_operations() -> None:
    for name in ("auto_augment", "rand_augment", "trivial_augment", "aug_mix"):
        done = [one(name, seed)[1].values.get("operations", []) for seed in range(9)]
        assert len({operation for each in done for operation, _ in each}) > 3, name
    assert len(one("rand_augment", 1, num_ops=3)[1].values["operations"]) == 3


def test_boxes_and_the_mask_move_with_the_pixels() -> None:
    image = torch.zeros(3, 60, 60, dtype=torch.uint8)
    image[:, 10:20, 30:50] = 255
    boxes = torch.tensor([[30.0, 10.0, 50.0, 20.0]])
    pipeline = parse(
        [
            {"name": "flip_horizontal", "p": 1.0},
            {"name": "rotate", "degrees": 20, "fill": 60},
            {"name": "scale", "smallest": 0.9, "largest": 1.1, "fill": 60},
            {"name": "colour_jitter"},
        ]
    )
    for seed, fast in [(s, fast) for s in range(5) for fast in (False, True)]:
        made, _ = apply(pipeline, Sample(image, boxes, image[0].clone()), seed, fast=fast)
        assert made.mask is not None and made.boxes is not None
        bright = made.image[0] > 150
        assert ((made.mask > 127) == bright).float().mean() > 0.97
        assert made.mask[0, 0] == 0  # what was uncovered is not marked, though filled with grey
        rows, columns = (made.mask > 127).nonzero().T
        x0, y0, x1, y1 = made.boxes[0].tolist()
        assert x0 <= columns.min() + 1.5 and x1 >= columns.max() - 0.5
        assert y0 <= rows.min() + 1.5 and y1 >= rows.max() - 0.5
        assert (x1 - x0) * (y1 - y0) < 4 * 200  # about the thing, not about all


def test_what_cannot_move_annotations_is_refused() -> None:
    for name in ("rand_augment", "mixup"):
        sample = Sample(photo(), mask=torch.zeros(SIDE, SIDE, dtype=torch.uint8))
        with pytest.raises(BadValue, match=f"^pipeline: {name} cannot move boxes or a mask; remo"):
            apply(parse([{"name": name}]), sample, 0, partner=photo(1))


def test_mixing_needs_a_second_picture() -> None:
    with pytest.raises(BadValue, match="^partner: mixup needs a second picture; give one"):
        apply(parse([{"name": "mixup"}]), Sample(photo()), 0)


def test_mixup_is_the_weighted_mean_and_cutmix_a_patch() -> None:
    image, sampled = one("mixup", 4)
    share = sampled.values["share"]
    mean = photo().float() * share + photo(1).float() * (1 - share)
    assert (image.float() - mean).abs().max() <= 0.51
    image, sampled = one("cutmix", 8)
    first = (image == photo()).all(0)
    assert ((image == photo(1)).all(0) | first).all()
    assert first.float().mean() == pytest.approx(sampled.values["share"], abs=0.02)


def test_labels_are_mixed_as_pictures_are() -> None:
    images = torch.stack([torch.full((3, 8, 8), v) for v in (-1.0, 0.0, 1.0)])
    pipeline = parse([{"name": "mixup"}])
    mixed, weights = mix_batch(pipeline, images, torch.tensor([0, 1, 2]), 3, seed=1)
    assert weights.sum(1) == pytest.approx(torch.ones(3))
    expected = (weights * torch.tensor([-1.0, 0.0, 1.0])).sum(1)
    assert torch.allclose(mixed.mean((1, 2, 3)), expected, atol=1e-5)
    assert weights.max() < 1


def test_strength_rises_from_nearly_nothing_to_the_most() -> None:
    for name, transform in AUGMENTS.items():
        if transform.strength is None:
            continue
        (step,) = parse([{"name": name}])
        made = [apply((step.at(s),), Sample(photo()), 2)[0].image for s in (0.0, 0.5, 1.0)]
        if name == "crop":
            assert [x.shape[-1] for x in made] == [48, 43, 38]
        else:
            errors = [float((x.float() - photo().float()).abs().mean()) for x in made]
            assert errors[2] > errors[0], name
            assert errors[0] < 4, name  # JPEG of quality 95 and a blur of 0.1 px leave traces


def test_small_and_odd_sizes_pass_every_step() -> None:
    for name in SINGLE:
        pipeline = parse([{"name": name, "p": 1.0}])
        for size in ((8, 8), (8, 40), (33, 9)):
            x = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
            assert apply(pipeline, Sample(x), 0)[0].image.shape[0] == 3, (name, size)
            assert apply_batch(pipeline, x[None], [0]).shape[1:] == x.shape, (name, size)
