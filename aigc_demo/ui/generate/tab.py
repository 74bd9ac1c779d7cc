"""The Generate tab: layout and wiring; the parts below its results have modules of their own."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import gradio as gr

from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import ModelInfo, Studio
from aigc_demo.training import admission
from aigc_demo.ui.components import file_inputs
from aigc_demo.ui.components.controls import Controls, button, labelled
from aigc_demo.ui.components.endpoints import endpoint
from aigc_demo.ui.components.events import DEVICE, PRIVATE, QUIET
from aigc_demo.ui.components.navigation import Opener
from aigc_demo.ui.components.pictures import LATEX, details_box, gallery, literal, picture
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.generate import (
    callbacks,
    latent_directions,
    model_card,
    morph,
    prompts,
    settings,
    sheets,
    xy_grid,
)
from aigc_demo.ui.generate.forms import ALL, OPTIONS, first_model
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Components, Updates, connect

LESSONS = ("dcgan", "vae", "flow", "text2image")
LINK_JS = """(query) => {
  const address = window.location.origin + window.location.pathname + (query ? '?' + query : '');
  window.history.replaceState(null, '', address);
  return [query, address];
}"""
CLICK_JS = "() => { setTimeout(() => document.querySelector('#zip_file').click(), 100); }"


@dataclass(frozen=True)
class Results(Controls):
    """The gallery, and what is done with its pictures."""

    forming: gr.Image
    gallery: gr.Gallery
    details: gr.Textbox
    reuse: gr.Button
    download_all: gr.Button
    file: gr.DownloadButton
    factor: gr.Radio
    enlarge: gr.Button
    link: gr.Textbox
    dropped: gr.File
    settings: gr.Textbox  # of the pictures that are shown, as JSON
    query: gr.Textbox
    sampled_seed: gr.Number


@dataclass(frozen=True)
class Below(Controls):
    """The parts below, and the tabs of those that are filled when they are opened."""

    prompts: prompts.BelowControls
    morph: morph.Controls
    grid: xy_grid.Controls
    grid_tab: gr.Tab
    directions: latent_directions.Controls
    directions_tab: gr.Tab
    classes: sheets.ClassesControls
    compare: sheets.CompareControls
    lessons: dict[str, gr.Markdown]


@dataclass(frozen=True)
class GenerateControls(Controls):
    """The components of the tab."""

    settings: settings.Controls
    go: gr.Button
    results: Results
    below: Below

    def fitted(self) -> Components:
        """Return what follows the model."""
        prompt = self.settings.prompt.of("group", "prompt", "style", "examples")
        return {
            **self.settings.of("label", "watch"),
            **self.settings.options,
            **prompt,
            **self.below.prompts.of("below"),
            **self.below.morph.of("to_label"),
            **self.below.lessons,
        }

    def restored(self) -> Components:
        """Return what follows a request."""
        return self.fitted() | self.settings.of("model", "count", "seed", "random_seed")

    def shown(self) -> Components:
        """Return what shows pictures, and how they were made."""
        return self.results.of("gallery", "details", "sampled_seed", "settings")


# --- Layout --------------------------------------------------------------------------------------


def layout(studio: Studio, offers: Offers) -> GenerateControls:
    """Add the tab's contents."""
    models = studio.models("generate")
    usable = [m for m in models if not m.problem]
    first = first_model(usable)
    if first is None:
        trains = studio.runs_root is not None and admission.max_runs()
        gr.Markdown(T("no_models" if trains else "no_models_off"), elem_id="no_models")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            left = settings.layout(usable, first)
            go = button("go", variant="primary", interactive=bool(usable))
            for m in models:
                if m.problem:
                    warning = f"⚠ {literal(m.problem)}"
                    gr.Markdown(warning, elem_classes="quiet", elem_id=f"broken_{m.name}")
        with gr.Column(scale=3, min_width=300):
            results = _layout_results(studio, offers)
    return GenerateControls(left, go, results, _layout_below(usable, first, offers))


def enlarges(studio: Studio) -> bool:
    """Return whether the model is here that enlarges pictures."""
    return any(m.name == "upscale" and not m.problem for m in studio.models("restore"))


