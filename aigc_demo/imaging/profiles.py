"""Colour profiles (ICC): what the numbers of a picture mean, and the same colours in sRGB.

Networks have learnt from sRGB, and a picture without a profile counts as sRGB. A profile that is
damaged, or of another kind than the picture, is ignored, as browsers do.
"""

from __future__ import annotations

import functools
import io
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

SPACES = {"RGB": "RGB", "L": "GRAY", "CMYK": "CMYK"}  # of a mode
INTENT = ImageCms.Intent.RELATIVE_COLORIMETRIC
FLAGS = ImageCms.Flags.BLACKPOINTCOMPENSATION
ROUNDING = 2  # levels: a profile that changes no colour by more is sRGB
PROBES = (0, 32, 64, 96, 128, 160, 192, 224, 255)
Pixels = NDArray[np.float32]
Space = tuple[Callable[[Pixels], Pixels], Callable[[Pixels], Pixels]]  # to sRGB, and back


def to_srgb(image: Image.Image) -> Image.Image:
    """Return the same colours in sRGB, without a profile: grey with a profile of its own becomes
    RGB; transparency stays.
    """
    profile = image.info.get("icc_profile")
    if not profile:
        return image
    image = image.copy()
    del image.info["icc_profile"]
    alpha = None
    if image.mode in ("P", "PA") or "transparency" in image.info:
        has_alpha = image.mode == "PA" or "transparency" in image.info
        image = image.convert("RGBA" if has_alpha else "RGB")
    if image.mode in ("RGBA", "LA"):
        alpha = image.getchannel("A")
    mode = image.mode.removesuffix("A")
    there = _there(profile, mode)
    if there is None:
        return image
    image = ImageCms.applyTransform(image.convert(mode), there)
    image.info.pop("icc_profile", None)
    if alpha is not None:
        image.putalpha(alpha)
    return image


def converters(profile: bytes | None, channels: int) -> Space | None:
    """Return functions that convert float32 (H, W, 3) in [0, 1] to sRGB and back, of a picture of
    1 or 3 `channels`; None where its numbers are sRGB, or taken as such.
    """
    mode = "L" if channels == 1 else "RGB"
    there = _there(profile, mode) if profile else None
    back = _back(profile, mode) if there is not None else None
    if there is None or back is None:
        return None

    def forward(pixels: Pixels) -> Pixels:
        return _applied(there, pixels, mode)

    def backward(pixels: Pixels) -> Pixels:
        return _applied(back, pixels, "RGB")

    return forward, backward


def _applied(transform: Any, pixels: Pixels, mode: str) -> Pixels:
    levels = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    image = Image.fromarray(np.ascontiguousarray(levels[..., 0] if mode == "L" else levels))
    converted = ImageCms.applyTransform(image, transform).convert("RGB")
    return np.asarray(converted, np.float32) / 255


@functools.lru_cache(8)
def _there(profile: bytes, mode: str) -> Any:
    """Return the transform to sRGB, or None where none is needed or possible."""
    transform = _built(profile, mode, to_srgb=True)
    if transform is None or mode == "CMYK":
        return transform
    if mode == "RGB":
        colours = np.array(list(itertools.product(PROBES, repeat=3)), np.uint8)  # (N, 3)
        probe = Image.fromarray(colours[None])
    else:
        colours = np.arange(256, dtype=np.uint8)[:, None]
        probe = Image.fromarray(np.ascontiguousarray(colours.T))
    seen = np.asarray(ImageCms.applyTransform(probe, transform), int)[0]
    return None if np.abs(seen - colours).max() <= ROUNDING else transform


@functools.lru_cache(8)
def _back(profile: bytes, mode: str) -> Any:
    return _built(profile, mode, to_srgb=False)


def _built(profile: bytes, mode: str, *, to_srgb: bool) -> Any:
    try:
        own, srgb = ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        if own.profile.xcolor_space.strip() != SPACES.get(mode):
            return None
        ends = (own, srgb, mode, "RGB") if to_srgb else (srgb, own, "RGB", mode)
        return ImageCms.buildTransform(*ends, INTENT, FLAGS)
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return None
