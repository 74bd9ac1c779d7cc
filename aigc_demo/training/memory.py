"""How much memory a training run needs, told before it begins."""

from __future__ import annotations

import os

import torch

from aigc_demo import settings
from aigc_demo.errors import BadValue
from aigc_demo.methods.base import Method
from aigc_demo.requests import TrainPlan

BASE = 1_000_000_000  # bytes of a worker that has everything imported and small data loaded
COPIES = 6  # of each weight: raw, averaged, gradient, two moments, the one that is being saved
# Bytes of activations a pixel and channel of the first layer (`python -m benchmarks.memory`).
ACTIVATIONS = {"flow": 60, "cyclegan": 130, "segment": 40}
OTHERS = 30


def estimate(plan: TrainPlan, method: Method, *, classes: int | None = None) -> int:
    """Return about how many bytes training `plan` needs at most."""
    config = {"classes": (classes or 10) if method.classes else 0} | plan.config
    with torch.device("meta"):
        model = method.build(config)
    shape = model.config
    width = shape.widths[0] if hasattr(shape, "widths") else getattr(shape, "width", 64)
    pixels = (plan.batch or method.batch) * getattr(shape, "size", 64) ** 2
    weights = sum(p.numel() for p in model.parameters())
    return BASE + 4 * COPIES * weights + pixels * width * ACTIVATIONS.get(method.name, OTHERS)


def limit() -> int:
    """Return how many bytes a run may need: ``AIGC_MAX_MEMORY``, else half of what is here."""
    megabytes = settings.whole("AIGC_MAX_MEMORY")
    return 1_000_000 * megabytes or os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2


def check(plan: TrainPlan, method: Method, *, classes: int | None = None) -> None:
    """Raise BadValue where a run would need more memory than it may have."""
    needed, most = estimate(plan, method, classes=classes), limit()
    if needed > most:
        raise BadValue(
            f"batch: this run would need about {needed / 1e9:.1f} GB of memory, and this host "
            f"allows {most / 1e9:.1f}; take a smaller batch, width or size."
        )
