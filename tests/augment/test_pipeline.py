"""Pipelines: what is drawn, what is printed, what is refused."""

from __future__ import annotations

import json
import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from skimage import data as photographs
from torch import Tensor
from torchvision import tv_tensors
from torchvision.transforms import v2

from aigc_demo import augment
from aigc_demo.augment import AUGMENTS, Sample, Step, draw, opencv_backend, parse, told
from aigc_demo.errors import BadValue

SIDE = 48
STEPS = list(AUGMENTS)
SINGLE = [name for name, kind in AUGMENTS.items() if kind.group != "mixing"]
SWEPT = [name for name, kind in AUGMENTS.items() if kind.sweep is not None]


def photo(number: int = 0) -> Tensor:
    """Return a small photograph, uint8 (3, 48, 48)."""
    pixels = (photographs.astronaut, photographs.coffee)[number]()[:400, :400]
    x = torch.from_numpy(pixels).permute(2, 0, 1)
    return v2.functional.resize(x, [SIDE, SIDE], antialias=True)


def drawn(steps: list[dict[str, Any]], seed: int = 3) -> Tensor:
    return draw(parse(steps), Sample(photo()), seed, partner=photo(1))[0].image


def run(code: str, image: Any) -> Any:
    space = {"image": image, "partner": tv_tensors.Image(photo(1))}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        exec(code, space)
    return space["image"]


@pytest.mark.parametrize("p", [1.0, 0.6])
@pytest.mark.parametrize("name", STEPS)
def test_the_printed_code_makes_the_same_pixels(name: str, p: float) -> None:
    pipeline = parse([{"name": name, "p": p}])
    for seed in range(4):
        ours = draw(pipeline, Sample(photo()), seed, partner=photo(1))[0].image
        theirs = run(
            augment.torchvision_code(pipeline, (SIDE, SIDE), seed), tv_tensors.Image(photo())
        )
        assert torch.equal(ours, theirs.as_subclass(Tensor)), seed


def test_the_code_of_a_long_pipeline_makes_the_same_pixels_after_a_crop_too() -> None:
    names = ("crop", "rotate", "colour_jitter", "elastic", "blur", "cutout", "noise", "cutmix")
    pipeline = parse([{"name": n, "p": 1.0 if n == "crop" else 0.7} for n in names])
    for seed in range(5):
        ours = draw(pipeline, Sample(photo()), seed, partner=photo(1))[0].image
        code = augment.torchvision_code(pipeline, (SIDE, SIDE), seed)
        theirs = run(code, tv_tensors.Image(photo()))
        assert torch.equal(ours, theirs.as_subclass(Tensor)), seed


@pytest.mark.parametrize("name", [n for n in STEPS if AUGMENTS[n].albumentations])
def test_the_code_for_albumentations_runs_without_a_complaint(name: str) -> None:
    code = augment.albumentations_code(parse([{"name": name, "p": 1.0}]), (SIDE, SIDE), 5)
    space: dict[str, Any] = {"image": photo().permute(1, 2, 0).contiguous().numpy()}
    before = space["image"].copy()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # an argument that it does not know is a warning there
        exec(code, space)
    assert space["image"].dtype == np.uint8
    assert space["image"].shape != before.shape or (space["image"] != before).any()


def test_what_albumentations_does_not_have_is_told() -> None:
    code = augment.albumentations_code(parse([{"name": "aug_mix"}]), (8, 8))
    assert "# aug_mix: no counterpart" in code


@pytest.mark.parametrize("name", SINGLE)
def test_many_at_once_are_what_each_is_alone(name: str) -> None:
    numbers = {"fill": 90} if any(p.name == "fill" for p in AUGMENTS[name].parameters) else {}
    pipeline = parse([{"name": name, "p": 0.7, **numbers}])
    images = torch.stack([photo(i % 2) for i in range(12)])
    together = opencv_backend.apply(pipeline, images, range(12))
    assert together.shape == images.shape
    assert together.dtype == torch.uint8
    if name == "crop":
        return  # in training it comes back at the size that it had
    alone = torch.stack([draw(pipeline, Sample(x), i)[0].image for i, x in enumerate(images)])
    error = (together.int() - alone.int()).abs()
    assert (error <= 4).float().mean() > 0.95  # but for the rim of filled corners
    assert error.float().mean() < 1.5
    grey = opencv_backend.apply(pipeline, images[:, :1], range(12))
    one = torch.stack([draw(pipeline, Sample(x[:1]), i)[0].image for i, x in enumerate(images)])
    assert (grey.int() - one.int()).abs().float().mean() < 1.5


