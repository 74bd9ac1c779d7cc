"""Photographs are cut into windows, and come from the folders that their set names."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from aigc_demo import data
from aigc_demo.data import image_folder
from aigc_demo.errors import BadData


def place() -> np.ndarray:
    """Return a picture 40 high and 60 wide whose red tells the row and whose green the column."""
    rows, columns = np.mgrid[:40, :60].astype(np.uint8)
    return np.dstack([rows, columns, np.full_like(rows, 9)])


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return a zip with two pictures to learn from, one that is held out, and one of others."""
    path = tmp_path / "photos.zip"
    out = io.BytesIO()
    Image.fromarray(place()).save(out, "PNG")
    with zipfile.ZipFile(path, "w") as z:
        for name in ("trainB/a.png", "trainB/b.png", "testB/c.png", "trainA/painting.png"):
            z.writestr(name, out.getvalue())
    return path


def source(**fields: object) -> data.Source:
    given = {"train": ("trainB/",), "test": ("testB/",), "windows": 6} | fields
    return data.Source("photos", "Photos", 16, 3, "ours", **given)


def test_each_picture_gives_its_windows_and_no_classes(archive: Path) -> None:
    found = image_folder.load(source(), archive, "train")
    assert found.images.shape == (12, 3, 16, 16) and found.classes == ()
    assert len(image_folder.load(source(), archive, "test")) == 6


def test_every_other_window_is_at_the_pictures_own_scale(archive: Path) -> None:
    found = image_folder.load(source(), archive, "train").images
    for x in found[::2]:
        top, left = int(x[0, 0, 0]), int(x[1, 0, 0])
        expected = torch.from_numpy(place()[top : top + 16, left : left + 16].copy())
        assert torch.equal(x, expected.permute(2, 0, 1))
    spans = [int(x[0, -1, 0]) - int(x[0, 0, 0]) for x in found[1::2]]
    assert max(spans) > 20  # reduced from a larger square


def test_windows_repeat_and_differ_between_pictures(archive: Path) -> None:
    first, second = (image_folder.load(source(), archive, "train").images for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first[:6], first[6:])


def test_several_folders_can_be_for_training_and_none_for_tests(archive: Path) -> None:
    both = source(train=("trainB/", "testB/"), test=())
    assert len(image_folder.load(both, archive, "train")) == 18
    with pytest.raises(BadData, match="holds no pictures for “test”"):
        image_folder.load(both, archive, "test")


def test_a_picture_that_is_too_small_gives_one_window(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "p.zip", "w") as z:
        out = io.BytesIO()
        Image.new("RGB", (9, 30), "red").save(out, "PNG")
        z.writestr("trainB/a.png", out.getvalue())
    found = image_folder.load(source(), tmp_path / "p.zip", "train")
    assert found.images.shape == (1, 3, 16, 16)
