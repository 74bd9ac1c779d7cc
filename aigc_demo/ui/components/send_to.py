"""“Send to …”: how a picture on one tab gets to another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.ui.components.controls import small_button
from aigc_demo.ui.components.events import selection
from aigc_demo.ui.server.handlers import downloadable

PLACES = ("restore", "translate", "augment")  # tabs that take pictures


@dataclass(frozen=True)
class Offer:
    """A button that sends a picture of `source` to the tab `to`; of a gallery, number `chosen`."""

    to: str
    button: gr.Button
    source: gr.Component
    chosen: gr.State


class Offers:
    """The pictures of all tabs that can be sent."""

    def __init__(self) -> None:
        self.all: list[Offer] = []

    def add(
        self, source: gr.Gallery | gr.Image, *, to: tuple[str, ...] = PLACES, text: str = ""
    ) -> list[gr.Button]:
        """Put buttons here that send the picture of `source`, hidden where that is hidden."""
        chosen = selection(source) if isinstance(source, gr.Gallery) else gr.State(0)
        with gr.Row():
            for place in to:
                elem_id = f"send_{source.elem_id}" + ("" if place == to[0] else f"_{place}")
                words = text or f"send_{place}"
                button = small_button(elem_id, words, visible=source.visible)
                self.all.append(Offer(place, button, source, chosen))
        return [offer.button for offer in self.all[-len(to) :]]

    def to(self, place: str) -> list[Offer]:
        """Return the offers to a tab."""
        return [offer for offer in self.all if offer.to == place]


def file_of(value: Any, chosen: int = 0) -> str:
    """Return the file of a picture, written anew: of a gallery's value the one that was `chosen`,
    or that of a path.
    """
    if isinstance(value, list) and value:
        value = value[chosen if 0 <= chosen < len(value) else 0]
    if isinstance(value, tuple):
        value = value[0]
    if isinstance(value, str) and value:
        image = images.open_image(Path(value))
        return downloadable(images.encode_png(image), f"{Path(value).stem[:60]}.png")
    raise BadValue("picture: there is none to send yet; make one first.")
