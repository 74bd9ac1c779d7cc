"""What the Train tab shows of its runs: once a second the one that is chosen, and comparisons."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.training import admission
from aigc_demo.training.run_monitor import RunView
from aigc_demo.ui.components import charts
from aigc_demo.ui.components.pictures import literal
from aigc_demo.ui.components.workspace import RECORDED, Workspace
from aigc_demo.ui.i18n import TEXTS, language_of, say
from aigc_demo.ui.server.handlers import Updates, downloadable
from aigc_demo.ui.train import run_text

ACTIVE = ("training", "paused", "waiting")


def look(
    workspace: Workspace,
    run: str | None,
    position: int | None,
    seen: dict[str, Any] | None,
    armed: str | None,
    request: gr.Request,
) -> Updates:
    """Return updates of all that has changed since `seen`, and what is seen now.

    A run that is missing was discarded: by this page, where it is the one that was `armed`, which
    then shows another; else by somebody else, and the page says so.
    """
    views = workspace.watchable()
    if run == RECORDED.name and run not in {v.name for v in views}:
        run = None  # somebody has started one
    if run and run not in {v.name for v in views}:  # it has just been started
        views = workspace.watchable(fresh=True)
    if seen is None or any(v.status in ("waiting", "training") for v in views):
        workspace.workers.ensure()  # warm when the page opens, and again where one has died
    seen, language = seen or {}, language_of(request)
    missing = bool(run) and run not in {v.name for v in views}
    gone = missing and run != armed or not run and seen.get("gone", False)
    view = None if gone else _chosen(views, run)
    now = _snapshot(view, views) | ({"gone": True} if gone else {})
    updates: Updates = {}
    if seen.get("listed") != now["listed"] or run != (view and view.name):
        updates = _list_updates(views, view, run)
    if now == seen:
        return updates
    updates["seen"] = now
    if view is None:
        status = "run_gone" if gone else no_runs()
        return updates | {"status": say(status, language)} | _nothing_shown(workspace)
    before = seen if seen.get("run") == view.name else {}
    updates |= _panel_updates(workspace, view, language, position, before.get("frames"))
    new_scores = before.get("scores") != now["scores"]
    updates |= _chart_updates(view, language, first=not before, new_scores=new_scores)
    if any(before.get(key) != now[key] for key in ("status", "slow", "saved")):
        updates |= _button_updates(workspace, view)
    if view.name == RECORDED.name:
        words = [say(no_runs(), language), say("recorded", language)]
        updates["status"] = "\n\n".join([" ".join(words), updates["status"]])
    return updates


def _chosen(views: list[RunView], run: str | None) -> RunView | None:
    """Return the run called `run`, else one that is active, else the newest."""
    by_name = {v.name: v for v in views}
    active = [v for v in views if v.status in ACTIVE]
    return by_name.get(run or "") or next(iter([*active[::-1], *views]), None)


def no_runs() -> str:
    """Return the key of what is said where there are no runs."""
    return "no_runs" if admission.max_runs() else "no_runs_off"


def _nothing_shown(workspace: Workspace) -> Updates:
    """Return updates that take a run off the page."""
    charts = ("losses", "fid", "kid", "recall", "outputs", "speed", "norm", "picture")
    hidden = ("warnings", "use_note", "rows")
    return {
        **dict.fromkeys(charts),
        **{name: gr.Markdown(visible=False) for name in hidden},
        **dict.fromkeys(("losses_note", "score_note", "recall_note", "outputs_note"), ""),
        "film": gr.Slider(visible=False),
        **_button_updates(workspace, None),
    }


def _snapshot(view: RunView | None, views: list[RunView]) -> dict[str, Any]:
    """Return what the updates depend on: where it is the same, there are none."""
    listed = [[v.name, v.status] for v in views]
    if view is None:
        return {"run": None, "listed": listed}
    log = view.log
    return {
        "run": view.name,
        "listed": listed,
        "count": log.count,
        "status": view.status,
        "slow": view.slow,
        "saved": log.saved,
        "position": view.position,
        "frames": len(log.previews),
        "scores": sum(map(len, log.scores.values())) + len(log.reasons),
    }


def _list_updates(views: list[RunView], view: RunView | None, run: str | None) -> Updates:
    """Return the runs to choose from, and those that can be compared."""
    choices = run_text.choices(views)
    curves = {v.name for v in views if v.log.series}
    # A look that began before another run was chosen must not choose the old one again.
    value = {} if view and view.name == run else {"value": view and view.name}
    return {
        "run": gr.Dropdown(choices, **value),
        "compare_pick": gr.CheckboxGroup([c for c in choices if c[1] in curves]),
    }


def _panel_updates(
    workspace: Workspace, view: RunView, language: str, position: int | None, before: int | None
) -> Updates:
    """Return the state and the timelapse, which had `before` frames; it follows the run unless
    somebody has gone back.
    """
    alerts = [f"⚠ {say(f'warn_{key}', language)}" for key in view.diagnoses()]
    key = f"rows_{view.plan.method}"
    key = key if key in TEXTS["en"] else "rows_generate" if _is_scored(view) else ""
    rows = say(key, language) if key and view.log.previews else ""
    updates: Updates = {
        "status": run_text.status_line(view, language),
        "warnings": gr.Markdown("\n\n".join(alerts), visible=bool(alerts)),
        "use_note": gr.Markdown(visible=view.log.saved),
        "rows": gr.Markdown(rows, visible=bool(rows)),
    }
    frames = len(view.log.previews)
    if frames != before:
        follows = before is None or position is None or position >= before
        position = frames if follows else position
        updates["film"] = gr.Slider(
            minimum=1, maximum=max(frames, 2), value=max(position, 1), visible=frames > 1
        )
        if follows:
            updates["picture"] = _preview(workspace, view, position)
    return updates


def _chart_updates(view: RunView, language: str, *, first: bool, new_scores: bool) -> Updates:
    """Return the charts; scores come less often than steps."""
    method, scored = METHODS.get(view.plan.method), _is_scored(view)
    adversarial = bool(method and method.parts)
    losses = view.losses()
    notes = [charts.legend(list(losses), language)]
    notes += [say("losses_note", language)] if "discriminator" in losses else []
    notes += [] if scored else [say("scores_none", language)]
    updates: Updates = {
        "losses": charts.curves(losses, say("chart_losses", language), language),
        "losses_note": "\n\n".join(notes),
    }
    for chart, metric in (("speed", "images_per_second"), ("norm", "grad_norm")):
        series = {"model": view.metric(metric)}
        updates[chart] = charts.curves(series, say(f"chart_{chart}", language), language)
    if first:
        updates["variety_part"] = gr.Row(visible=scored)
        updates["outputs_part"] = gr.Column(visible=adversarial)
        updates["outputs_note"] = charts.legend(["real", "fake"], language)
    if first and not scored:
        updates["fid_part"] = gr.Column(visible=False)
    if adversarial:
        updates["outputs"] = charts.logits(view, language)
    return updates | (_score_updates(view, language) if scored and new_scores else {})


def _score_updates(view: RunView, language: str) -> Updates:
    """Return the charts of scores, those hidden that the run cannot have, and why it cannot."""
    updates: Updates = {
        "fid": charts.score(view, "fid", language),
        "kid": charts.score(view, "kid", language),
        "recall": charts.precision_recall(view, language),
        "recall_note": charts.legend(["precision", "recall"], language),
    }
    missing = {kind: view.reason(kind) for kind in ("fid", "kid", "recall")}
    for kind, reason in missing.items():
        updates[f"{kind}_part"] = gr.Column(visible=not reason or updates[kind] is not None)
    if missing["fid"] and not updates["fid"]:  # the reasons stand below it
        updates["fid_part"] = gr.Column(visible=True)
    notes = [charts.legend(["model", "baseline"], language), say("scores_note", language)]
    notes += [f"n/a: {literal(reason)}" for reason in dict.fromkeys(missing.values()) if reason]
    return updates | {"score_note": "\n\n".join(notes)}


def _is_scored(view: RunView) -> bool:
    """Return whether a run makes pictures from noise, and so has scores and rows of classes."""
    method = METHODS.get(view.plan.method)
    return method is None or method.task == "generate"


def _button_updates(workspace: Workspace, view: RunView | None) -> Updates:
    """Show the buttons that can be used now, by who asks."""
    method = METHODS.get(view.plan.method) if view else None
    parts, task = (method.parts, method.task) if method else ((), "")
    state, slow = (view.status, view.slow) if view else ("", False)
    saved, paused = view is not None and view.log.saved, state == "paused"
    mine = view is not None and workspace.may_steer(view)
    steering = {
        "pause": state == "training",
        "resume": slow or state in ("paused", "interrupted", "stopped"),
        "slow": paused or (state == "training" and not slow),
        "step_both": paused,
        "step_discriminator": paused and "discriminator" in parts,
        "step_generator": paused and "generator" in parts,
        "stop": state in ACTIVE,
        "discard": view is not None,
        "download_model": saved,
    }
    visible = {name: mine and value for name, value in steering.items()} | {
        "use": saved and task == "generate",
        "use_translate": saved and task == "translate",
    }
    return {name: gr.Button(visible=value) for name, value in visible.items()}


def rewind(workspace: Workspace, run: str | None, position: int) -> Updates:
    """Show the preview at `position` (from 1) of the timelapse."""
    view = workspace.view(workspace.directory(run).name)
    return {"picture": _preview(workspace, view, int(position or 1))}


def _preview(workspace: Workspace, view: RunView, position: int) -> str | None:
    """Return the file of the preview at `position` (from 1), or None where there is none."""
    previews = view.log.previews
    if not previews:
        return None
    step, path = previews[min(max(position, 1), len(previews)) - 1]
    try:
        content = (workspace.directory(view.name) / path).read_bytes()
    except OSError:
        return None
    return downloadable(content, f"{view.name}-{step}{Path(path).suffix}")


def compare(
    workspace: Workspace, runs: list[str] | None, curve: str, request: gr.Request
) -> Updates:
    """Return a curve of each run, a table of settings and scores, and that table as a file."""
    views, language = [workspace.view(name) for name in runs or []], language_of(request)
    if not views:
        return {"plot": None, "key": "", "table": None, "csv": None}
    if len(views) > len(charts.PALETTE):
        raise BadValue(f"runs: {len(views)} are chosen; compare {len(charts.PALETTE)} at most.")
    table, titles = charts.table(views), [run_text.title(v) for v in views]
    key = " &nbsp; ".join(
        f'<span class="key-{colour[1:]}">■</span> {literal(title)}'
        for title, colour in zip(titles, charts.PALETTE, strict=False)
    )
    if not charts.comparable(views, curve):
        key += "\n\n⚠ " + say("compare_unequal", language)
    return {
        "plot": charts.overlay(views, titles, curve, language),
        "key": key,
        "table": table,
        "csv": downloadable(table.to_csv(index=False).encode(), "runs.csv"),
    }
