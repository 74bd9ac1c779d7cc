"""“Send to …”: how a picture on one tab gets to another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import numpy as np
from PIL import Image

from aigc_demo import images
from aigc_demo.errors import BadValue
from aigc_demo.ui.handlers import downloadable
from aigc_demo.ui.texts import T


class Offers:
    """The pictures of all tabs that can be sent: each has a button and, in a gallery, the number
    of the one that was clicked.
    """

    def __init__(self) -> None:
        self.all: list[tuple[gr.Button, gr.Component, gr.State]] = []

    def add(self, source: gr.Gallery | gr.Image, *, text: str = "send_restore") -> gr.Button:
        """Put a button here that sends the picture of `source`, hidden where that is hidden."""
        button = gr.Button(
            T(text), size="sm", elem_id=f"send_{source.elem_id}", visible=source.visible
        )
        chosen = gr.State(0)
        if isinstance(source, gr.Gallery):
            quiet = {"api_visibility": "private", "show_progress": "hidden"}
            source.select(_number, None, chosen, **quiet)
            source.change(lambda: 0, None, chosen, **quiet)
        self.all.append((button, source, chosen))
        return button


def _number(event: gr.SelectData) -> int:
    return event.index if isinstance(event.index, int) else 0


def file_of(value: Any, chosen: int = 0) -> str:
    """Return the file of a picture: of a gallery's value the one that was `chosen`, of a path
    itself, of an array a new one.
    """
    if isinstance(value, list) and value:
        value = value[chosen if 0 <= chosen < len(value) else 0]
    if isinstance(value, tuple):
        value = value[0]
    if isinstance(value, np.ndarray):
        value = Image.fromarray(value)
    if isinstance(value, Image.Image):
        return downloadable(images.encode_png(value), "picture.png")
    if isinstance(value, str) and value:
        image = images.open_image(Path(value))
        return downloadable(images.encode_png(image), f"{Path(value).stem[:60]}.png")
    raise BadValue("picture: there is none to send yet; make one first.")
