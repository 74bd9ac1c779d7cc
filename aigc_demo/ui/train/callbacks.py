"""What the Train tab does when something is clicked: plain functions of the workspace and the
controls' values.
"""

from __future__ import annotations

import io
import zipfile

from aigc_demo.data import DATASETS, available, fallback, title_of
from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.requests import GenerateRequest
from aigc_demo.training import run_control, runs, worker
from aigc_demo.training.run_monitor import RunView
from aigc_demo.ui.components.workspace import Workspace
from aigc_demo.ui.i18n import say
from aigc_demo.ui.server.handlers import downloadable
from aigc_demo.ui.train.form import Form, plan_of

ICONS = {
    "waiting": "…",
    "training": "▶",
    "paused": "‖",
    "done": "✓",
    "stopped": "■",
    "diverged": "⚠",
    "failed": "✗",
    "interrupted": "⚠",
}


def start(workspace: Workspace, form: Form) -> str:
    """Queue a run and return its name; a warm worker begins at once."""
    plan = plan_of(form)
    source = DATASETS.get(form.data)
    if form.download is not True and source and form.data not in available():
        how = "tick the download below" if source.torchvision else "copy its zip into the folder"
        other = fallback(form.data)
        raise BadValue(f"data: {form.data} is not here yet; {how}, or choose {other}.")
    directory = worker.submit(workspace.root, plan, download=form.download is True)
    workspace.workers.ensure()
    return directory.name


# --- A run ---------------------------------------------------------------------------------------


def steer(workspace: Workspace, name: str | None, what: str) -> None:
    """Ask a run to pause, resume, slow down, make one step, stop, or vanish."""
    directory = workspace.directory(name)
    alive = runs.is_alive(directory)
    if what == "resume" and not alive:
        runs.read_plan(directory)
        run_control.set_pace(directory, "run")
        worker.enqueue(directory)
        workspace.workers.ensure()
    elif what == "resume":
        run_control.set_pace(directory, "run")
    elif what in ("pause", "slow"):
        run_control.set_pace(directory, what)
    elif what == "stop":
        runs.stop(directory)
    elif what == "discard":
        runs.discard(directory)
    else:
        run_control.grant_step(directory, None if what == "both" else what)


def choices(views: list[RunView]) -> list[tuple[str, str]]:
    """Return what the picker of runs shows, and their names."""
    return [(f"{ICONS[v.status]} {title(v)}", v.name) for v in views]


def title(view: RunView) -> str:
    """Return a line about a run: when, what and of what."""
    method = METHODS[view.plan.method].title if view.plan.method in METHODS else view.plan.method
    stamp = view.name[:15]
    when = f"{stamp[9:11]}:{stamp[11:13]}" if stamp[:8].isdigit() and len(stamp) > 12 else ""
    return " · ".join(filter(None, [when or view.name, title_of(view.plan.data), method]))


def status_line(view: RunView, language: str) -> str:
    """Return how a run is doing, in words."""
    log, state = view.log, view.status
    key = "status_slow" if view.slow else f"status_{state}"
    if state == "training" and not log.series:
        key = "status_painting" if view.plan.data.startswith("generated:") else "status_starting"
    words = [f"{ICONS[state]} **{say(key, language, position=view.position)}**"]
    if view.message:
        words.append(view.message)
    if log.step:
        words.append(
            say(
                "status_line",
                language,
                step=f"{log.step:,}",
                elapsed=budget(view),
                speed=f"{log.speed:,.0f}",
            )
        )
    if view.left is not None:
        words.append(say("status_left", language, left=clock(view.left)))
    if log.scoring and log.elapsed > 60:  # the first time, real pictures are looked at too
        share = f"{log.scoring / log.elapsed:.0%}"
        words.append(say("status_scoring", language, share=share))
    return " · ".join(words)


def budget(view: RunView) -> str:
    """Return the time that has passed, and the budget."""
    if view.plan.seconds:
        return f"{clock(view.log.elapsed)} / {clock(view.plan.seconds)}"
    return clock(view.log.elapsed)


def clock(seconds: float) -> str:
    """Write seconds as minutes:seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"


def frame(workspace: Workspace, view: RunView, position: int) -> str | None:
    """Return the file of the preview at `position` (from 1) of the film."""
    previews = view.log.previews
    if not previews:
        return None
    step, path = previews[min(max(position, 1), len(previews)) - 1]
    try:
        content = (workspace.root / view.name / path).read_bytes()
    except OSError:
        return None
    return downloadable(content, f"{view.name}-{step}.png")


# --- Its model -----------------------------------------------------------------------------------


def use(workspace: Workspace, name: str | None) -> GenerateRequest:
    """Return a request to the model of a run."""
    return GenerateRequest(model=workspace.model(name))


def pack(workspace: Workspace, name: str | None) -> str:
    """Return the path of a zip of a run's model: weights and card."""
    directory = workspace.saved(name)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for file in sorted((directory / "model").glob("[a-z]*")):
            archive.write(file, f"{directory.name}/{file.name}")
    return downloadable(out.getvalue(), f"{directory.name}.zip")
