"""Two scribbles become a mask that follows the edges."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from aigc_demo.crf import scribble_segmentation
from aigc_demo.errors import BadImage, BadValue
from aigc_demo.imaging import masks
from aigc_demo.requests import MaskRequest

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
SIZE = (72, 60)


def scene(box: tuple[int, int, int, int] = (20, 15, 50, 45)) -> tuple[Image.Image, np.ndarray]:
    """Return an orange disc on a busy green and grey ground, and where it is."""
    rng = np.random.default_rng(0)
    coarse = rng.normal((90, 110, 90), (25, 35, 25), (10, 12, 3)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(coarse).resize(SIZE, Image.Resampling.BICUBIC)
    ImageDraw.Draw(image).ellipse(box, fill=(230, 140, 40))
    truth = Image.new("1", SIZE)
    ImageDraw.Draw(truth).ellipse(box, fill=1)
    noise = rng.normal(0, 12, (SIZE[1], SIZE[0], 3))
    noisy = (np.asarray(image) + noise).clip(0, 255).astype(np.uint8)
    return Image.fromarray(noisy), np.asarray(truth)


def line(*points: tuple[int, int], size: tuple[int, int] = SIZE) -> Image.Image:
    image = Image.new("L", size)
    ImageDraw.Draw(image).line(points, fill=255, width=2)
    return image


THING, REST = line((30, 30), (40, 31)), line((5, 5), (60, 6), (65, 50))


def mask_of(image: Image.Image, **fields: object) -> np.ndarray:
    asked = MaskRequest(image=image, **{"thing": THING, "background": REST} | fields)
    return np.asarray(scribble_segmentation.segment(asked, CPU).mask)


def iou(mask: np.ndarray, truth: np.ndarray) -> float:
    return float(((mask > 127) & truth).sum() / ((mask > 127) | truth).sum())


def test_a_stroke_becomes_the_thing_where_nearness_or_colours_alone_do_not() -> None:
    image, truth = scene()
    mask = mask_of(image)
    assert mask.shape == SIZE[::-1] and set(np.unique(mask)) == {0, 255}
    thing, rest = (np.asarray(s) > 0 for s in (THING, REST))
    assert iou(mask, truth) > 0.95
    assert (
        iou((scribble_segmentation.nearness(thing, rest) > 0).astype(np.uint8) * 255, truth) < 0.6
    )


def test_strokes_are_kept_whatever_lies_below_them() -> None:
    image, _ = scene()
    wrong = line((30, 20), (40, 20))  # the background, says the person, is on the disc
    mask = mask_of(image, background=wrong)
    assert (mask[np.asarray(wrong) > 0] == 0).all() and (mask[np.asarray(THING) > 0] == 255).all()


def test_without_a_stroke_on_the_background_the_rim_is_background() -> None:
    image, truth = scene()
    assert iou(mask_of(image, background=None), truth) > 0.9


def test_a_thing_that_touches_the_rim_is_found() -> None:
    image, truth = scene((40, 25, 90, 75))
    mask = mask_of(image, thing=line((55, 40), (66, 50)), background=line((5, 5), (60, 6)))
    assert iou(mask, truth) > 0.9 and mask[-1, -1] == 255


def test_what_the_stroke_does_not_touch_is_left_out() -> None:
    image, truth = scene()
    ImageDraw.Draw(image).rectangle((60, 45, 68, 55), fill=(230, 140, 40))
    mask = mask_of(image, background=line((5, 5), (50, 6)))
    assert mask[50, 64] == 0 and iou(mask, truth) > 0.9


def test_a_mask_is_grown_and_feathered() -> None:
    image, _ = scene()
    plain = mask_of(image)
    assert np.array_equal(mask_of(image, grow=3), masks.grow(plain, 3))
    assert np.array_equal(mask_of(image, feather=4), masks.feather(plain, 4))


def test_scribbles_that_cannot_be_used_are_refused_by_name() -> None:
    small = line((0, 0), (3, 3), size=(9, 9))
    for fields, wrong, message in [
        ({"thing": Image.new("L", SIZE)}, BadValue, "^thing: nothing is marked"),
        ({"background": Image.new("L", SIZE)}, BadValue, "^background: nothing is marked"),
        ({"thing": Image.new("L", SIZE, 255)}, BadValue, "^background: all of it"),
        ({"thing": small}, BadImage, "^thing: it has 9×9 pixels and the image 72×60"),
        ({"background": small}, BadImage, "^background: it has 9×9"),
    ]:
        with pytest.raises(wrong, match=message):
            mask_of(scene()[0], **fields)


def test_an_image_of_few_pixels_has_a_mask() -> None:
    for size in ((1, 4), (4, 4), (2, 300)):
        thing = Image.new("L", size)
        thing.putpixel((0, 0), 255)
        mask = mask_of(Image.new("RGB", size, "red"), thing=thing, background=None)
        assert mask.shape == size[::-1] and mask[0, 0] == 255


def test_fitted_colours_are_likely_and_others_are_possible() -> None:
    rgb = torch.rand(200, 3, generator=torch.Generator().manual_seed(0)) * 0.1
    learnt = scribble_segmentation.fit(rgb)
    own, other = learnt.cost(rgb).mean(), learnt.cost(torch.ones(1, 3))
    assert own < 0 < other < 4


def test_one_density_is_that_of_the_gaussian() -> None:
    """With one part the cost is -log of the normal density, mixed with any colour."""
    middle = torch.tensor([[0.4, 0.5, 0.6]])
    root = torch.linalg.cholesky(torch.linalg.inv(torch.diag(torch.tensor([0.01, 0.02, 0.04]))))
    model = scribble_segmentation.ColourModel(torch.ones(1), middle, root[None])
    normal = torch.distributions.MultivariateNormal(
        middle[0], torch.diag(torch.tensor([0.01, 0.02, 0.04]))
    )
    at = torch.rand(20, 3, generator=torch.Generator().manual_seed(1))
    mixed = (1 - scribble_segmentation.UNIFORM_SHARE) * normal.log_prob(
        at
    ).exp() + scribble_segmentation.UNIFORM_SHARE
    assert torch.allclose(model.cost(at), -mixed.log(), atol=1e-4)
