"""Results as the tabs show them: files, pictures before and after, a line of details."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import gradio as gr
from PIL import Image

from aigc_demo.imaging import images
from aigc_demo.ui.components import file_inputs
from aigc_demo.ui.components.controls import labelled
from aigc_demo.ui.server.handlers import downloadable

Result = TypeVar("Result")
LATEX = [  # delimiters of formulas in Markdown
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]
# Signs of Markdown, HTML and formulas; what makes an address a link; what begins a list.
MARKUP = re.compile(r"[\\`*_\[\]{}<>#+!|~$&^=@]|:(?=//)|(?<=[wW][wW][wW])\.|^-|(?<=\d)[.)](?=\s)")
Progress = Callable[[float], Any]
PROGRESS = gr.Progress()


def png_file(image: Image.Image, name: str, settings: dict[str, Any] | None = None) -> str:
    """Return the file of a picture, which a browser may fetch."""
    return downloadable(images.encode_png(image, settings), name)


def finish(
    steps: Iterator[float | Result], progress: Progress, *, done: int = 0, of: int = 1
) -> Result:
    """Return the last of `steps`, the result; show the shares before it as progress, where so many
    of several results are `done`.
    """
    for step in steps:
        if isinstance(step, float):
            progress(min(1.0, (done + step) / of))
    return step


def before_after(elem_id: str, *, height: int = 560) -> file_inputs.ImageSlider:
    """Add a slider between two pictures."""
    settings = {"type": "filepath", "format": "png", "interactive": False, "max_height": height}
    return file_inputs.ImageSlider(buttons=["fullscreen"], **settings, **labelled(elem_id))


def gallery(elem_id: str, text: str = "", **settings: Any) -> file_inputs.Gallery:
    """Add a gallery of results."""
    fixed = {"height": "auto", "object_fit": "contain", "interactive": False, "format": "png"}
    return file_inputs.Gallery(**{**fixed, **settings}, **labelled(elem_id, text))


def picture(elem_id: str, text: str = "", **settings: Any) -> file_inputs.Image:
    """Add a picture that can be downloaded."""
    fixed = {"format": "png", "interactive": False, "buttons": ["download", "fullscreen"]}
    return file_inputs.Image(**{**fixed, **settings}, **labelled(elem_id, text))


def sheet(elem_id: str, text: str = "", **settings: Any) -> file_inputs.Image:
    """Add a large picture; its label would cover it and is for screen readers only."""
    return picture(elem_id, text, show_label=False, **settings)


def details_box(elem_id: str, *, lines: int = 3) -> gr.Textbox:
    """Add the line that says what was done."""
    return gr.Textbox(interactive=False, max_lines=lines, **labelled(elem_id, "details"))


def literal(text: str) -> str:
    """Return Markdown that shows `text` as it is, whatever signs are in it, addresses included, in
    one paragraph.
    """
    return MARKUP.sub(lambda sign: f"&#{ord(sign.group())};", " ".join(text.split()))


def code(text: str) -> str:
    """Return Markdown that shows `text` as it is, as code."""
    return f"<code>{literal(text)}</code>"
