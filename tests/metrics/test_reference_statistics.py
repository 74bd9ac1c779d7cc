"""What is known of real pictures is computed once, and again as soon as anything differs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from aigc_demo.data import Dataset
from aigc_demo.metrics.feature_extractors import Extractor, Features
from aigc_demo.metrics.reference_statistics import Reference, compute_reference, reference_indices


class Means(Extractor):
    """Describes a picture by the means of its channels and counts the pictures it was shown."""

    name, dimensions = "means", 3

    def __init__(self, fingerprint: str = "a") -> None:
        self.device, self.fingerprint, self.shown = torch.device("cpu"), fingerprint, 0

    def __call__(self, pixels: Tensor) -> Features:
        self.shown += len(pixels)
        return Features(self.extract(pixels)[0])

    def extract(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        means = pixels.float().mean((2, 3))
        return means, means


def dataset(n: int = 60, seed: int = 0) -> Dataset:
    generator = torch.Generator().manual_seed(seed)
    x = torch.randint(256, (n, 3, 8, 8), dtype=torch.uint8, generator=generator)
    labels = torch.arange(n) % 4 // 3  # three of the first class for one of the second
    return Dataset("set", "Set", x, labels, ("a", "b"), "")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Cache in a folder of this test."""
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path))
    return tmp_path / "statistics"


def same(a: Reference, b: Reference) -> bool:
    return (
        (a.n, a.extractor) == (b.n, b.extractor)
        and torch.equal(a.moments.mean, b.moments.mean)
        and torch.equal(a.moments.cov, b.moments.cov)
        and torch.equal(a.features, b.features)
        and torch.equal(a.class_shares, b.class_shares)
    )


def test_a_reference_is_computed_once_and_then_read() -> None:
    extractor = Means()
    first = compute_reference(dataset(), extractor, split="train", n=50)
    assert extractor.shown == 50
    second = compute_reference(dataset(), extractor, split="train", n=50)
    assert extractor.shown == 50
    assert same(first, second)


def test_it_holds_the_moments_of_the_chosen_pictures_and_their_class_shares() -> None:
    data = dataset()
    found = compute_reference(data, Means(), split="train", n=40, keep=10)
    chosen = reference_indices(data, 40)
    values = data.images[chosen].double().mean((2, 3))
    torch.testing.assert_close(found.moments.mean, values.mean(0), rtol=1e-6, atol=0)
    torch.testing.assert_close(found.moments.cov, values.T.cov(), rtol=1e-4, atol=0)
    torch.testing.assert_close(found.features, values[:10].float())
    assert found.class_shares[1] == (data.labels[chosen] == 1).double().mean()
    assert len(set(chosen.tolist())) == 40


def test_a_smaller_set_is_taken_whole() -> None:
    found = compute_reference(dataset(30), Means(), split="test", n=50_000)
    assert (found.n, len(found.features), str(found)) == (30, 30, "set test, 30")
    assert found.class_shares.sum() == 1


def test_other_pictures_labels_splits_numbers_or_extractors_are_computed_anew(cache: Path) -> None:
    data = dataset()
    changed = data.images.clone()
    changed[7, 0, 0, 0] ^= 1
    variants = [
        (data, "train", 50, "a"),
        (replace(data, images=changed), "train", 50, "a"),
        (replace(data, labels=1 - data.labels), "train", 50, "a"),
        (replace(data, name="other"), "train", 50, "a"),
        (data, "test", 50, "a"),
        (data, "train", 49, "a"),
        (data, "train", 50, "b"),
    ]
    for i, (pictures, split, n, fingerprint) in enumerate(variants):
        extractor = Means(fingerprint)
        compute_reference(pictures, extractor, split=split, n=n)
        assert extractor.shown == n, "a variant was taken for another"
        assert len(list(cache.iterdir())) == i + 1


def test_the_statistics_of_private_images_are_never_cached(cache: Path) -> None:
    private = replace(dataset(), private=True)
    compute_reference(private, Means(), split="train", n=50)
    assert not cache.exists()


def test_a_name_of_any_characters_makes_a_file_name(cache: Path) -> None:
    compute_reference(replace(dataset(), name="a/b ../c"), Means(), split="train", n=50)
    (file,) = cache.iterdir()
    assert file.name.startswith("a-b-c-train-50-")
