"""PSNR of denoised colour photographs (CBSD68), Gaussian noise of σ 15, 25 and 50.

Noise is added in floating point and not clipped, from one seed a picture; PSNR is of RGB rounded
to 8 bits, the mean over the pictures. Methods are told σ; the last rows estimate it.
"""

from __future__ import annotations

import argparse
import statistics
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from aigc_demo.errors import UserError
from aigc_demo.imaging.degradations import DEGRADATIONS
from aigc_demo.methods import checkpoint
from aigc_demo.metrics.image_quality import psnr
from aigc_demo.pipelines import classical, restoration
from benchmarks.photographs import floats, photographs, rounded
from benchmarks.report import table, write_metrics, write_section

TITLE = "Colour denoising, CBSD68"
SIGMAS = (15, 25, 50)
# Published with the same protocol: Zhang et al. 2017 and 2018.
PUBLISHED = {
    "CBM3D": (33.52, 30.71, 27.38),
    "CDnCNN, one network for all σ": (33.90, 31.24, 27.95),
    "FFDNet": (33.87, 31.21, 27.96),
}

Denoise = Callable[[NDArray[np.float32], float], NDArray[np.float32]]


def measure(denoise: Denoise, sigma: float, count: int | None) -> float:
    """Return the mean PSNR."""
    found = []
    for seed, image in enumerate(tqdm(photographs()[:count], leave=False)):
        clean = floats(image)
        noise = np.random.default_rng(seed).normal(0, sigma / 255, clean.shape)
        noisy = (clean + noise).astype(np.float32)
        found.append(psnr(rounded(denoise(noisy, sigma)), clean))
    return statistics.fmean(found)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the section."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--checkpoint", default="checkpoints/denoise")
    parser.add_argument("--count", type=int, help="pictures; all unless given")
    given = parser.parse_args(arguments)
    try:
        model, _ = checkpoint.load(Path(given.checkpoint))
        photographs()
    except UserError as error:
        print(f"denoising: {error}", file=sys.stderr)
        return 2
    parameters = sum(p.numel() for p in model.parameters())

    def network(noisy: NDArray[np.float32], sigma: float) -> NDArray[np.float32]:
        return restoration.repaired(model, noisy, sigma / DEGRADATIONS["noise"].span)

    methods: dict[str, Denoise] = {
        "NL-means, OpenCV": classical.nl_means_fast,
        "NL-means, scikit-image": classical.nl_means,
        f"denoise, {parameters / 1e6:.2f} M parameters": network,
        "denoise, σ estimated": lambda x, _: network(x, classical.noise_level(x)),
    }
    rows = [[name, *(f"{v:.2f}" for v in values)] for name, values in PUBLISHED.items()]
    measured: dict[str, float] = {}
    for name, denoise in methods.items():
        results = [measure(denoise, sigma, given.count) for sigma in SIGMAS]
        rows.append([name, *(f"{psnr:.2f}" for psnr in results)])
        print(rows[-1], flush=True)
        if denoise is network:
            for sigma, psnr in zip(SIGMAS, results, strict=True):
                measured[f"psnr_cbsd68_sigma_{sigma}"] = psnr
    text = table(["PSNR, dB", *(f"σ = {s}" for s in SIGMAS)], rows)
    print(text)
    if given.count is None and given.checkpoint == "checkpoints/denoise":
        write_metrics(Path(given.checkpoint), measured)
        write_section(TITLE, "python -m benchmarks.denoising", f"{__doc__.strip()}\n\n{text}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
