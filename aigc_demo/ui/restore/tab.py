"""The Restore tab: layout and wiring. What a click does is in `callbacks`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_demo.imaging.degradations import DEGRADATIONS
from aigc_demo.pipelines.previews import STRENGTH
from aigc_demo.pipelines.restoration import TOOLS
from aigc_demo.requests import MAX_GROW
from aigc_demo.studio import Studio
from aigc_demo.ui.components import (
    example_images,
    file_inputs,
    originals,
    scribble_mask,
    send_to,
)
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
from aigc_demo.ui.components.pictures import before_after, details_box, gallery
from aigc_demo.ui.i18n import T
from aigc_demo.ui.restore import callbacks
from aigc_demo.ui.restore.callbacks import DegradeForm, MaskForm, RestoreForm
from aigc_demo.ui.server.handlers import connect

BRUSHES = ["#e11d48", "#2563eb"]  # what is to be filled, and what is not


@dataclass(frozen=True)
class RestoreControls(Controls):
    """The components of the tab."""

    editor: gr.ImageEditor
    file: gr.UploadButton
    original: gr.State  # the file of the picture in the editor
    seen: gr.State  # what the editor last reported
    examples: dict[str, gr.Button]
    segment: gr.Button
    mask_file: gr.Image
    marked: gr.Radio
    invert: gr.Checkbox
    grow: gr.Slider
    feather: gr.Slider
    show_mask: gr.Button
    method: gr.Dropdown
    estimate: gr.Checkbox
    sigma: gr.Slider
    factor: gr.Radio
    restore: gr.Button
    compare: gr.Button
    kind: gr.Dropdown
    strength: gr.Slider
    seed: gr.Number
    degrade: gr.Button
    undo_degradation: gr.Button
    reference: gr.State  # the picture before it was degraded
    pair: gr.ImageSlider
    details: gr.Textbox
    result_file: gr.DownloadButton
    use_result: gr.Button
    send_generate: gr.Button
    mask_shown: gr.Image
    result: gr.State
    compared: gr.Gallery
    send_compared: gr.Button
    table: gr.Dataframe
    problems: gr.Markdown


# --- Layout --------------------------------------------------------------------------------------


def layout(studio: Studio, offers: send_to.Offers) -> RestoreControls:
    """Add the tab's components."""
    gr.Markdown(T("restore_intro"), elem_id="restore_intro")
    with gr.Row():
        with gr.Column(scale=1, min_width=300):
            editor = picture_editor("restore_picture", height=480, colours=BRUSHES)
            file = originals.file_button("restore_picture")
            with gr.Row(elem_id="restore_examples"):
                examples = example_images.buttons("example_")
            settings = _settings(studio)
            segment = scribble_mask.layout()
            mask = _mask()
            degradation = _degradation()
            with gr.Row():
                restore = button("restore_go", variant="primary")
                compare = button("compare_all")
        with gr.Column(scale=1, min_width=300):
            results = _results()
    comparison = _comparison(offers)
    with gr.Accordion(T("how"), open=False, elem_id="how_restore"):
        gr.Markdown(T("how_restore"))
    return RestoreControls(
        editor=editor,
        file=file,
        original=gr.State(None),
        seen=gr.State(None),
        examples=examples,
        segment=segment,
        restore=restore,
        compare=compare,
        reference=gr.State(None),
        result=gr.State(None),
        **settings,
        **mask,
        **degradation,
        **results,
        **comparison,
    )


def _settings(studio: Studio) -> dict[str, Any]:
    choices = callbacks.choices(studio)
    first = choices[0][1]
    noise, enlarges = TOOLS[first].needs_sigma, TOOLS[first].enlarges
    return {
        "method": gr.Dropdown(choices, value=first, **labelled("restore_method", info=True)),
        "estimate": gr.Checkbox(True, visible=noise, **labelled("restore_estimate", "estimate")),
        "sigma": gr.Slider(
            0, 100, 25, step=1, visible=False, **labelled("restore_sigma", "sigma")
        ),
        "factor": gr.Radio(
            [2, 4], value=2, visible=enlarges, **labelled("restore_factor", "factor")
        ),
    }


def _mask() -> dict[str, Any]:
    marked = [(T(f"marked_{name}"), name) for name in ("auto", "white", "black")]
    with gr.Accordion(T("mask_more"), open=False, elem_id="mask_more"):
        return {
            "mask_file": file_inputs.Image(
                type="filepath",
                format="png",
                image_mode=None,
                sources=["upload", "clipboard"],
                height=180,
                **labelled("mask_file"),
            ),
            "marked": gr.Radio(marked, value="auto", **labelled("mask_marked", "marked")),
            "invert": gr.Checkbox(False, **labelled("mask_invert", "invert")),
            "grow": gr.Slider(0, MAX_GROW, 0, step=1, **labelled("mask_grow", "grow")),
            "feather": gr.Slider(0, MAX_GROW, 0, step=1, **labelled("mask_feather", "feather")),
            "show_mask": button("show_mask", size="sm"),
        }


def _degradation() -> dict[str, Any]:
    kinds = [(T(f"kind_{name}"), name) for name in DEGRADATIONS]
    with gr.Accordion(T("damage_more"), open=False, elem_id="damage_more"):
        gr.Markdown(T("damage_intro"))
        controls = {
            "kind": gr.Dropdown(kinds, value="scratches", **labelled("damage_kind")),
            "strength": gr.Slider(0.05, 1, STRENGTH, step=0.05, **labelled("damage_strength")),
            "seed": gr.Number(0, precision=0, **labelled("damage_seed", "seed")),
        }
        with gr.Row():
            controls["degrade"] = small_button("damage_go")
            controls["undo_degradation"] = small_button("undamaged")
    return controls


