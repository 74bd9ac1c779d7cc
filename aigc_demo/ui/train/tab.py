"""The Train tab: layout and wiring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_demo import settings
from aigc_demo.data import DATASETS, available
from aigc_demo.requests import MAX_TITLE, GenerateRequest
from aigc_demo.training import admission
from aigc_demo.training.presets import PRESETS
from aigc_demo.ui.components import file_inputs, vega_lite
from aigc_demo.ui.components.controls import button, download_button, labelled, small_button
from aigc_demo.ui.components.events import QUIET
from aigc_demo.ui.components.navigation import Opener
from aigc_demo.ui.components.pictures import LATEX
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server import visitors
from aigc_demo.ui.server.handlers import Components, bind, connect
from aigc_demo.ui.train import api, callbacks, form as forms, monitor, plots, upload
from aigc_demo.ui.train.form import TrainForm

TICK = 1.0  # seconds
CURVES = ("kid", "fid", "recall", "precision", "loss", "generator", "reconstruction")
WIDTHS = [32, 48, 64, 96, 128]
COMMANDS = ("pause", "resume", "slow", "stop")
STEPS = ("step_both", "step_discriminator", "step_generator")
MODEL_BUTTONS = ("use", "use_translate", "download_model")
CLICK_JS = "() => { setTimeout(() => document.querySelector('#model_file').click(), 100); }"


class TimelapseSlider(gr.Slider):
    """A slider whose value may lie beyond its end: it is that of the run that was shown before,
    when a run with a shorter timelapse has just been chosen.
    """

    is_template = True  # to the browser it is Gradio's

    def preprocess(self, payload: float) -> float:
        """Return the value as it is."""
        return payload


@dataclass(frozen=True)
class Controls:
    """The components of the tab's sections, by name."""

    form: Components
    upload: Components
    run: Components
    comparison: Components
    timer: gr.Timer  # runs while the tab is open

    @property
    def values(self) -> Components:
        """The controls whose values are a `TrainForm`."""
        return {name: self.form[name] for name in TrainForm.model_fields}

    def opener(self, tabs: gr.Tabs) -> Opener[str]:
        """Return what opens the tab with a pipeline of augmentations (JSON)."""
        augment = {"augment": self.form["augment"]}
        return Opener(tabs, "train", augment, lambda pipeline: {"augment": pipeline})


# --- Layout --------------------------------------------------------------------------------------


def layout(offers: Offers) -> Controls:
    """Add the tab's components to the page that is being built."""
    shared = "shared" if settings.whole("AIGC_SHARED_RUNS") else "private"
    whose = "own" if settings.profile() == "own" else shared
    gr.Markdown(T(f"train_intro_{whose}"), elem_id="train_intro")
    if not admission.max_runs():
        gr.Markdown(T("training_off"), elem_id="training_off")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            form = _form()
            own = upload.layout()
        with gr.Column(scale=3, min_width=300):
            run = _run(offers)
    run |= plots.layout()
    run["seen"], run["armed"] = gr.State(None), gr.State(None)
    comparison = _comparison()
    if settings.host_key():
        _host_key()
    with gr.Accordion(T("reading"), open=False, elem_id="reading"):
        gr.Markdown(T("lesson_train"), latex_delimiters=LATEX, elem_id="lesson_train")
    return Controls(form, own, run, comparison, gr.Timer(TICK, active=False))


def _host_key() -> None:
    """Add the box for the host's key, which the browser keeps and sends with all that it asks."""
    with gr.Accordion(T("host_key"), open=False, elem_id="host_key_part"):
        gr.Markdown(T("host_key_intro"), elem_classes="quiet")
        key = gr.Textbox(type="password", **labelled("host_key_box", "host_key"))
        settings = {"js": visitors.KEEP_HOST_KEY, **QUIET}
        button("host_key_go", size="sm").click(None, key, None, **settings)


