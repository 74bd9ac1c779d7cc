"""Measures a model while it trains: the same number of pictures from the same seeds each time,
against the same real ones.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from aigc_demo import data
from aigc_demo.errors import BadData, BadValue
from aigc_demo.imaging import images
from aigc_demo.methods.base import Generative, Method
from aigc_demo.metrics import feature_extractors
from aigc_demo.metrics.feature_extractors import Extractor, Features
from aigc_demo.metrics.reference_statistics import Reference, compute_reference
from aigc_demo.metrics.sampling import sample_images
from aigc_demo.metrics.scores import Score, score_features, short_count
from aigc_demo.requests import TrainPlan

REFERENCE = 5000  # real training pictures that a run is compared with
SUBSETS = 10  # of KID: enough for a curve
FLOOR = "floor_"


class Examiner:
    """Compares pictures of a model with a data set's, in the features of ``compact``."""

    def __init__(
        self,
        dataset: data.Dataset,
        method: Method,
        plan: TrainPlan,
        *,
        root: str | Path | None = None,
    ) -> None:
        self.dataset, self.method, self.plan, self.root = dataset, method, plan, root
        self.count = plan.score_count or method.score_count
        self.real: Reference | None = None
        self.floor: list[Score] = []

    def prepare(self) -> None:
        """Look at the real pictures, once; what was seen is kept for the next run.

        Raises UserError where the measuring network is missing.
        """
        if self.real is None:
            extractor = feature_extractors.compact()
            self.real = compute_reference(self.dataset, extractor, split="train", n=REFERENCE)
            self.floor = self._floor(extractor, self.real)

    def examine(self, model: Generative) -> list[Score]:
        """Return the scores of `model`; at the first time, those of real test pictures too."""
        self.prepare()
        assert self.real is not None
        extractor, real = feature_extractors.compact(), self.real
        # A model that reads is asked for what real pictures are called, always the same ones.
        said = next(self.dataset.batches(self.count, seed=0)).captions if model.reads else None
        pixels, labels = sample_images(
            model,
            self.count,
            class_shares=real.class_shares,
            captions=said,
            **self.method.score_options,
        )
        scores = score_features(
            extractor(pixels),
            real,
            extractor=extractor,
            classes=self.dataset.classes,
            labels=labels,
            subsets=SUBSETS,
        )
        floor, self.floor = self.floor, []
        return [*floor, *scores]

    def _floor(self, extractor: Extractor, real: Reference) -> list[Score]:
        """Return the scores of as many real test pictures; none where there are fewer."""
        try:
            size = self.dataset.images.shape[-1]
            test = data.load(self.plan.data, "test", root=self.root, size=size)
        except (BadData, BadValue):
            return []
        if len(test) < self.count:
            return []
        shown = compute_reference(test, extractor, split="test", n=self.count)
        seen = Features(shown.features, None)
        scores = score_features(seen, real, extractor=extractor, subsets=SUBSETS)
        return [replace(s, name=FLOOR + s.name) for s in scores if s.value is not None]


GRADED = 5000  # unseen pictures that a classifier is asked about


class Grader:
    """Asks a classifier for the classes of pictures that it has not learnt from."""

    def __init__(
        self, plan: TrainPlan, dataset: data.Dataset, *, root: str | Path | None = None
    ) -> None:
        self.plan, self.dataset, self.root = plan, dataset, root
        self.unseen: data.Dataset | None = None

    def prepare(self) -> None:
        """Load the test pictures; raises UserError where there are none."""
        if self.unseen is None:
            size = self.dataset.images.shape[-1]
            test = data.load(self.plan.data, "test", root=self.root, size=size)
            self.unseen = test.limited(GRADED, seed=0)

    @torch.no_grad()
    def examine(self, model: Any) -> list[Score]:
        """Return the share of the unseen pictures whose class `model` names."""
        self.prepare()
        assert self.unseen is not None
        device, right = next(model.parameters()).device, 0
        pairs = zip(self.unseen.images.split(500), self.unseen.labels.split(500), strict=True)
        for pixels, labels in pairs:
            named = model(images.from_pixels(pixels).to(device)).argmax(dim=1).cpu()
            right += int((named == labels).sum())
        name = f"accuracy_unseen_{short_count(len(self.unseen))}"
        return [Score(name, right / len(self.unseen), len(self.unseen))]
