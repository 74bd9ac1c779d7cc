"""How long FID of 5,000 pictures takes in the features of ``compact``, from uint8 tensors."""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
import time
from unittest import mock

import torch

from aigc_demo.data import Dataset
from aigc_demo.errors import UserError
from aigc_demo.metrics import feature_extractors
from aigc_demo.metrics.feature_extractors import Extractor
from aigc_demo.metrics.functional import Moments, frechet_distance
from aigc_demo.metrics.reference_statistics import compute_reference
from benchmarks.report import table, write_section

TITLE = "Time of FID"
N, SIDE, ROUNDS, TARGET = 5000, 32, 3, 10


def seconds(extractor: Extractor, channels: int, *, cached: bool) -> float:
    """Return the median time of a FID of N pictures against N real ones."""
    generator = torch.Generator().manual_seed(0)
    shape = (2, N, channels, SIDE, SIDE)
    real, fake = torch.randint(256, shape, dtype=torch.uint8, generator=generator)
    dataset = Dataset("noise", "Noise", real, torch.zeros(N, dtype=torch.int64), (), "")
    times = []
    for _ in range(ROUNDS):
        with (
            tempfile.TemporaryDirectory() as folder,
            mock.patch.dict(os.environ, AIGC_CACHE=folder),
        ):
            settings = {"split": "train", "n": N}
            if cached:
                compute_reference(dataset, extractor, **settings)
            start = time.perf_counter()
            reference = compute_reference(dataset, extractor, **settings)
            moments = Moments.of(extractor(fake).values)
            frechet_distance(moments, reference.moments)
            times.append(time.perf_counter() - start)
    return statistics.median(times)


def main() -> int:
    """Measure, print and write the section."""
    try:
        extractor = feature_extractors.compact()
    except UserError as error:
        print(f"fid_speed: {error}", file=sys.stderr)
        return 2
    rows = []
    for cached in (True, False):
        for channels in (1, 3):
            what = f"{N:,} × {channels} × {SIDE} × {SIDE}"
            known = "kept" if cached else "computed too"
            took = seconds(extractor, channels, cached=cached)
            rows.append([what, known, f"{took:.1f} s", f"≤ {TARGET} s"])
    text = table(["pictures", "statistics of as many real ones", "median", "target"], rows)
    print(text)
    write_section(TITLE, "python -m benchmarks.fid_speed", f"Median of {ROUNDS} rounds.\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
