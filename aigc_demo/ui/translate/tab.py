"""The Translate tab: layout and wiring. What a click does is in `callbacks`."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_demo.imaging.formats import SUFFIXES
from aigc_demo.studio import Studio
from aigc_demo.ui.components import example_images, file_inputs, send_to
from aigc_demo.ui.components.controls import (
    Controls,
    button,
    download_button,
    labelled,
    small_button,
)
from aigc_demo.ui.components.editor import picture_editor
from aigc_demo.ui.components.endpoints import endpoint
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET
from aigc_demo.ui.components.navigation import Opener
from aigc_demo.ui.components.pictures import before_after, details_box, gallery
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import connect
from aigc_demo.ui.translate import callbacks, label_map_editor, models
from aigc_demo.ui.translate.callbacks import BatchForm, TranslateForm

BRUSHES = ["#1f2937", "#dc2626", "#f59e0b", "#16a34a", "#2563eb", "#ffffff"]
EMOJI = ["🐬", "🍎", "🚀", "😀", "🎃", "🦉"]
RESULTS = ("pair", "gallery", "file", "details")
# What changes with the model and its direction.
FITTED = (
    *("model", "direction", "editor", "label_map", "strength", "cycle", "crf_weight"),
    *("label_maps", "photos", "emoji", "all_styles", "edit", *RESULTS),
)
# The browser draws the emoji, in whatever style the person's own system has.
DRAW_EMOJI_JS = """(text) => {
  const canvas = document.createElement('canvas'); canvas.width = canvas.height = 288;
  const pen = canvas.getContext('2d');
  pen.fillStyle = '#ffffff'; pen.fillRect(0, 0, 288, 288);
  const [first] = new Intl.Segmenter().segment(text || '🐬');
  pen.fillStyle = '#000000'; pen.textAlign = 'center'; pen.textBaseline = 'middle';
  pen.font = '220px sans-serif'; pen.fillText(first.segment, 144, 158);
  return canvas.toDataURL('image/png');
}"""


@dataclass(frozen=True)
class TranslateControls(Controls):
    """The components of the tab."""

    model: gr.Dropdown
    direction: gr.Radio
    editor: gr.ImageEditor
    label_map: gr.HTML
    strength: gr.Slider
    cycle: gr.Checkbox
    crf_weight: gr.Slider
    scale: gr.Radio
    label_maps: gr.Row
    example_map: gr.Button
    blank_map: gr.Button
    upload_map: gr.UploadButton
    photos: gr.Row
    examples: dict[str, gr.Button]
    landscape: gr.Button
    emoji: gr.Row
    emoji_text: gr.Dropdown
    draw_emoji: gr.Button
    emoji_image: gr.Textbox  # a ``data:`` address
    translate: gr.Button
    all_styles: gr.Button
    pair: gr.ImageSlider
    details: gr.Textbox
    gallery: gr.Gallery
    file: gr.DownloadButton
    edit: gr.Button  # the label map of a photograph
    files: gr.File
    translate_all: gr.Button
    archive: gr.DownloadButton
    report: gr.Markdown

    def opener(self, studio: Studio, tabs: gr.Tabs) -> Opener[str]:
        """Return what opens the tab with a model."""
        open_model = functools.partial(callbacks.open_model, studio)
        return Opener(tabs, "translate", self.of(*FITTED), open_model)


# --- Layout --------------------------------------------------------------------------------------


def layout(studio: Studio, offers: send_to.Offers) -> TranslateControls:
    """Add the tab's components."""
    gr.Markdown(T("translate_intro"), elem_id="translate_intro")
    info = next(iter(models.usable(studio)), None)
    direction = models.first_direction(info) if info else "AtoB"
    visible = models.visible(info, direction)
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            name, choices = info.name if info else None, models.choices(studio)
            directions = models.directions(info) if info else []
            controls: dict[str, Any] = {
                "model": gr.Dropdown(
                    choices, value=name, **labelled("translate_model", "pair", info=True)
                ),
                "direction": gr.Radio(directions, value=direction, **labelled("way")),
                **_pictures(studio, visible),
                **_settings(visible),
            }
            with gr.Row():
                controls["translate"] = button("translate_go", variant="primary")
                controls["all_styles"] = button(
                    "all_styles", visible=visible["all_styles"], min_width=120
                )
        with gr.Column(scale=1, min_width=300):
            controls |= _results(offers)
            controls["edit"] = button("plan_to_board", size="sm", visible=visible["edit"])
    controls |= _batch()
    with gr.Accordion(T("how"), open=False, elem_id="how_translate"):
        gr.Markdown(T("how_translate"))
    return TranslateControls(**controls)


