"""Damage is as strong as asked, repeats with its seed, and leaves size and mode."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from aigc_demo.imaging import degradations


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def photo(mode: str = "RGB") -> Image.Image:
    return Image.fromarray(data.chelsea()[:150, :203]).convert(mode)


@pytest.mark.parametrize("kind", degradations.MASKS)
@pytest.mark.parametrize("share", [0.05, 0.3])
def test_a_mask_covers_about_what_is_asked(kind: str, share: float) -> None:
    mask = degradations.MASKS[kind](120, 90, share, generator())
    assert mask.shape == (120, 90) and mask.dtype == torch.bool
    covered = float(mask.float().mean())
    ceiling = share + 0.1
    # Writing leaves gaps: there is room for no more.
    assert min(share, 0.1 if kind == "text" else 1) * 0.9 <= covered <= ceiling


@pytest.mark.parametrize("kind", degradations.MASKS)
def test_a_mask_repeats_with_its_seed_alone(kind: str) -> None:
    a, b, c = (degradations.MASKS[kind](64, 64, 0.2, generator(s)) for s in (1, 1, 2))
    assert torch.equal(a, b) and not torch.equal(a, c)


@pytest.mark.parametrize("side", [(1, 1), (2, 50), (16, 16)])
@pytest.mark.parametrize("kind", degradations.MASKS)
def test_masks_of_tiny_pictures_are_drawn(kind: str, side: tuple[int, int]) -> None:
    assert degradations.MASKS[kind](*side, 0.3, generator()).shape == side


def test_noise_is_as_strong_as_asked_and_not_clipped() -> None:
    x = torch.ones(2, 3, 64, 64)
    noisy = degradations.add_noise(x, torch.tensor([10.0, 50.0]), generator())
    spread = (noisy - x).flatten(1).std(1) * 255 / 2
    torch.testing.assert_close(spread, torch.tensor([10.0, 50.0]), rtol=0.03, atol=0)
    assert noisy.max() > 1


def test_salt_and_pepper_change_the_share_that_is_asked() -> None:
    x = degradations.add_salt_and_pepper(torch.zeros(1, 3, 100, 100), 0.2, generator())
    changed = x[0] != 0
    assert float(changed[0].float().mean()) == pytest.approx(0.2, abs=0.02)
    assert torch.equal(changed[0], changed[1]) and set(x.unique().tolist()) == {-1.0, 0.0, 1.0}


def test_less_quality_is_further_from_the_truth() -> None:
    x = torch.from_numpy(data.chelsea()[:64, :64].copy()).permute(2, 0, 1)[None] / 127.5 - 1
    errors = [
        float((degradations.compress(x, torch.tensor([q])) - x).square().mean())
        for q in (95, 50, 10)
    ]
    assert errors == sorted(errors) and errors[0] < errors[2] / 4


def test_blur_keeps_the_mean_and_lowers_the_contrast() -> None:
    x = torch.rand(1, 3, 40, 40, generator=generator()) * 2 - 1
    soft = degradations.blur(x, 2.0)
    assert soft.shape == x.shape
    assert float(soft.mean()) == pytest.approx(float(x.mean()), abs=0.05)
    assert soft.std() < x.std() / 3


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA"])
@pytest.mark.parametrize("kind", degradations.KINDS)
def test_a_damaged_picture_keeps_its_mode_and_repeats(kind: str, mode: str) -> None:
    image = photo(mode)
    first, second = (degradations.spoil(image, kind, strength=0.5, seed=3) for _ in range(2))
    assert first.image.tobytes() == second.image.tobytes()
    assert first.image.mode == mode and first.what
    assert first.image.tobytes() != image.tobytes()
    if kind == "resolution":
        assert first.truth.size == (202, 150) and first.image.size == (101, 75)
    else:
        assert first.image.size == image.size and first.truth.tobytes() == image.tobytes()


@pytest.mark.parametrize("kind", degradations.MASKS)
def test_what_is_not_masked_is_not_damaged(kind: str) -> None:
    image = photo()
    done = degradations.spoil(image, kind, strength=0.5, seed=3)
    assert done.mask is not None
    outside = np.asarray(done.mask) == 0
    assert np.array_equal(np.asarray(done.image)[outside], np.asarray(image)[outside])


@pytest.mark.parametrize("kind", degradations.KINDS)
def test_more_strength_is_more_damage(kind: str) -> None:
    image = photo()

    def error(strength: float) -> float:
        done = degradations.spoil(image, kind, strength=strength, seed=1)
        shown = done.image.resize(done.truth.size, Image.Resampling.BICUBIC)
        difference = np.asarray(shown, float) - np.asarray(done.truth, float)
        return float(np.square(difference).mean())

    assert error(0.1) < error(1.0)
