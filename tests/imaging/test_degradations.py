"""Degradations are as strong as asked, repeat with their seed, and keep size and mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from aigc_demo.imaging import degradations
from aigc_demo.imaging.degradations import DEGRADATIONS

MASKS = (
    degradations.brush_mask,
    degradations.scratch_mask,
    degradations.block_mask,
    degradations.text_mask,
)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photo(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(data.chelsea()[:150, :203]).convert(mode)


@pytest.mark.parametrize("draw", MASKS)
def test_a_mask_covers_about_what_is_asked_and_repeats_with_its_seed(draw) -> None:
    for share in (0.05, 0.3):
        mask, again, other = (draw(120, 90, share, generator(s)) for s in (1, 1, 2))
        assert mask.shape == (120, 90) and mask.dtype == torch.bool
        # Text leaves gaps: there is room for no more.
        least = min(share, 0.1) if draw is degradations.text_mask else share
        assert least * 0.9 <= float(mask.float().mean()) <= share + 0.1
        assert torch.equal(mask, again) and not torch.equal(mask, other)
    for size in ((1, 1), (2, 50), (16, 16)):
        assert draw(*size, 0.3, generator()).shape == size


def test_noise_is_as_strong_as_asked_and_not_clipped() -> None:
    x = torch.ones(2, 3, 64, 64)
    strength = torch.tensor([10.0, 50.0]) / 55
    noisy = DEGRADATIONS["noise"].apply(x, strength, generator())
    spread = (noisy - x).flatten(1).std(1) * 255 / 2
    torch.testing.assert_close(spread, torch.tensor([10.0, 50.0]), rtol=0.03, atol=0)
    assert noisy.max() > 1


def test_salt_and_pepper_change_the_share_that_is_asked() -> None:
    shares, x = torch.tensor([0.2, 0.05]), torch.zeros(2, 3, 100, 100)
    x = DEGRADATIONS["salt_and_pepper"].apply(x, shares / 0.3, generator())
    torch.testing.assert_close((x[:, 0] != 0).float().mean((1, 2)), shares, rtol=0, atol=0.02)
    assert torch.equal(x[:, 0], x[:, 1]) and set(x.unique().tolist()) == {-1.0, 0.0, 1.0}


def test_lower_quality_is_further_from_the_truth() -> None:
    x = torch.from_numpy(data.chelsea()[:64, :64].copy()).permute(2, 0, 1)[None] / 127.5 - 1
    errors = [
        float((degradations.compress(x, torch.tensor([q])) - x).square().mean())
        for q in (95, 50, 10)
    ]
    assert errors == sorted(errors) and errors[0] < errors[2] / 4


def test_blur_keeps_the_mean_and_lowers_the_contrast() -> None:
    x = torch.rand(1, 3, 40, 40, generator=generator()) * 2 - 1
    soft = DEGRADATIONS["blur"].apply(x, torch.tensor([2 / 3]), generator())
    assert soft.shape == x.shape
    assert float(soft.mean()) == pytest.approx(float(x.mean()), abs=0.05)
    assert soft.std() < x.std() / 3


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_a_degraded_picture_keeps_its_mode_and_repeats(name: str) -> None:
    for mode in ("RGB", "L", "RGBA", "LA"):
        image = photo(mode)
        first, second = (
            DEGRADATIONS[name].degrade(image, strength=0.5, seed=s) for s in (3, np.int64(3))
        )
        assert first.image.tobytes() == second.image.tobytes(), mode
        assert first.image.mode == mode
        assert first.image.tobytes() != image.tobytes(), mode
        if name == "resolution":
            assert first.truth.size == (202, 150) and first.image.size == (101, 75)
        else:
            assert first.image.size == image.size and first.truth.tobytes() == image.tobytes()


def test_what_is_not_masked_is_not_degraded() -> None:
    image = photo()
    for name in ("scratches", "text", "blocks"):
        done = DEGRADATIONS[name].degrade(image, strength=0.5, seed=3)
        assert done.mask is not None
        outside = np.asarray(done.mask) == 0
        assert np.array_equal(np.asarray(done.image)[outside], np.asarray(image)[outside]), name
        assert (np.asarray(done.image)[~outside] == 255).all(), name


@pytest.mark.parametrize("name", DEGRADATIONS)
def test_more_strength_degrades_more(name: str) -> None:
    image = photo()

    def error(strength: float) -> float:
        done = DEGRADATIONS[name].degrade(image, strength=strength, seed=1)
        shown = done.image.resize(done.truth.size, Image.Resampling.BICUBIC)
        difference = np.asarray(shown, float) - np.asarray(done.truth, float)
        return float(np.square(difference).mean())

    assert error(0.1) < error(1.0)


def test_each_picture_of_a_batch_has_its_own_strength() -> None:
    one = torch.from_numpy(data.chelsea()[:64, :64].copy()).permute(2, 0, 1)[None] / 127.5 - 1
    x = one.expand(3, -1, -1, -1)
    for name in ("noise", "salt_and_pepper", "jpeg", "blur", "resolution"):
        degraded = DEGRADATIONS[name].apply(x, torch.tensor([0.1, 0.5, 1.0]), generator())
        errors = (degraded - x).square().mean((1, 2, 3)).tolist()
        assert degraded.shape == x.shape and degraded.dtype == x.dtype, name
        assert errors == sorted(errors) and errors[0] < errors[2], name


@pytest.mark.parametrize(
    ("name", "strength", "description"),
    [
        ("noise", 0.4, "Gaussian noise, σ = 22"),
        ("salt_and_pepper", 0.5, "15% of the pixels black or white"),
        ("jpeg", 0.1, "JPEG, quality 90"),
        ("jpeg", 1.0, "JPEG, quality 5"),
        ("blur", 0.5, "blur, σ = 1.5 pixels"),
        ("resolution", 0.5, "2 times smaller"),
        ("resolution", 0.6, "4 times smaller"),
    ],
)
def test_a_description_names_the_amount(name: str, strength: float, description: str) -> None:
    done = DEGRADATIONS[name].degrade(photo(), strength=strength, seed=0)
    assert done.description == description
