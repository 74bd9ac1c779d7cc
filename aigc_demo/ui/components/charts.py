"""Tables of the charts of training runs."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import Any

import pandas as pd

from aigc_demo.training.run_monitor import Point, RunView

BINS = 24
MISSING = math.nan
BLUE, ORANGE, GREY = "#4c6ef5", "#f08c00", "#868e96"
GREEN, VIOLET = "#2f9e44", "#9c36b5"
COLOURS = {
    **dict.fromkeys(("generator", "loss", "reconstruction", "model", "precision", "fake"), BLUE),
    **dict.fromkeys(("discriminator", "divergence", "recall", "real"), ORANGE),
    **dict.fromkeys(("cycle", "l1"), GREEN),
    **dict.fromkeys(("identity", "matching"), VIOLET),
    "baseline": GREY,
}
PALETTE = {
    "A": BLUE,
    "B": ORANGE,
    "C": GREEN,
    "D": "#e03131",
    "E": VIOLET,
    "F": "#0c8599",
    "G": "#66a80f",
    "H": GREY,
}


def curves(series: dict[str, list[Point]], *, scale: float = 1.0) -> pd.DataFrame:
    """Return one row a point: step, value and the name of the curve."""
    rows = [(int(s), v * scale, name) for name, points in series.items() for s, v in points]
    return pd.DataFrame(_with_all(rows, COLOURS), columns=["step", "value", "curve"])


def _with_all(rows: list[tuple[Any, ...]], names: Iterable[str]) -> list[tuple[Any, ...]]:
    """Add a missing point to each curve that there may be: a chart fixes its curves when it is
    first drawn, and one that is empty loses its place.
    """
    return [*rows, *((rows[0][0] if rows else 0, MISSING, name) for name in names)]


def legend(names: dict[str, str]) -> str:
    """Return a line that says which colour is what; `names` are curves and what they show."""
    parts = [f'<span class="key-{COLOURS[c][1:]}">■</span> {text}' for c, text in names.items()]
    return " &nbsp; ".join(parts)


def score(view: RunView, kind: str, *, scale: float = 1.0) -> pd.DataFrame:
    """Return a score over the run, with the real-data baseline as a level curve."""
    _, points, baseline = view.score(kind)
    found = {"model": points}
    if points and baseline is not None:
        found["baseline"] = [(0, baseline), (points[-1][0], baseline)]
    return curves(found, scale=scale)


def precision_recall(view: RunView) -> pd.DataFrame:
    """Return precision and recall over the run."""
    return curves({kind: view.score(kind)[1] for kind in ("precision", "recall")})


def logits(view: RunView) -> pd.DataFrame:
    """Return histograms of the discriminator's logits for real and for fake pictures."""
    values = [v for each in view.log.logits.values() for v in each]
    columns = ["logit", "pictures", "kind"]
    if not values:
        return pd.DataFrame(_with_all([], ("real", "fake")), columns=columns)
    low, high = min(values), max(values)
    width = max((high - low) / BINS, 1e-3)
    rows = []
    for kind, each in view.log.logits.items():
        counts = [0] * (BINS + 1)
        for v in each:
            counts[int((v - low) / width)] += 1
        rows += [(round(low + (i + 0.5) * width, 3), n, kind) for i, n in enumerate(counts)]
    return pd.DataFrame(rows, columns=columns)


# --- Comparison ----------------------------------------------------------------------------------


def overlay(views: list[RunView], kind: str) -> pd.DataFrame:
    """Return one curve a run of a score, or of a loss, over the seconds of the run; the curves
    are called as in PALETTE.
    """
    rows = []
    for view, letter in zip(views, PALETTE, strict=False):
        points = view.score(kind)[1] or view.metric(kind)
        seconds = dict(view.log.seconds)
        clock, now = sorted(seconds), 0.0
        for step, value in points:
            while clock and clock[0] <= step:
                now = seconds[clock.pop(0)]
            rows.append((round(now, 1), value, letter))
    return pd.DataFrame(_with_all(rows, PALETTE), columns=["seconds", "value", "run"])


def table(views: list[RunView]) -> pd.DataFrame:
    """Return one row a run: its settings and its last scores."""
    rows = []
    for view in views:
        plan, log = view.plan, view.log
        row = {
            "run": view.name,
            "status": view.status,
            "method": plan.method,
            "data": plan.data,
            "steps": log.step,
            "seconds": round(log.elapsed, 1),
            "batch": plan.batch,
            "lr": plan.lr,
            "ema": plan.ema,
            "seed": plan.seed,
        }
        row |= {k: str(v) for k, v in plan.config.items()}
        row |= {name: round(v, 4) for name, v in view.last_scores().items()}
        rows.append(row)
    found = pd.DataFrame(rows)
    scored = [c for c in found.columns if re.search(r"_(compact|inception)_", c)]
    return found[[c for c in found.columns if c not in scored] + sorted(scored)]