def _layout_results(studio: Studio, offers: Offers) -> Results:
    forming = picture("forming", visible=False, buttons=[])
    pictures = gallery("gallery", "pictures", columns=4, buttons=["download", "fullscreen"])
    line = details_box("details", lines=2)
    with gr.Row():
        reuse = button("reuse", size="sm")
        download_all = button("download_all", size="sm")
        file = gr.DownloadButton("zip", elem_id="zip_file", visible="hidden")
    offers.add(pictures)
    with gr.Row(visible=enlarges(studio)):
        factor = gr.Radio([2, 4], value=4, **labelled("enlarge_factor", "factor"))
        enlarge = button("enlarge", size="sm")
    link = gr.Textbox(interactive=False, buttons=["copy"], **labelled("link"))
    dropped = file_inputs.File(file_types=[".png"], height=120, **labelled("restore"))
    shown = gr.Textbox(label="settings", visible="hidden", elem_id="settings")
    query = gr.Textbox(visible="hidden", elem_id="query")
    seed = gr.Number(label="seed", visible="hidden", elem_id="made_seed", precision=0)
    return Results(
        *(forming, pictures, line, reuse, download_all, file, factor, enlarge, link, dropped),
        *(shown, query, seed),
    )


def _layout_below(usable: list[ModelInfo], first: ModelInfo | None, offers: Offers) -> Below:
    text = first is not None and first.condition == "text"
    prompt_parts = prompts.layout_below(offers, visible=text)
    with gr.Tabs(elem_id="more"):
        with gr.Tab(T("morph_tab"), id="morph", elem_id="tab_morph"):
            morphs = morph.layout(usable, offers)
        with gr.Tab(T("grid_tab"), id="grid", elem_id="tab_grid") as grid_tab:
            grid = xy_grid.layout(offers)
        with gr.Tab(T("directions_tab"), id="directions", elem_id="tab_directions") as moved_tab:
            directions = latent_directions.layout(offers)
        with gr.Tab(T("cross_tab"), id="cross", elem_id="tab_cross"):
            classes = sheets.layout_classes(offers)
        with gr.Tab(T("compare_tab"), id="compare", elem_id="tab_compare"):
            compare = sheets.layout_compare(usable, offers)
    with gr.Accordion(T("how"), open=False, elem_id="how"):
        lessons = {
            f"how_{name}": gr.Markdown(
                T(f"how_{name}"),
                visible=first is not None and first.method == name,
                latex_delimiters=LATEX,
                elem_id=f"how_{name}",
            )
            for name in LESSONS
        }
        lessons["card"] = gr.Markdown(model_card.card(first) if first else "", elem_id="card")
    return Below(
        prompt_parts, morphs, grid, grid_tab, directions, moved_tab, classes, compare, lessons
    )


# --- Wiring --------------------------------------------------------------------------------------


def wire(
    studio: Studio, controls: GenerateControls, *, demo: gr.Blocks, tabs: gr.Tabs, tab: gr.Tab
) -> Opener[GenerateRequest]:
    """Connect the controls; return what opens `tab`, this one of `tabs`, with a request."""
    _wire_generate(studio, controls)
    _add_endpoint(studio)
    _wire_results(studio, controls)
    left, below = controls.settings, controls.below
    prompts.wire_prompt(studio, left.prompt, left.model)
    prompts.wire_below(studio, below.prompts, left.sampling())
    morph.wire(studio, below.morph, left.sampling())
    xy_grid.wire(studio, below.grid, below.grid_tab, left)
    latent_directions.wire(studio, below.directions, below.directions_tab, left)
    sheets.wire_classes(studio, below.classes, left.sampling())
    sheets.wire_compare(studio, below.compare, left.seed)
    # Keep the controls in step with the model, a dropped picture or the address.
    model, restored, shown = left.of("model"), controls.restored(), controls.shown()
    inputs = model | controls.results.of("settings")
    connect(left.model.input, fit, studio, inputs, controls.fitted() | shown, **QUIET)
    connect(tab.select, list_models, studio, {}, model, **QUIET)
    dropped = {"path": controls.results.dropped}
    connect(controls.results.dropped.upload, restore_png, studio, dropped, restored, **QUIET)
    connect(demo.load, restore_link, studio, {}, restored | shown, **QUIET)
    return Opener(tabs, "generate", restored, functools.partial(restore, studio))


