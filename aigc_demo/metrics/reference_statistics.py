"""Reference statistics of real images: the moments of their features and some of these, cached.

Extracting the features of 50,000 images takes longer than scoring a model, and the result depends
only on the images and the extractor; both are part of the cache's key.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

import torch
from torch import Tensor

from aigc_demo import data
from aigc_demo.device import low_precision
from aigc_demo.methods import tensor_cache
from aigc_demo.metrics.feature_extractors import Extractor
from aigc_demo.metrics.functional import Moments

KEEP = 5000  # rows of features, for KID, precision and recall
TENSORS = ("mean", "scatter", "features", "class_shares")
BLOCK = 1000  # images whose features are in memory at a time beyond those


@dataclass(frozen=True)
class Reference:
    """Statistics of `n` real images in the features of an extractor."""

    dataset: str
    split: str
    n: int
    extractor: str  # name and fingerprint
    moments: Moments
    features: Tensor  # (at most `keep`, F), float32, of the first images
    class_shares: Tensor | None  # (K,), float64, summing to 1; None without classes

    def __str__(self) -> str:
        return f"{self.dataset} {self.split}, {self.n}"


def compute_reference(
    dataset: data.Dataset,
    extractor: Extractor,
    *,
    split: str,
    n: int,
    keep: int = KEEP,
) -> Reference:
    """Return the statistics of at most `n` images of `dataset`.

    They are cached, unless the images are a user's own.
    """
    n = min(n, len(dataset))
    key = _key(dataset, extractor, split, n, keep)
    entry = None if dataset.private else tensor_cache.read(key, TENSORS)
    known = entry.tensors if entry else _compute(dataset, extractor, n, keep)
    if entry is None and not dataset.private:
        tensor_cache.write(key, known)
    return Reference(
        dataset=dataset.name,
        split=split,
        n=n,
        extractor=extractor.identity,
        moments=Moments(n, known["mean"], known["scatter"]),
        features=known["features"],
        class_shares=known["class_shares"] if dataset.classes else None,
    )


def reference_indices(dataset: data.Dataset, n: int) -> Tensor:
    """Return the places of the `n` images that `compute_reference` takes, in its order."""
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))
    return order[:n]


def _compute(dataset: data.Dataset, extractor: Extractor, n: int, keep: int) -> dict[str, Tensor]:
    chosen, moments, kept, rows = reference_indices(dataset, n), Moments(), [], 0
    for part in chosen.split(BLOCK):
        values = extractor(dataset.images[part]).values
        moments.update(values)
        if rows < keep:
            kept.append(values[: keep - rows])
            rows += len(kept[-1])
    counts = torch.bincount(dataset.labels[chosen], minlength=max(1, len(dataset.classes)))
    return {
        "mean": moments.mean,
        "scatter": moments.scatter,
        "features": torch.cat(kept),
        "class_shares": counts.double() / n,
    }


def _key(dataset: data.Dataset, extractor: Extractor, split: str, n: int, keep: int) -> str:
    """Return a cache key that another data set, extractor or number format does not share."""
    digest = hashlib.sha256(dataset.images.contiguous().numpy())
    digest.update(dataset.labels.contiguous().numpy())
    number_format = str(low_precision(extractor.device))
    described = (dataset.classes, number_format, tuple(dataset.images.shape))
    digest.update(repr(described).encode())
    readable = re.sub(r"[^A-Za-z0-9_+]+", "-", dataset.name)[:60]
    key = f"{n}-{keep}-{extractor.identity}-{digest.hexdigest()[:16]}"
    return f"statistics/{readable}-{split}-{key}"
