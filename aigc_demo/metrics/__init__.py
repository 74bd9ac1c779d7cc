"""How good are generated pictures? Features, distances between sets of them, and scores."""

from aigc_demo.metrics.feature_extractors import (
    Extractor,
    Features,
    compact,
    download_inception,
    inception,
)
from aigc_demo.metrics.functional import (
    Moments,
    closer_share,
    frechet_distance,
    inception_score,
    kernel_distance,
    nearest,
    precision_recall,
)
from aigc_demo.metrics.image_quality import compare_pictures, feature_distance, psnr, ssim
from aigc_demo.metrics.reference_statistics import Reference, choose, reference
from aigc_demo.metrics.sampling import draw, draws, spread
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
    "compare_pictures",
    "download_inception",
    "draw",
    "draws",
    "feature_distance",
    "frechet_distance",
    "inception",
    "inception_score",
    "kernel_distance",
    "nearest",
    "precision_recall",
    "psnr",
    "reference",
    "short",
    "spread",
    "ssim",
]
