"""How results are shown, on every tab alike."""

from __future__ import annotations

from typing import Any

import gradio as gr

from aigc_demo.ui.i18n import T

# Delimiters of formulas in Markdown.
LATEX = [
    {"left": "$$", "right": "$$", "display": True},
    {"left": "$", "right": "$", "display": False},
]


def picture(text: str, elem_id: str, **settings: Any) -> gr.Image:
    """Add a picture that can be downloaded, labelled with a text."""
    settings = {"format": "png", "buttons": ["download", "fullscreen"]} | settings
    return gr.Image(label=T(text), interactive=False, elem_id=elem_id, **settings)


def sheet(text: str, elem_id: str, **settings: Any) -> gr.Image:
    """Add a large picture; its label would cover it and is for screen readers only."""
    return picture(text, elem_id, show_label=False, **settings)


def details(elem_id: str, **settings: Any) -> gr.Textbox:
    """Add a line about the result."""
    return gr.Textbox(label=T("details"), interactive=False, elem_id=elem_id, **settings)
