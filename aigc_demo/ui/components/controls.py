"""A tab's controls: components by name, with their texts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_demo.requests import Request
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Components


@dataclass(frozen=True)
class Controls:
    """Base of the components of a tab, which have the names of what handlers take and return."""

    def of(self, *names: str) -> Components:
        """Return the components of these names."""
        return {name: getattr(self, name) for name in names}

    def form(self, form: type[Request]) -> Components:
        """Return the inputs of a handler that takes `form`."""
        return self.of(*form.model_fields)


def labelled(elem_id: str, text: str = "", *, info: bool = False) -> dict[str, Any]:
    """Return the settings that name a component; its label is `text`, or called as itself."""
    text = text or elem_id
    explained = {"info": T(f"{text}_info")} if info else {}
    return {"label": T(text), "elem_id": elem_id, **explained}


def button(elem_id: str, text: str = "", **settings: Any) -> gr.Button:
    """Add a button; its words are `text`, or called as itself."""
    return gr.Button(T(text or elem_id), elem_id=elem_id, **settings)


def small_button(elem_id: str, text: str = "", **settings: Any) -> gr.Button:
    """Add a button of which several fit into a row."""
    return button(elem_id, text, **{"size": "sm", "min_width": 90, **settings})


def download_button(elem_id: str, text: str = "", **settings: Any) -> gr.DownloadButton:
    """Add a small button that downloads a file."""
    return gr.DownloadButton(T(text or elem_id), elem_id=elem_id, size="sm", **settings)
