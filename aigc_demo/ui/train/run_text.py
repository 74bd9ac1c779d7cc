"""A run in words."""

from __future__ import annotations

import re

from aigc_demo.data import title_of
from aigc_demo.methods import METHODS
from aigc_demo.training.run_monitor import RunView
from aigc_demo.ui.components.pictures import literal
from aigc_demo.ui.i18n import say

STAMP = re.compile(r"\d{8}-\d{6}$")  # how the name of a run begins
AGAIN = re.compile(r"-(\d{1,3})$")
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


def choices(views: list[RunView]) -> list[tuple[str, str]]:
    """Return the choices of the dropdown of runs: a line, and the name."""
    return [(f"{ICONS[v.status]} {title(v)}", v.name) for v in views]


def title(view: RunView) -> str:
    """Return a line about a run: its title or when it began, its data set and its method."""
    method = METHODS[view.plan.method].title if view.plan.method in METHODS else view.plan.method
    stamp = view.name[:15]
    when = f"{stamp[9:11]}:{stamp[11:13]}:{stamp[13:]}" if STAMP.match(stamp) else view.name
    again = AGAIN.search(view.name)  # of several that began in the same second
    when += f" ({again[1]})" if again and STAMP.match(stamp) else ""
    return " · ".join([view.plan.title or when, title_of(view.plan.data), method])


def status_line(view: RunView, language: str) -> str:
    """Return how a run is doing: its state, step, speed and time left."""
    log, state = view.log, view.status
    key = "status_slow" if view.slow else f"status_{state}"
    if state == "training" and not log.series:
        key = "status_painting" if view.plan.data.startswith("generated:") else "status_starting"
    parts = [f"{ICONS[state]} **{say(key, language, position=view.position)}**"]
    if view.message:
        parts.append(literal(view.message))
    if log.step:
        budget = f" / {clock(view.plan.seconds)}" if view.plan.seconds else ""
        numbers = {"step": f"{log.step:,}", "speed": f"{log.speed:,.0f}"}
        elapsed = clock(log.elapsed) + budget
        parts.append(say("status_line", language, elapsed=elapsed, **numbers))
    if view.left is not None:
        parts.append(say("status_left", language, left=clock(view.left)))
    if log.scoring and log.elapsed > 60:  # the first time, real pictures are scored too
        share = f"{log.scoring / log.elapsed:.0%}"
        parts.append(say("status_scoring", language, share=share))
    return " · ".join(parts)


def clock(seconds: float) -> str:
    """Write seconds as minutes:seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
