"""Files reach the handlers of the page as they were sent: nothing is opened on the way."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from gradio.components.gallery import GalleryData
from gradio.components.image_editor import EditorData
from gradio.components.imageslider import SliderData
from gradio.data_classes import FileData, ImageData, ListFiles
from PIL import Image

from aigc_demo.errors import BadValue
from aigc_demo.studio import Studio
from aigc_demo.ui.app import build_demo

FILES = (gr.File, gr.UploadButton, gr.Image, gr.Gallery, gr.ImageSlider, gr.ImageEditor)


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory) -> list[gr.components.Component]:
    """Return every component through which a file can come to a handler of the page."""
    folder = tmp_path_factory.mktemp("studio")
    demo = build_demo(Studio(folder, runs_root=folder / "runs"))
    used = {c._id: c for handler in demo.fns.values() for c in handler.inputs}
    return [c for c in used.values() if isinstance(c, FILES)]


def payload(component: gr.components.Component, path: str) -> Any:
    """Return what the page is sent for a file at `path`."""
    file, picture = FileData(path=path), ImageData(path=path)
    if isinstance(component, gr.Gallery):
        return GalleryData(root=[{"image": picture.model_dump(), "caption": "a"}])
    if isinstance(component, gr.ImageSlider):
        return SliderData(root=(picture, picture))
    if isinstance(component, gr.ImageEditor):
        return EditorData(background=file, layers=[file], composite=file)
    if isinstance(component, gr.Image):
        return picture
    return ListFiles(root=[file]) if component.file_count == "multiple" else file


def paths(value: Any) -> set[str]:
    """Return every path in what a handler is given."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return set().union(*map(paths, value)) - {"a"}
    return {value}


def test_a_handler_gets_the_path_of_a_file_that_nobody_has_opened(
    inputs: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_text("no picture")

    def forbidden(*_: Any, **__: Any) -> None:
        raise AssertionError("it was opened")

    monkeypatch.setattr(Image, "open", forbidden)
    assert {type(c).__base__ for c in inputs} == set(FILES)
    for component in inputs:
        component.GRADIO_CACHE = str(tmp_path)
        sent = payload(component, str(tmp_path / "a.png"))
        assert paths(component.preprocess(sent)) == {str(tmp_path / "a.png")}, component.elem_id
        assert component.preprocess(None) is None
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_a_folder_is_not_taken_for_a_file(inputs: list[Any], tmp_path: Path) -> None:
    """A folder of the page's cache holds what others have uploaded."""
    for component in inputs:
        with pytest.raises(BadValue, match="^file: a folder has arrived; send the file itself"):
            component.preprocess(payload(component, str(tmp_path)))
