"""The shipped extractor ranks pictures as a person would.

Real pictures are not part of the repository, so those of a shipped model stand for reality: what
is measured is whether the distance grows with the damage.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur

from aigc_demo.methods import checkpoint
from aigc_demo.metrics.feature_extractors import compact
from aigc_demo.metrics.functional import Moments, frechet_distance
from aigc_demo.metrics.sampling import sample_images

CHECKPOINTS = Path(__file__).parents[2] / "checkpoints"
N = 500


def shipped(name: str, first_seed: int) -> Tensor:
    model, _ = checkpoint.load(CHECKPOINTS / name)
    return sample_images(model, N, first_seed=first_seed)[0]


def noisy(pixels: Tensor, strength: float) -> Tensor:
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    return (pixels + strength * noise).round().clamp(0, 255).to(torch.uint8)


@pytest.fixture(scope="module")
def distances() -> dict[str, list[float]]:
    """Return the distances from reality: of more of it, of another model, and of damaged ones."""
    extractor = compact(device="cpu")
    real = Moments.of(extractor(shipped("fashion_mnist-dcgan", 0)).values)
    held_out = shipped("fashion_mnist-dcgan", N)

    def distance(pixels: Tensor) -> float:
        return frechet_distance(Moments.of(extractor(pixels).values), real)

    return {
        "held out": [distance(held_out)],
        "model": [distance(shipped("fashion_mnist-vae", 0))],
        "blur": [distance(gaussian_blur(held_out, 13, sigma)) for sigma in (0.6, 1.0, 2.0)],
        "noise": [distance(noisy(held_out, strength)) for strength in (10, 25, 60)],
    }


def test_the_distance_grows_with_the_damage(distances: dict[str, list[float]]) -> None:
    for damage in ("blur", "noise"):
        ranked = [*distances["held out"], *distances[damage]]
        assert all(weaker < stronger for weaker, stronger in pairwise(ranked)), distances


def test_a_model_is_farther_than_unseen_pictures_and_nearer_than_strong_blur(
    distances: dict[str, list[float]],
) -> None:
    ranked = [*distances["held out"], *distances["model"], distances["blur"][-1]]
    assert all(better < worse for better, worse in pairwise(ranked)), distances
