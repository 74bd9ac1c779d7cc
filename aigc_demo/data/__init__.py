"""Images to train with: ``DATASETS``, folders, zips, uploads and samples of models, all as uint8
tensors in memory, and seeded batches of them.
"""

from aigc_demo.data.captions import Captioned, caption_by_class
from aigc_demo.data.catalogue import DATASETS
from aigc_demo.data.dataset import Dataset, Domains, Source, Split
from aigc_demo.data.model_samples import SampleModel, sample_models
from aigc_demo.data.registry import (
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
    "all_available",
    "available",
    "caption_by_class",
    "data_root",
    "fallback",
    "load",
    "sample_models",
    "title_of",
]
