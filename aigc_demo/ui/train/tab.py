"""The Train tab: layout and wiring. What a click does is in `training`, what a tick shows in
`watching`.
"""

from __future__ import annotations

from dataclasses import astuple, fields
from typing import Any

import gradio as gr

from aigc_demo.data import DATASETS, all_available, available, title_of
from aigc_demo.methods import METHODS
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from aigc_demo.training import worker
from aigc_demo.training.presets import PRESETS
from aigc_demo.ui.components import charts
from aigc_demo.ui.components.displays import LATEX
from aigc_demo.ui.components.events import QUIET
from aigc_demo.ui.components.navigation import Opener
from aigc_demo.ui.components.send_to import Offers
from aigc_demo.ui.components.workspace import Trained, Workspace
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import bind, connect
from aigc_demo.ui.train import (
    api as endpoints,
    callbacks as training,
    form as forms,
    monitor as watching,
    plots,
    upload as bringing,
)
from aigc_demo.ui.train.form import Form

TICK = 1.0  # seconds
CURVES = ("kid", "fid", "recall", "precision", "loss", "generator", "reconstruction")
CLICK_JS = "() => { setTimeout(() => document.querySelector('#model_file').click(), 100); }"


def build(
    studio: Studio,
    demo: gr.Blocks,
    tab: gr.Tab,
    opener: Opener[GenerateRequest],
    offers: Offers,
) -> Trained:
    """Add the tab's contents to the page that is being built."""
    workspace = Workspace.of(studio)
    gr.Markdown(T("train_intro"), elem_id="train_intro")
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            form, preset, go, instead = _form()
            own = bringing.build()
        with gr.Column(scale=3, min_width=300):
            panel, picker, buttons = _panel(offers)
    lower = plots.build()
    with gr.Accordion(T("compare_runs"), open=False, elem_id="compare_runs"):
        chips = gr.CheckboxGroup([], label=T("compare_pick"), elem_id="compare_pick")
        by = gr.Radio(
            [(T(f"curve_{c}"), c) for c in CURVES], value="kid",
            label=T("compare_by"), elem_id="compare_by",
        )  # fmt: skip
        overlay = gr.LinePlot(
            charts.overlay([], ""), x="seconds", y="value", color="run", height=280,
            y_title=" ", color_map=charts.PALETTE, colors_in_legend=[], y_axis_format=",.3~f",
            show_label=False, elem_id="runs_plot",
        )  # fmt: skip
        key = gr.Markdown(elem_classes="quiet", elem_id="compare_key")
        table = gr.Dataframe(
            label=T("compare_table"), interactive=False, wrap=False, elem_id="runs_table"
        )
        csv = gr.DownloadButton(T("compare_csv"), elem_id="compare_csv", size="sm")
    with gr.Accordion(T("reading"), open=False, elem_id="reading"):
        gr.Markdown(T("lesson_train"), latex_delimiters=LATEX, elem_id="lesson_train")

    # Fill in the form.
    values = _values(form)
    preset.input(bind(_fill, workspace), preset, [*values, instead], **QUIET)
    form["method"].input(bind(_fit, workspace), values, values, **QUIET)

    # Show the run that is chosen, once a second while the tab is open.
    seen = gr.State(None)
    shown = [picker, chips]
    shown += [panel[name] for name in watching.PICTURES]
    shown += [lower[name] for name in watching.CHARTS]
    shown += [buttons[name] for name in watching.BUTTONS]
    shown.append(seen)
    look = {"fn": bind(watching.look, workspace), "outputs": shown, **QUIET}
    asked = [picker, panel["film"], seen]
    timer = gr.Timer(TICK, active=False)
    timer.tick(inputs=asked, trigger_mode="always_last", **look)
    picker.input(inputs=asked, **look)
    tab.select(lambda: gr.Timer(active=True), None, timer, **QUIET)
    tab.select(inputs=asked, **look)
    demo.load(inputs=asked, **look)
    panel["film"].input(
        bind(watching.rewind, workspace), [picker, panel["film"]], panel["picture"], **QUIET
    )

    # Start and steer.
    bringing.wire(workspace, own, picker).success(inputs=asked, **look)
    started = go.click(bind(_start, workspace), values, picker, **QUIET)
    gr.api(bind(endpoints.train, workspace), api_name="train")
    gr.api(bind(endpoints.list_runs, workspace), api_name="runs")
    started.success(inputs=asked, **look)
    for what, button in buttons.items():
        if what in ASKS:
            event = button.click(bind(_steer(what), workspace), picker, None, **QUIET)
            event.success(inputs=asked, **look)
    buttons["discard"].click(lambda: gr.Button(visible=True), None, buttons["sure"], **QUIET)
    gone = buttons["sure"].click(
        bind(_discard, workspace), picker, [picker, buttons["sure"]], **QUIET
    )
    gone.success(inputs=asked, **look)

    # Use and compare.
    connect(
        buttons["use"].click,
        opener.with_value(training.use),
        workspace,
        {"name": picker},
        opener.outputs,
        **QUIET,
    )
    buttons["download_model"].click(
        bind(training.pack, workspace), picker, panel["model_file"], **QUIET
    ).success(None, js=CLICK_JS)
    for control in (chips, by):
        control.change(
            bind(watching.compare, workspace), [chips, by], [overlay, key, table, csv], **QUIET
        )
    return Trained(workspace, picker, buttons["use_translate"], form["augment"])


