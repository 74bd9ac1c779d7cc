"""What browsers and phones show is read; what is not read is called by its name."""

from __future__ import annotations

import io
import struct
import time
import zlib
from pathlib import Path
from typing import Any

import pillow_heif
import pytest
from PIL import Image, PngImagePlugin, TiffImagePlugin

from aigc_demo.errors import BadImage
from aigc_demo.imaging import formats, images
from tests import factories, icc

pillow_heif.register_heif_opener()  # it writes the HEIC files of the tests


def encoded(kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    factories.draw(0, 0).save(out, kind, **options)
    return out.getvalue()


def near(image: Image.Image) -> bool:
    small = (4, 4)
    pairs = zip(
        image.convert("RGB").resize(small).tobytes(),
        factories.draw(0, 0).resize(small).tobytes(),
        strict=True,
    )
    return max(abs(a - b) for a, b in pairs) < 24


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "AVIF", "HEIF", "TIFF", "GIF", "BMP"])
def test_pictures_of_phones_and_browsers_are_read(kind: str, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(encoded(kind))
    for source in (encoded(kind), tmp_path / "picture"):
        assert near(images.open_image(source)), kind
        assert images.size_of(source) == (32, 32)


def test_the_usual_endings_are_known() -> None:
    for suffix in (".jfif", ".jpe", ".heic", ".heif", ".avif", ".tif", ".tiff", ".png", ".webp"):
        assert suffix in formats.SUFFIXES


def test_of_a_tiff_of_many_pages_the_first_is_read() -> None:
    pages = [Image.new("RGB", (8, 8), c) for c in ("red", "blue")]
    out = io.BytesIO()
    pages[0].save(out, "TIFF", save_all=True, append_images=pages[1:])
    assert images.open_image(out.getvalue()).getpixel((0, 0)) == (255, 0, 0)


# --- PNG with long text or a long profile ---


def with_text(kind: str, length: int) -> bytes:
    info = PngImagePlugin.PngInfo()
    if kind == "iTXt":
        info.add_itxt("workflow", "x" * length, zip=True)
    else:
        info.add_text("workflow", "x" * length, zip=kind == "zTXt")
    info.add_text(images.SETTINGS_KEY, '{"seed": 7}')
    return encoded("PNG", pnginfo=info)


@pytest.mark.parametrize("kind", ["tEXt", "zTXt", "iTXt"])
def test_a_png_with_a_long_text_opens_and_keeps_its_settings(kind: str) -> None:
    content = with_text(kind, 3_000_000)
    assert images.open_image(content).tobytes() == factories.draw(0, 0).tobytes()
    assert images.size_of(content) == (32, 32)
    assert images.read_settings(content) == {"seed": 7}


def test_a_png_with_a_long_profile_opens_and_keeps_it() -> None:
    profile = icc.display_p3(padding=2_000_000)
    opened = images.open_image(encoded("PNG", icc_profile=profile))
    assert opened.info["icc_profile"] == profile


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


@pytest.mark.parametrize("kind", [b"iCCP", b"zTXt"])
def test_text_and_profiles_that_unpack_without_end_are_not_unpacked(kind: bytes) -> None:
    bomb = chunk(kind, b"name\0\0" + zlib.compress(bytes(200_000_000), 1))
    plain = encoded("PNG")
    content = plain[:33] + bomb * 30 + plain[33:]  # behind the header
    start = time.perf_counter()
    opened = images.open_image(content)
    assert time.perf_counter() - start < 2
    assert opened.tobytes() == factories.draw(0, 0).tobytes()


# --- What is not read ---


def raw(tags: dict[int, Any]) -> bytes:
    """Return a TIFF as cameras write it: a small preview, and the photograph elsewhere."""
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, value in tags.items():
        info[tag] = value
    return encoded("TIFF", tiffinfo=info)


UNREAD = {
    "Photoshop": b"8BPS\0\1" + bytes(40),
    "RAW": b"II*\0\x10\0\0\0CR\2\0" + bytes(40),
    "RAW photograph": raw({254: 1, 271: "NIKON"}),
    "vector graphic": b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
    "PDF": b"%PDF-1.7\n",
    "video": b"\0\0\0\x20ftypisom\0\0\2\0isomiso2",
    "a video": b"\0\0\0\x14ftypqt  \0\0\0\0qt  ",
    "OpenEXR": b"\x76\x2f\x31\x01" + bytes(20),
    "JPEG XL": b"\0\0\0\x0cJXL \r\n\x87\n" + bytes(20),
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(20),
    "PostScript": b"%!PS-Adobe-3.0 EPSF-3.0\n",
    "web page": b"<!DOCTYPE html><html></html>",
    "archive": b"PK\3\4" + bytes(40),
    "Git LFS": b"version https://git-lfs.github.com/spec/v1\n",
}


@pytest.mark.parametrize("name", UNREAD)
def test_what_is_not_read_is_named_and_a_way_out_given(name: str, tmp_path: Path) -> None:
    file = tmp_path / "picture.png"
    file.write_bytes(UNREAD[name])
    for source in (UNREAD[name], file):
        with pytest.raises(BadImage, match=f"^The file is .*{name}.*not read here; .+") as caught:
            images.open_image(source)
        assert "picture.png" not in str(caught.value)


def test_a_name_tells_where_the_content_does_not(tmp_path: Path) -> None:
    for name, called in (("a.nef", "RAW"), ("b.tga", "another format"), ("c.MOV", "video")):
        (tmp_path / name).write_bytes(b"\1\2\3\4 something")
        with pytest.raises(BadImage, match=called):
            images.open_image(tmp_path / name)


def test_the_preview_of_a_raw_photograph_is_not_taken_for_it() -> None:
    with pytest.raises(BadImage, match="RAW"):
        images.open_image(raw({50706: b"\1\4\0\0"}))
