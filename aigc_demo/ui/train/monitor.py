"""What a tick of the Train tab shows: one look at the run that is chosen, and comparisons."""

from __future__ import annotations

from typing import Any

import gradio as gr

from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.training.run_monitor import RunView, warnings
from aigc_demo.ui.components import charts
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import TEXTS, language_of, say
from aigc_demo.ui.server.handlers import downloadable
from aigc_demo.ui.train import callbacks as training

PICTURES = ("status", "warnings", "picture", "film", "rows", "use_note", "model_file")
CHARTS = (
    *("losses", "losses_note", "fid", "score_note", "kid", "recall", "recall_note"),
    *("fid_part", "variety_part", "outputs_title", "outputs", "outputs_note", "speed", "norm"),
)
BUTTONS = (
    *("pause", "resume", "slow", "step_both", "step_discriminator", "step_generator"),
    *("stop", "discard", "sure", "use", "use_translate", "download_model"),
)
ACTIVE = ("training", "paused", "waiting")


def look(
    workspace: Workspace,
    name: str | None,
    position: int | None,
    seen: dict[str, Any] | None,
    request: gr.Request,
) -> list[Any]:
    """Return updates of everything that has changed since `seen`, and what is seen now."""
    views = workspace.reader.views()
    if name and name not in {v.name for v in views}:  # it has just been started
        views = workspace.reader.views(fresh=True)
    view = _chosen(views, name)
    if seen is None or any(v.status in ("waiting", "training") for v in views):
        workspace.workers.ensure()  # warm when the page opens, and again where one has died
    language = language_of(request)
    seen = seen or {}
    listed = [[v.name, v.status] for v in views]
    picked = training.choices(views)
    everybody = [gr.skip(), gr.skip()]
    if seen.get("listed") != listed or (view and view.name != name):
        scored = [(label, run) for label, run in picked if _has_curves(views, run)]
        # A look that began before another run was chosen must not choose the old one again.
        same = view is not None and view.name == name
        runs = gr.Dropdown(picked) if same else gr.Dropdown(picked, value=view and view.name)
        everybody = [runs, gr.CheckboxGroup(scored)]
    if view is None:
        empty = {"status": say("no_runs", language)} if seen.get("run", "") is not None else {}
        return [*everybody, *_panel(empty), *_skips(CHARTS), *_buttons(None), {"run": None}]
    now = {
        "run": view.name,
        "listed": listed,
        "count": view.log.count,
        "status": view.status,
        "slow": view.slow,
        "saved": view.log.saved,
        "place": view.position,
        "frames": len(view.log.previews),
        "scores": sum(map(len, view.log.scores.values())) + len(view.log.reasons),
    }
    if now == seen:
        return [*everybody, *_skips(PICTURES), *_skips(CHARTS), *_skips(BUTTONS), gr.skip()]
    same = seen.get("run") == view.name
    panel = _of_run(workspace, view, language, position, seen if same else {})
    new = not same or seen.get("scores") != now["scores"]
    drawn = _drawn(view, scores=new, language=language, first=not same)
    buttons = _buttons(view)
    if same and all(seen.get(what) == now[what] for what in ("status", "slow", "saved")):
        buttons = _skips(BUTTONS)
    return [*everybody, *_panel(panel), *drawn, *buttons, now]


def _chosen(views: list[RunView], name: str | None) -> RunView | None:
    """Return the run called `name`, else one that is active, else the newest."""
    by_name = {v.name: v for v in views}
    active = [v for v in views if v.status in ACTIVE]
    return by_name.get(name or "") or next(iter([*active[::-1], *views]), None)


def _has_curves(views: list[RunView], name: str) -> bool:
    return any(v.name == name and v.log.series for v in views)


def _skips(names: tuple[str, ...]) -> list[Any]:
    return [gr.skip() for _ in names]


def _panel(updates: dict[str, Any]) -> list[Any]:
    return [updates.get(name, gr.skip()) for name in PICTURES]


def _of_run(
    workspace: Workspace, view: RunView, language: str, position: int | None, seen: dict[str, Any]
) -> dict[str, Any]:
    """Return updates of the panel; the film follows the run unless somebody has gone back."""
    updates: dict[str, Any] = {"status": training.status_line(view, language)}
    words = [f"⚠ {say(f'warn_{key}', language)}" for key in warnings(view)]
    updates["warnings"] = gr.Markdown("\n\n".join(words), visible=bool(words))
    updates["use_note"] = gr.Markdown(visible=view.log.saved)
    key = f"rows_{view.plan.method}"
    key = key if key in TEXTS else "rows_generate" if _scored(view) else ""
    rows = say(key, language) if key and view.log.previews else ""
    updates["rows"] = gr.Markdown(rows, visible=bool(rows))
    frames, before = len(view.log.previews), seen.get("frames", 0)
    if frames != before or not seen:
        following = not seen or position is None or position >= before
        place = frames if following else position
        updates["film"] = gr.Slider(
            minimum=1, maximum=max(frames, 2), value=max(place, 1), visible=frames > 1
        )
        if following:
            updates["picture"] = training.frame(workspace, view, place)
    return updates


