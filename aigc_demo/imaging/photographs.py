"""Photographs to try things on: those that scikit-image carries, so that none is kept here.

Their terms are in docs/EXAMPLES.md.
"""

from __future__ import annotations

from PIL import Image
from skimage import data

NAMES = ("Cat", "Coffee", "Rocket")


def photograph(name: str) -> Image.Image:
    """Return the photograph called `name` of `NAMES`, RGB."""
    load = dict(zip(NAMES, (data.chelsea, data.coffee, data.rocket), strict=True))[name]
    return Image.fromarray(load())
