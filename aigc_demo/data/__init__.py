"""Images to learn from: ``DATASETS``, folders and zips, all as uint8 tensors in memory, and seeded
batches of them.
"""

from aigc_demo.data.captions import Captioned, of_classes
from aigc_demo.data.dataset import Dataset, Domains, Source, Split
from aigc_demo.data.model_samples import Painter, painters
from aigc_demo.data.registry import (
    DATASETS,
    available,
    data_root,
    here,
    load,
    stand_in,
    title_of,
)

__all__ = [
    "DATASETS",
    "Captioned",
    "Dataset",
    "Domains",
    "Painter",
    "Source",
    "Split",
    "available",
    "data_root",
    "here",
    "load",
    "of_classes",
    "painters",
    "stand_in",
    "title_of",
]
