"""Morphs below the Generate tab: an animation from one seed and class to another."""

from __future__ import annotations

import io
from dataclasses import dataclass

import gradio as gr
from PIL import Image

from aigc_demo.requests import Label, MorphRequest, Whole
from aigc_demo.studio import ModelInfo, Studio
from aigc_demo.ui.components.controls import Controls, button, labelled
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET
from aigc_demo.ui.components.pictures import picture
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate.forms import ALL, SamplingForm, class_or_none
from aigc_demo.ui.generate.model_card import class_choices
from aigc_demo.ui.generate.samples import enlarged
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Components, Updates, connect, downloadable


class MorphForm(SamplingForm):
    """The other end, how many frames, and the format of the animation."""

    to_seed: Whole | None = 1
    to_label: Label | None = ALL
    frames: Whole = 16
    file_format: Label = "WebP"


@dataclass(frozen=True)
class MorphControls(Controls):
    """The components of the morph."""

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


def layout(usable: list[ModelInfo], offers: Offers) -> MorphControls:
    """Add the controls and results."""
    gr.Markdown(T("morph_intro"))
    with gr.Row():
        with gr.Column():
            to_seed = gr.Number(1, label=T("to_seed"), precision=0, elem_id="to_seed")
            choices = class_choices("same_class", *usable)
            to_label = gr.Dropdown(choices, value=ALL, **labelled("to_label"))
            frames = gr.Slider(4, 48, 16, step=1, **labelled("frames"))
            file_format = gr.Radio(["WebP", "GIF"], value="WebP", **labelled("format"))
            go = button("morph_go", variant="primary")
        with gr.Column():
            animation = picture("animation", type="filepath", format="webp")
        with gr.Column():
            still = picture("still", "frame_picture")
            offers.add(still)
            frame = gr.Slider(1, 16, 1, step=1, **labelled("frame"))
    kept = gr.State([], time_to_live=3600)
    return MorphControls(to_seed, to_label, frames, file_format, go, animation, still, frame, kept)


def wire(studio: Studio, controls: MorphControls, sampling: Components) -> None:
    """Connect the controls; `sampling` are the inputs of a `SamplingForm`."""
    inputs = sampling | controls.of("to_seed", "to_label", "frames", "file_format")
    outputs = controls.of("animation", "kept", "still", "frame")
    connect(controls.go.click, morph, studio, inputs, outputs, gpu=True, **PRIVATE, **DEVICE)
    inputs, outputs = controls.of("kept", "frame"), controls.of("still")
    connect(controls.frame.input, show_frame, studio, inputs, outputs, **QUIET)
