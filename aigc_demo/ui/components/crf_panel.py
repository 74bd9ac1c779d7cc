"""What random fields add to the page: flat colours below Generate, the smart mask on Restore.

What a click does is in `settling`.
"""

from __future__ import annotations

from typing import Any

import gradio as gr

from aigc_demo.studio import Studio
from aigc_demo.ui.components import crf_callbacks, send_to
from aigc_demo.ui.components.crf_callbacks import Form
from aigc_demo.ui.components.editor import is_empty, placed
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET, selected_index
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import bind

BRUSHES = ["#e11d48", "#f59e0b", "#16a34a", "#2563eb", "#111827", "#ffffff"]
SLIDERS = {  # of the weights: least, most, at first, step
    "tolerance": (1, 40, 10, 0.5),
    "smooth": (0, 20, 2, 0.5),
    "smooth_radius": (0.5, 10, 1.5, 0.5),
    "appearance": (0, 30, 5, 0.5),
    "radius": (2, 120, 30, 1),
    "likeness": (2, 80, 15, 1),
    "iterations": (1, 30, 8, 1),
}


def build(studio: Studio, gallery: gr.Gallery) -> None:
    """Add the accordion that makes a picture of `gallery`, or another one, flat."""
    with gr.Accordion(T("field_more"), open=False, elem_id="field_more"):
        gr.Markdown(T("field_intro"))
        with gr.Row():
            with gr.Column(scale=1, min_width=300):
                take = gr.Button(T("field_take"), size="sm", elem_id="field_take")
                editor = gr.ImageEditor(
                    label=T("field_picture"), type="filepath", format="png", image_mode="RGBA",
                    sources=["upload", "clipboard"], layers=False, transforms=None, height=380,
                    brush=gr.Brush(default_size="auto", colors=BRUSHES, color_mode="selector"),
                    eraser=gr.Eraser(), elem_id="field_picture",
                )  # fmt: skip
                colours = gr.Slider(
                    2, 16, 8, step=1, label=T("field_colours"), elem_id="field_colours"
                )
                palette = gr.Textbox(
                    "", label=T("field_palette"), info=T("field_palette_info"),
                    elem_id="field_palette", max_lines=1, max_length=crf_callbacks.MAX_TEXT,
                )  # fmt: skip
                with gr.Accordion(T("field_weights"), open=False, elem_id="field_weights"):
                    sliders = [
                        gr.Slider(
                            low, high, value, step=step, label=T(f"field_{name}"),
                            elem_id=f"field_{name}",
                        )
                        for name, (low, high, value, step) in SLIDERS.items()
                    ]  # fmt: skip
                go = gr.Button(T("field_go"), variant="primary", elem_id="field_go")
            with gr.Column(scale=1, min_width=300):
                pair = gr.ImageSlider(
                    label=T("field_pair"), type="filepath", format="png", interactive=False,
                    elem_id="field_pair", max_height=420, buttons=["fullscreen"],
                )  # fmt: skip
                chips = gr.HTML(elem_id="field_chips")
                told = gr.Textbox(
                    label=T("details"), interactive=False, elem_id="field_details", max_lines=3
                )
                file = gr.DownloadButton(
                    T("result_file"), elem_id="field_file", size="sm", interactive=False
                )
                gr.Markdown(T("field_energy"), elem_classes="quiet")
                chart = gr.LinePlot(
                    crf_callbacks.energies(), x="update", y="energy", height=180, y_title=" ",
                    y_axis_format=",.3~f", show_label=False, elem_id="field_energies",
                )  # fmt: skip
        gr.Markdown(T("how_field"), elem_classes="quiet")

    chosen = gr.State(0)
    gallery.select(selected_index, None, chosen, **QUIET)
    gallery.change(lambda: 0, None, chosen, **QUIET)
    shown = [pair, file, chips, told, chart]
    inputs = [editor, colours, palette, *sliders]
    take.click(bind(_take, studio), [gallery, chosen], editor, **QUIET)
    go.click(bind(_clean_up, studio, gpu=True), inputs, shown, **PRIVATE, **DEVICE)
    for slider in sliders:  # a result follows the sliders
        slider.release(bind(_again, studio, gpu=True), inputs, shown, **QUIET, **DEVICE)
    asked = [
        gr.File(label="image", visible=False),
        gr.Number(8, label="colours", visible=False),
        gr.Textbox("", label="palette", visible=False),
        gr.File(label="hints", visible=False),
        gr.Number(2.0, label="smooth", visible=False),
        gr.Number(5.0, label="appearance", visible=False),
    ]
    answer = [gr.File(label="result", visible=False), gr.JSON(label="details", visible=False)]
    gr.Button(visible=False).click(
        bind(crf_callbacks.clean_file, studio, gpu=True),
        asked,
        answer,
        api_name="clean_up",
        **DEVICE,
    )


def build_mask(
    studio: Studio, editor: gr.ImageEditor, mask: gr.Image, marked: gr.Radio, shown: gr.Image
) -> None:
    """Add the accordion that turns two strokes in `editor` into a `mask`."""
    with gr.Accordion(T("smart_more"), open=False, elem_id="smart_more"):
        gr.Markdown(T("smart_intro"))
        go = gr.Button(T("smart_go"), size="sm", elem_id="smart_go")
    go.click(
        bind(_smart_mask, studio, gpu=True), editor, [editor, mask, marked, shown],
        **PRIVATE, **DEVICE,
    )  # fmt: skip
    asked = [
        gr.File(label="image", visible=False),
        gr.File(label="thing", visible=False),
        gr.File(label="background", visible=False),
        gr.Number(0, label="grow", visible=False),
        gr.Number(0, label="feather", visible=False),
    ]
    answer = [gr.File(label="mask", visible=False), gr.JSON(label="details", visible=False)]
    gr.Button(visible=False).click(
        bind(crf_callbacks.outline_file, studio, gpu=True), asked, answer,
        api_name="smart_mask", **DEVICE,
    )  # fmt: skip


def _take(studio: Studio, pictures: Any, number: int) -> dict[str, Any]:
    return placed(send_to.file_of(pictures, number))


def _clean_up(studio: Studio, *values: Any) -> list[Any]:
    pair, file, chips, told, table = crf_callbacks.clean_up(studio, Form(*values))
    return [pair, gr.DownloadButton(value=file, interactive=True), chips, told, table]


def _again(studio: Studio, *values: Any) -> list[Any]:
    """Clean up anew where there is a picture."""
    return [gr.skip()] * 5 if is_empty(values[0]) else _clean_up(studio, *values)


def _smart_mask(studio: Studio, editor: Any) -> list[Any]:
    picture, mask, shown = crf_callbacks.smart_mask(studio, editor)
    return [placed(picture), mask, "white", gr.Image(shown, visible=True)]
