"""Scores carry their number of pictures, or the reason why there is none."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from aigc_demo.errors import BadValue
from aigc_demo.metrics.feature_extractors import Extractor, Features
from aigc_demo.metrics.functional import Moments, precision_recall
from aigc_demo.metrics.reference_statistics import Reference
from aigc_demo.metrics.sampling import balanced_labels, sample_images
from aigc_demo.metrics.scores import Score, score_features, short_count
from tests import factories

DIMENSIONS = 16
CLASSES = ("a", "b")


class Known(Extractor):
    """Knows the classes of the set ``letters``, as logits 2 and 1."""

    name, dimensions, fingerprint = "compact", DIMENSIONS, "f"

    def __init__(self) -> None:
        pass

    def extract(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        raise AssertionError("scores are computed from features that are there")

    def class_numbers(self, dataset_name: str, classes: tuple[str, ...]) -> list[int] | None:
        return [2, 1] if (dataset_name, classes) == ("letters", CLASSES) else None


def features(n: int, *, seed: int = 0) -> Features:
    generator = torch.Generator().manual_seed(seed)
    values = torch.randn(n, DIMENSIONS, generator=generator)
    return Features(values, torch.randn(n, 3, generator=generator))


def real(n: int = 1000, dataset: str = "letters") -> Reference:
    values = features(n, seed=1).values
    shares = torch.tensor([0.5, 0.5])
    return Reference(dataset, "train", n, "compact-f", Moments.of(values), values, shares)


def scores(n: int, m: int = 1000, dataset: str = "letters", **given: object) -> dict[str, Score]:
    found = score_features(
        features(n), real(m, dataset), extractor=Known(), **{"classes": CLASSES} | given
    )
    return {s.name: s for s in found}


def test_numbers_are_written_short() -> None:
    written = {256: "256", 1000: "1k", 1500: "1500", 5000: "5k", 50_000: "50k", 0: "0"}
    assert {n: short_count(n) for n in written} == written


def test_enough_pictures_have_every_score_named_after_what_measured_it() -> None:
    found = scores(1000, labels=torch.zeros(1000, dtype=torch.long))
    kinds = ("fid", "kid", "is", "precision", "recall", "agreement")
    assert list(found) == [f"{kind}_compact_1k" for kind in kinds]
    assert all(s.value is not None and s.n == 1000 and not s.reason for s in found.values())
    assert found["kid_compact_1k"].std is not None and found["is_compact_1k"].std is not None


def test_too_few_pictures_have_a_reason_instead_of_a_value() -> None:
    missing = {k.split("_")[0]: s.reason for k, s in scores(19).items() if s.value is None}
    assert missing == {
        "fid": "needs 32 pictures on both sides; there are 19 and 1,000",
        "kid": "needs 100 pictures on both sides; there are 19 and 1,000",
        "is": "needs 20 pictures; there are 19",
        "precision": "needs 200 pictures on both sides; there are 19 and 1,000",
        "recall": "needs 200 pictures on both sides; there are 19 and 1,000",
    }
    # FID needs twice as many images as features, of either side.
    assert [scores(n)[f"fid_compact_{n}"].value is None for n in (31, 32)] == [True, False]
    missing = {name.split("_")[0] for name, s in scores(1000, 31).items() if s.value is None}
    assert missing == {"fid", "kid", "precision", "recall"}


def test_a_set_that_the_extractor_does_not_know_has_no_score_of_classes() -> None:
    found = scores(1000, dataset="figures", labels=torch.zeros(1000, dtype=torch.long))
    assert found["is_compact_1k"].reason == "compact does not know the classes of figures"
    assert "agreement_compact_1k" not in found


def test_agreement_counts_the_most_likely_class_among_those_of_the_set() -> None:
    logits = torch.tensor([[9.0, 1, 2], [9, 2, 1], [9, 1, 2], [9, 2, 1]])  # seen: a b a b
    seen = Features(torch.zeros(4, DIMENSIONS), logits)
    labels = torch.tensor([0, 1, 1, 1])
    *_, found = score_features(seen, real(), extractor=Known(), classes=CLASSES, labels=labels)
    assert found == Score("agreement_compact_4", 0.75, 4)


def test_the_inception_score_knows_the_set_s_own_classes_only() -> None:
    n = 1000
    logits = torch.full((n, 3), -50.0)
    logits[:, 0] = 50  # sure of a class of another set
    logits[: n // 2, 1] = logits[n // 2 :, 2] = 0
    seen = Features(features(n).values, logits)
    found = {s.name: s for s in score_features(seen, real(), extractor=Known(), classes=CLASSES)}
    assert found["is_compact_1k"].value == pytest.approx(2, abs=0.05)


def test_precision_and_recall_compare_as_many_pictures_of_either_side() -> None:
    found = scores(300)
    expected = precision_recall(real(1000).features[:300], features(300).values)
    values = tuple(found[f"{kind}_compact_300"].value for kind in ("precision", "recall"))
    assert values == expected


def test_a_reference_of_another_extractor_is_refused() -> None:
    other = replace(real(), extractor="compact-g")
    with pytest.raises(BadValue, match="compact-g"):
        score_features(features(10), other, extractor=Known())


def test_classes_come_as_often_as_asked_for_and_evenly_mixed() -> None:
    numbers = balanced_labels(torch.tensor([0.5, 0.3, 0.2, 0.0]), 1001)
    counts = torch.bincount(numbers, minlength=4)
    assert counts.tolist() in ([501, 300, 200, 0], [500, 301, 200, 0])
    first = torch.bincount(numbers[:100], minlength=4)
    assert (first - torch.tensor([50, 30, 20, 0])).abs().max() <= 1
    for n in (1, 2, 7, 10):
        counts = torch.bincount(balanced_labels(torch.ones(3), n), minlength=3)
        assert counts.sum() == n and counts.max() - counts.min() <= 1


def test_pictures_are_drawn_in_eight_bits_from_seeds_in_a_row() -> None:
    model = factories.model("dcgan")
    pixels, labels = sample_images(model, 10, first_seed=5)
    rest, _ = sample_images(model, 9, class_shares=torch.tensor([1.0, 0]), first_seed=6)
    assert pixels.dtype == torch.uint8 and pixels.shape == (10, 3, 32, 32)
    assert torch.bincount(labels).tolist() == [5, 5]
    again = [i for i in range(1, 10) if labels[i] == 0]
    difference = pixels[again].int() - rest[[i - 1 for i in again]].int()
    assert difference.abs().max() <= 1  # batches of other sizes may round differently


def test_options_reach_a_model_and_one_without_classes_has_no_labels() -> None:
    pixels, labels = sample_images(factories.model("dcgan", classes=0), 3, batch=2)
    assert labels is None and len(pixels) == 3
    model = factories.model("dcgan")
    options = {o.name: o.minimum for o in model.options}
    assert options, "the test needs a model with an option"
    assert not torch.equal(sample_images(model, 4, **options)[0], sample_images(model, 4)[0])
