"""Masks: what of a picture is filled, uint8 (H, W): 255 in the hole, 0 outside, between them where
its edge fades.

One rule says what a hole is, for files, strokes and programs: paint on transparency, however
faint as long as it can be seen; in a picture without transparency what is white, or grey that is
nearer to white than to black.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aigc_demo.imaging import images

Weights = NDArray[np.uint8]
Marked = Literal["white", "black", "auto"]
WHITE = 128  # the least level of 255 that is a hole
PAINT = 26  # the least opacity of 255 that is paint: a tenth
BLUER = 40  # grey levels by which blue exceeds red and green in a blue stroke
RED = np.array([225, 29, 72], np.float32)


def read(image: Image.Image) -> Weights:
    """Return the hole that a picture marks: by its transparency where it has some, otherwise by
    its brightness. Levels of 0 and 1 count as black and white.
    """
    planes = images.split(images.upright(image))
    if planes.alpha is not None and int(planes.alpha.min()) < planes.peak:
        return _marked(planes.alpha >= PAINT / 255 * planes.peak)
    values = planes.colour.max(axis=2)
    brightest = int(values.max())
    white = 1 if brightest <= 1 else 255 if brightest <= 255 else planes.peak
    return _marked(values >= WHITE / 255 * white)


def _marked(hole: NDArray[np.bool_]) -> Weights:
    return hole.astype(np.uint8) * 255


def note(mask: Weights | None) -> str:
    """Return a sentence where a mask marks nothing or everything, else nothing."""
    if mask is None or (mask.any() and not mask.all()):
        return ""
    if mask.all():
        return "The mask marks everything, so nothing is left to fill from; mark less."
    return "The mask marks nothing, so nothing has changed; make it white where to fill."


def sides(layer: Image.Image) -> tuple[Weights, Weights]:
    """Return what a layer of scribbles marks as foreground, in any colour but blue, and what it
    marks as background, in blue.
    """
    red, green, blue, alpha = (np.asarray(c, int) for c in layer.convert("RGBA").split())
    background = (blue > red + BLUER) & (blue > green + BLUER)
    painted = alpha >= PAINT
    return _marked(painted & ~background), _marked(painted & background)


def from_file(image: Image.Image, marked: Marked, size: tuple[int, int]) -> Weights:
    """Read a binary mask of any mode for a picture of `size` (width, height).

    `marked` is the colour of what to fill; "auto" takes the rarer one. Raises BadImage where the
    sizes differ.
    """
    image = images.upright(image)
    images.check_size("mask", image, size)
    mask = read(image)
    inverted = marked == "black" or (marked == "auto" and mask.mean() > 127.5)
    return 255 - mask if inverted else mask


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
