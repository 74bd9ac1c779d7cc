"""Variations below the Generate tab: morphs, the table of classes and seeds, the comparison of
families; the X/Y grid is in `gridding`, directions are in `steering`.
"""

from __future__ import annotations

import io
from typing import Any

import gradio as gr
from PIL import Image, ImageDraw, ImageFont

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.requests import GenerateRequest, MorphRequest
from aigc_demo.studio import ModelInfo, Studio
from aigc_demo.ui.components.events import QUIET
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate import latent_directions, xy_grid
from aigc_demo.ui.generate.callbacks import ALL, PIXEL_ART, SHOWN_SIDE, request_of
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import bind, downloadable


def morph(
    studio: Studio,
    settings: tuple[str, str | None, int, float | None, int | None, float | None, float | None],
    to_seed: int,
    to_label: str | None,
    frames: int,
    kind: str,
    prompt: str | None = None,
) -> tuple[str, list[Image.Image]]:
    """Return the path of an animation that goes there and back, and its frames."""
    model, label, seed, *values = settings
    start = request_of(studio, model, label, 1, seed, False, *values, prompt=prompt)
    fields = start.model_dump(exclude={"count"})
    info = studio.info(model)
    if info.labels and start.label is None:
        fields["label"] = info.labels[0]
    fields["to_label"] = None if to_label in (ALL, "", None) else to_label
    result = studio.morph(MorphRequest(**fields, to_seed=to_seed, frames=frames))
    crisp = info.data in PIXEL_ART
    shown = [
        images.enlarge(image.convert("RGB"), SHOWN_SIDE, crisp=crisp) for image in result.images
    ]
    there_and_back = shown + shown[-2:0:-1]
    suffix = "gif" if kind == "GIF" else "webp"
    out = io.BytesIO()
    there_and_back[0].save(
        out,
        suffix,
        save_all=True,
        append_images=there_and_back[1:],
        duration=90,
        loop=0,
    )
    return downloadable(out.getvalue(), f"{model}-morph.{suffix}"), shown


def class_by_seed(
    studio: Studio, model: str, seed: int, columns: int, prompt: str | None, *values: float | None
) -> Image.Image:
    """Return a sheet with a row a class, or one of what `prompt` says, and a column a seed;
    `values` are the options.
    """
    info = studio.info(model)
    rows = []
    for label in info.labels or [None]:
        request = request_of(studio, model, label, columns, seed, False, *values, prompt=prompt)
        rows.append((label or info.title, studio.generate(request).images))
    return sheet_of_rows(rows, crisp=info.data in PIXEL_ART)


def compare(
    studio: Studio, data: str, label: str | None, seed: int, columns: int
) -> tuple[Image.Image, list[list[Any]]]:
    """Return a sheet with a row a model of `data`, and a table: model, milliseconds a picture, MB,
    steps.
    """
    models = [m for m in studio.models("generate") if not m.problem and m.data == data]
    if not models:
        raise BadValue("data: no model has learned from these pictures; choose another set.")
    rows, table = [], []
    for info in models:
        chosen = None if label in (ALL, "", None) else label
        request = GenerateRequest(model=info.name, label=chosen, count=columns, seed=seed)
        studio.generate(request.model_copy(update={"count": 1}))  # so that loading is not timed
        result = studio.generate(request)
        rows.append((info.method, result.images))
        milliseconds = round(1000 * result.seconds / columns, 1)
        table.append(
            [
                info.title,
                milliseconds,
                round(info.megabytes, 1),
                info.card["images_seen"],
            ]
        )
    return sheet_of_rows(rows, crisp=data in PIXEL_ART), table


