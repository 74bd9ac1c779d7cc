"""The value of a `gr.ImageEditor`: a picture, and the layers that were painted on it.

It holds paths of files: ``background`` is the picture, ``layers`` the strokes, ``composite`` both.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.components.image_editor import EditorData
from PIL import Image

from aigc_demo.errors import BadImage, BadValue
from aigc_demo.imaging import images, masks
from aigc_demo.ui.components.file_inputs import path_of
from aigc_demo.ui.i18n import T

EditorValue = dict[str, Any]
MAX_LAYERS = 4  # our editors have one


class PictureEditor(gr.ImageEditor):
    """An editor whose value names the files that the browser sent, as they are.

    Gradio's own decodes and encodes each of them anew, for every event, into a file named after
    its content: written in place, while another event that got the same picture reads it.
    """

    is_template = True  # to the browser it is Gradio's

    def preprocess(self, payload: EditorData | None) -> EditorValue | None:
        """Return the paths of the background, the layers and both together."""
        if payload is None:
            return None
        layers = [path_of(layer) for layer in payload.layers if layer is not None]
        return {
            "background": path_of(payload.background),
            "layers": layers,
            "composite": path_of(payload.composite),
        }


def picture_editor(
    elem_id: str, *, height: int, colours: list[str], choose_colour: bool = False, **settings: Any
) -> PictureEditor:
    """Add an editor whose brush has `colours`, and others where one may `choose_colour`."""
    return PictureEditor(
        label=T(elem_id),
        type="filepath",
        format="png",
        image_mode="RGBA",
        layers=False,
        transforms=None,
        height=height,
        brush=gr.Brush(
            default_size="auto",
            colors=colours,
            color_mode="selector" if choose_colour else "fixed",
        ),
        eraser=gr.Eraser(),
        elem_id=elem_id,
        **{"sources": ["upload", "webcam", "clipboard"], **settings},
    )


def placed(file: str) -> EditorValue:
    """Return the value that shows a picture without strokes."""
    return {"background": file, "layers": [], "composite": file}


def is_empty(value: EditorValue | None) -> bool:
    """Return whether there is no picture."""
    return not value or not (value.get("background") or value.get("composite"))


def picture_of(value: EditorValue | None) -> Image.Image:
    """Return the picture without the strokes."""
    path = (value or {}).get("background") or (value or {}).get("composite")
    if not path:
        raise BadValue("picture: there is none yet; drop one here, or choose an example.")
    if not Path(path).is_file():
        raise BadValue("picture: it was here for so long that it is gone; drop it here again.")
    image = images.open_image(Path(path))
    if image.mode == "RGBA" and image.getextrema()[3] == (255, 255):
        image = image.convert("RGB")  # the editor adds transparency to every picture
    return image


def layers_of(value: EditorValue | None, size: tuple[int, int]) -> list[Image.Image]:
    """Return the layers (RGBA); raises BadImage, before one is decoded, where there are more than
    MAX_LAYERS or one is not of `size` (width, height).
    """
    files = [Path(file) for file in (value or {}).get("layers") or ()]
    if len(files) > MAX_LAYERS:
        raise BadImage(
            f"picture: it has {len(files)} layers; the limit is {MAX_LAYERS}. Clear the strokes "
            "and paint again."
        )
    for file in files:
        if (found := images.size_of(file)) != size:
            raise BadImage(
                f"picture: a layer has {found[0]}×{found[1]} pixels and the picture "
                f"{size[0]}×{size[1]}; clear the strokes and paint again."
            )
    layers = [images.open_image(file).convert("RGBA") for file in files]
    for layer in layers:
        images.check_size("layer", layer, size)  # a file may say that it lies on its side
    return layers


def strokes_of(value: EditorValue | None, size: tuple[int, int]) -> masks.Weights | None:
    """Return where strokes of any colour but blue are, or None where there are none."""
    return union(masks.sides(layer)[0] for layer in layers_of(value, size))


def union(parts: Iterable[masks.Weights]) -> masks.Weights | None:
    """Return what is in any of `parts`, or None where nothing is."""
    together = None
    for part in parts:
        together = part if together is None else together | part
    return together if together is not None and together.any() else None
