"""Classical restoration: baselines of the networks, and fallbacks where there is none.

Images are float32 (H, W, 3) in [0, 1]; a hole is bool (H, W).

* Telea, "An Image Inpainting Technique Based on the Fast Marching Method", 2004, and Bertalmio et
  al., "Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting", 2001, by OpenCV.
* Damelin & Hoang, "On Surface Completion and Image Inpainting by Biharmonic Functions", 2018, by
  scikit-image.
* Buades et al., "A Non-Local Algorithm for Image Denoising", 2005, by scikit-image and OpenCV.
* Filling by non-local means: Wexler et al., "Space-Time Completion of Video", 2007, with weights
  of Buades et al.: every patch that overlaps the hole is replaced by the weighted mean of similar
  patches in the known part; overlapping patches are averaged.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage import restoration

Picture = NDArray[np.float32]
Hole = NDArray[np.bool_]

RADIUS = 5  # pixels around a hole that OpenCV's methods use
PATCH = 5  # side of the patches that are compared
NEIGHBOURS = 8  # similar patches that are averaged
MAX_EXAMPLES, MIN_EXAMPLES = 4000, 200  # patches of the known part; with fewer none are compared
ROUNDS = 3  # at each scale
NOISE_PATCH = 8  # side of the patches by which noise is estimated
OFFSETS = np.stack(np.mgrid[:PATCH, :PATCH], -1).reshape(-1, 2)  # of the pixels of a patch


def telea(picture: Picture, hole: Hole) -> Picture:
    """Fill from the boundary inwards, each pixel from its known neighbours."""
    return _opencv(picture, hole, cv2.INPAINT_TELEA)


def navier_stokes(picture: Picture, hole: Hole) -> Picture:
    """Continue the isophotes into the hole."""
    return _opencv(picture, hole, cv2.INPAINT_NS)


def _opencv(picture: Picture, hole: Hole, kind: int) -> Picture:
    filled = cv2.inpaint(_pixels(picture), hole.astype(np.uint8), RADIUS, kind)
    return np.where(hole[..., None], filled.astype(np.float32) / 255, picture)


def biharmonic(picture: Picture, hole: Hole) -> Picture:
    """Fill with the smoothest surface that continues values and slopes at the boundary; slow for
    large holes.
    """
    if hole.all():
        return telea(picture, hole)
    filled = restoration.inpaint_biharmonic(
        picture, hole, channel_axis=-1, split_into_regions=True
    )
    return filled.astype(np.float32).clip(0, 1)


def fill_by_patches(picture: Picture, hole: Hole) -> Picture:
    """Fill with averages of similar patches from the rest of the picture, coarse to fine."""
    if not hole.any() or hole.all():
        return telea(picture, hole)
    size = (hole.shape[1] // 2, hole.shape[0] // 2)
    deepest = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 3).max()
    if min(size) >= 2 * PATCH and deepest > PATCH // 2:
        known = (~hole).astype(np.float32)
        weight = cv2.resize(known, size, interpolation=cv2.INTER_AREA)
        small = cv2.resize(picture * known[..., None], size, interpolation=cv2.INTER_AREA)
        small = small / np.maximum(weight, 1e-6)[..., None]
        coarse = fill_by_patches(small, weight < 0.5)
        guess = cv2.resize(coarse, hole.shape[::-1], interpolation=cv2.INTER_LINEAR)
        start = np.where(hole[..., None], guess, picture).astype(np.float32)
    else:
        start = telea(picture, hole)
    return _fill_from_similar(start, hole)


def _fill_from_similar(picture: Picture, hole: Hole) -> Picture:
    """Replace the hole by averages of the most similar known patches, `ROUNDS` times."""
    known, unknown = _patch_corners(hole)
    if len(known) < MIN_EXAMPLES or not len(unknown):
        return picture
    result, examples = picture.copy(), _patches(picture, known)
    for _ in range(ROUNDS):
        total = np.zeros((*hole.shape, 3), np.float32)
        weight = np.zeros((*hole.shape, 1), np.float32)
        for part in np.array_split(unknown, max(1, len(unknown) // 4000)):
            means, trust = _similar(_patches(result, part), examples)
            rows, columns = _pixels_of(part)
            np.add.at(total, (rows, columns), means.reshape(len(part), -1, 3) * trust)
            np.add.at(weight, (rows, columns), trust)
        filled = hole & (weight[..., 0] > 0)
        result[filled] = total[filled] / weight[filled]
    return result


def _patch_corners(hole: Hole) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the corners (N, 2) of patches that lie in the known part, at most `MAX_EXAMPLES`, and
    of those that overlap the hole; of large holes, of every other or third patch.
    """
    half = PATCH // 2
    overlap = cv2.dilate(hole.astype(np.uint8), np.ones((PATCH, PATCH), np.uint8)) > 0
    inside = np.zeros_like(hole)
    inside[half : hole.shape[0] - half, half : hole.shape[1] - half] = True
    known = np.argwhere(inside & ~overlap) - half
    if len(known) > MAX_EXAMPLES:
        known = known[np.random.default_rng(0).choice(len(known), MAX_EXAMPLES, replace=False)]
    stride = 1 if hole.sum() < 4000 else 2 if hole.sum() < 40_000 else 3
    unknown = np.argwhere(inside & overlap) - half
    return known, unknown[(unknown % stride == 0).all(1)]


