"""Words instead of classes on the Generate tab: the prompt, all styles at once, blends of two."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import gradio as gr
from PIL import Image

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.requests import MAX_PROMPT, MorphRequest
from aigc_demo.studio import ModelInfo, Studio
from aigc_demo.ui.components.events import QUIET
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate import variations
from aigc_demo.ui.generate.callbacks import SHOWN_SIDE, request_of
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import bind

ROWS = 8  # styles that are shown at once, at most


def in_style(prompt: str | None, style: str, styles: tuple[str, ...]) -> str:
    """Return `prompt` so that it asks for `style`, and for none of the other `styles`."""
    said = prompt or ""
    for name in map(re.escape, (*styles, style)):
        said = re.sub(rf"^\s*{name}\s*:\s*", "", said, flags=re.IGNORECASE)
        said = re.sub(rf",?\s*\b(in\s+)?(the\s+)?{name}\s+style\b", "", said, flags=re.IGNORECASE)
        said = re.sub(rf",?\s*\bin the style of {name}\b", "", said, flags=re.IGNORECASE)
    ending = f", {style} style"
    said = said.strip(" ,")[: MAX_PROMPT - len(ending)]
    return said + ending if said else ending.removeprefix(", ")


def styled(studio: Studio, model: str, prompt: str | None, style: str) -> str:
    """Return the prompt that asks for what `prompt` says in another style."""
    return in_style(prompt, style, _reading(studio, model).styles)


def all_styles(
    studio: Studio,
    model: str,
    prompt: str | None,
    seed: int,
    columns: int,
    *values: float | None,
) -> Image.Image:
    """Return a sheet of what `prompt` says: a row a style, a column a seed; `values` are the
    options.
    """
    info = _reading(studio, model)
    rows = []
    for style in info.styles[:ROWS] or ("",):
        said = in_style(prompt, style, info.styles) if style else prompt
        request = request_of(studio, model, None, columns, seed, False, *values, prompt=said)
        rows.append((style or "…", studio.generate(request).images))
    return variations.sheet_of_rows(rows, crisp=False)


def blend(
    studio: Studio,
    model: str,
    prompt: str | None,
    to_prompt: str | None,
    frames: int,
    seed: int,
    *values: float | None,
) -> tuple[Image.Image, list[Image.Image]]:
    """Return a strip of pictures of one seed on the way from what one prompt says to what the
    other does, and the pictures.
    """
    _reading(studio, model)
    start = request_of(studio, model, None, 1, seed, False, *values, prompt=prompt)
    fields = start.model_dump(exclude={"count", "prompt"})
    request = MorphRequest(
        **fields, prompt=prompt, to_prompt=to_prompt or "", to_seed=start.seed, frames=frames
    )
    shown = [
        images.enlarge(image.convert("RGB"), SHOWN_SIDE, crisp=False)
        for image in studio.morph(request).images
    ]
    small = [image.resize((SHOWN_SIDE // 2, SHOWN_SIDE // 2)) for image in shown]
    return images.grid(small, min(len(small), 8)), shown


def _reading(studio: Studio, model: str) -> ModelInfo:
    if not isinstance(model, str):
        raise BadValue("model: no model is chosen; choose one that reads.")
    info = studio.info(model)
    if info.condition != "text":
        raise BadValue(f"model: {info.name} reads no words; choose one that does.")
    return info


# --- Layout --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Words:
    """The controls of the tab that only models which read have."""

    group: gr.Column
    box: gr.Textbox
    style: gr.Radio
    examples: gr.Dataset
    more: gr.Column

    def outputs(self) -> list[Any]:
        """Return what `fit` updates."""
        return [self.group, self.box, self.style, self.examples, self.more]

    def fit(self, info: ModelInfo, prompt: str | None = None) -> list[Any]:
        """Return updates that make the controls fit a model; without a prompt, its first example
        is there to begin with.
        """
        reads = info.condition == "text"
        said = (prompt if prompt is not None else next(iter(info.examples), "")) if reads else ""
        return [
            gr.Column(visible=reads),
            gr.Textbox(said),
            gr.Radio(list(info.styles), value=None, visible=bool(info.styles)),
            gr.Dataset(samples=[[e] for e in info.examples], visible=bool(info.examples)),
            gr.Column(visible=reads),
        ]


def build_box(studio: Studio, model: gr.Dropdown, first: ModelInfo | None) -> Words:
    """Add the prompt, its styles and examples; `more` comes with `build_more`."""
    reads = bool(first) and first.condition == "text"
    with gr.Column(visible=reads) as group:
        box = gr.Textbox(
            label=T("prompt"), info=T("prompt_info"), placeholder=T("prompt_empty"),
            max_length=MAX_PROMPT, lines=1, max_lines=3, elem_id="prompt",
        )  # fmt: skip
        style = gr.Radio([], label=T("prompt_style"), elem_id="prompt_style")
        examples = gr.Dataset(
            components=[box], samples=[[""]], label=T("prompt_examples"), samples_per_page=8,
            elem_id="prompt_examples", type="values",
        )  # fmt: skip
    style.input(bind(styled, studio), [model, box, style], box, **QUIET)
    examples.click(lambda sample: (sample[0], None), examples, [box, style], **QUIET)
    more = gr.Column(visible=reads, render=False)
    return Words(group, box, style, examples, more)


def build_more(
    studio: Studio,
    words: Words,
    chosen: list[gr.Component],
    device: dict[str, Any],
    offers: Offers,
) -> None:
    """Add blends and all styles below the tab; `chosen` are model, seed and the options."""
    model, seed, *options = chosen
    private = {"api_visibility": "private", **device}
    words.more.render()
    with words.more, gr.Tabs(elem_id="words"):
        with gr.Tab(T("blend_tab"), id="blend", elem_id="tab_blend"):
            _build_blend(studio, words, chosen, private, offers)
        with gr.Tab(T("styles_tab"), id="styles", elem_id="tab_styles"):
            gr.Markdown(T("styles_intro"))
            columns = gr.Slider(1, 8, 4, step=1, label=T("columns"), elem_id="styles_columns")
            go = gr.Button(T("styles_go"), variant="primary", elem_id="styles_go")
            sheet = gr.Image(
                label=T("styles_tab"), show_label=False, format="png", interactive=False,
                buttons=["download", "fullscreen"], elem_id="styles_sheet",
            )  # fmt: skip
            offers.add(sheet)
            asked = [model, words.box, seed, columns, *options]
            go.click(bind(all_styles, studio, gpu=True), asked, sheet, **private)


def _build_blend(
    studio: Studio,
    words: Words,
    chosen: list[gr.Component],
    private: dict[str, Any],
    offers: Offers,
) -> None:
    model, seed, *options = chosen
    gr.Markdown(T("blend_intro"))
    with gr.Row():
        with gr.Column(scale=2, min_width=280):
            other = gr.Textbox(
                "guitar", label=T("blend_to"), max_length=MAX_PROMPT, elem_id="blend_to"
            )
            frames = gr.Slider(3, 16, 8, step=1, label=T("frames"), elem_id="blend_frames")
            go = gr.Button(T("blend_go"), variant="primary", elem_id="blend_go")
        with gr.Column(scale=3, min_width=280):
            place = gr.Slider(0, 100, 50, step=1, label=T("blend_place"), elem_id="blend_place")
            still = gr.Image(
                label=T("frame_picture"), format="png", interactive=False, elem_id="blend_still",
                buttons=["download", "fullscreen"],
            )  # fmt: skip
            offers.add(still)
    strip = gr.Image(
        label=T("blend_tab"), show_label=False, format="png", interactive=False,
        buttons=["download", "fullscreen"], elem_id="blend_strip",
    )  # fmt: skip
    kept = gr.State([], time_to_live=3600)

    def blended(studio: Studio, at: float, *values: Any) -> list[Any]:
        sheet, shown = blend(studio, *values)
        return [sheet, shown, pick(shown, at)]

    asked = [place, model, words.box, other, frames, seed, *options]
    go.click(bind(blended, studio, gpu=True), asked, [strip, kept, still], **private)
    place.input(pick, [kept, place], still, api_visibility="private", show_progress="hidden")


def pick(shown: list[Image.Image], percent: float) -> Image.Image | None:
    """Return the picture of a blend that is nearest to `percent` of the way."""
    return shown[round(percent / 100 * (len(shown) - 1))] if shown else None
