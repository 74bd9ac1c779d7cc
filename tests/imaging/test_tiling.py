"""Pieces of a picture, put together, are what the whole would have been."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from aigc_demo.imaging import tiling
from aigc_demo.imaging.images import Planes


def picture(height: int, width: int, channels: int = 3, kind: type = np.uint8) -> Planes:
    peak = np.iinfo(kind).max
    values = np.random.default_rng(0).integers(0, peak, (height, width, channels), endpoint=True)
    return Planes(values.astype(kind))


def last(steps) -> Planes:
    *shares, result = steps
    assert all(0 < s <= 1.000001 for s in shares) and shares == sorted(shares)
    return result


@pytest.fixture(autouse=True)
def small_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tiling, "TILE", 32)


def test_tiles_cover_each_pixel_once() -> None:
    for size in ((1, 1), (32, 32), (33, 70), (100, 5)):
        seen, place = np.zeros(size, int), np.arange(size[0] * size[1]).reshape(size)
        for own, around, inner in tiling.tiles(*size, 7):
            seen[own] += 1
            assert np.array_equal(place[around][inner], place[own])
            assert around[0].start % tiling.STEP == 0 and around[1].start % tiling.STEP == 0
        assert (seen == 1).all()


def test_no_seam_is_left_where_the_margin_is_what_the_function_sees() -> None:
    planes = picture(90, 75)

    def blur(piece):
        return cv2.blur(piece, (9, 9), borderType=cv2.BORDER_REPLICATE)

    whole = planes.integers(blur(planes.floats()))
    result = last(tiling.clean(planes, None, blur, margin=4)).colour
    assert np.abs(result.astype(int) - whole).max() <= 1  # a sum in another order may round apart


@pytest.mark.parametrize(("kind", "channels"), [(np.uint8, 3), (np.uint16, 1)])
def test_what_the_mask_leaves_out_keeps_its_value(kind: type, channels: int) -> None:
    planes = picture(50, 70, channels, kind)
    weights = np.zeros((50, 70), np.uint8)
    weights[10:20, 30:45] = 255
    weights[40:, :3] = 100

    def black(piece, *rest):
        return np.zeros_like(piece)

    for result in (
        last(tiling.clean(planes, weights, black, margin=4)),
        last(tiling.fill(planes, weights, black, margin=4, guesses=False)),
        last(tiling.fill(planes, weights, black, margin=4, guesses=True)),
    ):
        assert result.colour.dtype == kind
        assert np.array_equal(result.colour[weights == 0], planes.colour[weights == 0])
        assert (result.colour[weights == 255] == 0).all()
        faded = planes.colour[weights == 100] * (1 - 100 / 255)
        assert np.abs(result.colour[weights == 100] - faded).max() <= 0.51


def test_regions_hold_the_hole_with_its_margin_and_do_not_overlap() -> None:
    hole = np.zeros((100, 120), bool)
    hole[5, 5] = hole[10, 14] = hole[60:80, 40] = hole[70, 30:60] = hole[0, 119] = True
    boxes = tiling.regions(hole, 6)
    seen = np.zeros(hole.shape, int)
    for box in boxes:
        seen[box] += 1
    assert seen.max() == 1 and len(boxes) == 3
    near = cv2.dilate(hole.astype(np.uint8), np.ones((13, 13), np.uint8)) > 0
    assert seen[near].all()


def test_many_specks_are_found_quickly_and_joined() -> None:
    hole = np.random.default_rng(0).random((400, 400)) < 0.05
    assert len(tiling.regions(hole, 20)) == 1


def test_a_deep_hole_is_filled_at_smaller_scales_first() -> None:
    planes = picture(256, 256)
    weights = np.zeros((256, 256), np.uint8)
    weights[50:200, 50:200] = 255
    sizes, guesses = [], []

    def look(piece, hole, guess):
        sizes.append(piece.shape[:2])
        guesses.append(guess is not None)
        return np.full_like(piece, 0.5)

    result = last(tiling.fill(planes, weights, look, margin=256, guesses=True)).colour
    assert sizes[0] == (64, 64) and sizes[-1] == (256, 256)
    assert not guesses[0] and guesses[-1]
    assert (result[weights == 255] == 128).all()


def test_depth_is_the_distance_from_the_rim() -> None:
    for side, expected in ((1, 1), (9, 5), (41, 21)):
        hole = np.zeros((60, 60), bool)
        hole[5 : 5 + side, 5 : 5 + side] = True
        assert tiling.depth(hole) == pytest.approx(expected, rel=0.1)


def test_halving_averages_what_is_known() -> None:
    piece = np.zeros((4, 4, 3), np.float32)
    piece[0, 0], piece[0, 1] = 0.5, 1.0  # lost
    hole = np.zeros((4, 4), bool)
    hole[0, 1] = hole[2:, 2:] = True
    smaller, lost = tiling.halved(piece, hole)
    assert smaller[0, 0] == pytest.approx([0.5 / 3] * 3, abs=1e-6)
    assert lost.tolist() == [[False, False], [False, True]]
