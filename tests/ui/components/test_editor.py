"""What an image editor holds, and pictures that are put there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage import data

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.ui.components import editor, example_images, send_to


def value(tmp_path: Path, image: Image.Image) -> dict[str, Any]:
    image.save(tmp_path / "background.png")
    return {"background": str(tmp_path / "background.png"), "layers": [], "composite": None}


def test_a_picture_without_transparency_comes_back_without(tmp_path: Path) -> None:
    picture = Image.fromarray(data.chelsea()[:44, :60]).convert("RGBA")
    found = editor.picture_of(value(tmp_path, picture))
    assert found.mode == "RGB" and found.tobytes() == picture.convert("RGB").tobytes()
    picture.putpixel((0, 0), (1, 2, 3, 0))
    assert editor.picture_of(value(tmp_path, picture)).mode == "RGBA"


def test_an_empty_editor_is_named() -> None:
    for empty in (None, {}, {"background": None, "layers": [], "composite": None}):
        assert editor.is_empty(empty)
        with pytest.raises(BadValue, match="picture: there is none yet"):
            editor.picture_of(empty)
    assert not editor.is_empty(editor.placed("a.png"))


def test_examples_are_photographs() -> None:
    for name in example_images.EXAMPLES:
        assert min(images.open_image(example_images.example(name)).size) >= 300


def test_what_is_sent_is_the_picture_that_was_chosen(tmp_path: Path) -> None:
    files = []
    for i, colour in enumerate(("red", "green")):
        Image.new("RGB", (4, 4), colour).save(tmp_path / f"{i}.png")
        files.append((str(tmp_path / f"{i}.png"), colour))
    for number, colour in ((0, "red"), (1, "green"), (9, "red")):
        sent = images.open_image(send_to.file_of(files, number))
        assert sent.getpixel((0, 0)) == Image.new("RGB", (1, 1), colour).getpixel((0, 0))
    array = np.full((3, 3, 3), 7, np.uint8)
    assert images.open_image(send_to.file_of(array)).getpixel((0, 0)) == (7, 7, 7)
    for nothing in (None, [], ""):
        with pytest.raises(BadValue, match="none to send yet"):
            send_to.file_of(nothing)
