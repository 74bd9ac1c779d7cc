"""Evaluates a model in the course of its training: the same number of images from the same seeds
each time, against the same real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from aigc_demo import data
from aigc_demo.errors import BadData, BadValue
from aigc_demo.imaging import images
from aigc_demo.methods.base import Generative, Method, Model
from aigc_demo.methods.classifier import Classifier
from aigc_demo.metrics import feature_extractors
from aigc_demo.metrics.feature_extractors import Extractor, Features
from aigc_demo.metrics.reference_statistics import Reference, compute_reference
from aigc_demo.metrics.sampling import sample_images
from aigc_demo.metrics.scores import Score, score_features, short_count
from aigc_demo.requests import TrainPlan
from aigc_demo.training.events import BASELINE

REFERENCE_IMAGES = 5000  # real training images that samples are compared with
KID_SUBSETS = 10  # enough for a curve
MAX_TEST_IMAGES = 5000  # for the accuracy of a classifier


class SampleEvaluator:
    """Compares samples of a generative model with real images, in the features of ``compact``."""

    def __init__(
        self,
        dataset: data.Dataset,
        load_test: Callable[[], data.Dataset],
        count: int,
        options: dict[str, float],
    ) -> None:
        self.dataset, self.load_test, self.count, self.options = dataset, load_test, count, options
        self._reference: Reference | None = None

    def prepare(self) -> list[Score]:
        """Compute the reference statistics, which are cached for other runs; return the scores of
        the real-data baseline at the first call, none later. Raises UserError where the feature
        extractor is missing.
        """
        if self._reference is not None:
            return []
        extractor = feature_extractors.compact()
        self._reference = compute_reference(
            self.dataset, extractor, split="train", n=REFERENCE_IMAGES
        )
        return self._baseline(extractor, self._reference)

    def evaluate(self, model: Model) -> list[Score]:
        """Return the scores of samples with the classes, or the captions, of the data set."""
        assert self._reference is not None and isinstance(model, Generative)
        extractor = feature_extractors.compact()
        first = next(self.dataset.batches(self.count, seed=0))
        captions = first.captions if model.text_conditional else None
        pixels, labels = sample_images(
            model,
            self.count,
            class_shares=self._reference.class_shares,
            captions=captions,
            **self.options,
        )
        return score_features(
            extractor(pixels),
            self._reference,
            extractor=extractor,
            classes=self.dataset.classes,
            labels=labels,
            subsets=KID_SUBSETS,
        )

    def _baseline(self, extractor: Extractor, reference: Reference) -> list[Score]:
        """Return the scores of as many real test images as are sampled; none where there are
        fewer.
        """
        try:
            test = self.load_test()
        except (BadData, BadValue):
            return []
        if len(test) < self.count:
            return []
        held_out = compute_reference(test, extractor, split="test", n=self.count)
        features = Features(held_out.features, None)
        scores = score_features(features, reference, extractor=extractor, subsets=KID_SUBSETS)
        return [replace(s, name=BASELINE + s.name) for s in scores if s.value is not None]


class ClassifierEvaluator:
    """Measures the accuracy of a classifier on test images."""

    def __init__(self, load_test: Callable[[], data.Dataset]) -> None:
        self.load_test = load_test
        self._test: data.Dataset | None = None

    def prepare(self) -> list[Score]:
        """Load the test images; raises UserError where there are none."""
        if self._test is None:
            self._test = self.load_test().limited(MAX_TEST_IMAGES, seed=0)
        return []

    @torch.no_grad()
    def evaluate(self, model: Model) -> list[Score]:
        """Return the share of the test images whose class `model` predicts."""
        assert self._test is not None
        device, correct, n = next(model.parameters()).device, 0, len(self._test)
        for pixels, labels in zip(
            self._test.images.split(500), self._test.labels.split(500), strict=True
        ):
            predicted = model(images.from_pixels(pixels).to(device)).argmax(dim=1).cpu()
            correct += int((predicted == labels).sum())
        return [Score(f"accuracy_unseen_{short_count(n)}", correct / n, n)]


Evaluator = SampleEvaluator | ClassifierEvaluator


def evaluator_for(
    plan: TrainPlan,
    method: Method,
    model: Model,
    dataset: data.Dataset,
    *,
    load_test: Callable[[], data.Dataset],
) -> Evaluator | None:
    """Return the evaluator for a model that is trained on `dataset`, or on a part of it; None
    where the plan wants no scores or there are none for such models. `load_test` loads the images
    that are held out.
    """
    if not plan.score_every:
        return None
    if isinstance(model, Generative):
        count = plan.score_count or method.score_count
        return SampleEvaluator(dataset, load_test, count, method.score_options)
    return ClassifierEvaluator(load_test) if isinstance(model, Classifier) else None
