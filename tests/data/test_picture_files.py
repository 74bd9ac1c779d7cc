"""Pictures that are learnt from are sRGB and upright, in whatever format they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pillow_heif
import torch
from PIL import Image

from aigc_demo import data
from aigc_demo.data.uploads import validation
from aigc_demo.imaging import images
from tests import icc

COLOUR = (200, 120, 100)
pillow_heif.register_heif_opener()  # it writes the HEIC file of a test


def write(folder: Path, name: str, kind: str = "PNG", **options: Any) -> None:
    folder.mkdir(exist_ok=True)
    Image.new("RGB", (24, 24), COLOUR).save(folder / name, kind, **options)


def in_srgb() -> torch.Tensor:
    image = Image.new("RGB", (1, 1), COLOUR)
    image.info["icc_profile"] = icc.display_p3()
    return images.to_pixels(images.flatten(image, "RGB")).flatten()


def test_uploads_with_a_profile_are_learnt_from_as_srgb(tmp_path: Path) -> None:
    for i in range(2):
        write(tmp_path / "in", f"{i}.png", icc_profile=icc.display_p3())
    own = validation.validate([tmp_path / "in"], size=32)
    assert torch.equal(own.images[0, :, 16, 16], in_srgb())


def test_folders_with_a_profile_are_learnt_from_as_srgb(tmp_path: Path) -> None:
    for i in range(20):
        write(tmp_path / "in", f"{i}.png", icc_profile=icc.display_p3())
    found = data.load(str(tmp_path / "in"), "train", size=32)
    assert torch.equal(found.images[0, :, 16, 16], in_srgb())


def test_pictures_of_phones_and_browsers_are_learnt_from(tmp_path: Path) -> None:
    kinds = {"a.jfif": "JPEG", "b.avif": "AVIF", "c.tiff": "TIFF", "d.HEIC": "HEIF"}
    for name, kind in kinds.items():
        write(tmp_path / "in", name, kind)
    report = validation.validate([tmp_path / "in"], size=32).report
    assert report.count == 4 and report.skipped == ()


def test_formats_that_are_not_read_are_left_out_by_that_reason(tmp_path: Path) -> None:
    for i in range(2):
        write(tmp_path / "in", f"{i}.png")
    (tmp_path / "in" / "layers.psd").write_bytes(b"8BPS")
    (tmp_path / "in" / "notes.txt").write_bytes(b"notes")
    skipped = validation.validate([tmp_path / "in"], size=32).report.skipped
    assert {s.name: s.reason for s in skipped} == {"layers.psd": "format", "notes.txt": "other"}
