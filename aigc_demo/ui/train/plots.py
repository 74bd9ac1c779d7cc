"""The charts of the Train tab; their data come from `charts`."""

from __future__ import annotations

from typing import Any

import gradio as gr

from aigc_demo.ui.components import charts
from aigc_demo.ui.i18n import T

STYLE = {
    "height": 280,  # pixels
    "y_title": " ",
    "y_axis_format": ",.3~f",
    "colors_in_legend": [],
    "show_label": False,
}


def layout() -> dict[str, Any]:
    """Add the charts; return them, their notes and the parts that come and go, by name."""
    found: dict[str, Any] = {}
    with gr.Row():
        _line_chart(found, "losses", "losses_note")
        found["fid_part"] = _line_chart(found, "fid", "score_note")
    with gr.Row() as found["variety_part"]:
        _line_chart(found, "kid")
        _line_chart(found, "recall", "recall_note")
    with gr.Row():
        _logit_histogram(found)
        _line_chart(found, "speed")
        _line_chart(found, "norm")
    return found


def _line_chart(found: dict[str, Any], name: str, note: str = "") -> gr.Column:
    with gr.Column(min_width=300) as column:
        gr.Markdown(T(f"chart_{name}"), elem_classes="chart", elem_id=f"title_{name}")
        found[name] = gr.LinePlot(
            charts.curves({}),
            x="step",
            y="value",
            color="curve",
            x_axis_format=",d",
            color_map=charts.COLOURS,
            elem_id=f"chart_{name}",
            **STYLE,
        )
        if note:
            found[note] = gr.Markdown(elem_classes="quiet", elem_id=note)
    return column


def _logit_histogram(found: dict[str, Any]) -> None:
    """Add the histograms of the discriminator's logits, hidden: few methods have one."""
    with gr.Column(min_width=300, visible=False) as found["outputs_part"]:
        gr.Markdown(T("chart_outputs"), elem_classes="chart", elem_id="title_outputs")
        found["outputs"] = gr.BarPlot(
            x="logit",
            y="pictures",
            color="kind",
            x_axis_format=".2~g",
            color_map=charts.COLOURS,
            elem_id="chart_outputs",
            **STYLE,
        )
        legend = charts.legend({"real": "real", "fake": "fake"})
        gr.Markdown(legend, elem_classes="quiet", elem_id="outputs_note")