def _results() -> dict[str, Any]:
    controls = {"pair": before_after("before_after"), "details": details_box("restore_details")}
    with gr.Row():
        controls["result_file"] = download_button("result_file", min_width=90)
        controls["use_result"] = small_button("go_on")
        controls["send_generate"] = small_button("send_generate")
    controls["mask_shown"] = gr.Image(
        type="filepath",
        format="png",
        interactive=False,
        visible=False,
        buttons=["fullscreen"],
        height=260,
        **labelled("mask_shown"),
    )
    return controls


def _comparison(offers: send_to.Offers) -> dict[str, Any]:
    buttons = ["download", "fullscreen"]
    compared = gallery("compared", type="filepath", columns=4, buttons=buttons, visible=False)
    (send_compared,) = offers.add(compared, to=("restore",), text="go_on_chosen")
    return {
        "compared": compared,
        "send_compared": send_compared,
        "table": gr.Dataframe(
            headers=callbacks.HEADERS,
            interactive=False,
            visible=False,
            **labelled("compared_table"),
        ),
        "problems": gr.Markdown(elem_id="compared_problems", elem_classes="quiet"),
    }


# --- Wiring --------------------------------------------------------------------------------------


def wire(
    studio: Studio,
    controls: RestoreControls,
    *,
    tab: gr.Tab,
    tabs: gr.Tabs,
    offers: send_to.Offers,
    gallery: gr.Gallery,
) -> None:
    """Connect the tab's events, the buttons that send pictures here, and the one that sends the
    result to `gallery`.
    """
    of = controls.of
    _wire_results(studio, controls)
    _wire_pictures(studio, controls, tab)
    connect(tab.select, callbacks.list_methods, studio, {}, of("method"), **QUIET)
    for changed in (controls.method.change, controls.estimate.change):
        inputs, outputs = of("method", "estimate"), of("estimate", "sigma", "factor")
        connect(changed, callbacks.fit_method, studio, inputs, outputs, **QUIET)
    for offer in offers.to("restore"):
        inputs = {"source": offer.source, "number": offer.chosen}
        outputs = {"tabs": tabs, **of("editor", "original", "mask_file", "reference")}
        connect(offer.button.click, callbacks.receive, studio, inputs, outputs, **QUIET)
    send = controls.send_generate.click
    inputs, outputs = {**of("result"), "gallery": gallery}, {"tabs": tabs, "gallery": gallery}
    connect(send, callbacks.send_to_gallery, studio, inputs, outputs, **QUIET)
    scribble_mask.wire(
        studio,
        controls.segment,
        editor=controls.editor,
        original=controls.original,
        mask=controls.mask_file,
        marked=controls.marked,
        overlay=controls.mask_shown,
    )
    result = [gr.File(label="result", visible=False), gr.JSON(label="details", visible=False)]
    files = ("image", "mask")
    endpoint(callbacks.restore_file, studio, "restore", files=files, outputs=result, gpu=True)


def _wire_results(studio: Studio, controls: RestoreControls) -> None:
    of, form = controls.of, controls.form(RestoreForm)
    computing = {"gpu": True, **PRIVATE, **DEVICE}
    results = of("pair", "result", "details", "mask_shown", "result_file")
    connect(controls.restore.click, callbacks.restore_picture, studio, form, results, **computing)
    compared = of("compared", "send_compared", "table", "problems")
    connect(controls.compare.click, callbacks.compare, studio, form, compared, **computing)
    show, mask = controls.show_mask.click, controls.form(MaskForm)
    connect(show, callbacks.show_mask, studio, mask, of("mask_shown"), **QUIET)


def _wire_pictures(studio: Studio, controls: RestoreControls, tab: gr.Tab) -> None:
    """Connect what changes the picture in the editor."""
    of = controls.of
    picture = of("editor", "original", "mask_file", "reference")
    # No sign of progress: over an editor with strokes it would stay for ever.
    connect(controls.file.upload, callbacks.open_file, studio, of("file"), picture, **QUIET)
    for name, example in controls.examples.items():
        connect(example.click, callbacks.show_example(name), studio, {}, picture, **QUIET)
    degrade, form = controls.degrade.click, controls.form(DegradeForm)
    outputs = {**picture, **of("details", "method")}
    first = {**outputs, **of("pair")}
    connect(tab.select, callbacks.show_first, studio, of("editor"), first, **QUIET)
    connect(degrade, callbacks.degrade, studio, form, outputs, **QUIET)
    undo = controls.undo_degradation.click
    connect(undo, callbacks.undo_degradation, studio, of("reference"), picture, **QUIET)
    use, inputs = controls.use_result.click, of("result", "reference")
    connect(use, callbacks.use_result, studio, inputs, {**picture, **of("pair")}, **QUIET)
    # The editor calls it an upload, too, when a picture is placed there by a button.
    upload, inputs = controls.editor.upload, of("editor", "seen", "original", "reference")
    outputs = of("seen", "mask_file")
    connect(upload, callbacks.forget_mask, studio, inputs, outputs, **QUIET)
