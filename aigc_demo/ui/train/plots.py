"""The charts of the Train tab; what they draw is in `charts`."""

from __future__ import annotations

from typing import Any

import gradio as gr

from aigc_demo.ui.components import charts
from aigc_demo.ui.i18n import T

HEIGHT = 280  # of a chart, pixels


def build() -> dict[str, Any]:
    """Add the charts; return them and the parts of the page that come and go, by name."""
    found: dict[str, Any] = {}

    def line(name: str, note: str = "") -> gr.Column:
        with gr.Column(min_width=300) as column:
            gr.Markdown(T(f"chart_{name}"), elem_classes="chart", elem_id=f"title_{name}")
            found[name] = gr.LinePlot(
                charts.curves({}), x="step", y="value", color="curve", height=HEIGHT, y_title=" ",
                x_axis_format=",d", y_axis_format=",.3~f", color_map=charts.COLOURS,
                colors_in_legend=[],
                show_label=False, elem_id=f"chart_{name}",
            )  # fmt: skip
            if note:
                found[note] = gr.Markdown(elem_classes="quiet", elem_id=note)
        return column

    with gr.Row():
        line("losses", "losses_note")
        found["fid_part"] = line("fid", "score_note")
    with gr.Row() as found["variety_part"]:
        line("kid")
        line("recall", "recall_note")
    with gr.Row():
        with gr.Column(min_width=300):
            found["outputs_title"] = gr.Markdown(
                T("chart_outputs"), visible=False, elem_classes="chart", elem_id="title_outputs"
            )
            found["outputs"] = gr.BarPlot(
                visible=False, x="logit", y="pictures", color="kind", height=HEIGHT, y_title=" ",
                x_axis_format=".2~g", y_axis_format=",.3~f", color_map=charts.COLOURS,
                colors_in_legend=[],
                show_label=False, elem_id="chart_outputs",
            )  # fmt: skip
            found["outputs_note"] = gr.Markdown(
                charts.legend({"real": "real", "fake": "fake"}), visible=False,
                elem_classes="quiet", elem_id="outputs_note",
            )  # fmt: skip
        line("speed")
        line("norm")
    return found
