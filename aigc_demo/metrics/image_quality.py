"""How similar an image is to its truth: PSNR, SSIM and a feature distance.

PSNR measures wrong grey levels, SSIM (Wang et al., "Image Quality Assessment: From Error
Visibility to Structural Similarity", 2004) local contrast and structure, the feature distance
texture: in the features of ``compact`` on tiles of 32×32 pixels, a blurred filling that is right
on the average is far from the truth.
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from skimage.metrics import structural_similarity

from aigc_demo.metrics import feature_extractors

TILE = 32

Array = NDArray[np.float32]


def psnr(a: Array, b: Array, where: NDArray[np.bool_] | None = None) -> float:
    """Return the peak signal-to-noise ratio in dB of two images (H, W, C) in [0, 1], over all
    pixels or those in `where` (H, W); infinite for equal ones.
    """
    error = np.square(a.astype(np.float64) - b)
    mean = float(error.mean() if where is None else error[where].mean())
    return float(-10 * np.log10(mean)) if mean > 0 else float("inf")


def ssim(a: Array, b: Array) -> float | None:
    """Return the structural similarity of two images (H, W, C) in [0, 1] with Wang's Gaussian
    window, or None where they are smaller than that.
    """
    if min(a.shape[:2]) < 11:
        return None
    wang = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    return float(structural_similarity(a, b, channel_axis=-1, data_range=1.0, **wang))


def feature_distance(a: Array, b: Array, where: NDArray[np.bool_] | None = None) -> float | None:
    """Return the mean distance of the features of ``compact`` over tiles of two images (H, W, 3)
    in [0, 1], of the tiles that touch `where`; None where no tile fits.
    """
    extractor = feature_extractors.compact()
    tiles = [
        (top, left)
        for top in range(0, a.shape[0] - TILE + 1, TILE)
        for left in range(0, a.shape[1] - TILE + 1, TILE)
        if where is None or where[top : top + TILE, left : left + TILE].any()
    ]
    if not tiles:
        return None

    def features(image: Array) -> torch.Tensor:
        pixels = np.rint(image * 255).clip(0, 255).astype(np.uint8)
        cut = np.stack([pixels[y : y + TILE, x : x + TILE] for y, x in tiles])
        return extractor(torch.from_numpy(cut).permute(0, 3, 1, 2)).values

    return float((features(a) - features(b)).norm(dim=1).mean())


def compare_images(a: Array, b: Array, where: NDArray[np.bool_] | None = None) -> dict[str, float]:
    """Return the scores of image a against the truth b, (H, W, 3) in [0, 1]: ``psnr`` and
    ``ssim`` of all, ``psnr_hole`` of what was filled (`where`), and ``compact_distance``.
    """
    found = {"psnr": psnr(a, b), "ssim": ssim(a, b)}
    if where is not None and where.any():
        found["psnr_hole"] = psnr(a, b, where)
    found["compact_distance"] = feature_distance(a, b, where)
    return {name: value for name, value in found.items() if value is not None}
