"""``python -m benchmarks`` runs every benchmark in turn, so that none disturbs another."""

from __future__ import annotations

import importlib
import sys

BENCHMARKS = (
    "throughput",
    "latency",
    "latency_training",
    "fid_speed",
    "ranking",
    "denoising",
    "inpainting",
    "repairing",
    "restore_speed",
    "cyclegan_step",
    "translation",
    "augmentation",
    "small_data",
    "diagnoses",
    "retrieval",
    "crf",
    "three_minutes",
)


def main() -> int:
    """Run them all; return the first status that is not 0."""
    statuses = []
    for name in BENCHMARKS:
        print(f"== {name}", flush=True)
        statuses.append(importlib.import_module(f"benchmarks.{name}").main() or 0)
    return next(filter(None, statuses), 0)


if __name__ == "__main__":
    sys.exit(main())
