"""The example photographs as files that a browser may fetch, and buttons that choose them."""

from __future__ import annotations

import functools
import os
from typing import Any

import gradio as gr

from aigc_demo.imaging import images, photographs
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import downloadable


@functools.cache
def examples() -> dict[str, str]:
    """Return the files of the example photographs by name."""
    return {
        name: downloadable(images.encode_png(photographs.photograph(name)), f"{name.lower()}.png")
        for name in photographs.NAMES
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
        for name in photographs.NAMES
    }
