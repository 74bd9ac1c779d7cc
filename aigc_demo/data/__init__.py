"""Images to learn from: ``DATASETS``, folders and zips, all as uint8 tensors in memory, and seeded
batches of them.
"""

from aigc_demo.data.captions import Captioned, caption_by_class
from aigc_demo.data.dataset import Dataset, Domains, Source, Split
from aigc_demo.data.model_samples import SampleModel, sample_models
from aigc_demo.data.registry import (
    DATASETS,
    all_available,
    available,
    data_root,
    fallback,
    load,
    title_of,
)

__all__ = [
    "DATASETS",
    "Captioned",
    "Dataset",
    "Domains",
    "SampleModel",
    "Source",
    "Split",
    "available",
    "data_root",
    "all_available",
    "load",
    "caption_by_class",
    "sample_models",
    "fallback",
    "title_of",
]