def _pictures(studio: Studio, visible: dict[str, bool]) -> dict[str, Any]:
    controls: dict[str, Any] = {
        "editor": picture_editor(
            "translate_picture",
            height=420,
            colours=BRUSHES,
            choose_colour=True,
            visible=visible["editor"],
        ),
        "label_map": label_map_editor.board("plan", visible=visible["label_map"]),
    }
    with gr.Row(visible=visible["label_maps"], elem_id="plans") as controls["label_maps"]:
        controls["example_map"] = button("plan_example", size="sm")
        controls["blank_map"] = button("plan_blank", size="sm")
        controls["upload_map"] = file_inputs.UploadButton(
            T("plan_file"), size="sm", file_types=["image", *sorted(SUFFIXES)], elem_id="plan_file"
        )
    with gr.Row(visible=visible["photos"], elem_id="photos") as controls["photos"]:
        controls["examples"] = example_images.buttons()
        landscapes = callbacks.makes_landscapes(studio)
        controls["landscape"] = small_button("landscape", visible=landscapes)
    with gr.Row(visible=visible["emoji"], elem_id="emoji") as controls["emoji"]:
        controls["emoji_text"] = gr.Dropdown(
            EMOJI,
            value=EMOJI[0],
            allow_custom_value=True,
            min_width=160,
            **labelled("emoji_text", "emoji", info=True),
        )
        controls["draw_emoji"] = button("emoji_go", min_width=90)
    controls["emoji_image"] = gr.Textbox(visible=False)
    return controls


def _settings(visible: dict[str, bool]) -> dict[str, Any]:
    strength = labelled("blend", info=True)
    cycle = labelled("cycle_on", "cycle", info=True)
    weight = labelled("plan_field", info=True)
    controls = {
        "strength": gr.Slider(0, 1, 1, step=0.05, visible=visible["strength"], **strength),
        "cycle": gr.Checkbox(True, visible=visible["cycle"], **cycle),
        "crf_weight": gr.Slider(0, 4, 1, step=0.25, visible=visible["crf_weight"], **weight),
    }
    scales = [(T(f"scale_{name}"), name) for name in ("auto", "picture", "trained")]
    with gr.Accordion(T("more"), open=False, elem_id="translate_more"):
        controls["scale"] = gr.Radio(scales, value="auto", **labelled("scale", info=True))
    return controls


def _results(offers: send_to.Offers) -> dict[str, Any]:
    controls = {
        "pair": before_after("translate_pair"),
        "details": details_box("translate_details"),
        "gallery": gallery("cycle", "side_by_side", columns=2, buttons=["download", "fullscreen"]),
    }
    offers.add(controls["gallery"], to=("restore",))
    controls["file"] = download_button("translate_file", "result_file", interactive=False)
    return controls


def _batch() -> dict[str, Any]:
    with gr.Accordion(T("batch_more"), open=False, elem_id="batch_more"):
        return {
            "files": file_inputs.File(
                file_count="multiple",
                file_types=["image", *sorted(SUFFIXES)],
                type="filepath",
                height=160,
                **labelled("batch_files"),
            ),
            "translate_all": button("batch_go"),
            "archive": gr.DownloadButton(T("batch_zip"), elem_id="batch_zip", visible=False),
            "report": gr.Markdown(elem_id="batch_told", elem_classes="quiet"),
        }


# --- Wiring --------------------------------------------------------------------------------------


