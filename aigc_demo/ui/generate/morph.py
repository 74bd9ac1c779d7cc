"""Morphs below the Generate tab: an animation from one seed and class to another."""

from __future__ import annotations

import io
from dataclasses import dataclass

import gradio as gr
from PIL import Image

from aigc_demo.requests import MorphRequest, Whole
from aigc_demo.studio import ModelInfo, Studio
from aigc_demo.ui.components.displays import picture
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate.forms import ALL, SamplingForm, class_or_none
from aigc_demo.ui.generate.model_card import class_choices
from aigc_demo.ui.generate.pictures import enlarged
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Components, Updates, connect, downloadable, named


class MorphForm(SamplingForm):
    to_seed: Whole | None = 1
    to_label: str | None = ALL
    frames: Whole = 16
    file_format: str = "WebP"


@dataclass(frozen=True)
class Controls:
    to_seed: gr.Number
    to_label: gr.Dropdown
    frames: gr.Slider
    file_format: gr.Radio
    go: gr.Button
    animation: gr.Image
    still: gr.Image
    frame: gr.Slider
    kept: gr.State  # the frames of the last morph


def morph(studio: Studio, form: MorphForm) -> Updates:
    """Show an animation that goes there and back, and its first frame."""
    fields = form.request(studio).model_dump(exclude={"count"})
    info = form.info(studio)
    if info.labels and fields["label"] is None:
        fields["label"] = info.labels[0]
    fields["to_label"] = class_or_none(form.to_label)
    result = studio.morph(MorphRequest(**fields, to_seed=form.to_seed, frames=form.frames))
    frames = [enlarged(image.convert("RGB"), info) for image in result.images]
    suffix = "gif" if form.file_format == "GIF" else "webp"
    return {
        "animation": downloadable(animation(frames, suffix), f"{info.name}-morph.{suffix}"),
        "kept": frames,
        "still": frames[0],
        "frame": gr.Slider(1, len(frames), 1, step=1),
    }


def animation(frames: list[Image.Image], suffix: str) -> bytes:
    """Return a file that shows `frames` there and back, for ever."""
    first, *rest = frames + frames[-2:0:-1]
    out = io.BytesIO()
    first.save(out, suffix, save_all=True, append_images=rest, duration=90, loop=0)
    return out.getvalue()


def show_frame(studio: Studio, kept: list[Image.Image], frame: int) -> Updates:
    """Show a frame of the last morph, counted from 1."""
    return {"still": kept[min(int(frame), len(kept)) - 1] if kept else None}


def layout(usable: list[ModelInfo], offers: Offers) -> Controls:
    """Add the controls and results."""
    gr.Markdown(T("morph_intro"))
    with gr.Row():
        with gr.Column():
            to_seed = gr.Number(1, label=T("to_seed"), precision=0, elem_id="to_seed")
            choices = class_choices("same_class", *usable)
            to_label = gr.Dropdown(choices, value=ALL, label=T("to_label"), elem_id="to_label")
            frames = gr.Slider(4, 48, 16, step=1, label=T("frames"), elem_id="frames")
            file_format = gr.Radio(
                ["WebP", "GIF"], value="WebP", label=T("format"), elem_id="format"
            )
            go = gr.Button(T("morph_go"), variant="primary", elem_id="morph_go")
        with gr.Column():
            animation = picture("animation", "animation", type="filepath", format="webp")
        with gr.Column():
            still = picture("frame_picture", "still")
            offers.add(still)
            frame = gr.Slider(1, 16, 1, step=1, label=T("frame"), elem_id="frame")
    kept = gr.State([], time_to_live=3600)
    return Controls(to_seed, to_label, frames, file_format, go, animation, still, frame, kept)


def wire(studio: Studio, controls: Controls, sampling: Components) -> None:
    """Connect the controls; `sampling` are the inputs of a `SamplingForm`."""
    inputs = sampling | named(controls, "to_seed", "to_label", "frames", "file_format")
    outputs = named(controls, "animation", "kept", "still", "frame")
    connect(controls.go.click, morph, studio, inputs, outputs, gpu=True, **PRIVATE, **DEVICE)
    inputs, outputs = named(controls, "kept", "frame"), named(controls, "still")
    connect(controls.frame.input, show_frame, studio, inputs, outputs, **QUIET)
