"""The Augment tab: layout and wiring. What a click does is in `callbacks`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_demo.imaging.formats import SUFFIXES
from aigc_demo.studio import Studio
from aigc_demo.ui.augment import ablation, batch, callbacks, pipeline_editor
from aigc_demo.ui.augment.callbacks import AugmentForm, EditForm, SweepForm, VariantForm
from aigc_demo.ui.augment.presets import PRESETS, preset
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
from aigc_demo.ui.components.events import PRIVATE, QUIET, selected_index
from aigc_demo.ui.components.navigation import Opener
from aigc_demo.ui.components.pictures import before_after, details_box, gallery
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import connect

Event = Callable[..., Any]  # such as ``button.click``
FIRST = "photos"
RESULTS = ("gallery", "pair", "seeds", "chosen", "details", "file")


@dataclass(frozen=True)
class AugmentControls(Controls):
    """The components of the tab."""

    shown: gr.ImageEditor
    editor: gr.State  # its value when it was last changed
    examples: dict[str, gr.Button]
    draw: gr.Button
    dice: gr.Button
    n: gr.Slider
    seed: gr.Number
    name: gr.Dropdown  # of a preset
    pipeline: gr.HTML
    marks: gr.Radio
    partner: gr.Image
    gallery: gr.Gallery
    seeds: gr.State
    chosen: gr.State
    details: gr.Textbox
    pair: gr.ImageSlider
    replay: gr.Button
    file: gr.DownloadButton
    use_training: gr.Button
    leaks: gr.Markdown
    step: gr.Dropdown
    sweep: gr.Button
    strip: gr.Gallery
    code: gr.Accordion
    text: gr.Code  # JSON
    read: gr.Button
    torchvision: gr.Code
    albumentations: gr.Code
    files: gr.File
    variants: gr.Slider
    augment_all: gr.Button
    archive: gr.DownloadButton
    report: gr.Markdown
    ablation: ablation.AblationControls | None


# --- Layout --------------------------------------------------------------------------------------


def layout(offers: send_to.Offers, *, trains: bool) -> AugmentControls:
    """Add the tab's components; the ablation only where the studio `trains`."""
    gr.Markdown(T("augment_intro"), elem_id="augment_intro")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            inputs = _inputs()
        with gr.Column(scale=3, min_width=300):
            results = _results(trains=trains)
            offers.add(results["gallery"], to=("restore", "translate"))
    controls = AugmentControls(
        **inputs,
        **results,
        leaks=gr.Markdown(elem_id="leaks", elem_classes="quiet"),
        **_sweep(),
        **_code(),
        **_batch(),
        ablation=ablation.layout() if trains else None,
    )
    with gr.Accordion(T("how"), open=False, elem_id="how_augment"):
        gr.Markdown(T("how_augment"))
    return controls


def _inputs() -> dict[str, Any]:
    controls: dict[str, Any] = {
        "editor": gr.State(None),
        "shown": picture_editor("augment_picture", height=340, colours=["#e11d48"]),
    }
    with gr.Row():
        controls["examples"] = example_images.buttons("augment_", min_width=80)
    with gr.Row():
        controls["draw"] = button("augment_go", variant="primary", min_width=90)
        controls["dice"] = button("augment_dice", min_width=90)
    with gr.Row():
        controls["n"] = gr.Slider(1, 64, 12, step=1, min_width=120, **labelled("augment_n"))
        controls["seed"] = gr.Number(0, precision=0, min_width=90, **labelled("augment_seed"))
    presets = [(T(f"augment_{name}"), name) for name in PRESETS]
    controls["name"] = gr.Dropdown(presets, value=FIRST, **labelled("augment_start"))
    controls["pipeline"] = pipeline_editor.board(preset(FIRST), "pipeline")
    marks = [(T(f"marks_{name}"), name) for name in ("mask", "boxes")]
    with gr.Accordion(T("more"), open=False, elem_id="augment_more"):
        controls["marks"] = gr.Radio(marks, value="mask", **labelled("marks", info=True))
        controls["partner"] = file_inputs.Image(
            type="filepath",
            format="png",
            sources=["upload", "clipboard"],
            height=180,
            **labelled("partner"),
        )
    return controls


