"""Pictures come in upright and whole, or not at all, and go out with their settings."""

from __future__ import annotations

import io
import json
import random
import resource
import struct
import sys
import time
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_demo.errors import BadImage
from aigc_demo.imaging import images
from tests import factories


def encoded(image: Image.Image, kind: str = "PNG", **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


# --- Numbers ---


def test_every_level_survives_the_way_there_and_back() -> None:
    levels = torch.arange(256, dtype=torch.uint8)
    assert torch.equal(images.quantise(images.from_pixels(levels)), levels)


def test_pixels_span_minus_one_to_one() -> None:
    assert images.from_pixels(torch.tensor([0, 255], dtype=torch.uint8)).tolist() == [-1, 1]


def test_values_outside_are_clamped() -> None:
    assert images.quantise(torch.tensor([-7.0, 7.0])).tolist() == [0, 255]


def test_tensors_become_pictures_of_the_same_pixels() -> None:
    for channels, mode in ((1, "L"), (3, "RGB"), (4, "RGBA")):
        pixels = torch.randint(0, 256, (2, channels, 5, 7), dtype=torch.uint8)
        pictures = images.to_pil(pixels)
        assert [p.mode for p in pictures] == [mode] * 2
        assert pictures[0].size == (7, 5)
        assert torch.equal(torch.stack([images.to_pixels(p) for p in pictures]), pixels)


def test_pieces_are_padded_by_reflection_and_cut_again() -> None:
    piece = np.random.default_rng(0).random((5, 9, 3)).astype(np.float32)
    for multiple, least, size in ((4, 1, (8, 12)), (3, 1, (6, 9)), (4, 10, (12, 12))):
        x = images.to_batch(piece, multiple, torch.device("cpu"), least=least)
        assert x.shape == (1, 3, *size)
        assert np.allclose(images.from_batch(x, 5, 9), piece, atol=1e-6)
    x = images.to_batch(piece, 4, torch.device("cpu"))
    assert torch.equal(x[:, :, 5:8], x[:, :, 2:5].flip(2))  # the rim itself is repeated


def test_a_grid_has_every_picture_in_its_place() -> None:
    colours = ["red", "green", "blue"]
    sheet = images.grid([Image.new("RGB", (4, 3), c) for c in colours], columns=2, gap=1)
    assert sheet.size == (11, 9)
    found = [sheet.getpixel(at) for at in [(1, 1), (6, 1), (1, 5)]]
    assert found == [Image.new("RGB", (1, 1), c).getpixel((0, 0)) for c in colours]


def test_enlarging_takes_whole_factors_and_crisp_repeats_pixels() -> None:
    small = factories.draw(0, 0)
    for crisp in (True, False):
        assert images.enlarge(small, 100, crisp=crisp).size == (96, 96)
    large = images.enlarge(small, 64, crisp=True)
    assert large.resize((32, 32), Image.Resampling.NEAREST).tobytes() == small.tobytes()


# --- Settings in a PNG ---


def test_settings_survive_in_a_png() -> None:
    for settings in ({}, {"model": "m", "seed": 2**53 - 1}, {"label": "裙子 👗 \u202e \0"}):
        data = images.encode_png(factories.draw(0, 0), settings)
        assert images.read_settings(data) == settings
        assert images.open_image(data).tobytes() == factories.draw(0, 0).tobytes()


def test_a_png_without_settings_says_nothing_of_the_studio() -> None:
    assert images.SETTINGS_KEY.encode() not in images.encode_png(factories.draw(0, 0))


def with_text(text: str) -> bytes:
    info = images.PngImagePlugin.PngInfo()
    info.add_text(images.SETTINGS_KEY, text)
    return encoded(factories.draw(0, 0), pnginfo=info)


def test_settings_that_are_none_are_refused() -> None:
    long = json.dumps({"a": "x" * 200_000})
    for text in ("", "no json", "[1]", "3", "null", "[" * 90_000, long):
        with pytest.raises(BadImage, match="carries no settings"):
            images.read_settings(with_text(text))


# --- Files ---


@pytest.mark.parametrize(
    ("side", "message"),
    [
        (5_000, "5000×5000 = 25 megapixels; the limit is 24"),
        (12_000, "12000×12000 = 144 megapixels; the limit is 24"),
        (60_000, "more than 24 megapixels"),
        (2**31 - 1, "more than 24 megapixels"),
    ],
)
def test_a_bomb_is_refused_before_it_is_decoded(side: int, message: str) -> None:
    data, before, start = factories.png_header(side, side), peak_bytes(), time.perf_counter()
    with warnings.catch_warnings(), pytest.raises(BadImage, match=message):
        warnings.simplefilter("ignore")
        images.open_image(data)
    assert time.perf_counter() - start < 1
    assert peak_bytes() - before < 50e6


NOT_PICTURES = {
    "nothing": b"",
    "text": b"This is a text that somebody renamed to .png.",
    "html": b"<!DOCTYPE html><html></html>",
    "svg": b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>',
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n",
    "a cut PNG": encoded(Image.effect_noise((64, 64), 50))[:1000],
    "a cut JPEG": encoded(Image.effect_noise((64, 64), 50), "JPEG")[:500],
    "a header alone": factories.png_header(100, 100),
}


@pytest.mark.parametrize("name", NOT_PICTURES)
def test_what_is_no_picture_is_refused_without_its_path(tmp_path: Path, name: str) -> None:
    file, missing = tmp_path / "a.png", tmp_path / "missing.png"
    file.write_bytes(NOT_PICTURES[name])
    for source in (NOT_PICTURES[name], file, missing):
        with pytest.raises(BadImage) as caught:
            images.open_image(source)
        assert str(tmp_path) not in str(caught.value)


def test_the_size_is_read_without_decoding() -> None:
    assert images.size_of(factories.png_header(3000, 2000)) == (3000, 2000)
    with pytest.raises(BadImage, match="not a picture"):
        images.size_of(b"text")


def test_a_draft_is_smaller_but_no_smaller_than_asked() -> None:
    photo = encoded(Image.effect_noise((640, 480), 50), "JPEG")
    assert images.open_image(photo, draft=100).size == (160, 120)
    assert images.open_image(photo).size == (640, 480)


def test_thin_pictures_open() -> None:
    for kind in ("PNG", "JPEG", "WEBP"):
        for size in ((1, 1), (1, 4000), (4000, 1)):
            opened = images.open_image(encoded(Image.new("RGB", size, "red"), kind))
            assert opened.size == size, kind
            r, g, b = images.flatten(opened, "RGB").getpixel((0, 0))
            assert r > 245 and g < 10 and b < 10, kind


def test_sixteen_bits_become_eight_by_scaling() -> None:
    levels = np.array([[0, 257, 0x8080, 65535]], dtype=np.uint16)
    for options in ({}, {"transparency": 5}):
        opened = images.open_image(encoded(Image.fromarray(levels), **options))
        assert np.asarray(images.flatten(opened, "L")).tolist() == [[0, 1, 128, 255]]


def test_a_cmyk_jpeg_keeps_its_colours() -> None:
    ink = Image.new("CMYK", (16, 16), (0, 255, 255, 0))
    flat = images.flatten(images.open_image(encoded(ink, "JPEG", quality=95)), "RGB")
    r, g, b = flat.getpixel((8, 8))
    assert r > 240 and g < 15 and b < 15


def test_a_palette_with_alpha_lies_over_the_background() -> None:
    indexed = Image.new("P", (2, 1))
    indexed.putpalette([255, 0, 0, 0, 0, 255])
    indexed.putpixel((1, 0), 1)
    opened = images.open_image(encoded(indexed, transparency=b"\xff\x00"))
    for background in (0, 255):
        flat = images.flatten(opened, "RGB", background)
        assert [flat.getpixel((x, 0)) for x in (0, 1)] == [(255, 0, 0), (background,) * 3]


def test_a_rotated_photo_stands_upright() -> None:
    upright = Image.new("RGB", (32, 16), "black")
    upright.paste("white", (0, 0, 8, 8))  # the corner top left
    back = {2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}  # orientation -> how a camera turned it
    for kind in ("PNG", "JPEG", "WEBP"):
        for orientation in range(1, 9):
            turned = upright.transpose(back[orientation]) if orientation > 1 else upright
            exif = Image.Exif()
            exif[0x0112] = orientation
            opened = images.open_image(encoded(turned, kind, exif=exif)).convert("L")
            assert opened.size == (32, 16), (kind, orientation)
            corners = [opened.getpixel(at) > 128 for at in [(2, 2), (29, 2), (2, 13), (29, 13)]]
            assert corners == [True, False, False, False], (kind, orientation)


def test_a_photo_is_turned_once_and_keeps_its_other_tags() -> None:
    exif = Image.Exif()
    exif[images.ORIENTATION], exif[0x010F] = 6, "a camera"
    for kind in ("PNG", "JPEG", "WEBP", "TIFF"):
        opened = images.open_image(encoded(Image.new("RGB", (8, 4)), kind, exif=exif))
        assert images.upright(opened).size == opened.size == (4, 8), kind
        assert images.ORIENTATION not in opened.getexif(), kind
        assert kind == "TIFF" or opened.getexif()[0x010F] == "a camera", kind


def test_a_photo_whose_other_tags_are_damaged_still_stands_upright() -> None:
    for kind in (1, 2, 7, 11):  # byte, text, undefined, float
        tags = [(0x0112, 3, 1, b"\6\0\0\0"), (0x0103, kind, 1, b"x\0\0\0")]
        exif = b"Exif\0\0II*\0" + struct.pack("<IH", 8, len(tags))
        exif += b"".join(struct.pack("<HHI", *tag[:3]) + tag[3] for tag in tags) + bytes(4)
        opened = images.open_image(encoded(Image.new("RGB", (8, 4)), "JPEG", exif=exif))
        assert opened.size == (4, 8), kind


def test_an_animation_shows_its_first_picture() -> None:
    frames = [Image.new("RGB", (8, 8), c) for c in ("red", "blue", "white")]
    opened = images.open_image(encoded(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert images.flatten(opened, "RGB").getpixel((0, 0)) == (255, 0, 0)


def fuzzed() -> dict[str, bytes]:
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a note"
    picture = Image.effect_mandelbrot((24, 18), (-2, -1, 1, 1), 30)
    return {
        **{
            kind: encoded(picture.convert("RGB"), kind, exif=exif)
            for kind in ("PNG", "JPEG", "WEBP")
        },
        **{kind: encoded(picture.convert("RGB"), kind) for kind in ("GIF", "BMP")},
        "palette": encoded(picture.quantize(8), transparency=b"\x00\x80"),
    }


@pytest.mark.parametrize("kind", fuzzed())
def test_random_damage_gives_a_picture_or_a_sentence(kind: str) -> None:
    rng, whole = random.Random(kind), fuzzed()[kind]
    for _ in range(400):
        damaged = bytearray(whole)
        for _ in range(rng.choice([1, 2, 5])):
            damaged[rng.randrange(min(len(whole), rng.choice([60, 200, 10**6])))] = rng.randrange(
                256
            )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                opened = images.open_image(bytes(damaged), max_pixels=10_000)
            except BadImage:
                continue
        assert images.flatten(opened, "RGB").mode == "RGB"