def _pixels_of(corners: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the rows and columns (N, PATCH²) of the pixels of patches."""
    rows, columns = (corners[:, None] + OFFSETS).transpose(2, 0, 1)
    return rows, columns


def _patches(picture: Picture, corners: NDArray[np.int64]) -> torch.Tensor:
    return torch.from_numpy(picture[_pixels_of(corners)].reshape(len(corners), -1))


def _similar(
    patches: torch.Tensor, examples: torch.Tensor
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the weighted mean of the examples nearest to each patch (N, PATCH² · 3), and how much
    it counts (N, 1, 1): less where even the nearest one differs.
    """
    distances = torch.cdist(patches, examples).square() / patches.shape[1]
    nearest, index = distances.topk(NEIGHBOURS, largest=False)
    share = torch.exp(-nearest / (nearest[:, :1] + 1e-4))
    share = share / share.sum(1, keepdim=True)
    trust = torch.exp(-nearest[:, 0] / 0.02) + 1e-3
    return (examples[index] * share[..., None]).sum(1).numpy(), trust[:, None, None].numpy()


def noise_level(picture: Picture) -> float:
    """Estimate the standard deviation of Gaussian noise, in grey levels of 0 to 255.

    Chen et al., "An Efficient Statistical Method for Image Noise Level Estimation", 2015: noise is
    what patches vary by in the directions in which the image itself does not vary; those are
    the smallest eigenvalues of their covariance, as many as lie about their own mean.
    """
    height, width = picture.shape[:2]
    if min(height, width) < 4 * NOISE_PATCH:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(
        picture, (NOISE_PATCH, NOISE_PATCH), axis=(0, 1)
    )
    stride = max(1, round((height * width / 40_000) ** 0.5))
    rows = windows[::stride, ::stride].reshape(-1, picture.shape[2] * NOISE_PATCH**2)
    values = np.linalg.eigvalsh(np.cov(rows.astype(np.float64), rowvar=False))[::-1]
    if picture.shape[2] == 3 and np.ptp(picture, axis=2).max() == 0:  # grey: three equal colours
        values = values[: NOISE_PATCH**2] / 3
    for first in range(len(values)):
        mean = values[first:].mean()
        if (values[first:] > mean).sum() >= (values[first:] < mean).sum():
            break
    return float(np.sqrt(max(mean, 0.0))) * 255


def nl_means(picture: Picture, sigma: float) -> Picture:
    """Denoise: each pixel becomes the average of those with similar surroundings."""
    if sigma <= 0 or min(picture.shape[:2]) < 3:
        return picture
    s = sigma / 255
    settings = {"patch_size": 5, "patch_distance": 6, "fast_mode": True, "channel_axis": -1}
    return restoration.denoise_nl_means(picture, h=0.6 * s, sigma=s, **settings).astype(np.float32)


def nl_means_fast(picture: Picture, sigma: float) -> Picture:
    """Denoise as `nl_means`, brightness and colour apart, by OpenCV."""
    if sigma <= 0:
        return picture
    h = 0.8 * sigma
    cleaned = cv2.fastNlMeansDenoisingColored(_pixels(picture), None, h, h, 7, 21)
    return cleaned.astype(np.float32) / 255


def median(picture: Picture) -> Picture:
    """Replace each pixel by the median of its 3×3 neighbours: against salt-and-pepper noise."""
    return cv2.medianBlur(_pixels(picture), 3).astype(np.float32) / 255


def _pixels(picture: Picture) -> NDArray[np.uint8]:
    return np.round(picture * 255).clip(0, 255).astype(np.uint8)