@pytest.mark.parametrize("name", STEPS)
def test_a_seed_decides_the_draw_whatever_else_draws(name: str) -> None:
    torch.manual_seed(1)
    first = drawn([{"name": name, "p": 0.8}])
    torch.manual_seed(2)
    state = torch.get_rng_state()
    again = drawn([{"name": name, "p": 0.8}])
    assert torch.equal(first, again)
    assert torch.equal(state, torch.get_rng_state())  # nobody else is disturbed


def test_seeds_draw_differently_and_probability_is_what_it_says() -> None:
    pipeline = parse([{"name": "rotate", "p": 0.3}])
    values = [draw(pipeline, Sample(photo()), seed)[1][0].values for seed in range(400)]
    done = [v["angle"] for v in values if v is not None]
    assert 0.22 < len(done) / 400 < 0.38
    assert max(done) > 10 and min(done) < -10 and max(map(abs, done)) <= 15
    assert draw(parse([{"name": "rotate", "p": 0}]), Sample(photo()), 0)[1][0].values is None


def test_boxes_and_the_mask_move_with_the_pixels() -> None:
    image = torch.zeros(3, 60, 60, dtype=torch.uint8)
    image[:, 10:20, 30:50] = 255
    mask = image[0].clone()
    boxes = torch.tensor([[30.0, 10.0, 50.0, 20.0]])
    steps = [
        {"name": "flip_horizontal", "p": 1.0}, {"name": "rotate", "degrees": 20, "fill": 60},
        {"name": "scale", "smallest": 0.9, "largest": 1.1, "fill": 60},
        {"name": "colour_jitter"},
    ]  # fmt: skip
    for seed, how in [(s, how) for s in range(5) for how in (draw, opencv_backend.draw_quickly)]:
        made, _ = how(parse(steps), Sample(image, boxes, mask), seed)
        assert made.mask is not None and made.boxes is not None
        bright = made.image[0] > 150
        assert ((made.mask > 127) == bright).float().mean() > 0.97
        assert made.mask[0, 0] == 0  # what was not covered is not marked, though filled with grey
        rows, columns = (made.mask > 127).nonzero().T
        x0, y0, x1, y1 = made.boxes[0].tolist()
        assert x0 <= columns.min() + 1.5 and x1 >= columns.max() - 0.5
        assert y0 <= rows.min() + 1.5 and y1 >= rows.max() - 0.5
        assert (x1 - x0) * (y1 - y0) < 4 * 200  # about the thing, not about all


@pytest.mark.parametrize("name", ["rand_augment", "mixup"])
def test_what_cannot_move_marks_says_so(name: str) -> None:
    sample = Sample(photo(), mask=torch.zeros(SIDE, SIDE, dtype=torch.uint8))
    with pytest.raises(BadValue, match=f"^pipeline: {name} cannot move boxes or a mask; remove"):
        draw(parse([{"name": name}]), sample, 0, partner=photo(1))


def test_mixing_needs_a_second_picture() -> None:
    with pytest.raises(BadValue, match="^partner: mixup needs a second picture; give one"):
        draw(parse([{"name": "mixup"}]), Sample(photo()), 0)


def test_mixup_is_the_weighted_mean_and_cutmix_a_patch() -> None:
    image, words = draw(parse([{"name": "mixup"}]), Sample(photo()), 4, partner=photo(1))
    share = words[0].values["share"]
    mean = photo().float() * share + photo(1).float() * (1 - share)
    assert (image.image.float() - mean).abs().max() <= 0.51
    image, words = draw(parse([{"name": "cutmix"}]), Sample(photo()), 8, partner=photo(1))
    ours = (image.image == photo()).all(0)
    assert ((image.image == photo(1)).all(0) | ours).all()
    assert ours.float().mean() == pytest.approx(words[0].values["share"], abs=0.02)


def test_labels_are_mixed_as_pictures_are() -> None:
    images = torch.stack([torch.full((3, 8, 8), v) for v in (-1.0, 0.0, 1.0)])
    mixed, weights = opencv_backend.mixed(
        parse([{"name": "mixup"}]), images, torch.tensor([0, 1, 2]), 3, seed=1
    )
    assert weights.sum(1) == pytest.approx(torch.ones(3))
    expected = (weights * torch.tensor([-1.0, 0.0, 1.0])).sum(1)
    assert torch.allclose(mixed.mean((1, 2, 3)), expected, atol=1e-5)
    assert weights.max() < 1