def _wire_generate(studio: Studio, controls: GenerateControls) -> None:
    left, results = controls.settings, controls.results
    outputs = results.of("forming", "gallery", "details", "sampled_seed", "settings")
    event = connect(
        controls.go.click,
        callbacks.generate_live,
        studio,
        left.all(),
        outputs,
        gpu=True,
        **PRIVATE,
        **DEVICE,
    )
    event.success(lambda seed: seed, results.sampled_seed, left.seed, **QUIET)
    settings, query = {"settings": results.settings}, {"query": results.query}
    linked = connect(event.success, callbacks.to_query, studio, settings, query, **QUIET)
    linked.then(None, results.query, [results.query, results.link], js=LINK_JS)


def _add_endpoint(studio: Studio) -> None:
    """Let programs generate; they may name a model that is new, and its classes."""
    answer = [
        gr.JSON(label="pictures", visible=False),
        gr.Textbox(label="details", visible=False),
        gr.Number(label="seed", visible=False, precision=0),
        gr.Textbox(label="settings", visible=False),
    ]
    endpoint(callbacks.generate, studio, "generate", files=(), outputs=answer, gpu=True)


def _wire_results(studio: Studio, controls: GenerateControls) -> None:
    left, results = controls.settings, controls.results
    results.reuse.click(
        lambda sampled, seed: (seed if sampled is None else int(sampled), False),
        [results.sampled_seed, left.seed],
        [left.seed, left.random_seed],
        **QUIET,
    )
    device = {"gpu": True, **PRIVATE, **DEVICE}
    shown, file = results.of("settings"), results.of("file")
    zipped = connect(results.download_all.click, callbacks.make_zip, studio, shown, file, **device)
    zipped.success(None, js=CLICK_JS)
    inputs, outputs = shown | results.of("factor"), results.of("gallery", "details")
    connect(results.enlarge.click, callbacks.enlarge, studio, inputs, outputs, **device)


# --- Controls that follow the model, or a request ------------------------------------------------


def fit(studio: Studio, model: str, settings: str) -> Updates:
    """Show the classes, options and lesson of a model, and what it makes unless somebody's own
    pictures are shown, which `settings` (JSON) describe.
    """
    info = studio.info(model)
    shown = callbacks.show_preview(studio, info) if callbacks.is_preview(studio, settings) else {}
    return _fit(info) | shown


def _fit(info: ModelInfo, request: GenerateRequest | None = None) -> Updates:
    label, prompt, values = ALL, None, None
    if request is not None:
        label, prompt = request.label or ALL, request.prompt or ""
        values = {name: getattr(request, name) for name in OPTIONS}
    classes = model_card.class_choices("same_class", info)
    return {
        **settings.fit(info, label, values),
        **prompts.fit(info, prompt),
        "to_label": gr.Dropdown(classes, value=ALL, visible=bool(info.labels)),
        **{f"how_{name}": gr.Markdown(visible=info.method == name) for name in LESSONS},
        "card": model_card.card(info),
    }


def restore(studio: Studio, request: GenerateRequest) -> Updates:
    """Set every control to a request."""
    return {
        **_fit(studio.info(request.model), request),
        "model": gr.Dropdown(model_card.choices(studio), value=request.model),
        "count": request.count,
        "seed": request.seed,
        "random_seed": False,
    }


def restore_png(studio: Studio, path: str | None) -> Updates:
    """Set every control to what a dropped picture says."""
    return restore(studio, callbacks.from_png(studio, path))


def restore_link(studio: Studio, request: gr.Request) -> Updates:
    """Set every control to what the address says, or to the first model's defaults."""
    linked = callbacks.from_query(studio, dict(request.query_params))
    if linked is not None:
        return restore(studio, linked)
    first = first_model([m for m in studio.models("generate") if not m.problem])
    if first is None:
        return {}
    fresh = GenerateRequest(model=first.name, seed=callbacks.new_seed())
    return restore(studio, fresh) | {"random_seed": True} | callbacks.show_preview(studio, first)


def list_models(studio: Studio) -> Updates:
    """List the models anew; those of runs come and go."""
    return {"model": gr.Dropdown(model_card.choices(studio))}