def _form() -> dict[str, Any]:
    """Add the controls that decide what is trained, set to the first preset."""
    preset = next(iter(PRESETS))
    wanted = forms.preset_form(preset)
    first = forms.with_local_data(wanted)
    presets = [(T(f"preset_{name}"), name) for name in PRESETS]
    methods = [(m.title, m.name) for m in forms.TRAINABLE]
    datasets = callbacks.dataset_choices(first.method)
    found: dict[str, Any] = {
        "preset": gr.Dropdown(presets, value=preset, **labelled("preset", info=True))
    }
    with gr.Row():
        found["method"] = gr.Dropdown(
            methods, value=first.method, min_width=120, **labelled("train_method", "method")
        )
        found["data"] = gr.Dropdown(
            datasets, value=first.data, min_width=120, **labelled("train_data")
        )
    found["stand_in"] = gr.Markdown(
        T("stand_in"), visible=first != wanted, elem_id="stand_in", elem_classes="quiet"
    )
    with gr.Row():
        limits = {"minimum": 0, "min_width": 120}
        found["minutes"] = gr.Number(
            first.minutes,
            maximum=admission.max_minutes(),
            **limits,
            **labelled("minutes", info=True),
        )
        found["steps"] = gr.Number(
            first.steps,
            maximum=admission.max_steps(),
            precision=0,
            **limits,
            **labelled("steps", info=True),
        )
    found["start"] = button("start", variant="primary", interactive=bool(admission.max_runs()))
    offered = len(available()) < len(DATASETS) and bool(settings.whole("AIGC_DOWNLOADS"))
    found["download"] = gr.Checkbox(False, visible=offered, **labelled("download_data"))
    with gr.Accordion(T("settings"), open=False, elem_id="settings_train"):
        found |= _settings(first)
        gr.Markdown(T("settings_note"), elem_id="settings_note", elem_classes="quiet")
    found["augment"] = gr.Textbox("", lines=1, max_lines=4, **labelled("train_augment", info=True))
    found["title"] = gr.Textbox("", max_lines=1, max_length=MAX_TITLE, **labelled("run_title"))
    return found


def _settings(first: TrainForm) -> dict[str, Any]:
    """Add the settings that a preset has for most people."""
    narrow = {"min_width": 120}
    with gr.Row():
        batch = gr.Number(first.batch, precision=0, **narrow, **labelled("batch", info=True))
        lr = gr.Number(first.lr, **narrow, **labelled("lr", info=True))
    with gr.Row():
        width = gr.Dropdown(WIDTHS, value=first.width, **narrow, **labelled("width", info=True))
        seed = gr.Number(first.seed, precision=0, **narrow, **labelled("train_seed", info=True))
        latent = gr.Number(
            first.latent, minimum=0, precision=0, **narrow, **labelled("latent", info=True)
        )
    losses = forms.losses_of(first.method)
    return {
        "batch": batch,
        "lr": lr,
        "width": width,
        "seed": seed,
        "latent": latent,
        "loss": gr.Dropdown(losses, value=first.loss, **labelled("loss", info=True)),
        "r1": gr.Slider(0, 10, first.r1, step=0.1, **labelled("r1", info=True)),
        "diffaugment": gr.Checkbox(first.diffaugment, **labelled("diffaugment", info=True)),
        "ema": gr.Checkbox(first.ema, **labelled("ema", info=True)),
    }


def _run(offers: Offers) -> dict[str, Any]:
    """Add what is seen of a run: its state, buttons and timelapse."""
    found: dict[str, Any] = {
        "run": gr.Dropdown([], **labelled("run", info=True)),
        "status": gr.Markdown(T(monitor.no_runs()), elem_id="status"),
        "warnings": gr.Markdown(visible=False, elem_id="warnings"),
    }
    for names in ((*COMMANDS, "discard"), STEPS):
        with gr.Row():
            found |= {name: small_button(name, visible=False) for name in names}
    found["discard_sure"] = small_button("discard_sure", variant="stop", visible=False)
    settings = {"show_label": False, "interactive": False, "height": 420, "type": "filepath"}
    settings |= {"format": "png", "buttons": ["download", "fullscreen"]}
    found["picture"] = file_inputs.Image(elem_id="film_picture", **settings)
    found["film"] = TimelapseSlider(1, 2, 1, step=1, visible=False, **labelled("film", info=True))
    found["rows"] = gr.Markdown(visible=False, elem_id="rows", elem_classes="quiet")
    with gr.Row():
        offers.add(found["picture"])
        found |= {name: small_button(name, visible=False) for name in MODEL_BUTTONS}
    found["use_note"] = gr.Markdown(
        T("use_note"), elem_id="use_note", elem_classes="quiet", visible=False
    )
    found["model_file"] = gr.DownloadButton("zip", elem_id="model_file", visible="hidden")
    return found


