"""Where the charts of the Train tab are; `charts` draws them."""

from __future__ import annotations

from typing import Any

import gradio as gr

from aigc_demo.ui.components import vega_lite
from aigc_demo.ui.i18n import T


def layout() -> dict[str, Any]:
    """Add the charts; return them, their notes and the parts that come and go, by name."""
    found: dict[str, Any] = {}
    with gr.Row():
        _chart(found, "losses", "losses_note")
        found["fid_part"] = _chart(found, "fid", "score_note")
    with gr.Row() as found["variety_part"]:
        found["kid_part"] = _chart(found, "kid")
        found["recall_part"] = _chart(found, "recall", "recall_note")
    with gr.Row():
        # Hidden at first: few methods have a discriminator.
        found["outputs_part"] = _chart(found, "outputs", "outputs_note", visible=False)
        _chart(found, "speed")
        _chart(found, "norm")
    return found


def _chart(found: dict[str, Any], name: str, note: str = "", **settings: Any) -> gr.Column:
    with gr.Column(min_width=300, **settings) as column:
        gr.Markdown(T(f"chart_{name}"), elem_classes="chart", elem_id=f"title_{name}")
        found[name] = vega_lite.chart(f"chart_{name}")
        if note:
            found[note] = gr.Markdown(elem_classes="quiet", elem_id=note)
    return column
