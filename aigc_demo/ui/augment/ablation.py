"""The experiment of the Augment tab: does the pipeline help a network that sees few pictures?"""

from __future__ import annotations

from typing import Any

import gradio as gr
import pandas as pd

from aigc_demo import augment
from aigc_demo.data import DATASETS, available, sample_models, title_of
from aigc_demo.errors import BadValue
from aigc_demo.requests import TrainPlan
from aigc_demo.training import ablation as experiment, worker
from aigc_demo.training.run_monitor import RunView
from aigc_demo.ui.components import charts
from aigc_demo.ui.components.events import QUIET
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import T, language_of, say
from aigc_demo.ui.server.handlers import bind

TICK = 2.0  # seconds
ACTIVE = ("waiting", "training", "paused")


def build(workspace: Workspace, demo: gr.Blocks, tab: gr.Tab, board: gr.HTML) -> None:
    """Add the experiment's controls and results."""
    with gr.Accordion(T("help_more"), open=False, elem_id="help_more"):
        gr.Markdown(T("help_intro"), elem_classes="quiet")
        with gr.Row():
            kind = gr.Radio(
                [(T(f"help_{k}"), k) for k in experiment.EXPERIMENTS], value="classifier",
                label=T("help_kind"), elem_id="help_kind",
            )  # fmt: skip
            sets = choices()
            data = gr.Dropdown(
                sets, value=sets[0][1] if sets else None, label=T("help_data"), elem_id="help_data"
            )
            limit = gr.Slider(50, 5000, 500, step=50, label=T("help_limit"), elem_id="help_limit")
        go = gr.Button(T("help_go"), elem_id="help_go", interactive=bool(worker.max_runs()))
        table = gr.Dataframe(
            label=T("help_table"), interactive=False, elem_id="help_table", visible=False
        )
        chart = gr.LinePlot(
            charts.overlay([], ""), x="seconds", y="value", color="run", height=260, y_title=" ",
            color_map=charts.PALETTE, colors_in_legend=[], y_axis_format=",.3~f",
            label=T("help_chart"), elem_id="help_chart", visible=False,
        )  # fmt: skip
        key = gr.Markdown(elem_classes="quiet", elem_id="help_key")
    shown, seen = [table, chart, key], gr.State(None)
    look = {"fn": bind(_look, workspace), "inputs": seen, "outputs": [*shown, seen], **QUIET}
    timer = gr.Timer(TICK, active=False)
    timer.tick(trigger_mode="always_last", **look)
    tab.select(lambda: gr.Timer(active=True), None, timer, **QUIET)
    go.click(bind(start, workspace), [board, kind, data, limit], None, **QUIET).success(**look)


def choices() -> list[tuple[str, str]]:
    """Return the small sets with classes that need no network, Fashion-MNIST first and those that
    a quick model paints last.
    """
    here = [n for n in available() if DATASETS[n].size == 32 and not DATASETS[n].domains]
    here.sort(key=lambda n: n != "fashion_mnist")
    return [(title_of(n), n) for n in [*here, *(p.name for p in sample_models() if p.quick)]]


def start(workspace: Workspace, given: str, kind: str, data: str | None, limit: float) -> None:
    """Queue the runs of an experiment, one an arm."""
    if not data or data not in [name for _, name in choices()]:
        raise BadValue("data: choose a set that is here; train.py --download fetches some.")
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 2 <= limit <= 50_000:
        raise BadValue(f"how many: “{str(limit)[:40]}” cannot be used; take 2 to 50,000.")
    pipeline = augment.data(augment.parse(given))
    if not pipeline:
        raise BadValue("pipeline: it is empty, so both would be the same; add a step.")
    arms = experiment.plans(kind, data, pipeline, limit=int(limit))
    called = experiment.names(arms)
    for arm, plan in arms.items():
        worker.submit(workspace.root, plan, name=called[arm])
    workspace.workers.ensure()


def _look(workspace: Workspace, seen: Any, request: gr.Request) -> list[Any]:
    """Return the results of the newest experiment where they have changed since `seen`."""
    views = look(workspace)
    now = [[v.name, v.status, v.log.count] for v in views.values()]
    if now == (seen or []):
        return [gr.skip()] * 4
    table, curves, key = results(views, language_of(request))
    there = bool(views)
    return [gr.Dataframe(table, visible=there), gr.LinePlot(curves, visible=there), key, now]


def look(workspace: Workspace) -> dict[str, RunView]:
    """Return the runs of the newest experiment by arm."""
    return {
        arm: workspace.monitor.view(name)
        for arm, name in experiment.newest(workspace.root).items()
    }


def results(views: dict[str, RunView], language: str) -> tuple[pd.DataFrame, pd.DataFrame, str]:
    """Return a table of the arms, their curves, and which colour is which."""
    rows = []
    for arm, view in views.items():
        found = experiment.results(kind_of(view.plan), view.log)
        rows.append(
            {
                say("help_arm", language): say(f"help_{arm}", language),
                "status": view.status,
                "step": view.log.step,
                **{name: round(value, 3) for name, value in found.items()},
            }
        )
    kind = kind_of(next(iter(views.values())).plan) if views else "classifier"
    curves = charts.overlay(list(views.values()), experiment.SCORE[kind])
    keys = zip(charts.PALETTE.values(), views, strict=False)
    key = " &nbsp; ".join(
        f'<span class="key-{colour[1:]}">■</span> {say(f"help_{arm}", language)}'
        for colour, arm in keys
    )
    return pd.DataFrame(rows), curves, key


def kind_of(plan: TrainPlan) -> experiment.Experiment:
    """Return which experiment a plan is of."""
    return "classifier" if plan.method == "classifier" else "gan"
