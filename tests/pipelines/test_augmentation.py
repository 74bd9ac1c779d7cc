"""From a request to variants: seeds, boxes and masks, faults."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data as photographs

from aigc_demo.errors import BadImage, BadValue, UserError
from aigc_demo.pipelines import augmentation
from aigc_demo.requests import MAX_SEED, AugmentRequest

STEPS = [{"name": "flip_horizontal"}, {"name": "rotate", "degrees": 30}, {"name": "colour_jitter"}]


def photo(side: int = 64) -> Image.Image:
    return Image.fromarray(photographs.chelsea()[40 : 40 + side, 60 : 60 + side + 16])


def request(**fields: Any) -> AugmentRequest:
    return AugmentRequest(**{"image": photo(), "pipeline": STEPS, "n": 3, "seed": 5} | fields)


def test_a_variant_is_the_same_alone_and_among_others() -> None:
    for quick in (False, True):
        many = augmentation.run(request(quick=quick))
        alone = augmentation.run(request(seed=6, n=1, quick=quick))
        assert many.seeds == [5, 6, 7]
        assert many.images[1].tobytes() == alone.images[0].tobytes()
        described = [[s.description for s in m.sampled[-1]] for m in (alone, many)]
        assert described[0] == [s.description for s in many.sampled[1]] != described[1]
        assert many.images[0].tobytes() != many.images[1].tobytes()


def test_a_quick_preview_differs_by_rounding_only() -> None:
    exact, quick = (augmentation.run(request(quick=q, n=4)) for q in (False, True))
    for a, b in zip(exact.images, quick.images, strict=True):
        error = np.abs(np.asarray(a, int) - np.asarray(b, int))
        assert (error <= 4).mean() > 0.96


def test_the_last_seed_is_followed_by_the_first() -> None:
    assert augmentation.run(request(seed=MAX_SEED, n=2)).seeds == [MAX_SEED, 0]


def test_pictures_of_every_mode_become_variants_in_colour() -> None:
    pictures = [photo(16).convert(mode) for mode in ("L", "RGBA", "P", "CMYK", "1", "LA")]
    for image in (*pictures, Image.new("I;16", (20, 12), 40_000)):
        (made,) = augmentation.run(request(image=image, n=1)).images
        assert (made.mode, made.size) == ("RGB", image.size), image.mode


def test_boxes_and_masks_move_along_and_must_fit() -> None:
    mask = Image.new("L", photo().size)
    mask.paste(255, (10, 10, 30, 30))
    made = augmentation.run(request(mask=mask, boxes=[(10.0, 10.0, 30.0, 30.0)], n=4))
    assert len(made.masks) == len(made.boxes) == 4
    for area, boxes in zip(made.masks, made.boxes, strict=True):
        rows, columns = (np.asarray(area) > 127).nonzero()
        (x0, y0, x1, y1) = boxes[0]
        assert x0 - 2 <= columns.min() and columns.max() <= x1 + 2
        assert y0 - 2 <= rows.min() and rows.max() <= y1 + 2
    with pytest.raises(BadImage, match=r"^mask: it has 3×3 pixels and the image 80×64"):
        augmentation.run(request(mask=Image.new("L", (3, 3))))


def test_a_box_must_lie_in_the_picture() -> None:
    fits = (0.0, 0.0, 80.0, 64.0)
    for box in ((5, 5, 5, 9), (9, 1, 3, 8), (0, 0, 81, 2), (-1, 0, 4, 4), (0, 9, 9, 65)):
        with pytest.raises(BadValue, match=r"^boxes\.1: .* is no box within 80×64 pixels; give l"):
            augmentation.run(request(boxes=[fits, box]))


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"pipeline": [{"name": "spin"}]}, "pipeline.0.name: there is no step “spin”"),
        ({"pipeline": [{"name": "mixup"}]}, "partner: mixup needs a second picture"),
        ({"image": Image.new("RGB", (7, 400))}, "The picture has 7×400 pixels; it takes 8"),
    ],
)
def test_what_does_not_fit_is_refused(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError) as caught:
        augmentation.run(request(**fields))
    assert str(caught.value).startswith(said)


def test_a_strip_rises_from_the_picture_itself() -> None:
    strip = augmentation.strip(request(), 1, 5)
    assert [share for share, _ in strip] == [0, 0.25, 0.5, 0.75, 1]
    assert strip[0][1].tobytes() == photo().tobytes()
    assert strip[4][1].tobytes() != photo().tobytes()
    with pytest.raises(BadValue, match="^step: there is no step 4; the pipeline has 3"):
        augmentation.strip(request(), 3)
    with pytest.raises(BadValue, match="^step: flip_horizontal has no strength"):
        augmentation.strip(request(), 0)
