"""Scores of samples against a `Reference`; each carries its N and the extractor's name.

A score for which there are too few images has no value but a reason: FID of fewer images than
features is a number, and it means nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from aigc_demo.errors import BadValue
from aigc_demo.metrics.feature_extractors import Extractor, Features
from aigc_demo.metrics.functional import (
    Moments,
    frechet_distance,
    inception_score,
    kernel_distance,
    precision_recall,
)
from aigc_demo.metrics.reference_statistics import KEEP, Reference

BASELINE = "floor_"  # before the names of real test images' scores, in cards and events
MIN_KERNEL, MIN_MANIFOLD, MIN_PER_CLASS = 100, 200, 10


@dataclass(frozen=True)
class Score:
    """One number, or the reason why there is none."""

    name: str
    value: float | None
    n: int
    std: float | None = None
    reason: str = ""


def short_count(n: int) -> str:
    """Write a number of images as the names of scores carry it: 256, 1500, 5k."""
    return f"{n // 1000}k" if n and n % 1000 == 0 else str(n)


def score_features(
    fake: Features,
    real: Reference,
    *,
    extractor: Extractor,
    classes: tuple[str, ...] = (),
    labels: Tensor | None = None,
    subsets: int = 100,
    seed: int = 0,
) -> list[Score]:
    """Score the features of samples: FID, KID, Inception Score, precision, recall and, with
    `labels`, agreement.

    `classes` are those of the data set, `labels` (N,) the numbers among them that were asked for;
    KID is the mean over `subsets` of at most 1,000 images. Precision and recall take as many
    images of either side, at most 5,000. Raises BadValue where `real` is of another extractor.
    """
    if real.extractor != extractor.identity:
        raise BadValue(
            f"extractor: the reference is of {real.extractor}, the samples' features of "
            f"{extractor.identity}; compute the reference again."
        )
    numbers = None
    if fake.logits is not None:
        numbers = extractor.class_numbers(real.dataset, classes)
    scores = [
        _frechet(fake, real, extractor),
        _kernel(fake, real, extractor, subsets, seed),
        _inception(fake, real, extractor, numbers, seed),
        *_manifolds(fake, real, extractor),
    ]
    if labels is not None and numbers is not None:
        scores.append(_agreement(fake, labels, extractor, numbers))
    return scores


def _name(kind: str, extractor: Extractor, n: int) -> str:
    return f"{kind}_{extractor.name}_{short_count(n)}"


def _too_few(least: int, n: int, m: int) -> str:
    return f"needs {least:,} pictures on both sides; there are {n:,} and {m:,}"


def _frechet(fake: Features, real: Reference, extractor: Extractor) -> Score:
    n, least = len(fake), 2 * extractor.dimensions
    name = _name("fid", extractor, n)
    if min(n, real.n) < least:
        return Score(name, None, n, reason=_too_few(least, n, real.n))
    return Score(name, frechet_distance(Moments.of(fake.values), real.moments), n)


def _kernel(
    fake: Features, real: Reference, extractor: Extractor, subsets: int, seed: int
) -> Score:
    n, m = len(fake), len(real.features[:KEEP])
    name = _name("kid", extractor, n)
    if min(n, m) < MIN_KERNEL:
        return Score(name, None, n, reason=_too_few(MIN_KERNEL, n, m))
    mean, std = kernel_distance(real.features[:KEEP], fake.values, subsets=subsets, seed=seed)
    return Score(name, mean, n, std)


def _inception(
    fake: Features,
    real: Reference,
    extractor: Extractor,
    numbers: list[int] | None,
    seed: int,
) -> Score:
    """Take the probabilities of the data set's own classes; Inception has its own 1,008."""
    n, name = len(fake), _name("is", extractor, len(fake))
    if extractor.name == "inception" and fake.logits is not None:
        numbers = list(range(fake.logits.shape[1]))
    if numbers is None:
        reason = f"{extractor.name} does not know the classes of {real.dataset}"
        return Score(name, None, n, reason=reason)
    least = MIN_PER_CLASS * len(numbers)
    if n < least:
        return Score(name, None, n, reason=f"needs {least:,} pictures; there are {n:,}")
    mean, std = inception_score(fake.logits[:, numbers].double().softmax(1), seed=seed)
    return Score(name, mean, n, std)


def _manifolds(fake: Features, real: Reference, extractor: Extractor) -> list[Score]:
    n = min(len(fake), len(real.features), KEEP)
    names = [_name(kind, extractor, n) for kind in ("precision", "recall")]
    if n < MIN_MANIFOLD:
        reason = _too_few(MIN_MANIFOLD, len(fake), len(real.features))
        return [Score(name, None, n, reason=reason) for name in names]
    values = precision_recall(real.features[:n], fake.values[:n])
    return [Score(name, value, n) for name, value in zip(names, values, strict=True)]


def _agreement(fake: Features, labels: Tensor, extractor: Extractor, numbers: list[int]) -> Score:
    """Count the pictures whose most likely class, among the set's, is the one asked for."""
    right = fake.logits[:, numbers].argmax(1) == labels.cpu()
    return Score(_name("agreement", extractor, len(fake)), right.double().mean().item(), len(fake))
