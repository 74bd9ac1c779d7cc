"""The distances are what the papers define, for any batches and with every digit."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from aigc_demo.errors import BadValue
from aigc_demo.metrics.functional import (
    Moments,
    frechet_distance,
    inception_score,
    kernel_distance,
    mann_whitney,
    nearest_neighbours,
    precision_recall,
)


def normal(
    n: int, dimensions: int = 8, *, seed: int = 0, mean: float = 0, std: float = 1
) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return mean + std * torch.randn(n, dimensions, generator=generator)


def gaussian(mean: list[float], cov: Tensor, n: int = 100) -> Moments:
    """Return moments that are exactly these."""
    return Moments(n, torch.tensor(mean, dtype=torch.float64), cov.double() * (n - 1))


def test_the_frechet_distance_is_that_of_the_means_and_the_deviations() -> None:
    cov = Moments.of(normal(50, 2)).cov
    found = frechet_distance(gaussian([1, 2], cov), gaussian([4, 6], cov))
    assert found == pytest.approx(25, rel=1e-9)
    a = gaussian([0, 0, 1], torch.diag(torch.tensor([1.0, 4.0, 9.0])))
    b = gaussian([2, 0, 1], torch.diag(torch.tensor([16.0, 4.0, 0.0])))
    assert frechet_distance(a, b) == pytest.approx(4 + (1 - 4) ** 2 + 0 + 3**2, rel=1e-9)


def test_the_frechet_distance_is_a_metric() -> None:
    features = normal(300, 64, mean=5)
    a, b = Moments.of(features), Moments.of(features.clone())
    assert 0 <= frechet_distance(a, b) <= 1e-6 * a.cov.trace().item()
    a, b = Moments.of(normal(200, 32)), Moments.of(normal(90, 32, seed=1, mean=0.3, std=2))
    assert frechet_distance(a, b) == pytest.approx(frechet_distance(b, a), rel=1e-9)


def test_moments_do_not_depend_on_batches_or_order() -> None:
    for offset, sizes in ((0, [300]), (1000, [1, 299]), (1000, [7] * 42 + [6]), (0, [0, 300])):
        features = normal(300).double() + offset
        streamed = Moments()
        for part in features[torch.randperm(300)].split(sizes):
            streamed.update(part)
        assert streamed.n == 300
        torch.testing.assert_close(streamed.mean, features.mean(0), rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(streamed.cov, features.T.cov(), rtol=1e-9, atol=1e-12)


def test_a_set_of_one_picture_over_and_over_is_at_a_finite_distance() -> None:
    constant, other = Moments.of(torch.full((50, 8), 3.0)), Moments.of(normal(200))
    expected = (constant.mean - other.mean).square().sum() + other.cov.trace()
    assert frechet_distance(constant, other) == pytest.approx(expected.item(), rel=1e-9)
    assert frechet_distance(constant, constant) == 0


def test_fewer_than_two_images_are_refused_with_their_number() -> None:
    many = normal(20)
    for few in (normal(0), normal(1)):
        for compare in (
            lambda x: frechet_distance(Moments.of(x), Moments.of(many)),
            lambda x: kernel_distance(many, x),
            lambda x: inception_score(x.softmax(1)),
            lambda x: precision_recall(many, x),
        ):
            with pytest.raises(BadValue, match=f"^n: {len(few)} pictures"):
                compare(few)


def test_the_kernel_distance_of_two_halves_of_one_set_is_about_zero_on_both_sides() -> None:
    x = normal(2000, 16)
    halves = [
        x[torch.randperm(2000, generator=torch.Generator().manual_seed(s))] for s in range(8)
    ]
    found = [kernel_distance(h[:1000], h[1000:])[0] for h in halves]
    apart = kernel_distance(x[:1000], normal(1000, 16, seed=1, mean=0.3))[0]
    assert min(found) < 0 < max(found)
    assert max(map(abs, found)) < apart / 20


def test_the_kernel_distance_is_decided_by_its_seed() -> None:
    a, b = normal(300), normal(300, seed=1)
    first = kernel_distance(a, b, subsets=5, subset_size=100, seed=3)
    assert first == kernel_distance(a, b, subsets=5, subset_size=100, seed=3)
    assert first != kernel_distance(a, b, subsets=5, subset_size=100, seed=4)
    assert first[1] > 0


def test_the_kernel_distance_of_small_sets_is_that_of_all_their_rows() -> None:
    a, b = normal(60), normal(60, seed=1)
    mean, std = kernel_distance(a, b)
    assert std == 0
    assert mean == pytest.approx(kernel_distance(a.flip(0), b.flip(0), seed=9)[0], rel=1e-9)


def test_the_inception_score_is_between_one_and_the_number_of_classes() -> None:
    sure = torch.eye(4).repeat(100, 1)
    assert inception_score(sure, splits=1) == (pytest.approx(4), 0)
    assert inception_score(sure[:1].expand(400, 4)) == (pytest.approx(1), pytest.approx(0))
    assert inception_score(torch.full((400, 4), 0.25))[0] == pytest.approx(1)


def test_recall_falls_when_a_mode_is_dropped_and_precision_does_not() -> None:
    real = torch.cat([normal(200, mean=-10), normal(200, seed=1, mean=10)])
    both = torch.cat([normal(200, seed=2, mean=-10), normal(200, seed=3, mean=10)])
    precision, recall = precision_recall(real, both)
    one_precision, one_recall = precision_recall(real, normal(400, seed=2, mean=-10))
    assert one_recall < 0.6 * recall
    assert one_precision == pytest.approx(precision, abs=0.1)


def test_precision_falls_with_outliers_and_recall_does_not() -> None:
    real, fake = normal(400), normal(400, seed=1)
    precision, recall = precision_recall(real, fake)
    fake[:100] = normal(100, seed=2, mean=100)
    worse, same = precision_recall(real, fake)
    assert worse == pytest.approx(0.75 * precision, abs=0.05)
    assert same == pytest.approx(recall, abs=0.1)


def test_the_nearest_row_is_found_across_chunks() -> None:
    others = normal(2500)
    rows = others[[2400, 3, 1000]] + 1e-4
    distances, places = nearest_neighbours(rows, others)
    assert places.tolist() == [2400, 3, 1000]
    torch.testing.assert_close(
        distances, torch.full((3,), 1e-4 * 8**0.5).double(), rtol=0.01, atol=0
    )


def test_copies_are_closer_than_unseen_pictures_and_a_tie_is_half() -> None:
    near, far = torch.zeros(10), torch.arange(1.0, 6)
    assert mann_whitney(near, far) == 1
    assert mann_whitney(far, near) == 0
    assert mann_whitney(near, near) == 0.5
    assert (
        mann_whitney(torch.tensor([1.0, 3.0]), torch.tensor([2.0, 3.0])) == (1 + 1 + 0 + 0.5) / 4
    )
