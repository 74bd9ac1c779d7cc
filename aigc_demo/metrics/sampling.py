"""Samples to be scored: as a user gets them, in 8 bits, with classes as often as in reality."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from aigc_demo.imaging import images
from aigc_demo.methods.base import Generative


def sample_images(model: Generative, n: int, **settings: Any) -> tuple[Tensor, Tensor | None]:
    """Return the n samples that `sample_batches` yields with the same settings, in one batch."""
    pixels, labels = zip(*sample_batches(model, n, **settings), strict=True)
    return torch.cat(pixels), torch.cat(labels) if model.config.classes else None


def sample_batches(
    model: Generative,
    n: int,
    *,
    class_shares: Tensor | None = None,
    captions: Tensor | None = None,
    first_seed: int = 0,
    batch: int = 50,
    **options: float,
) -> Iterator[tuple[Tensor, Tensor | None]]:
    """Yield n samples in batches, uint8 (B, C, H, W) on the CPU, of the seeds from `first_seed`,
    and their class numbers (B,), or None where the model has no classes.

    The classes come as often as `class_shares` (K,) says, equally often unless given, and evenly
    mixed, so that any first part of the samples has the same shares. A text-conditioned model
    needs `captions` (n, L), uint8.
    """
    labels = None
    if k := model.config.classes:
        labels = balanced_labels(torch.ones(k) if class_shares is None else class_shares, n)
    for first in range(0, n, batch):
        seeds = range(first_seed + first, first_seed + min(first + batch, n))
        part = None if labels is None else labels[first : first + batch]
        texts = None if captions is None else captions[first : first + batch]
        yield _sample(model, seeds, part, texts, options), part


@torch.no_grad()
def _sample(
    model: Generative,
    seeds: range,
    labels: Tensor | None,
    captions: Tensor | None,
    options: dict[str, float],
) -> Tensor:
    noise = model.noise(seeds)
    labels, captions = (None if x is None else x.to(noise.device) for x in (labels, captions))
    return images.quantise(model.sample(noise, labels, captions=captions, **options)).cpu()


def balanced_labels(shares: Tensor, n: int) -> Tensor:
    """Return n class numbers (n,), as often as `shares` (K,) says, evenly mixed.

    Rounded by the largest remainders, so no class is more than one off its share.
    """
    exact = shares.double() / shares.double().sum() * n
    counts = exact.floor().long()
    rest = (exact - counts).argsort(descending=True, stable=True)[: n - int(counts.sum())]
    counts[rest] += 1
    numbers = torch.arange(len(counts)).repeat_interleave(counts)
    # The i-th of m samples of a class belongs at (i + ½) / m of the way.
    places = torch.cat([(torch.arange(m) + 0.5) / m for m in counts.tolist()])
    return numbers[places.argsort(stable=True)]
