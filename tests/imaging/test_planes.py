"""A picture is taken apart and put together without loss, whatever its mode."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from aigc_demo.imaging import images

RANDOM = np.random.default_rng(0)


def picture(mode: str, size: tuple[int, int] = (7, 5)) -> Image.Image:
    width, height = size
    if mode == "I;16":
        values = RANDOM.integers(0, 65536, (height, width), dtype=np.uint16)
        return Image.fromarray(values)
    channels = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4}[mode]
    values = RANDOM.integers(0, 256, (height, width, channels), dtype=np.uint8)
    return Image.fromarray(values[..., 0] if channels == 1 else values)


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_nothing_is_lost(mode: str) -> None:
    for size in ((7, 5), (1, 1), (40, 1)):
        image = picture(mode, size)
        planes = images.split(image)
        assert planes.colour.shape[:2] == size[::-1]
        assert planes.peak == (65535 if mode == "I;16" else 255)
        again = images.join(planes)
        assert again.mode == mode and again.tobytes() == image.tobytes()
        floats = planes.floats()
        assert floats.shape[2] == 3 and floats.min() >= 0 and floats.max() <= 1
        assert np.array_equal(planes.integers(floats), planes.colour)


def test_a_part_has_the_pixels_of_that_place() -> None:
    for mode in ("RGB", "LA"):
        image = picture(mode)
        part = images.join(images.split(image)[1:4, 2:6])
        assert part.tobytes() == image.crop((2, 1, 6, 4)).tobytes()


def test_a_palette_with_transparency_keeps_it() -> None:
    image = Image.new("P", (4, 2))
    image.putpalette([255, 0, 0, 0, 255, 0] + [0] * 762)
    image.putpixel((1, 0), 1)
    image.info["transparency"] = 0
    planes = images.split(image)
    assert planes.alpha is not None and planes.alpha[0].tolist() == [0, 255, 0, 0]
    assert planes.colour[0, 1].tolist() == [0, 255, 0]


def test_other_modes_become_grey_or_colour() -> None:
    image = Image.new("RGB", (4, 3), (200, 30, 90))
    for mode in ("1", "P", "CMYK", "YCbCr", "HSV", "LAB", "F"):
        other = image.convert("L").convert(mode) if mode in "1F" else image.convert(mode)
        planes = images.split(other)
        assert planes.colour.dtype == np.uint8, mode
        assert planes.colour.shape == (3, 4, 1 if mode in "1F" else 3), mode