def _comparison() -> dict[str, Any]:
    """Add the curves and the table of several runs."""
    curves = [(T(f"curve_{curve}"), curve) for curve in CURVES]
    with gr.Accordion(T("compare_runs"), open=False, elem_id="compare_runs"):
        return {
            "runs": gr.CheckboxGroup([], **labelled("compare_pick")),
            "curve": gr.Radio(curves, value="kid", **labelled("compare_by")),
            "plot": vega_lite.chart("runs_plot"),
            "key": gr.Markdown(elem_classes="quiet", elem_id="compare_key"),
            "table": gr.Dataframe(
                interactive=False, wrap=False, **labelled("runs_table", "compare_table")
            ),
            "csv": download_button("compare_csv"),
        }


# --- Wiring --------------------------------------------------------------------------------------


def wire(
    workspace: Workspace,
    controls: Controls,
    *,
    demo: gr.Blocks,
    tab: gr.Tab,
    generate: Opener[GenerateRequest],
    translate: Opener[str],
) -> None:
    """Connect the components; `generate` and `translate` open those tabs with a run's model."""
    _wire_form(workspace, controls)
    _wire_monitor(workspace, controls, demo, tab)
    _wire_comparison(workspace, controls.comparison)
    run = controls.run
    chosen, file = {"run": run["run"]}, {"model_file": run["model_file"]}
    use, name = generate.with_value(callbacks.use), {"name": run["run"]}
    connect(run["use"].click, use, workspace, chosen, generate.outputs, **QUIET)
    use = translate.with_value(Workspace.model)
    connect(run["use_translate"].click, use, workspace, name, translate.outputs, **QUIET)
    event = run["download_model"].click
    connect(event, callbacks.download, workspace, chosen, file, **QUIET).success(None, js=CLICK_JS)
    gr.api(bind(api.train, workspace), api_name="train")
    gr.api(bind(api.list_runs, workspace), api_name="runs")
    gr.api(bind(api.steer, workspace), api_name="steer")


def _wire_form(workspace: Workspace, controls: Controls) -> None:
    form, values = controls.form, controls.values
    preset = {"preset": form["preset"]}
    changed = {**values, "stand_in": form["stand_in"]}
    connect(preset["preset"].input, callbacks.fill_preset, workspace, preset, changed, **QUIET)
    kept = {name: form[name] for name in ("method", "data", "minutes")}
    connect(form["method"].input, callbacks.fill_method, workspace, kept, values, **QUIET)


def _wire_monitor(workspace: Workspace, controls: Controls, demo: gr.Blocks, tab: gr.Tab) -> None:
    """Show the run that is chosen, once a second while the tab is open, and after every click."""
    run = controls.run
    chosen, position = {"run": run["run"]}, {"run": run["run"], "position": run["film"]}
    shown = {**run, "compare_pick": controls.comparison["runs"]}

    def look_at(event: Any, **settings: Any) -> None:
        seen = {**position, "seen": run["seen"], "armed": run["armed"]}
        connect(event, monitor.look, workspace, seen, shown, **QUIET, **settings)

    look_at(controls.timer.tick, trigger_mode="always_last")
    tab.select(lambda: gr.Timer(active=True), None, controls.timer, **QUIET)
    for event in (tab.select, demo.load, run["run"].input):
        look_at(event)
    picture, rewound = {"picture": run["picture"]}, run["film"].input
    connect(rewound, monitor.rewind, workspace, position, picture, **QUIET)

    start, values = controls.form["start"].click, controls.values
    look_at(connect(start, callbacks.start, workspace, values, chosen, **QUIET).success)
    look_at(upload.wire(workspace, controls.upload, run["run"]).success)
    for name in (*COMMANDS, *STEPS):
        command = callbacks.button(name)
        look_at(connect(run[name].click, command, workspace, chosen, **QUIET).success)
    confirmation = {"discard_sure": run["discard_sure"], "armed": run["armed"]}
    arm, discard = run["discard"].click, run["discard_sure"].click
    connect(arm, callbacks.ask_to_discard, workspace, chosen, confirmation, **QUIET)
    connect(run["run"].change, callbacks.disarm, workspace, {}, confirmation, **QUIET)
    inputs, outputs = {**chosen, "armed": run["armed"]}, {**chosen, **confirmation}
    look_at(connect(discard, callbacks.discard, workspace, inputs, outputs, **QUIET).success)


def _wire_comparison(workspace: Workspace, comparison: Components) -> None:
    inputs = {name: comparison[name] for name in ("runs", "curve")}
    outputs = {name: comparison[name] for name in ("plot", "key", "table", "csv")}
    for control in inputs.values():
        connect(control.change, monitor.compare, workspace, inputs, outputs, **QUIET)