def _drawn(view: RunView, *, scores: bool, language: str, first: bool) -> list[Any]:
    """Return updates of the charts; scores come more rarely than steps."""
    updates: dict[str, Any] = {
        "losses": charts.curves(view.losses()),
        "speed": charts.curves({"model": view.metric("images_per_second")}),
        "norm": charts.curves({"model": view.metric("grad_norm")}),
    }
    duel = bool(METHODS[view.plan.method].parts) if view.plan.method in METHODS else False
    scored = _scored(view)
    if first:
        updates["fid_part"] = gr.Column(visible=scored)
        updates["variety_part"] = gr.Row(visible=scored)
        updates["outputs"] = gr.BarPlot(charts.outputs(view), visible=duel)
        updates["outputs_title"] = updates["outputs_note"] = gr.Markdown(visible=duel)
    elif duel:
        updates["outputs"] = charts.outputs(view)
    names = {name: name for name in view.losses() if name in charts.COLOURS}
    note = [charts.legend(names)]
    if "discriminator" in names:
        note.append(say("losses_note", language))
    if not scored:
        note.append(say("scores_none", language))
    updates["losses_note"] = "\n\n".join(note)
    if scores and scored:
        updates["fid"] = charts.score(view, "fid")
        updates["kid"] = charts.score(view, "kid", scale=1000)
        updates["recall"] = charts.variety(view)
        missing = [r for r in (view.reason("fid"), view.reason("kid")) if r]
        note = [charts.legend(_names(view)), say("scores_note", language)]
        note += [f"n/a: {reason}" for reason in dict.fromkeys(missing)]
        updates["score_note"] = "\n\n".join(note)
        updates["recall_note"] = charts.legend({"precision": "precision", "recall": "recall"})
    return [updates.get(name, gr.skip()) for name in CHARTS]


def _scored(view: RunView) -> bool:
    """Tell whether a run makes pictures from noise, and so has scores and rows of classes."""
    method = METHODS.get(view.plan.method)
    return method is None or method.task == "generate"


def _names(view: RunView) -> dict[str, str]:
    """Return what the curves of the score charts are called: the scores' full names."""
    found = [view.score(kind)[0] for kind in ("fid", "kid")]
    return {"model": ", ".join(filter(None, found)) or "FID, KID", "floor": "floor"}


def _buttons(view: RunView | None) -> list[Any]:
    """Show the buttons that do something now."""
    state = view.status if view else ""
    method = METHODS.get(view.plan.method) if view else None
    parts = method.parts if method else ()
    paints, turns = (
        method is not None and method.task == task for task in ("generate", "translate")
    )
    going, held = state == "training", state == "paused"
    visible = {
        "pause": going,
        "resume": held or (view is not None and view.slow) or state in ("interrupted", "stopped"),
        "slow": (going and not view.slow) or held,
        "step_both": held,
        "step_discriminator": held and "discriminator" in parts,
        "step_generator": held and "generator" in parts,
        "stop": state in ACTIVE,
        "discard": view is not None,
        "use": paints and view is not None and view.log.saved,
        "use_translate": turns and view is not None and view.log.saved,
        "download_model": view is not None and view.log.saved,
    }
    return [gr.skip() if n == "sure" else gr.Button(visible=visible[n]) for n in BUTTONS]


def rewind(workspace: Workspace, name: str | None, position: int) -> str | None:
    """Return the preview at `position` of the film."""
    if not name:
        raise BadValue("run: none is chosen; start one or choose one.")
    return training.frame(workspace, workspace.reader.view(name), int(position or 1))


def compare(workspace: Workspace, names: list[str], kind: str) -> list[Any]:
    """Return a curve of each run, a table of settings and scores, and that table as a file."""
    views = [workspace.reader.view(name) for name in names or []]
    if not views:
        return [charts.overlay([], kind), "", None, None]
    if len(views) > len(charts.PALETTE):
        raise BadValue(f"runs: {len(views)} are chosen; compare {len(charts.PALETTE)} at most.")
    table = charts.table(views)
    file = downloadable(table.to_csv(index=False).encode(), "runs.csv")
    key = " &nbsp; ".join(
        f'<span class="key-{colour[1:]}">■</span> {training.title(v)}'
        for v, colour in zip(views, charts.PALETTE.values(), strict=False)
    )
    return [charts.overlay(views, kind), key, table, file]
