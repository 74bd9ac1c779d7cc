"""Masks: the weight with which each pixel is filled, uint8 (H, W), 0 to 255."""

from __future__ import annotations

from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aigc_demo.imaging import images

Weights = NDArray[np.uint8]
Marked = Literal["white", "black", "auto"]
BLUER = 40  # grey levels by which blue exceeds red and green in a blue stroke
RED = np.array([225, 29, 72], np.float32)


def read(image: Image.Image) -> Weights:
    """Read a mask from the transparency of a picture that has one, otherwise from its brightness.

    It is white where to fill. Masks of 0 and 1 count as 0 and 255.
    """
    planes = images.split(image)
    transparent = planes.alpha is not None and int(planes.alpha.min()) < planes.peak
    values: NDArray[Any] = planes.alpha if transparent else planes.colour.max(axis=2)
    if planes.peak > 255 and values.max() > 255:
        values = values // 257
    elif values.max() == 1:
        values = values * 255
    return values.astype(np.uint8)


def sides(layer: Image.Image) -> tuple[Weights, Weights]:
    """Return what a layer of scribbles marks as foreground, in any colour but blue, and what it
    marks as background, in blue.
    """
    red, green, blue, alpha = (np.asarray(c, int) for c in layer.convert("RGBA").split())
    background = (blue > red + BLUER) & (blue > green + BLUER)
    both = ((alpha > 0) & ~background, (alpha > 0) & background)
    return both[0].astype(np.uint8) * 255, both[1].astype(np.uint8) * 255


def from_file(image: Image.Image, marked: Marked, size: tuple[int, int]) -> Weights:
    """Read a binary mask of any mode for a picture of `size` (width, height).

    `marked` is the colour of what to fill; "auto" takes the rarer one. Raises BadImage where the
    sizes differ.
    """
    images.check_size("mask", image, size)
    white = read(image) >= 128
    if marked == "black" or marked == "auto" and white.mean() > 0.5:
        white = ~white
    return white.astype(np.uint8) * 255


def grow(mask: Weights, pixels: int) -> Weights:
    """Dilate the mask by `pixels`."""
    if pixels <= 0 or not mask.any():
        return mask
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * pixels + 1, 2 * pixels + 1))
    return cv2.dilate(mask, disc)


def feather(mask: Weights, pixels: int) -> Weights:
    """Return the mask with an edge that fades to 0 over `pixels` outside of it."""
    if pixels <= 0 or not mask.any() or mask.all():
        return mask
    distance = cv2.distanceTransform((mask == 0).astype(np.uint8), cv2.DIST_L2, 5)
    fading = 255 * (1 - distance / (pixels + 1)).clip(0, 1)
    return np.maximum(mask, np.rint(fading).astype(np.uint8))


def boxes(mask: Weights) -> list[tuple[float, float, float, float]]:
    """Return the bounding box (left, top, right, bottom) of each connected part of a mask."""
    _, _, found, _ = cv2.connectedComponentsWithStats((mask > 0).astype(np.uint8))
    return [(float(x), float(y), float(x + w), float(y + h)) for x, y, w, h, _ in found[1:]]


def overlay(image: Image.Image, mask: Weights) -> Image.Image:
    """Return the picture with the mask laid over it in red."""
    colours = np.asarray(images.flatten(image, "RGB", 255), np.float32)
    weight = 0.6 * mask[..., None].astype(np.float32) / 255
    return Image.fromarray(np.rint(colours * (1 - weight) + RED * weight).astype(np.uint8))


def to_image(mask: Weights) -> Image.Image:
    """Return the mask as a grey picture."""
    return Image.fromarray(mask)