def _results(*, trains: bool) -> dict[str, Any]:
    variants: dict[str, Any] = {"allow_preview": False, "buttons": ["fullscreen"]}
    controls = {
        "seeds": gr.State([]),
        "chosen": gr.State(0),
        "gallery": gallery("draws", "augment_draws", columns=4, **variants),
        "details": details_box("augment_details"),
        "pair": before_after("augment_pair", height=420),
    }
    with gr.Row():
        controls["replay"] = small_button("augment_replay")
        controls["file"] = download_button("augment_file", interactive=False, min_width=90)
        controls["use_training"] = small_button("use_training", visible=trains)
    return controls


def _sweep() -> dict[str, Any]:
    with gr.Accordion(T("sweep_more"), open=False, elem_id="sweep_more"):
        with gr.Row():
            steps = callbacks.sweeps(preset(FIRST))
            step = gr.Dropdown(steps, value=0, **labelled("sweep_step"))
            sweep = button("sweep_go", min_width=90)
        shares = {"columns": callbacks.SHARES, "buttons": ["fullscreen"]}
        return {"step": step, "sweep": sweep, "strip": gallery("strip", "sweep_strip", **shares)}


def _code() -> dict[str, Any]:
    python = {"language": "python", "interactive": False}
    with gr.Accordion(T("code_more"), open=False, elem_id="code_more") as part:
        return {
            "code": part,
            "text": gr.Code(
                preset(FIRST), language="json", interactive=True, **labelled("code_json")
            ),
            "read": button("code_read", size="sm"),
            "torchvision": gr.Code(**python, **labelled("code_torchvision")),
            "albumentations": gr.Code(**python, **labelled("code_albumentations")),
        }


def _batch() -> dict[str, Any]:
    with gr.Accordion(T("apply_more"), open=False, elem_id="apply_more"):
        return {
            "files": file_inputs.File(
                file_count="multiple",
                file_types=["image", ".zip", *sorted(SUFFIXES)],
                type="filepath",
                height=160,
                **labelled("apply_files"),
            ),
            "variants": gr.Slider(1, 32, 4, step=1, **labelled("apply_n")),
            "augment_all": button("apply_go"),
            "archive": gr.DownloadButton(T("apply_zip"), elem_id="apply_zip", visible=False),
            "report": gr.Markdown(elem_id="apply_said", elem_classes="quiet"),
        }


# --- Wiring --------------------------------------------------------------------------------------


def wire(
    studio: Studio,
    controls: AugmentControls,
    *,
    demo: gr.Blocks,
    tab: gr.Tab,
    tabs: gr.Tabs,
    offers: send_to.Offers,
) -> None:
    """Connect the tab's events, and the buttons that send pictures here."""
    of = controls.of
    _wire_picture(studio, controls, tab)
    _wire_pipeline(studio, controls, demo)
    _wire_results(studio, controls)
    for offer in offers.to("augment"):
        inputs = {"source": offer.source, "number": offer.chosen}
        outputs = {"tabs": tabs, **of("shown", "editor")}
        sent = connect(offer.button.click, callbacks.receive, studio, inputs, outputs, **QUIET)
        _preview(sent.success, studio, controls)
    result = [
        gr.File(label="variants", file_count="multiple", visible=False),
        gr.JSON(label="draws", visible=False),
    ]
    endpoint(callbacks.augment_file, studio, "augment", files=("image",), outputs=result)


def wire_training(
    workspace: Workspace, controls: AugmentControls, *, tab: gr.Tab, opener: Opener[str]
) -> None:
    """Connect the ablation, and the button that opens the Train tab with the pipeline."""
    assert controls.ablation is not None
    ablation.wire(workspace, controls.ablation, tab=tab, pipeline=controls.pipeline)
    use, pipeline = opener.with_value(callbacks.use_for_training), controls.of("pipeline")
    event = controls.use_training.click
    connect(event, use, workspace.studio, pipeline, opener.outputs, **QUIET)


