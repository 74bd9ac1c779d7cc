"""Pictures of 16 bits a channel keep them, whatever their mode."""

from __future__ import annotations

import contextlib
import io
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from aigc_demo.errors import BadImage
from aigc_demo.imaging import deep, images
from tests import icc
from tests.imaging.test_formats import chunk

RANDOM = np.random.default_rng(0)
TYPES = {"L": (1, 0), "LA": (2, 4), "RGB": (3, 2), "RGBA": (4, 6)}  # channels, PNG's colour type


def levels(mode: str, size: tuple[int, int] = (9, 5)) -> np.ndarray:
    return RANDOM.integers(0, 65536, (*size[::-1], TYPES[mode][0])).astype(np.uint16)


def png(values: np.ndarray, mode: str, more: bytes = b"") -> bytes:
    """Encode a picture by the book, without filters; `more` are chunks."""
    header = struct.pack(">IIBBBBB", values.shape[1], values.shape[0], 16, TYPES[mode][1], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + more
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def bits(image: Image.Image) -> np.ndarray:
    planes = images.split(image)
    alpha = [] if planes.alpha is None else [planes.alpha[..., None]]
    return np.concatenate([planes.colour, *alpha], axis=2)


@pytest.mark.parametrize("mode", TYPES)
def test_all_bits_of_a_png_are_read_and_written(mode: str, tmp_path: Path) -> None:
    values = levels(mode)
    opened = images.open_image(png(values, mode))
    assert np.array_equal(bits(opened), values)
    again = images.encode_png(images.join(images.split(opened)), {"seed": 3})
    assert np.array_equal(bits(images.open_image(again)), values)
    assert images.read_settings(again) == {"seed": 3}
    opened.save(tmp_path / "saved.png")
    assert np.array_equal(bits(images.open_image(tmp_path / "saved.png")), values)


def test_what_is_written_is_what_other_programs_read() -> None:
    for mode, order in (("RGB", [2, 1, 0]), ("RGBA", [2, 1, 0, 3])):
        values = levels(mode)
        content = images.encode_png(deep.DeepImage(values))
        read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
        assert read.dtype == np.uint16 and np.array_equal(read[..., order], values)


def test_the_profile_is_read_and_written() -> None:
    image = images.join(images.Planes(levels("RGB"), None, icc.display_p3()))
    opened = images.open_image(images.encode_png(image))
    assert opened.info["icc_profile"] == icc.display_p3()
    assert np.array_equal(bits(opened), bits(image))


def test_all_bits_of_a_tiff_are_read_whichever_way_it_lies() -> None:
    values = levels("RGB")
    for orientation, seen in (
        (1, values),
        (2, values[:, ::-1]),
        (3, values[::-1, ::-1]),
        (6, np.rot90(values, -1)),
        (8, np.rot90(values)),
    ):
        file = io.BytesIO()
        tags = [(images.ORIENTATION, 3, 1, orientation, True)]
        tifffile.imwrite(file, values, photometric="rgb", extratags=tags)
        assert np.array_equal(bits(images.open_image(file.getvalue())), seen), orientation


def test_eight_bits_of_it_are_what_pillow_sees() -> None:
    for mode in ("LA", "RGB", "RGBA"):
        values = levels(mode)
        opened = images.open_image(png(values, mode))
        assert opened.mode == mode
        assert np.array_equal(np.asarray(opened), values // 257), mode


def test_a_picture_that_is_painted_on_has_the_bits_of_the_paint() -> None:
    opened = images.open_image(png(levels("RGB"), "RGB"))
    opened.paste("red", (0, 0, 3, 3))
    assert bits(opened).dtype == np.uint8 and bits(opened)[0, 0].tolist() == [255, 0, 0]


def test_what_pillow_has_opened_and_not_decoded_keeps_its_bits() -> None:
    values = levels("RGBA")
    opened = Image.open(io.BytesIO(png(values, "RGBA")))
    for _ in range(2):  # however often it is asked for
        assert np.array_equal(bits(images.whole(opened)), values)


def test_a_transparent_colour_becomes_transparency() -> None:
    for mode in ("L", "RGB"):
        values = levels(mode)
        key = chunk(b"tRNS", values[2, 4].astype(">u2").tobytes())
        planes = images.split(images.open_image(png(values, mode, key)))
        assert np.array_equal(planes.colour, values), mode
        assert planes.alpha[2, 4] == 0 and (planes.alpha == 65535).sum() == 44, mode


def test_a_deep_photo_stands_upright_with_all_its_bits() -> None:
    values, exif = levels("RGB"), Image.Exif()
    exif[images.ORIENTATION] = 6
    content = png(values, "RGB", chunk(b"eXIf", exif.tobytes()[6:]))
    assert np.array_equal(bits(images.open_image(content)), np.rot90(values, -1))


def test_damage_is_told_at_any_depth() -> None:
    content = png(levels("RGB", (64, 64)), "RGB")
    with pytest.raises(images.BadImage):
        images.open_image(content[: len(content) // 2])


def test_a_long_text_costs_no_depth() -> None:
    values = levels("RGB")
    text = chunk(b"zTXt", b"workflow\0\0" + zlib.compress(bytes(9_000_000)))
    long = chunk(b"tEXt", b"workflow\0" + b"x" * 12_000_000)
    for more in (text, long):
        assert np.array_equal(bits(images.open_image(png(values, "RGB", more))), values)


def test_a_long_profile_costs_no_depth_and_stays() -> None:
    values, profile = levels("RGBA"), icc.display_p3(padding=2_000_000)
    more = chunk(b"iCCP", b"name\0\0" + zlib.compress(profile))
    opened = images.open_image(png(values, "RGBA", more))
    assert np.array_equal(bits(opened), values) and opened.info["icc_profile"] == profile


def test_opencv_sees_nothing_but_whole_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, decode = [], cv2.imdecode

    def look(content: np.ndarray, how: int) -> np.ndarray | None:
        seen.append(content.tobytes())
        return decode(content, how)

    monkeypatch.setattr(cv2, "imdecode", look)
    values = levels("RGBA")
    content = png(values, "RGBA", chunk(b"vpAg", bytes(9)))
    for damaged in (content, content[:-12], content[:-12] + b"\x7f\xff\xff\xffvpAg"):
        opened = images.open_image(damaged)
        assert np.array_equal(deep.values_of(opened), values)
    plain = png(values, "RGBA")
    assert seen == [plain] * 3
    for damaged in (plain.replace(b"IDAT", b"\x12DAT"), plain[:-20]):
        with contextlib.suppress(BadImage):
            images.open_image(damaged)
        assert deep._pixels_alone(damaged) == b""
    assert set(seen) <= {plain, b""}
