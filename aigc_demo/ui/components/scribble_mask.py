"""A mask from two scribbles by a CRF: handlers and the accordion that has them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images, masks
from aigc_demo.requests import MaskRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.components.controls import button
from aigc_demo.ui.components.editor import EditorValue, layers_of, placed, union
from aigc_demo.ui.components.endpoints import endpoint
from aigc_demo.ui.components.events import DEVICE, PRIVATE
from aigc_demo.ui.components.originals import Original, source_of
from aigc_demo.ui.components.pictures import png_file
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Updates, connect


def segment(
    studio: Studio, editor: EditorValue | None, original: Original | None = None
) -> Updates:
    """Show the mask of what the red strokes mark, alone and on the picture; blue strokes mark what
    it is not. The strokes go.
    """
    image = source_of(editor, original)
    sides = [masks.sides(layer) for layer in layers_of(editor, image.size)]
    thing, background = (union(side[i] for side in sides) for i in range(2))
    if thing is None:
        raise BadValue("thing: nothing is marked; paint a red stroke on it.")
    request = MaskRequest(
        image=image,
        thing=masks.to_image(thing),
        background=None if background is None else masks.to_image(background),
    )
    mask = studio.segment_scribbles(request).mask
    overlay = png_file(masks.overlay(image, masks.read(mask)), "shown.png")
    return {
        "editor": placed(png_file(images.shown(image), "picture.png")),
        "mask": png_file(mask, "mask.png"),
        "marked": "white",
        "overlay": gr.Image(overlay, visible=True),
    }


def segment_file(
    studio: Studio,
    image: str,
    thing: str,
    background: str | None = None,
    grow: float = 0,
    feather: float = 0,
) -> tuple[str, dict[str, Any]]:
    """Return the mask of what a stroke marks in a picture file, as a PNG file, and its details.

    `thing` and `background` are pictures of the same size, white on some of the thing and on some
    of what it is not (none: the rim). The mask is grown and feathered by pixels.
    """
    if not image or not thing:
        raise BadValue(
            "image, thing: a file is missing; send a picture and a stroke on the thing."
        )
    request = MaskRequest(
        image=images.open_image(Path(image)),
        thing=images.open_image(Path(thing)),
        background=images.open_image(Path(background)) if background else None,
        grow=grow,
        feather=feather,
    )
    result = studio.segment_scribbles(request)
    share = float((masks.read(result.mask) > 0).mean())
    found = {"share": round(share, 4), "seconds": round(result.seconds, 3)}
    return png_file(result.mask, "mask.png"), found


def layout() -> gr.Button:
    """Add the accordion; return its button."""
    with gr.Accordion(T("smart_more"), open=False, elem_id="smart_more"):
        gr.Markdown(T("smart_intro"))
        return button("smart_go", size="sm")


def wire(
    studio: Studio,
    go: gr.Button,
    *,
    editor: gr.ImageEditor,
    original: gr.State,
    mask: gr.Image,
    marked: gr.Radio,
    overlay: gr.Image,
) -> None:
    """Let `go` turn the strokes in `editor` into a `mask`."""
    outputs = {"editor": editor, "mask": mask, "marked": marked, "overlay": overlay}
    inputs = {"editor": editor, "original": original}
    settings = {"gpu": True, "show_progress_on": overlay, **PRIVATE, **DEVICE}
    connect(go.click, segment, studio, inputs, outputs, **settings)
    answer = [gr.File(label="mask", visible=False), gr.JSON(label="details", visible=False)]
    files = ("image", "thing", "background")
    endpoint(segment_file, studio, "smart_mask", files=files, outputs=answer, gpu=True)
