"""Masks of any mode and polarity mean the same."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from aigc_demo.errors import BadImage
from aigc_demo.imaging import images, masks

SIZE = (20, 12)


def square() -> np.ndarray:
    mask = np.zeros(SIZE[::-1], np.uint8)
    mask[3:7, 5:11] = 255
    return mask


def as_mode(mode: str) -> Image.Image:
    """Return the same mask in another mode."""
    mask = square()
    if mode == "I;16":
        return Image.fromarray(mask.astype(np.uint16) * 257)
    if mode == "RGBA transparent":
        colours = np.full((*mask.shape, 3), 40, np.uint8)
        return Image.fromarray(np.dstack([colours, mask]))
    if mode == "0 and 1":
        return Image.fromarray(mask // 255)
    return Image.fromarray(mask).convert(mode)


def test_a_mask_of_any_mode_is_read_alike() -> None:
    for mode in (
        "L",
        "1",
        "RGB",
        "RGBA",
        "P",
        "LA",
        "I;16",
        "CMYK",
        "RGBA transparent",
        "0 and 1",
    ):
        assert np.array_equal(masks.read(as_mode(mode)), square()), mode


def test_grey_is_a_hole_where_it_is_nearer_to_white() -> None:
    shades = np.arange(240, dtype=np.uint8).reshape(SIZE[::-1])
    hole = np.where(shades >= 128, 255, 0)
    for scale, kind in ((1, np.uint8), (257, np.uint16)):
        image = Image.fromarray(shades.astype(kind) * kind(scale))
        assert np.array_equal(masks.read(image), hole), kind


def test_a_mask_that_is_not_quite_black_and_white_is_read_alike() -> None:
    nearly = np.where(square() > 0, 254, 1).astype(np.uint8)
    assert np.array_equal(masks.read(Image.fromarray(nearly)), square())
    for quality in (30, 75, 95):
        file = io.BytesIO()
        as_mode("L").save(file, "JPEG", quality=quality)
        assert np.array_equal(masks.read(Image.open(file)), square()), quality


def test_paint_of_any_opacity_that_can_be_seen_is_a_hole() -> None:
    for opacity in (1.0, 0.5, 0.3, 0.15):
        layer = Image.new("RGBA", SIZE)
        layer.paste((225, 29, 72, round(255 * opacity)), (5, 3, 11, 7))
        assert np.array_equal(masks.read(layer), square()), opacity
        assert np.array_equal(masks.sides(layer)[0], square()), opacity
        assert np.array_equal(masks.from_file(layer, "auto", SIZE), square()), opacity


def test_a_mask_lies_as_it_is_seen() -> None:
    lying, exif = as_mode("L").transpose(Image.Transpose.ROTATE_90), Image.Exif()
    exif[images.ORIENTATION] = 6
    file = io.BytesIO()
    lying.save(file, "PNG", exif=exif)
    assert np.array_equal(masks.from_file(Image.open(file), "white", SIZE), square())


def test_a_mask_that_marks_nothing_or_everything_is_told() -> None:
    assert masks.note(square()) == masks.note(None) == ""
    assert "marks nothing" in masks.note(np.zeros_like(square()))
    assert "marks everything" in masks.note(np.full_like(square(), 255))


def test_the_marked_colour_fills_and_auto_takes_the_rarer_one() -> None:
    inverted = Image.fromarray(255 - square())
    for image, marked in ((as_mode("L"), "white"), (inverted, "black")):
        assert np.array_equal(masks.from_file(image, marked, SIZE), square())
        assert np.array_equal(masks.from_file(image, "auto", SIZE), square())


def test_a_mask_of_another_size_is_refused_with_both_sizes() -> None:
    with pytest.raises(BadImage, match=r"mask: .*20×12.*20×13"):
        masks.from_file(as_mode("L"), "white", (20, 13))


def test_growing_adds_a_rim_as_wide_as_asked() -> None:
    grown = masks.grow(square(), 2)
    rows, columns = np.nonzero(grown)
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (1, 8, 3, 12)
    assert np.array_equal(masks.grow(square(), 0), square())


def test_feathering_fades_outside_and_keeps_the_inside() -> None:
    soft = masks.feather(square(), 3)
    assert (soft[square() == 255] == 255).all()
    falling = soft[5, 10:16].astype(int)
    assert falling[0] == 255 and (np.diff(falling) <= 0).all() and falling[-1] == 0
    assert 0 < falling[1] < 255


def test_empty_and_full_masks_stay_as_they_are() -> None:
    for value in (0, 255):
        mask = np.full(SIZE[::-1], value, np.uint8)
        assert np.array_equal(masks.feather(masks.grow(mask, 3), 3), mask)


def test_each_connected_part_has_a_box() -> None:
    mask = square()
    mask[10, 15:18] = 1
    assert sorted(masks.boxes(mask)) == [(5.0, 3.0, 11.0, 7.0), (15.0, 10.0, 18.0, 11.0)]
    assert masks.boxes(np.zeros_like(mask)) == []


def test_the_overlay_reddens_what_is_marked_alone() -> None:
    image = Image.new("RGB", SIZE, (90, 90, 90))
    shown = np.asarray(masks.overlay(image, square()))
    assert (shown[square() == 0] == 90).all()
    assert (shown[square() == 255][:, 0] > 150).all()


def test_blue_strokes_mark_what_a_thing_is_not() -> None:
    layer = Image.new("RGBA", (8, 4))
    layer.paste((225, 29, 72, 60), (0, 0, 2, 4))
    layer.paste((37, 99, 235, 60), (2, 0, 4, 4))
    layer.paste((255, 255, 255, 255), (4, 0, 6, 4))
    thing, background = masks.sides(layer)
    assert np.array_equal(thing[0], [255, 255, 0, 0, 255, 255, 0, 0])
    assert np.array_equal(background[0], [0, 0, 255, 255, 0, 0, 0, 0])
