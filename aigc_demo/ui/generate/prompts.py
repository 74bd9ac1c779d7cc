"""Text-conditioned models on the Generate tab: the prompt, all styles at once, blends of two."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from aigc_demo.imaging import images
from aigc_demo.requests import MAX_PROMPT, Label, MorphRequest, Prompt, Whole
from aigc_demo.studio import ModelInfo, Studio
from aigc_demo.ui.components.controls import Controls, button, labelled
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET
from aigc_demo.ui.components.pictures import picture, sheet
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate.forms import SamplingForm
from aigc_demo.ui.generate.samples import SHOWN_SIDE, enlarged, sheet_of_rows
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Components, Updates, connect

MAX_ROWS = 8  # styles that are shown at once

# --- The prompt, among the settings of the tab ---------------------------------------------------


@dataclass(frozen=True)
class PromptControls(Controls):
    """The prompt and what fills it in; the group is there for text-conditioned models alone."""

    group: gr.Column
    prompt: gr.Textbox
    style: gr.Radio
    examples: gr.Dataset


def in_style(prompt: str | None, style: str, styles: tuple[str, ...]) -> str:
    """Return `prompt` so that it asks for `style`, and for none of the other `styles`; blanks
    become single spaces.
    """
    words = " ".join((prompt or "").split())
    for name in map(re.escape, (*styles, style)):
        words = re.sub(rf"^{name} ?: ?", "", words, flags=re.IGNORECASE)
        words = re.sub(rf",? ?\b(in )?(the )?{name} style\b", "", words, flags=re.IGNORECASE)
        words = re.sub(rf",? ?\bin the style of {name}\b", "", words, flags=re.IGNORECASE)
    ending = f", {style} style"
    words = words.strip(" ,")[: MAX_PROMPT - len(ending)]
    return words + ending if words else ending.removeprefix(", ")


class StyleForm(SamplingForm):
    """The style that was chosen."""

    style: Label


def restyle(studio: Studio, form: StyleForm) -> Updates:
    """Let the prompt ask for another style."""
    return {"prompt": in_style(form.prompt, form.style, form.text_info(studio).styles)}


def fit(info: ModelInfo, prompt: str | None = None) -> Updates:
    """Return updates that make the controls fit a model; without a prompt, its first example is
    there to begin with.
    """
    text = info.condition == "text"
    if prompt is None:
        prompt = next(iter(info.examples), "")
    return {
        "group": gr.Column(visible=text),
        "prompt": gr.Textbox(prompt if text else ""),
        "style": gr.Radio(list(info.styles), value=None, visible=bool(info.styles)),
        "examples": gr.Dataset(samples=[[e] for e in info.examples], visible=bool(info.examples)),
        "below": gr.Column(visible=text),
    }


def layout_prompt(*, visible: bool) -> PromptControls:
    """Add the prompt, its styles and examples."""
    with gr.Column(visible=visible) as group:
        prompt = gr.Textbox(
            placeholder=T("prompt_empty"),
            max_length=MAX_PROMPT,
            lines=1,
            max_lines=3,
            **labelled("prompt", info=True),
        )
        style = gr.Radio([], **labelled("prompt_style"))
        examples = gr.Dataset(
            components=[prompt],
            samples=[[""]],
            samples_per_page=8,
            type="values",
            **labelled("prompt_examples"),
        )
    return PromptControls(group, prompt, style, examples)


def wire_prompt(studio: Studio, controls: PromptControls, model: gr.Dropdown) -> None:
    """Connect the styles and examples to the prompt."""
    inputs = {"model": model, **controls.of("prompt", "style")}
    connect(controls.style.input, restyle, studio, inputs, controls.of("prompt"), **QUIET)
    controls.examples.click(
        lambda sample: (sample[0] if sample else "", None),
        controls.examples,
        [controls.prompt, controls.style],
        **QUIET,
    )


# --- Blends and all styles, below the tab --------------------------------------------------------


class StylesForm(SamplingForm):
    """How many seeds stand beside each other."""

    columns: Whole = 4


class BlendForm(SamplingForm):
    """The other prompt, how many frames, and which of them is shown."""

    to_prompt: Prompt | None = None
    frames: Whole = 8
    percent: float = 50


@dataclass(frozen=True)
class BelowControls(Controls):
    """The column is there for text-conditioned models alone."""

    below: gr.Column
    to_prompt: gr.Textbox
    frames: gr.Slider
    blend_go: gr.Button
    percent: gr.Slider
    still: gr.Image
    strip: gr.Image
    kept: gr.State  # the pictures of the last blend
    columns: gr.Slider
    styles_go: gr.Button
    sheet: gr.Image


def all_styles(studio: Studio, form: StylesForm) -> Updates:
    """Show what the prompt says: a row a style, a column a seed."""
    info = form.text_info(studio)
    rows = []
    for style in info.styles[:MAX_ROWS] or ("",):
        prompt = in_style(form.prompt, style, info.styles) if style else form.prompt
        request = form.request(studio, label=None, prompt=prompt, count=form.columns)
        rows.append((style or "…", studio.generate(request).images))
    return {"sheet": sheet_of_rows(rows, crisp=False)}


def blend(studio: Studio, form: BlendForm) -> Updates:
    """Show a strip of pictures of one seed on the way from what one prompt says to what the other
    does, and the one at `percent` of the way.
    """
    info = form.text_info(studio)
    start = form.request(studio, label=None, count=1)
    fields = start.model_dump() | {
        "prompt": form.prompt, "to_prompt": form.to_prompt or "", "to_seed": start.seed,
        "frames": form.frames
    }  # fmt: skip
    del fields["count"]
    made = studio.morph(MorphRequest(**fields)).images
    frames = [enlarged(image.convert("RGB"), info) for image in made]
    small = [image.resize((SHOWN_SIDE // 2, SHOWN_SIDE // 2)) for image in frames]
    strip = images.grid(small, min(len(small), 8))
    return {"strip": strip, "kept": frames, **show_frame(studio, frames, form.percent)}


def show_frame(studio: Studio, kept: list[Image.Image], percent: float) -> Updates:
    """Show the picture of the last blend that is nearest to `percent` of the way."""
    return {"still": kept[round(percent / 100 * (len(kept) - 1))] if kept else None}


def layout_below(offers: Offers, *, visible: bool) -> BelowControls:
    """Add blends and all styles."""
    controls: dict[str, Any] = {}
    with gr.Column(visible=visible) as below, gr.Tabs(elem_id="words"):
        with gr.Tab(T("blend_tab"), id="blend", elem_id="tab_blend"):
            controls |= _layout_blend(offers)
        with gr.Tab(T("styles_tab"), id="styles", elem_id="tab_styles"):
            gr.Markdown(T("styles_intro"))
            columns = gr.Slider(1, 8, 4, step=1, **labelled("styles_columns", "columns"))
            go = button("styles_go", variant="primary")
            made = sheet("styles_sheet", "styles_tab")
            offers.add(made)
    return BelowControls(below=below, columns=columns, styles_go=go, sheet=made, **controls)


def _layout_blend(offers: Offers) -> dict[str, Any]:
    gr.Markdown(T("blend_intro"))
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            to_prompt = gr.Textbox(
                "guitar", label=T("blend_to"), max_length=MAX_PROMPT, elem_id="blend_to"
            )
            frames = gr.Slider(3, 16, 8, step=1, **labelled("blend_frames", "frames"))
            go = button("blend_go", variant="primary")
        with gr.Column(scale=3, min_width=280):
            percent = gr.Slider(0, 100, 50, step=1, **labelled("blend_place"))
            still = picture("blend_still", "frame_picture")
            offers.add(still)
    strip = sheet("blend_strip", "blend_tab")
    return {
        "to_prompt": to_prompt, "frames": frames, "blend_go": go, "percent": percent,
        "still": still, "strip": strip, "kept": gr.State([], time_to_live=3600)
    }  # fmt: skip


def wire_below(studio: Studio, controls: BelowControls, sampling: Components) -> None:
    """Connect the controls; `sampling` are the inputs of a `SamplingForm`."""
    settings = {"gpu": True, **PRIVATE, **DEVICE}
    inputs = sampling | controls.of("to_prompt", "frames", "percent")
    outputs = controls.of("strip", "kept", "still")
    connect(controls.blend_go.click, blend, studio, inputs, outputs, **settings)
    inputs, outputs = controls.of("kept", "percent"), controls.of("still")
    connect(controls.percent.input, show_frame, studio, inputs, outputs, **QUIET)
    inputs, outputs = sampling | controls.of("columns"), controls.of("sheet")
    connect(controls.styles_go.click, all_styles, studio, inputs, outputs, **settings)
