"""What an image editor holds, and pictures that are put there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.components.image_editor import EditorData
from gradio.data_classes import FileData
from PIL import Image
from skimage import data

from aigc_demo.errors import BadImage, BadValue
from aigc_demo.imaging import images, photographs
from aigc_demo.ui.components import editor, example_images, send_to
from tests import factories


def value(tmp_path: Path, image: Image.Image) -> dict[str, Any]:
    image.save(tmp_path / "background.png")
    return {"background": str(tmp_path / "background.png"), "layers": [], "composite": None}


def test_a_picture_without_transparency_comes_back_without(tmp_path: Path) -> None:
    picture = Image.fromarray(data.chelsea()[:44, :60]).convert("RGBA")
    found = editor.picture_of(value(tmp_path, picture))
    assert found.mode == "RGB" and found.tobytes() == picture.convert("RGB").tobytes()
    picture.putpixel((0, 0), (1, 2, 3, 0))
    assert editor.picture_of(value(tmp_path, picture)).mode == "RGBA"


def test_a_handler_gets_the_files_that_were_sent_and_nothing_is_written(tmp_path: Path) -> None:
    """Files that are written anew for each event are read half-written by another one."""
    files = [tmp_path / f"{name}.png" for name in ("background", "stroke", "composite")]
    for file in files:
        Image.fromarray(np.full((9, 7), 40_000, np.uint16)).save(file)
    with gr.Blocks():
        component = editor.picture_editor("restore_picture", height=100, colours=["red"])
    component.GRADIO_CACHE = str(tmp_path)
    background, stroke, composite = (FileData(path=str(file)) for file in files)
    sent = EditorData(background=background, layers=[stroke], composite=composite)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*")}
    value = component.preprocess(sent)
    assert value == {
        "background": background.path,
        "layers": [stroke.path],
        "composite": composite.path,
    }
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*")} == before


def test_an_empty_editor_is_named() -> None:
    for empty in (None, {}, {"background": None, "layers": [], "composite": None}):
        assert editor.is_empty(empty)
        with pytest.raises(BadValue, match="picture: there is none yet"):
            editor.picture_of(empty)
    assert not editor.is_empty(editor.placed("a.png"))


def test_examples_are_photographs() -> None:
    for name in photographs.NAMES:
        assert min(images.open_image(example_images.example(name)).size) >= 300


def test_what_is_sent_is_the_picture_that_was_chosen(tmp_path: Path) -> None:
    files = []
    for i, colour in enumerate(("red", "green")):
        Image.new("RGB", (4, 4), colour).save(tmp_path / f"{i}.png")
        files.append((str(tmp_path / f"{i}.png"), colour))
    for number, colour in ((0, "red"), (1, "green"), (9, "red")):
        sent = images.open_image(send_to.file_of(files, number))
        assert sent.getpixel((0, 0)) == Image.new("RGB", (1, 1), colour).getpixel((0, 0))
    for nothing in (None, [], ""):
        with pytest.raises(BadValue, match="none to send yet"):
            send_to.file_of(nothing)


def test_layers_are_few_and_fit_the_picture_before_one_is_decoded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound, large = str(tmp_path / "sound.png"), str(tmp_path / "large.png")
    Image.new("RGBA", (6, 4)).save(sound)
    Path(large).write_bytes(factories.png_header(4000, 4000))
    assert len(editor.layers_of({"layers": [sound] * editor.MAX_LAYERS}, (6, 4))) == 4
    monkeypatch.setattr(images, "whole", lambda image: pytest.fail("it was decoded"))
    for files, told in (
        ([sound] * 5, "it has 5 layers; the limit is 4"),
        ([sound, large], "a layer has 4000×4000 pixels and the picture 6×4"),
    ):
        with pytest.raises(BadImage, match=f"^picture: {told}"):
            editor.layers_of({"layers": files}, (6, 4))
