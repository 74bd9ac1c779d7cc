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


def test_each_box_keeps_its_label_and_those_that_are_gone_are_named() -> None:
    boxes = [(0, 0, 8, 8), (60, 50, 80, 64), (30, 20, 50, 44), (0, 56, 8, 64)]
    labels = ["cat", "dog", "bird", "cat"]
    crop = [{"name": "flip_horizontal", "p": 1.0}, {"name": "crop", "share": 0.6}]
    made = augmentation.run(request(boxes=boxes, labels=labels, pipeline=crop, n=16))
    gone = 0
    for i, image in enumerate(made.images):
        numbers = made.numbers[i]
        assert made.labels[i] == [labels[k] for k in numbers]
        missing = [label for k, label in enumerate(labels) if k not in numbers]
        assert made.dropped[i] == missing
        gone += len(missing)
        for k, (x0, y0, x1, y1) in zip(numbers, made.boxes[i], strict=True):
            # What a box alone becomes is what it becomes among others.
            alone = request(boxes=[boxes[k]], pipeline=crop, n=1, seed=made.seeds[i])
            assert augmentation.run(alone).boxes == [[(x0, y0, x1, y1)]]
            assert 0 <= x0 < x1 <= image.width and 0 <= y0 < y1 <= image.height
    assert gone > 0


def test_without_labels_boxes_are_called_by_their_numbers() -> None:
    made = augmentation.run(request(boxes=[(0, 0, 4, 4), (30, 20, 50, 44)], pipeline=[], n=1))
    assert (made.labels, made.numbers, made.dropped) == ([[0, 1]], [[0, 1]], [[]])


def test_a_box_must_lie_in_the_picture() -> None:
    fits = (0.0, 0.0, 80.0, 64.0)
    for box in ((5, 5, 5, 9), (9, 1, 3, 8)):
        with pytest.raises(BadValue, match=r"^boxes\.1: .* is empty, since right must be more"):
            augmentation.run(request(boxes=[fits, box]))
    for box in ((0, 0, 81, 2), (-1, 0, 4, 4), (0, 9, 9, 65), (0, 0, 80.2, 2)):
        told = r"^boxes\.1: .* goes beyond the 80×64 pixels of the picture; give left, top"
        with pytest.raises(BadValue, match=told):
            augmentation.run(request(boxes=[fits, box]))


def test_a_box_that_is_beyond_the_edge_by_rounding_is_clipped() -> None:
    box = (-1e-5, 0.0, 80.00001, 64.05)
    (boxes,) = augmentation.run(request(boxes=[box], pipeline=[], n=1)).boxes
    assert boxes == [(0.0, 0.0, 80.0, 64.0)]


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
