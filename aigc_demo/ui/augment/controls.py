"""The controls of the Augment tab: picture, pipeline, and what is folded away."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_demo.ui.augment import callbacks as augmenting, pipeline_editor
from aigc_demo.ui.components import example_images
from aigc_demo.ui.i18n import T

FIRST = "photos"


@dataclass(frozen=True)
class Inputs:
    """The controls that decide what is done, in the order of `augmenting.Form`; the first of them
    is what the editor held when it was last changed: an editor that is itself an input uploads its
    canvas, three times, with every event.
    """

    picture: gr.State
    board: gr.HTML
    n: gr.Slider
    seed: gr.Number
    marks: gr.Radio
    partner: gr.Image

    def all(self) -> list[Any]:
        """Return them in order."""
        return list(vars(self).values())


def inputs() -> tuple[
    Inputs, gr.ImageEditor, dict[str, gr.Button], gr.Dropdown, gr.Button, gr.Button
]:
    """Add the controls on the left."""
    picture = gr.State(None)
    editor = gr.ImageEditor(
        label=T("augment_picture"), type="filepath", format="png", image_mode="RGBA",
        sources=["upload", "webcam", "clipboard"], layers=False, transforms=None, height=340,
        brush=gr.Brush(default_size="auto", colors=["#e11d48"], color_mode="fixed"),
        eraser=gr.Eraser(), elem_id="augment_picture",
    )  # fmt: skip
    with gr.Row():
        shown = {
            name: gr.Button(
                T(f"photo_{name.lower()}"), size="sm", min_width=80, elem_id=f"augment_{name}"
            )
            for name in example_images.EXAMPLES
        }
    with gr.Row():
        go = gr.Button(T("augment_go"), variant="primary", elem_id="augment_go", min_width=90)
        dice = gr.Button(T("augment_dice"), elem_id="augment_dice", min_width=90)
    with gr.Row():
        n = gr.Slider(1, 64, 12, step=1, label=T("augment_n"), elem_id="augment_n", min_width=120)
        seed = gr.Number(
            0, label=T("augment_seed"), precision=0, elem_id="augment_seed", min_width=90
        )
    start = gr.Dropdown(
        [(T(f"augment_{name}"), name) for name in augmenting.PRESETS], value=FIRST,
        label=T("augment_start"), elem_id="augment_start",
    )  # fmt: skip
    board = pipeline_editor.board(augmenting.preset(FIRST), "pipeline")
    with gr.Accordion(T("more"), open=False, elem_id="augment_more"):
        marks = gr.Radio(
            [(T("marks_mask"), "mask"), (T("marks_boxes"), "boxes")], value="mask",
            label=T("marks"), info=T("marks_info"), elem_id="marks",
        )  # fmt: skip
        partner = gr.Image(
            label=T("partner"), type="filepath", format="png",
            sources=["upload", "clipboard"], elem_id="partner", height=180,
        )  # fmt: skip
    return Inputs(picture, board, n, seed, marks, partner), editor, shown, start, go, dice


def sweep() -> dict[str, Any]:
    with gr.Accordion(T("sweep_more"), open=False, elem_id="sweep_more"):
        with gr.Row():
            step = gr.Dropdown(
                augmenting.sweeps(augmenting.preset(FIRST)), value=0, label=T("sweep_step"),
                elem_id="sweep_step",
            )  # fmt: skip
            go = gr.Button(T("sweep_go"), elem_id="sweep_go", min_width=90)
        strip = gr.Gallery(
            label=T("sweep_strip"), columns=augmenting.SHARES, height="auto",
            object_fit="contain", elem_id="strip", interactive=False, buttons=["fullscreen"],
        )  # fmt: skip
    return {"step": step, "go": go, "strip": strip}


def code() -> dict[str, Any]:
    with gr.Accordion(T("code_more"), open=False, elem_id="code_more") as part:
        json = gr.Code(
            augmenting.preset(FIRST), language="json", label=T("code_json"), elem_id="code_json",
            interactive=True,
        )  # fmt: skip
        read = gr.Button(T("code_read"), size="sm", elem_id="code_read")
        torchvision = gr.Code(
            language="python", label=T("code_torchvision"), elem_id="code_torchvision",
            interactive=False,
        )  # fmt: skip
        albumentations = gr.Code(
            language="python", label=T("code_albumentations"), elem_id="code_albumentations",
            interactive=False,
        )  # fmt: skip
    return {"part": part, "read": read, "told": [json, torchvision, albumentations]}


def many() -> dict[str, Any]:
    with gr.Accordion(T("apply_more"), open=False, elem_id="apply_more"):
        files = gr.File(
            label=T("apply_files"), file_count="multiple", file_types=["image", ".zip"],
            type="filepath", elem_id="apply_files", height=160,
        )  # fmt: skip
        n = gr.Slider(1, 32, 4, step=1, label=T("apply_n"), elem_id="apply_n")
        go = gr.Button(T("apply_go"), elem_id="apply_go")
        archive = gr.DownloadButton(T("apply_zip"), elem_id="apply_zip", visible=False)
        said = gr.Markdown(elem_id="apply_said", elem_classes="quiet")
    return {"files": files, "n": n, "go": go, "zip": archive, "said": said}
