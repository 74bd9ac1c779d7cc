"""The methods without learning do what their names say."""

from __future__ import annotations

import numpy as np
import pytest
from skimage import data

from aigc_demo.pipelines import classical

FILL = [
    classical.telea,
    classical.navier_stokes,
    classical.biharmonic,
    classical.fill_by_patches,
]


def ramp(side: int = 48) -> np.ndarray:
    x = np.linspace(0.1, 0.9, side, dtype=np.float32)
    return np.repeat(np.repeat(x[None, :, None], side, 0), 3, 2)


def hole(side: int = 48) -> np.ndarray:
    mask = np.zeros((side, side), bool)
    mask[18:26, 20:30] = True
    return mask


def test_a_hole_in_a_plain_wall_becomes_wall() -> None:
    wall = np.full((48, 48, 3), 0.4, np.float32)
    broken = np.where(hole()[..., None], 1.0, wall).astype(np.float32)
    for fill in FILL:
        assert np.abs(fill(broken, hole()) - wall).max() < 0.01, fill


def test_a_ramp_goes_on_and_the_rest_is_untouched() -> None:
    broken = np.where(hole()[..., None], 0.0, ramp()).astype(np.float32)
    for fill in FILL:
        filled = fill(broken, hole())
        assert filled.dtype == np.float32
        assert np.abs(filled - ramp()).max() < 0.12, fill
        assert np.array_equal(filled[~hole()], broken[~hole()]), fill


def test_patches_continue_a_texture_that_smooth_methods_blur() -> None:
    stripes = np.where(np.arange(48) % 6 < 3, 0.2, 0.8).astype(np.float32)
    truth = np.repeat(np.repeat(stripes[None, :, None], 48, 0), 3, 2)
    broken = np.where(hole()[..., None], 0.5, truth).astype(np.float32)
    errors = {
        fill.__name__: float(np.abs(fill(broken, hole()) - truth)[hole()].mean()) for fill in FILL
    }
    assert errors["fill_by_patches"] < 0.02
    assert errors["telea"] > 0.05


def test_a_hole_that_is_the_whole_image_is_no_error() -> None:
    for shape in ((1, 1), (1, 40), (3, 3), (30, 30)):
        picture = np.full((*shape, 3), 0.3, np.float32)
        for fill in FILL:
            assert np.isfinite(fill(picture, np.ones(shape, bool))).all(), fill


def test_the_noise_is_estimated() -> None:
    photo = data.chelsea().astype(np.float32) / 255
    for sigma in (2, 10, 25, 50):
        noisy = photo + np.random.default_rng(0).normal(0, sigma / 255, photo.shape)
        found = classical.noise_level(noisy.astype(np.float32))
        assert found == pytest.approx(sigma, rel=0.1, abs=1)


def test_the_noise_of_a_grey_picture_is_estimated() -> None:
    photo = data.camera()[..., None].astype(np.float32) / 255
    noisy = (photo + np.random.default_rng(0).normal(0, 20 / 255, photo.shape)).astype(np.float32)
    assert classical.noise_level(noisy) == pytest.approx(20, rel=0.1)


def test_plain_or_tiny_pictures_have_no_noise() -> None:
    for shape in ((1, 1, 3), (5, 4000, 3), (64, 64, 3)):
        found = classical.noise_level(np.full(shape, 0.5, np.float32))
        assert found == pytest.approx(0, abs=0.1)


@pytest.mark.parametrize("clean", [classical.nl_means, classical.nl_means_fast])
def test_averaging_what_looks_alike_removes_noise(clean) -> None:
    photo = data.chelsea()[50:150, 100:220].astype(np.float32) / 255
    noisy = (photo + np.random.default_rng(0).normal(0, 25 / 255, photo.shape)).astype(np.float32)
    before, after = (np.square(x - photo).mean() for x in (noisy, clean(noisy, 25)))
    assert after < before / 2
    assert np.array_equal(clean(noisy, 0), noisy)


def test_the_median_removes_single_wrong_pixels() -> None:
    photo = ramp()
    wrong = photo.copy()
    wrong[np.random.default_rng(0).random(photo.shape[:2]) < 0.05] = 1
    assert np.abs(classical.median(wrong) - photo).mean() < np.abs(wrong - photo).mean() / 5