def _preview(event: Event, studio: Studio, controls: AugmentControls, **settings: str) -> Any:
    """Draw variants at an event, where there is a picture."""
    form, results = controls.form(AugmentForm), controls.of(*RESULTS)
    preview = callbacks.preview_if_any
    return connect(event, preview, studio, form, results, **QUIET, **settings)


def _describe(event: Event, studio: Studio, controls: AugmentControls, **settings: str) -> None:
    """Describe the pipeline at an event."""
    inputs, outputs = controls.of("pipeline"), controls.of("step", "leaks")
    describe = callbacks.describe_pipeline
    connect(event, describe, studio, inputs, outputs, **QUIET, **settings)


def _wire_picture(studio: Studio, controls: AugmentControls, tab: gr.Tab) -> None:
    of, picture = controls.of, controls.of("shown", "editor")
    for name, example in controls.examples.items():
        show = callbacks.show_example(name)
        shown = connect(example.click, show, studio, {}, picture, **QUIET)
        _preview(shown.success, studio, controls)
    first = connect(tab.select, callbacks.show_first, studio, of("editor"), picture, **QUIET)
    _preview(first.success, studio, controls)
    form, outputs = controls.form(EditForm), of("editor", *RESULTS)
    follow = {"trigger_mode": "always_last", **QUIET}
    for changed in (controls.shown.upload, controls.shown.input, controls.shown.clear):
        connect(changed, callbacks.edit, studio, form, outputs, **follow)


def _wire_pipeline(studio: Studio, controls: AugmentControls, demo: gr.Blocks) -> None:
    of, form = controls.of, controls.form(AugmentForm)
    pipeline, edited = of("pipeline"), controls.pipeline.input
    _preview(edited, studio, controls, trigger_mode="always_last")
    _describe(edited, studio, controls, trigger_mode="always_last")
    _describe(demo.load, studio, controls)
    code = of("text", "torchvision", "albumentations")
    connect(edited, callbacks.show_code, studio, form, code, **QUIET)
    # What was typed as JSON stays when the code is brought up to date.
    expanded, printed = controls.code.expand, of("torchvision", "albumentations")
    connect(expanded, callbacks.print_code, studio, form, printed, **QUIET)
    named, typed = controls.name.input, controls.read.click
    named = connect(named, callbacks.choose_preset, studio, of("name"), pipeline, **QUIET)
    typed = connect(typed, callbacks.read_json, studio, of("text"), pipeline, **QUIET)
    for event in (named, typed):
        _describe(_preview(event.success, studio, controls).success, studio, controls)
    connect(named.success, callbacks.show_code, studio, form, code, **QUIET)


def _wire_results(studio: Studio, controls: AugmentControls) -> None:
    of, form = controls.of, controls.form(AugmentForm)
    connect(controls.draw.click, callbacks.preview, studio, form, of(*RESULTS), **PRIVATE)
    for changed in (controls.n.release, controls.marks.input, controls.seed.submit):
        _preview(changed, studio, controls, trigger_mode="always_last")
    dice = connect(controls.dice.click, callbacks.random_seed, studio, {}, of("seed"), **QUIET)
    _preview(dice.success, studio, controls)
    selected = controls.gallery.select(selected_index, None, controls.chosen, **QUIET)
    inputs, outputs = of("gallery", "chosen", "pair"), of("pair", "details")
    connect(selected.success, callbacks.show_variant, studio, inputs, outputs, **QUIET)
    inputs, outputs = controls.form(VariantForm), of("pair", "file", "details")
    connect(controls.replay.click, callbacks.replay, studio, inputs, outputs, **PRIVATE)
    inputs, outputs = controls.form(SweepForm), of("strip")
    connect(controls.sweep.click, callbacks.sweep, studio, inputs, outputs, **PRIVATE)
    inputs, outputs = controls.form(batch.BatchForm), of("archive", "report")
    connect(controls.augment_all.click, batch.augment_all, studio, inputs, outputs, **PRIVATE)
