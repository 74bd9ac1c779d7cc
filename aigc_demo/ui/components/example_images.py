"""Photographs to try things on: those that scikit-image carries, so that none is kept here.

Their terms are in docs/EXAMPLES.md.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import gradio as gr
from PIL import Image
from skimage import data

from aigc_demo.imaging import images
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import downloadable

EXAMPLES = ("Cat", "Coffee", "Rocket")


@functools.cache
def examples() -> dict[str, str]:
    """Return the files of the example photographs by name; their terms are in docs/EXAMPLES.md."""
    loaded = (data.chelsea(), data.coffee(), data.rocket())
    return {
        name: downloadable(images.encode_png(Image.fromarray(pixels)), f"{name.lower()}.png")
        for name, pixels in zip(EXAMPLES, loaded, strict=True)
    }


def example(name: str) -> str:
    """Return the file of an example, made anew where the page's cache has lost it."""
    if not os.path.exists(examples()[name]):
        examples.cache_clear()
    return examples()[name]


def buttons(prefix: str = "", **settings: Any) -> dict[str, gr.Button]:
    """Add a button an example; `prefix` begins their elem_id."""
    return {
        name: gr.Button(
            T(f"photo_{name.lower()}"),
            size="sm",
            elem_id=f"{prefix}{name}" if prefix else None,
            **{"min_width": 90, **settings},
        )
        for name in EXAMPLES
    }
