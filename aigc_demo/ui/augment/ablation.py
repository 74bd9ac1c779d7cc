"""The ablation of the Augment tab: does the pipeline help a network that sees few pictures?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr
import pandas as pd
from gradio.components.plot import PlotData

from aigc_demo import augment
from aigc_demo.data import DATASETS, available, sample_models, title_of
from aigc_demo.errors import BadValue
from aigc_demo.requests import Json, Label, Name, Request, SampleCount
from aigc_demo.training import ablation, admission
from aigc_demo.training.run_monitor import RunView
from aigc_demo.training.session import check_plan
from aigc_demo.ui.components import charts, vega_lite
from aigc_demo.ui.components.controls import Controls, button, labelled
from aigc_demo.ui.components.events import QUIET
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import T, language_of, say
from aigc_demo.ui.server.handlers import Updates, connect

INTERVAL = 2.0  # seconds


class AblationForm(Request):
    """The controls that decide what is compared."""

    pipeline: Json
    kind: Label
    data: Name | None
    limit: SampleCount


@dataclass(frozen=True)
class AblationControls(Controls):
    """The components of the ablation."""

    kind: gr.Radio
    data: gr.Dropdown
    limit: gr.Slider
    start: gr.Button
    table: gr.Dataframe
    chart: gr.Plot
    key: gr.Markdown
    seen: gr.State  # what is shown


def layout() -> AblationControls:
    """Add the controls and results."""
    kinds = [(T(f"help_{kind}"), kind) for kind in ablation.EXPERIMENTS]
    sets = choices()
    with gr.Accordion(T("help_more"), open=False, elem_id="help_more"):
        gr.Markdown(T("help_intro"), elem_classes="quiet")
        with gr.Row():
            kind = gr.Radio(kinds, value="classifier", **labelled("help_kind"))
            first = sets[0][1] if sets else None
            data = gr.Dropdown(sets, value=first, **labelled("help_data"))
            limit = gr.Slider(50, 5000, 500, step=50, **labelled("help_limit"))
        start = button("help_go", interactive=bool(admission.max_runs()))
        if not admission.max_runs():
            gr.Markdown(T("training_off"), elem_classes="quiet")
        table = gr.Dataframe(interactive=False, visible=False, **labelled("help_table"))
        chart = vega_lite.chart("help_chart", "help_chart", visible=False)
        key = gr.Markdown(elem_classes="quiet", elem_id="help_key")
    return AblationControls(kind, data, limit, start, table, chart, key, gr.State(None))


def wire(
    workspace: Workspace, controls: AblationControls, *, tab: gr.Tab, pipeline: gr.HTML
) -> None:
    """Connect the events; results are read anew while the tab is open."""
    of = controls.of
    seen, results = of("seen"), of("table", "chart", "key", "seen")
    timer = gr.Timer(INTERVAL, active=False)
    tab.select(lambda: gr.Timer(active=True), None, timer, **QUIET)
    follow = {"trigger_mode": "always_last", **QUIET}
    connect(timer.tick, show_results, workspace, seen, results, **follow)
    inputs = {"pipeline": pipeline, **of("kind", "data", "limit")}
    started = connect(controls.start.click, start, workspace, inputs, {}, **QUIET)
    connect(started.success, show_results, workspace, seen, results, **QUIET)


def choices() -> list[tuple[str, str]]:
    """Return the small labelled sets that are here, Fashion-MNIST first, generated ones last."""
    here = [n for n in available() if DATASETS[n].size == 32 and not DATASETS[n].domains]
    here.sort(key=lambda n: n != "fashion_mnist")
    return [(title_of(n), n) for n in [*here, *(p.name for p in sample_models() if p.quick)]]


def start(workspace: Workspace, form: AblationForm) -> Updates:
    """Queue the runs of an ablation, one an arm."""
    if not form.data or form.data not in [name for _, name in choices()]:
        raise BadValue("data: choose a set that is here; train.py --download fetches some.")
    pipeline = augment.data(augment.parse(form.pipeline))
    if not pipeline:
        raise BadValue("pipeline: it is empty, so both would be the same; add a step.")
    arms = ablation.plans(form.kind, form.data, pipeline, limit=form.limit)
    names = ablation.names(arms)
    for plan in arms.values():  # all of them are queued, or none
        check_plan(plan)
    for arm, plan in arms.items():
        admission.submit(workspace.root, plan, name=names[arm])
    workspace.workers.ensure()
    return {}


def show_results(workspace: Workspace, seen: Any, request: gr.Request) -> Updates:
    """Show the results of the newest ablation where they have changed since `seen`."""
    views = newest(workspace)
    now = [[v.name, v.status, v.log.count] for v in views.values()]
    if now == (seen or []):
        return {}
    table, curves, key = results_of(views, language_of(request))
    return {
        "table": gr.update(value=table, visible=bool(views)),
        "chart": gr.update(value=curves, visible=bool(views)),
        "key": key,
        "seen": now,
    }


def newest(workspace: Workspace) -> dict[str, RunView]:
    """Return the runs of the newest ablation by arm."""
    views = {view.name: view for view in workspace.views()}
    return {arm: views[name] for arm, name in ablation.newest(views).items()}


def results_of(
    views: dict[str, RunView], language: str
) -> tuple[pd.DataFrame, PlotData | None, str]:
    """Return a table of the arms, their curves, and which colour is which."""
    words = {arm: say(f"help_{arm}", language) for arm in views}
    gan = any(view.plan.method != "classifier" for view in views.values())
    kind: ablation.Experiment = "gan" if gan else "classifier"
    rows = [
        {
            say("help_arm", language): words[arm],
            "status": view.status,
            "step": view.log.step,
            **{n: round(value, 3) for n, value in ablation.results(kind, view.log).items()},
        }
        for arm, view in views.items()
    ]
    score = ablation.SCORE[kind]
    curves = charts.overlay(list(views.values()), list(words.values()), score, language)
    key = " &nbsp; ".join(
        f'<span class="key-{colour[1:]}">■</span> {words[arm]}'
        for colour, arm in zip(charts.PALETTE, views, strict=False)
    )
    return pd.DataFrame(rows), curves, key
