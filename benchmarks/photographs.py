"""The photographs that restoration is measured on: ``restoration_benchmarks.zip`` in the data
folder, with a folder a set.
"""

from __future__ import annotations

import zipfile

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from aigc_demo import data
from aigc_demo.errors import BadData
from aigc_demo.imaging import images

ARCHIVE = "restoration_benchmarks.zip"


def photographs(name: str = "CBSD68") -> list[Image.Image]:
    """Return the pictures of a set in order of name; raises BadData where they are not there."""
    path = data.data_root() / ARCHIVE
    if not path.is_file():
        raise BadData(f"The file {ARCHIVE} is not in the data folder; put it there.")
    with zipfile.ZipFile(path) as archive:
        names = sorted(n for n in archive.namelist() if n.startswith(f"{name}/") and n[-1] != "/")
        return [images.open_image(archive.read(n)).convert("RGB") for n in names]


def floats(image: Image.Image) -> NDArray[np.float32]:
    """Return a picture as float32 (H, W, 3) in [0, 1]."""
    return images.split(image).floats()


def rounded(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a picture as it is after being written with 8 bits."""
    return (np.rint(picture.clip(0, 1) * 255) / 255).astype(np.float32)


def square(image: Image.Image, side: int) -> Image.Image:
    """Return the largest square in the middle, reduced to `side` pixels."""
    largest = min(image.size)
    left, top = (image.width - largest) // 2, (image.height - largest) // 2
    image = image.crop((left, top, left + largest, top + largest))
    return image.resize((side, side), Image.Resampling.LANCZOS)
