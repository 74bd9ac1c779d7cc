"""The controls of the Translate tab: pair, direction, picture, plan or emoji."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_demo.studio import Studio
from aigc_demo.ui.components import example_images
from aigc_demo.ui.i18n import T
from aigc_demo.ui.translate import callbacks as translating, label_map_editor

EMOJI = ("🐬", "🍎", "🚀", "😀", "🎃", "🦉")


@dataclass(frozen=True)
class Inputs:
    """The controls that decide what is done, in the order of `translating.Form`."""

    model: gr.Dropdown
    way: gr.Radio
    editor: gr.ImageEditor
    board: gr.HTML
    strength: gr.Slider
    cycle: gr.Checkbox
    scale: gr.Radio
    field: gr.Slider

    def all(self) -> list[Any]:
        """Return them in order."""
        return list(vars(self).values())


def controls(studio: Studio) -> tuple[Inputs, dict[str, Any]]:
    """Add the controls on the left; return those that decide, and the others."""
    here = translating.usable(studio)
    info = here[0] if here else None
    way = translating.first_way(info) if info else "AtoB"
    plans = info is not None and translating.takes_plan(info, way)
    emoji = info is not None and info.data in translating.EMOJI
    chosen: dict[str, Any] = {"labels": bool(info and info.labels)}
    model = gr.Dropdown(
        translating.choices(studio), value=info.name if info else None, label=T("pair"),
        info=T("pair_info"), elem_id="translate_model",
    )  # fmt: skip
    ways = gr.Radio(
        translating.ways(info) if info else [], value=way, label=T("way"), elem_id="way"
    )
    editor = gr.ImageEditor(
        label=T("translate_picture"), type="filepath", format="png", image_mode="RGBA",
        sources=["upload", "webcam", "clipboard"], layers=False, transforms=None, height=420,
        brush=gr.Brush(
            default_size="auto", color_mode="selector",
            colors=["#1f2937", "#dc2626", "#f59e0b", "#16a34a", "#2563eb", "#ffffff"],
        ),
        eraser=gr.Eraser(), elem_id="translate_picture", visible=not plans,
    )  # fmt: skip
    board = label_map_editor.board("plan", visible=plans)
    with gr.Row(visible=plans, elem_id="plans") as chosen["plans"]:
        chosen["example"] = gr.Button(T("plan_example"), size="sm", elem_id="plan_example")
        chosen["blank"] = gr.Button(T("plan_blank"), size="sm", elem_id="plan_blank")
        chosen["plan_file"] = gr.UploadButton(
            T("plan_file"), size="sm", file_types=["image"], elem_id="plan_file"
        )
    with gr.Row(visible=not plans and not emoji, elem_id="photos") as chosen["photos"]:
        chosen["examples"] = {
            name: gr.Button(T(f"photo_{name.lower()}"), size="sm", min_width=90)
            for name in example_images.EXAMPLES
        }
        chosen["landscape"] = gr.Button(
            T("landscape"), size="sm", min_width=90, elem_id="landscape",
            visible=translating.paints_landscapes(studio),
        )  # fmt: skip
    with gr.Row(visible=emoji, elem_id="emoji") as chosen["emoji"]:
        chosen["emoji_text"] = gr.Dropdown(
            list(EMOJI), value=EMOJI[0], allow_custom_value=True, label=T("emoji"),
            info=T("emoji_info"), elem_id="emoji_text", min_width=160,
        )  # fmt: skip
        chosen["emoji_go"] = gr.Button(T("emoji_go"), elem_id="emoji_go", min_width=90)
    chosen["drawn"] = gr.Textbox(visible=False)
    strength = gr.Slider(
        0, 1, 1, step=0.05, label=T("blend"), info=T("blend_info"), elem_id="blend",
        visible=not plans,
    )  # fmt: skip
    cycle = gr.Checkbox(
        True, label=T("cycle"), elem_id="cycle_on", visible=not plans, info=T("cycle_info")
    )
    field = gr.Slider(
        0, 4, 1, step=0.25, label=T("plan_field"), info=T("plan_field_info"), elem_id="plan_field",
        visible=info is not None and translating.draws_plan(info),
    )  # fmt: skip
    with gr.Accordion(T("more"), open=False, elem_id="translate_more"):
        scale = gr.Radio(
            [(T(f"scale_{name}"), name) for name in translating.SCALES], value="auto",
            label=T("scale"), info=T("scale_info"), elem_id="scale",
        )  # fmt: skip
    return Inputs(model, ways, editor, board, strength, cycle, scale, field), chosen