ASKS = (
    *("pause", "resume", "slow", "stop"),
    *("step_both", "step_discriminator", "step_generator"),
)


def _form() -> tuple[dict[str, Any], gr.Dropdown, gr.Button, gr.Markdown]:
    """Add the controls that decide what is trained."""
    names = list(PRESETS)
    wanted = forms.fill(names[0])
    first = forms.at_hand(wanted)
    preset = gr.Dropdown(
        [(T(f"preset_{name}"), name) for name in names], value=names[0],
        label=T("preset"), info=T("preset_info"), elem_id="preset",
    )  # fmt: skip
    with gr.Row():
        method = gr.Dropdown(
            [(m.title, m.name) for m in forms.TRAINABLE], value=first.method,
            label=T("method"), elem_id="train_method", min_width=120,
        )  # fmt: skip
        data = gr.Dropdown(
            _sets(first.method), value=first.data, label=T("train_data"),
            elem_id="train_data", min_width=120,
        )  # fmt: skip
    instead = gr.Markdown(
        T("stand_in"), visible=first != wanted, elem_id="stand_in", elem_classes="quiet"
    )
    with gr.Row():
        minutes = gr.Number(
            first.minutes, label=T("minutes"), info=T("minutes_info"), minimum=0,
            maximum=worker.max_minutes(), elem_id="minutes", min_width=120,
        )  # fmt: skip
        steps = gr.Number(
            first.steps, label=T("steps"), info=T("steps_info"), minimum=0, precision=0,
            maximum=worker.max_steps(), elem_id="steps", min_width=120,
        )  # fmt: skip
    go = gr.Button(
        T("start"), variant="primary", elem_id="start", interactive=bool(worker.max_runs())
    )
    download = gr.Checkbox(
        False, label=T("download_data"), elem_id="download_data",
        visible=len(available()) < len(DATASETS),
    )  # fmt: skip
    with gr.Accordion(T("settings"), open=False, elem_id="settings_train"):
        with gr.Row():
            batch = gr.Number(
                first.batch, label=T("batch"), info=T("batch_info"), precision=0,
                elem_id="batch", min_width=120,
            )  # fmt: skip
            lr = gr.Number(first.lr, label=T("lr"), info=T("lr_info"), elem_id="lr", min_width=120)
        with gr.Row():
            width = gr.Dropdown(
                [32, 48, 64, 96, 128], value=first.width, label=T("width"),
                info=T("width_info"), elem_id="width", min_width=120,
            )  # fmt: skip
            seed = gr.Number(
                first.seed, label=T("train_seed"), info=T("train_seed_info"), precision=0,
                elem_id="train_seed", min_width=120,
            )  # fmt: skip
        loss = gr.Dropdown(
            forms.losses_of(first.method), value=first.loss, label=T("loss"),
            info=T("loss_info"), elem_id="loss",
        )  # fmt: skip
        r1 = gr.Slider(0, 10, first.r1, step=0.1, label=T("r1"), info=T("r1_info"), elem_id="r1")
        diffaugment = gr.Checkbox(
            first.diffaugment, label=T("diffaugment"), info=T("diffaugment_info"),
            elem_id="diffaugment",
        )  # fmt: skip
        ema = gr.Checkbox(first.ema, label=T("ema"), info=T("ema_info"), elem_id="ema")
    augment = gr.Textbox(
        label=T("train_augment"), info=T("train_augment_info"), elem_id="train_augment",
        lines=1, max_lines=4,
    )  # fmt: skip
    controls = locals()
    return {f.name: controls[f.name] for f in fields(Form)}, preset, go, instead


