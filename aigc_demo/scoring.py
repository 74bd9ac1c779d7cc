"""Measures a model while it trains: the same number of pictures from the same seeds each time,
against the same real ones.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from aigc_demo import data, metrics
from aigc_demo.errors import BadData, BadValue
from aigc_demo.methods.base import Generative, Method
from aigc_demo.metrics import Score
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
        self.real: metrics.Reference | None = None
        self.floor: list[Score] = []

    def prepare(self) -> None:
        """Look at the real pictures, once; what was seen is kept for the next run.

        Raises UserError where the measuring network is missing.
        """
        if self.real is None:
            extractor = metrics.compact()
            self.real = metrics.reference(self.dataset, extractor, split="train", n=REFERENCE)
            self.floor = self._floor(extractor, self.real)

    def examine(self, model: Generative) -> list[Score]:
        """Return the scores of `model`; at the first time, those of real test pictures too."""
        self.prepare()
        assert self.real is not None
        extractor, real = metrics.compact(), self.real
        # A model that reads is asked for what real pictures are called, always the same ones.
        said = next(self.dataset.batches(self.count, seed=0)).captions if model.reads else None
        pixels, labels = metrics.draw(
            model,
            self.count,
            class_shares=real.class_shares,
            captions=said,
            **self.method.score_options,
        )
        scores = metrics.compare(
            extractor(pixels),
            real,
            extractor=extractor,
            classes=self.dataset.classes,
            labels=labels,
            subsets=SUBSETS,
        )
        floor, self.floor = self.floor, []
        return [*floor, *scores]

    def _floor(self, extractor: metrics.Extractor, real: metrics.Reference) -> list[Score]:
        """Return the scores of as many real test pictures; none where there are fewer."""
        try:
            size = self.dataset.images.shape[-1]
            test = data.load(self.plan.data, "test", root=self.root, size=size)
        except (BadData, BadValue):
            return []
        if len(test) < self.count:
            return []
        shown = metrics.reference(test, extractor, split="test", n=self.count)
        seen = metrics.Features(shown.features, None)
        scores = metrics.compare(seen, real, extractor=extractor, subsets=SUBSETS)
        return [replace(s, name=FLOOR + s.name) for s in scores if s.value is not None]