@pytest.mark.parametrize("name", SWEPT)
def test_a_sweep_goes_from_nearly_nothing_to_the_most(name: str) -> None:
    step = parse([{"name": name}])[0]
    strip = [x.float() for x in augment.sweep(step, Sample(photo()), [0.0, 0.5, 1.0], 2)]
    if name == "crop":
        assert [x.shape[-1] for x in strip] == [SIDE, round(0.9 * SIDE), round(0.8 * SIDE)]
        return
    errors = [float((x - photo().float()).abs().mean()) for x in strip]
    assert errors[2] > errors[0]
    assert errors[0] < 4  # JPEG of quality 95 and a blur of 0.1 pixels leave traces


def test_a_step_without_strength_cannot_be_swept() -> None:
    with pytest.raises(BadValue, match="^step: trivial_augment has no strength"):
        Step("trivial_augment").at(0.5)


@pytest.mark.parametrize("name", STEPS)
def test_a_pipeline_survives_json(name: str) -> None:
    pipeline = parse([{"name": name, "p": 0.25}])
    assert parse(json.dumps(augment.data(pipeline))) == pipeline
    assert told(augment.Drawn(name, None)) == f"{name} –"


def test_what_is_drawn_is_told_in_numbers() -> None:
    steps = [{"name": n, "p": 1.0} for n in ("rotate", "crop", "colour_jitter", "blur", "erase")]
    _, words = draw(parse(steps), Sample(photo()), 1)
    said = [told(w) for w in words]
    angle = words[0].values["angle"]
    assert said[0] == f"rotate {angle:+.1f}°"
    assert said[1].startswith("crop 38×38 at ")
    assert "bri ×" in said[2] and "hue " in said[2]
    assert " px" in said[3] and "×" in said[4]
    _, words = draw(parse([{"name": "rand_augment", "num_ops": 3}]), Sample(photo()), 1)
    assert told(words[0]).count(",") == 2


WRONG = [math.nan, math.inf, -1, 1e9, True, None, "8", [], {}]


@pytest.mark.parametrize("value", WRONG, ids=str)
@pytest.mark.parametrize("key", ["p", "degrees", "fill"])
def test_a_wrong_number_is_named_with_its_step(key: str, value: Any) -> None:
    with pytest.raises(BadValue, match=rf"^pipeline\.1\.{key}: .*; take "):
        parse([{"name": "grey"}, {"name": "rotate", key: value}])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[", "pipeline: it is not JSON"),
        ("{}", "pipeline: it is not a list"),
        ("7", "pipeline: it is not a list"),
        ("[" * 9000, "pipeline: it is not JSON"),
        (" " * 30_000, "pipeline: it has 30000 characters; the limit is 20000"),
        ([{"name": "rotate"}] * 21, "pipeline: it has 21 steps; the limit is 20"),
        ([7], r"pipeline\.0: it is not a step"),
        ([{}], r"pipeline\.0\.name: there is no step “None”"),
        ([{"name": ["x"]}], r"pipeline\.0\.name: there is no step"),
        ([{"name": "rotat"}], r"pipeline\.0\.name: there is no step “rotat”; choose one of flip"),
        ([{"name": "rotate", "angle": 3}], r"pipeline\.0\.angle: rotate has no such number"),
        ([{"name": "posterise", "bits": 2.5}], r"pipeline\.0\.bits: 2.5 .*whole number"),
        ([{"name": "auto_augment", "policy": "x"}], r"pipeline\.0\.policy: “x” cannot be used"),
        (
            [{"name": "erase", "smallest": 0.5, "largest": 0.1}],
            r"pipeline\.0\.smallest: it is more than the largest",
        ),
    ],
)
def test_what_is_no_pipeline_is_refused_in_words(given: Any, said: str) -> None:
    with pytest.raises(BadValue, match=f"^{said}") as caught:
        parse(given)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize("size", [(8, 8), (8, 40), (33, 9)])
@pytest.mark.parametrize("name", SINGLE)
def test_small_and_odd_sizes_pass_every_step(name: str, size: tuple[int, int]) -> None:
    x = torch.randint(0, 256, (3, *size), dtype=torch.uint8)
    pipeline = parse([{"name": name, "p": 1.0}])
    made, _ = draw(pipeline, Sample(x), 0)
    assert made.image.shape[0] == 3
    assert opencv_backend.apply(pipeline, x[None], [0]).shape[1:] == x.shape
