"""How good are generated pictures? Features, distances between sets of them, and scores."""

from aigc_demo.metrics.distances import (
    Moments,
    closer_share,
    frechet_distance,
    inception_score,
    kernel_distance,
    nearest,
    precision_recall,
)
from aigc_demo.metrics.drawing import draw, draws, spread
from aigc_demo.metrics.extractors import (
    Extractor,
    Features,
    compact,
    download_inception,
    inception,
)
from aigc_demo.metrics.reference import Reference, choose, reference
from aigc_demo.metrics.scores import Score, compare, short

__all__ = [
    "Extractor",
    "Features",
    "Moments",
    "Reference",
    "Score",
    "choose",
    "closer_share",
    "compact",
    "compare",
    "download_inception",
    "draw",
    "draws",
    "frechet_distance",
    "inception",
    "inception_score",
    "kernel_distance",
    "nearest",
    "precision_recall",
    "reference",
    "short",
    "spread",
]