def _values(form: dict[str, Any]) -> list[Any]:
    """Return the controls in the order of `Form`."""
    return [form[f.name] for f in fields(Form)]


def _panel(offers: Offers) -> tuple[dict[str, Any], gr.Dropdown, dict[str, gr.Button]]:
    """Add what is seen of a run: its state, buttons and film."""
    picker = gr.Dropdown([], label=T("run"), info=T("run_info"), elem_id="run")
    panel: dict[str, Any] = {
        "status": gr.Markdown(T("no_runs"), elem_id="status"),
        "warnings": gr.Markdown(visible=False, elem_id="warnings"),
    }
    buttons: dict[str, gr.Button] = {}
    rows = (
        ("pause", "resume", "slow", "stop", "discard"),
        ("step_both", "step_discriminator", "step_generator"),
    )
    for row in rows:
        with gr.Row():
            for name in row:
                buttons[name] = gr.Button(
                    T(name), size="sm", elem_id=name, visible=False, min_width=90
                )
    buttons["sure"] = gr.Button(
        T("discard_sure"), size="sm", variant="stop", visible=False, elem_id="discard_sure"
    )
    panel["picture"] = gr.Image(
        show_label=False, format="png", interactive=False, elem_id="film_picture",
        buttons=["download", "fullscreen"], type="filepath", height=420,
    )  # fmt: skip
    panel["film"] = gr.Slider(
        1, 2, 1, step=1, label=T("film"), info=T("film_info"), elem_id="film", visible=False
    )
    panel["rows"] = gr.Markdown(visible=False, elem_id="rows", elem_classes="quiet")
    with gr.Row():
        offers.add(panel["picture"])
        for name in ("use", "use_translate", "download_model"):
            buttons[name] = gr.Button(T(name), size="sm", elem_id=name, visible=False)
    panel["use_note"] = gr.Markdown(
        T("use_note"), elem_id="use_note", elem_classes="quiet", visible=False
    )
    panel["model_file"] = gr.DownloadButton("zip", elem_id="model_file", visible="hidden")
    return panel, picker, buttons


# --- Handlers that only bring values into the order of the controls ------------------------------


def _fill(workspace: Workspace, preset: str) -> list[Any]:
    wanted = forms.fill(preset)
    form = forms.at_hand(wanted)
    return [*_updates(form), gr.Markdown(visible=form != wanted)]


def _fit(workspace: Workspace, *values: Any) -> list[Any]:
    return _updates(forms.fit(values[0], Form(*values)))


def _updates(form: Form) -> list[Any]:
    """Return the values of all controls, those hidden that the method does not have."""
    has = METHODS[form.method].config.model_fields
    losses = forms.losses_of(form.method)
    own = {
        "data": gr.Dropdown(_sets(form.method), value=form.data),
        "loss": gr.Dropdown(losses or [form.loss], value=form.loss, visible=bool(losses)),
        "r1": gr.Slider(value=form.r1, visible="r1" in has),
        "diffaugment": gr.Checkbox(value=form.diffaugment, visible="diffaugment" in has),
        "download": gr.skip(),
        "augment": form.augment or gr.skip(),
    }
    return [own.get(f.name, value) for f, value in zip(fields(Form), astuple(form), strict=True)]


def _sets(method: str) -> list[tuple[str, str]]:
    """Return the data sets that a method can learn from; an arrow: not here yet."""
    known = all_available()
    return [(title_of(n) + ("" if n in known else " ↓"), n) for n in forms.sets_for(method)]


def _start(workspace: Workspace, *values: Any) -> gr.Dropdown:
    name = training.start(workspace, Form(*values))
    return gr.Dropdown(training.choices(workspace.reader.views(fresh=True)), value=name)


def _steer(what: str) -> Any:
    def handler(workspace: Workspace, name: str | None) -> None:
        training.steer(workspace, name, what.removeprefix("step_"))

    return handler


def _discard(workspace: Workspace, name: str | None) -> list[Any]:
    training.steer(workspace, name, "discard")
    return [gr.Dropdown(value=None), gr.Button(visible=False)]
