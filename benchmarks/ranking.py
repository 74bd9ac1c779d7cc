"""Does FID in the features of ``compact`` rank pictures as a person would?

Unseen real pictures should be nearest to the real training pictures, and farther with every step
of noise and blur. The shipped models, as their cards say, stand among them.
"""

from __future__ import annotations

import argparse
import sys
from itertools import pairwise

import torch
from torch import Tensor
from torchvision.transforms.v2.functional import gaussian_blur
from tqdm import tqdm

from aigc_demo import data
from aigc_demo.errors import UserError
from aigc_demo.metrics import feature_extractors
from aigc_demo.metrics.feature_extractors import Extractor
from aigc_demo.metrics.functional import Moments, frechet_distance
from aigc_demo.metrics.reference_statistics import Reference, compute_reference, reference_indices
from aigc_demo.studio import Studio
from benchmarks import models, report

TITLE = "Ranking by FID"
SETS = ("fashion_mnist", "cifar10")
NOISES, BLURS = (5, 10, 20, 40, 80), (0.5, 0.75, 1.0, 1.5, 2.5)
N, REFERENCE = 5000, 50_000


def noisy(pixels: Tensor, strength: float) -> Tensor:
    """Add Gaussian noise of `strength` grey levels to uint8 pictures."""
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    return (pixels + strength * noise).round().clamp(0, 255).to(torch.uint8)


def blurred(pixels: Tensor, sigma: float) -> Tensor:
    """Blur uint8 pictures by a Gaussian of `sigma` pixels."""
    return gaussian_blur(pixels, 4 * round(2 * sigma) + 1, sigma)


def measure(name: str, extractor: Extractor, n: int, root: str | None) -> dict[str, float]:
    """Return the FIDs of unseen and of damaged pictures by what was done to them."""
    train, test = (data.load(name, split, root=root) for split in ("train", "test"))
    real = compute_reference(train, extractor, split="train", n=REFERENCE)
    unseen = test.images[reference_indices(test, n)]
    pictures = {
        "unseen real pictures": lambda: unseen,
        **{f"noise of {s} levels": lambda s=s: noisy(unseen, s) for s in NOISES},
        **{f"blur of {s} pixels": lambda s=s: blurred(unseen, s) for s in BLURS},
    }
    bar = tqdm(pictures.items(), desc=name, disable=None)
    return {title: distance(extractor, make(), real) for title, make in bar}


def distance(extractor: Extractor, pixels: Tensor, real: Reference) -> float:
    moments = Moments.of(extractor(pixels).values)
    return frechet_distance(moments, real.moments)


def rises(found: dict[str, float], damage: str) -> bool:
    """Tell whether the distance grows with every step of a damage."""
    ranked = [v for title, v in found.items() if title.startswith(("unseen", damage))]
    return all(weaker < stronger for weaker, stronger in pairwise(ranked))


def shipped(name: str, n: int) -> dict[str, float]:
    """Return the FIDs that the cards of a data set's models hold, of as many pictures."""
    found = {}
    for info in Studio("checkpoints").models("generate"):
        score = models.find(info.card.get("metrics", {}), "fid") if info.data == name else None
        if score and score[1] == n:
            found[f"`{info.name}`"] = score[0]
    return found


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the section."""
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument("-n", type=int, default=N, help=f"pictures a row ({N})")
    p.add_argument("--data-root", help="folder of data sets (AIGC_DATA, data)")
    given = p.parse_args(arguments or [])
    try:
        extractor = feature_extractors.compact()
        found = {name: measure(name, extractor, given.n, given.data_root) for name in SETS}
    except UserError as error:
        print(f"ranking: {error}", file=sys.stderr)
        return 2
    parts = []
    for name, distances in found.items():
        verdict = {True: "rises with every step", False: "does not rise with every step"}
        ranked = sorted((distances | shipped(name, given.n)).items(), key=lambda item: item[1])
        rows = [[title, f"{value:.2f}"] for title, value in ranked]
        parts.append(
            f"{report.table([name, 'FID'], rows)}\n\n"
            f"Noise: {verdict[rises(distances, 'noise')]}; "
            f"blur: {verdict[rises(distances, 'blur')]}."
        )
    text = (
        f"FID of {given.n:,} pictures in the features of `compact` against up to {REFERENCE:,} "
        "real training pictures, nearest first; models as their cards say. Comparable with "
        "nothing but itself."
    )
    body = "\n\n".join([text, *parts])
    print(body)
    report.write_section(TITLE, f"python -m benchmarks.ranking -n {given.n}", body)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
