"""Restoration without learning: what the networks have to beat, and what fills in for them.

Everything takes and returns arrays float32 (H, W, 3) in [0, 1]; a hole is bool (H, W).

* Telea, "An Image Inpainting Technique Based on the Fast Marching Method", 2004, and Bertalmio et
  al., "Navier-Stokes, Fluid Dynamics, and Image and Video Inpainting", 2001, by OpenCV.
* Damelin & Hoang, "On Surface Completion and Image Inpainting by Biharmonic Functions", 2018, by
  scikit-image.
* Buades et al., "A Non-Local Algorithm for Image Denoising", 2005, by scikit-image and OpenCV.
* Filling by non-local means: Wexler et al., "Space-Time Completion of Video", 2007, with weights
  of Buades et al.: every patch that touches the hole looks for similar patches in the known part,
  and their pixels vote.
"""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from skimage import restoration

Picture = NDArray[np.float32]
Hole = NDArray[np.bool_]

RADIUS = 5  # pixels around a hole that OpenCV's methods look at
PATCH = 5  # side of the patches that are compared
NEAREST = 8  # similar patches that vote
EXAMPLES = 4000  # patches of the known part that are compared with, at most
ENOUGH = 200  # and at least: a scale with fewer starts from a smooth filling
PASSES = 3  # at each scale
EIGHT = 8  # side of the patches by which noise is estimated


def telea(picture: Picture, hole: Hole) -> Picture:
    """Fill from the rim inwards, each pixel from its known neighbours."""
    return _opencv(picture, hole, cv2.INPAINT_TELEA)


def navier_stokes(picture: Picture, hole: Hole) -> Picture:
    """Continue the lines of equal brightness into the hole."""
    return _opencv(picture, hole, cv2.INPAINT_NS)


def _opencv(picture: Picture, hole: Hole, kind: int) -> Picture:
    pixels = np.round(picture * 255).clip(0, 255).astype(np.uint8)
    filled = cv2.inpaint(pixels, hole.astype(np.uint8), RADIUS, kind)
    return np.where(hole[..., None], filled.astype(np.float32) / 255, picture)


def biharmonic(picture: Picture, hole: Hole) -> Picture:
    """Fill with the smoothest surface that continues values and slopes at the rim.

    Its time grows faster than the hole.
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
    return _vote(start, hole)


def _vote(picture: Picture, hole: Hole) -> Picture:
    """Replace the hole by what the nearest known patches say, a few times."""
    height, width = hole.shape
    if min(height, width) < PATCH:
        return picture
    near = cv2.dilate(hole.astype(np.uint8), np.ones((PATCH, PATCH), np.uint8)) > 0
    half = PATCH // 2
    inside = np.zeros_like(hole)
    inside[half : height - half, half : width - half] = True
    known = np.argwhere(inside & ~near) - half
    stride = 1 if hole.sum() < 4000 else 2 if hole.sum() < 40_000 else 3
    asking = np.argwhere(inside & near) - half
    asking = asking[(asking % stride == 0).all(1)]
    if len(known) < ENOUGH or not len(asking):
        return picture
    chance = np.random.default_rng(0)
    if len(known) > EXAMPLES:
        known = known[chance.choice(len(known), EXAMPLES, replace=False)]
    offsets = np.stack(np.mgrid[:PATCH, :PATCH], -1).reshape(-1, 2)

    def patches(source: Picture, corners: NDArray[np.int64]) -> torch.Tensor:
        rows, columns = (corners[:, None] + offsets).transpose(2, 0, 1)
        return torch.from_numpy(source[rows, columns].reshape(len(corners), -1))

    result = picture.copy()
    examples = patches(picture, known)
    for _ in range(PASSES):
        total = np.zeros((*hole.shape, 3), np.float32)
        weight = np.zeros((*hole.shape, 1), np.float32)
        for part in np.array_split(asking, max(1, len(asking) // 4000)):
            asked = patches(result, part)
            distance = torch.cdist(asked, examples).square() / asked.shape[1]
            best, index = distance.topk(min(NEAREST, len(known)), largest=False)
            spread = best[:, :1] + 1e-4
            share = torch.exp(-best / spread)
            share = share / share.sum(1, keepdim=True)
            votes = (examples[index] * share[..., None]).sum(1).numpy()
            trust = torch.exp(-best[:, 0] / 0.02).numpy() + 1e-3
            rows, columns = (part[:, None] + offsets).transpose(2, 0, 1)
            np.add.at(
                total, (rows, columns), votes.reshape(len(part), -1, 3) * trust[:, None, None]
            )
            np.add.at(weight, (rows, columns), trust[:, None, None])
        said = hole & (weight[..., 0] > 0)
        result[said] = total[said] / weight[said]
    return result


def noise_level(picture: Picture) -> float:
    """Estimate the standard deviation of Gaussian noise, in grey levels of 0 to 255.

    Chen et al., "An Efficient Statistical Method for Image Noise Level Estimation", 2015: noise is
    what patches vary by in the directions in which the picture itself does not vary; those are
    the smallest eigenvalues of their covariance, as many as lie about their own mean.
    """
    height, width = picture.shape[:2]
    if min(height, width) < 4 * EIGHT:
        return 0.0
    windows = np.lib.stride_tricks.sliding_window_view(picture, (EIGHT, EIGHT), axis=(0, 1))
    stride = max(1, round((height * width / 40_000) ** 0.5))
    rows = windows[::stride, ::stride].reshape(-1, picture.shape[2] * EIGHT**2)
    values = np.linalg.eigvalsh(np.cov(rows.astype(np.float64), rowvar=False))[::-1]
    if picture.shape[2] == 3 and np.ptp(picture, axis=2).max() == 0:  # grey: three equal colours
        values = values[: EIGHT**2] / 3
    for first in range(len(values)):
        mean = values[first:].mean()
        if (values[first:] > mean).sum() >= (values[first:] < mean).sum():
            break
    return float(np.sqrt(max(mean, 0.0))) * 255


def nl_means(picture: Picture, sigma: float) -> Picture:
    """Denoise: each pixel is the average of those whose surroundings look alike."""
    if sigma <= 0 or min(picture.shape[:2]) < 3:
        return picture
    s = sigma / 255
    return restoration.denoise_nl_means(
        picture,
        patch_size=5,
        patch_distance=6,
        h=0.6 * s,
        sigma=s,
        fast_mode=True,
        channel_axis=-1,
    ).astype(np.float32)


def nl_means_fast(picture: Picture, sigma: float) -> Picture:
    """Denoise as `nl_means`, brightness and colour apart, by OpenCV."""
    if sigma <= 0:
        return picture
    pixels = np.round(picture * 255).clip(0, 255).astype(np.uint8)
    cleaned = cv2.fastNlMeansDenoisingColored(pixels, None, 0.8 * sigma, 0.8 * sigma, 7, 21)
    return cleaned.astype(np.float32) / 255


def median(picture: Picture, sigma: float = 0) -> Picture:
    """Replace each pixel by the median of its 3×3 neighbours: against single wrong pixels."""
    pixels = np.round(picture * 255).clip(0, 255).astype(np.uint8)
    return cv2.medianBlur(pixels, 3).astype(np.float32) / 255