def wire(
    studio: Studio,
    controls: TranslateControls,
    *,
    tab: gr.Tab,
    tabs: gr.Tabs,
    offers: send_to.Offers,
) -> None:
    """Connect the tab's events, and the buttons that send pictures here."""
    of, fitted = controls.of, controls.of(*FITTED)
    connect(tab.select, callbacks.list_models, studio, of("model"), of("model"), **QUIET)
    connect(controls.model.input, callbacks.fit_model, studio, of("model"), fitted, **QUIET)
    chosen, inputs = controls.direction.input, of("model", "direction")
    connect(chosen, callbacks.fit_direction, studio, inputs, fitted, **QUIET)
    _wire_results(studio, controls)
    _wire_pictures(studio, controls, tab)
    _wire_label_maps(studio, controls)
    for offer in offers.to("translate"):
        inputs = {"source": offer.source, "number": offer.chosen, **of("model")}
        outputs = {"tabs": tabs, **fitted}
        connect(offer.button.click, callbacks.receive, studio, inputs, outputs, **QUIET)
    result = [gr.File(label="result", visible=False), gr.JSON(label="details", visible=False)]
    translate, files = callbacks.translate_file, ("image",)
    endpoint(translate, studio, "translate", files=files, outputs=result, gpu=True)


def _wire_results(studio: Studio, controls: TranslateControls) -> None:
    of, form, results = controls.of, controls.form(TranslateForm), controls.of(*RESULTS)
    computing = {"gpu": True, **PRIVATE, **DEVICE}
    go, translate = controls.translate.click, callbacks.translate_picture
    connect(go, translate, studio, form, results, **computing)
    styles, shown = controls.all_styles.click, of("gallery", "details")
    connect(styles, callbacks.translate_to_all_styles, studio, form, shown, **computing)
    batch, archive = controls.form(BatchForm), of("archive", "report")
    many = controls.translate_all.click
    connect(many, callbacks.translate_all, studio, batch, archive, **computing)
    for slider in (controls.strength, controls.crf_weight):  # a result follows its slider
        again = callbacks.translate_again
        connect(slider.release, again, studio, form, results, gpu=True, **QUIET, **DEVICE)


def _wire_pictures(studio: Studio, controls: TranslateControls, tab: gr.Tab) -> None:
    """Connect what puts a picture into the editor."""
    of, picture = controls.of, controls.of("editor", *RESULTS)
    form = controls.form(TranslateForm)
    connect(tab.select, callbacks.show_first, studio, form, picture, **QUIET)
    for name, example in controls.examples.items():
        connect(example.click, callbacks.show_example(name), studio, {}, picture, **QUIET)
    landscape = controls.landscape.click
    computing = {"gpu": True, "show_progress_on": controls.pair, **PRIVATE, **DEVICE}
    connect(landscape, callbacks.show_landscape, studio, {}, picture, **computing)
    rendered = controls.draw_emoji.click(
        None, controls.emoji_text, controls.emoji_image, js=DRAW_EMOJI_JS, **PRIVATE
    )
    image = of("emoji_image")
    connect(rendered.then, callbacks.show_emoji, studio, image, picture, **QUIET)


def _wire_label_maps(studio: Studio, controls: TranslateControls) -> None:
    """Connect what changes the label map; a building follows it."""
    of, board, form = controls.of, controls.of("label_map"), controls.form(TranslateForm)
    shown = []
    for name, click in (
        ("example", controls.example_map.click),
        ("blank", controls.blank_map.click),
    ):
        show = callbacks.show_label_map(name)
        shown.append(connect(click, show, studio, {}, board, **QUIET))
    upload, file = controls.upload_map.upload, {"file": controls.upload_map}
    shown.append(connect(upload, callbacks.read_label_map, studio, file, board, **QUIET))
    edit, pair, fitted = controls.edit.click, of("pair"), of(*FITTED)
    shown.append(connect(edit, callbacks.edit_label_map, studio, pair, fitted, **QUIET))
    computing = {"gpu": True, **QUIET, **DEVICE}
    translate, results = callbacks.translate_picture, of(*RESULTS)
    for event in shown:
        connect(event.success, translate, studio, form, results, **computing)
    edited = controls.label_map.input
    connect(edited, translate, studio, form, results, trigger_mode="always_last", **computing)