def sheet_of_rows(rows: list[tuple[str, list[Image.Image]]], *, crisp: bool) -> Image.Image:
    """Lay rows of pictures out, each with its name on the left."""
    side, gap, left = 96, 4, 104
    columns = max(len(pictures) for _, pictures in rows)
    sheet = Image.new(
        "RGB", (left + columns * (side + gap), len(rows) * (side + gap) + gap), "white"
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    method = Image.Resampling.NEAREST if crisp else Image.Resampling.LANCZOS
    for row, (name, pictures) in enumerate(rows):
        y = gap + row * (side + gap)
        draw.text((6, y + side // 2), name[:14], fill="black", font=font, anchor="lm")
        for column, picture in enumerate(pictures):
            x = left + column * (side + gap)
            sheet.paste(picture.convert("RGB").resize((side, side), method), (x, y))
    return sheet


def build(
    studio: Studio,
    usable: list[ModelInfo],
    chosen: list[gr.Component],
    prompt: gr.Textbox,
    device: dict[str, Any],
    offers: Offers,
) -> gr.Dropdown:
    """Add the variations below the tab; return the dropdown of the class that morphs go to.

    `chosen` are the controls of the tab: model, class, seed and the options, and the `prompt` of
    models that read; `device` limits what runs at once, `offers` sends pictures to other tabs.
    """
    private = {"api_visibility": "private", **device}
    with gr.Tabs(elem_id="more"):
        with gr.Tab(T("morph_tab"), id="morph", elem_id="tab_morph"):
            to_label = _build_morph(studio, usable, chosen, prompt, private, offers)
        with gr.Tab(T("grid_tab"), id="grid", elem_id="tab_grid") as tab:
            xy_grid.build(studio, tab, chosen, prompt, private, offers)
        with gr.Tab(T("directions_tab"), id="directions", elem_id="tab_directions") as tab:
            latent_directions.build(studio, tab, chosen, private, offers)
        with gr.Tab(T("cross_tab"), id="cross", elem_id="tab_cross"):
            _build_cross(studio, chosen, prompt, private, offers)
        with gr.Tab(T("compare_tab"), id="compare", elem_id="tab_compare"):
            _build_compare(studio, usable, chosen[2], private, offers)
    return to_label


def _build_morph(
    studio: Studio,
    usable: list[ModelInfo],
    chosen: list[gr.Component],
    prompt: gr.Textbox,
    private: dict[str, Any],
    offers: Offers,
) -> gr.Dropdown:
    gr.Markdown(T("morph_intro"))
    with gr.Row():
        with gr.Column():
            to_seed = gr.Number(1, label=T("to_seed"), precision=0, elem_id="to_seed")
            to_label = gr.Dropdown(
                choices_of("same_class", *usable),
                value=ALL,
                label=T("to_label"),
                elem_id="to_label",
            )
            frames = gr.Slider(4, 48, 16, step=1, label=T("frames"), elem_id="frames")
            kind = gr.Radio(["WebP", "GIF"], value="WebP", label=T("format"), elem_id="format")
            go = gr.Button(T("morph_go"), variant="primary", elem_id="morph_go")
        with gr.Column():
            animation = gr.Image(
                label=T("animation"),
                type="filepath",
                interactive=False,
                elem_id="animation",
                buttons=["download", "fullscreen"],
            )
        with gr.Column():
            still = gr.Image(
                label=T("frame_picture"),
                format="png",
                interactive=False,
                elem_id="still",
                buttons=["download", "fullscreen"],
            )
            offers.add(still)
            frame = gr.Slider(1, 16, 1, step=1, label=T("frame"), elem_id="frame")
    kept = gr.State([], time_to_live=3600)

    def morphed(studio: Studio, *values: Any) -> list[Any]:
        path, shown = morph(studio, values[:7], *values[7:])
        return [path, shown, shown[0], gr.Slider(1, len(shown), 1, step=1)]

    asked = [*chosen, to_seed, to_label, frames, kind, prompt]
    go.click(bind(morphed, studio, gpu=True), asked, [animation, kept, still, frame], **private)
    frame.input(_pick, [kept, frame], still, api_visibility="private", show_progress="hidden")
    return to_label


def _build_cross(
    studio: Studio,
    chosen: list[gr.Component],
    prompt: gr.Textbox,
    private: dict[str, Any],
    offers: Offers,
) -> None:
    model, _, seed, *options = chosen
    gr.Markdown(T("cross_intro"))
    columns = gr.Slider(2, 12, 8, step=1, label=T("columns"), elem_id="cross_columns")
    go = gr.Button(T("cross_go"), variant="primary", elem_id="cross_go")
    sheet = _sheet("cross")
    offers.add(sheet)
    go.click(
        bind(class_by_seed, studio, gpu=True),
        [model, seed, columns, prompt, *options],
        sheet,
        **private,
    )


def _build_compare(
    studio: Studio,
    usable: list[ModelInfo],
    seed: gr.Component,
    private: dict[str, Any],
    offers: Offers,
) -> None:
    families = {m.data: [other for other in usable if other.data == m.data] for m in usable}
    sets = sorted(families, key=lambda name: -len(families[name]))
    first = families[sets[0]] if sets else []
    gr.Markdown(T("compare_intro"))
    with gr.Row():
        data = gr.Dropdown(
            [(families[name][0].card["data_title"], name) for name in sets],
            value=sets[0] if sets else None, label=T("data"), elem_id="compare_data",
        )  # fmt: skip
        label = gr.Dropdown(
            choices_of("all_classes", *first), value=ALL, label=T("class"), elem_id="compare_label"
        )
        columns = gr.Slider(2, 12, 8, step=1, label=T("columns"), elem_id="compare_columns")
    go = gr.Button(T("compare_go"), variant="primary", elem_id="compare_go")
    sheet = _sheet("compare_sheet")
    offers.add(sheet)
    table = gr.Dataframe(
        headers=["model", "ms a picture", "MB", "pictures seen"],
        interactive=False, label=T("details"), elem_id="compare_table",
    )  # fmt: skip

    def classes_of(name: str) -> Any:
        return gr.Dropdown(choices_of("all_classes", *families.get(name, [])), value=ALL)

    data.change(classes_of, data, label, **QUIET)
    go.click(
        bind(compare, studio, gpu=True), [data, label, seed, columns], [sheet, table], **private
    )


def _sheet(name: str) -> gr.Image:
    """Add a place for a large picture; the label would cover it and is for screen readers only."""
    return gr.Image(
        label=T(name), show_label=False, format="png", interactive=False,
        buttons=["download", "fullscreen"], elem_id=name,
    )  # fmt: skip


def choices_of(first: str, *models: ModelInfo) -> list[tuple[Any, str]]:
    """Return the classes of `models` as choices; the first choice, named by a text, stands for
    none of them.
    """
    labels = dict.fromkeys(label for m in models for label in m.labels)
    return [(T(first), ALL), *((label, label) for label in labels)]


def _pick(frames: list[Image.Image], number: int) -> Image.Image | None:
    """Return a frame of the last morph."""
    return frames[min(int(number), len(frames)) - 1] if frames else None
