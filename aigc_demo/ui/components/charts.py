"""The charts of training runs: losses, scores, logits, and comparisons of runs."""

from __future__ import annotations

import re
from statistics import median

import pandas as pd
from gradio.components.plot import PlotData

from aigc_demo.training.run_monitor import Point, RunView
from aigc_demo.ui.components import vega_lite
from aigc_demo.ui.components.pictures import literal
from aigc_demo.ui.components.vega_lite import BLUE, GREY, Curve, Level
from aigc_demo.ui.i18n import TEXTS, say

BINS = 16
OUTLIER = 8  # times the median: what is beyond leaves the chart rather than flatten it
ORANGE, GREEN, VIOLET = "#f08c00", "#2f9e44", "#9c36b5"
COLOURS = {
    **dict.fromkeys(("generator", "loss", "reconstruction", "model", "precision", "fake"), BLUE),
    **dict.fromkeys(("discriminator", "divergence", "recall", "real", "sketch"), ORANGE),
    **dict.fromkeys(("cycle", "l1"), GREEN),
    **dict.fromkeys(("identity", "matching", "psnr"), VIOLET),
    "baseline": GREY,
}
PALETTE = [BLUE, ORANGE, GREEN, "#e03131", VIOLET, "#0c8599", "#66a80f", GREY]


def name(curve: str, language: str) -> str:
    """Return the name of a curve in the language of the person."""
    key = f"curve_of_{curve}"
    return say(key, language) if key in TEXTS["en"] else curve


def legend(names: list[str], language: str) -> str:
    """Return a line that says which colour is which curve."""
    parts = [
        f'<span class="key-{COLOURS.get(n, BLUE)[1:]}">■</span> {literal(name(n, language))}'
        for n in names
    ]
    return " &nbsp; ".join(parts)


def curves(series: dict[str, list[Point]], y: str, language: str) -> PlotData | None:
    """Return curves over the steps of a run, from 0 up; single outliers leave the chart."""
    drawn = [Curve(name(n, language), COLOURS.get(n, BLUE), p) for n, p in series.items()]
    values = sorted(v for curve in drawn for _, v in curve.points)
    low, high = (min(0, values[0]), max(0, values[-1])) if values else (0, 1)
    usual = OUTLIER * median(map(abs, values)) if values else 0
    if values and sum(abs(v) > usual for v in values) <= len(values) / 50:
        low, high = max(low, -usual), min(high, usual)
    step = say("axis_step", language)
    return vega_lite.lines(drawn, x=step, y=y, bounds=(low, high) if high > low else None)


# --- Scores --------------------------------------------------------------------------------------


def score_title(score: str) -> str:
    """Return what a score called “kid_compact_500” is, with its extractor and N."""
    kind, _, rest = score.partition("_")
    extractor, _, n = rest.rpartition("_")
    shown = {"fid": "FID", "kid": "KID × 1000", "is": "IS"}.get(kind, kind)
    return f"{shown} ({extractor}, N = {n})" if extractor else shown


def score(view: RunView, kind: str, language: str) -> PlotData | None:
    """Return a score over the run, on a logarithmic axis, and what real pictures score."""
    found, points, baseline = view.score(kind)
    scale = 1000 if kind == "kid" else 1
    points = [(step, value * scale) for step, value in points]
    levels = []
    if baseline is not None:
        real = f"{name('baseline', language)} {baseline * scale:.3g}"
        levels.append(Level(real, baseline * scale))
    values = [v for _, v in points] + [level.value for level in levels]
    positive = bool(values) and min(values) > 0  # an unbiased KID may be below 0
    return vega_lite.lines(
        [Curve(name("model", language), BLUE, points)],
        x=say("axis_step", language),
        y=score_title(found),
        levels=levels,
        scale="log" if positive else "symlog",
    )


def precision_recall(view: RunView, language: str) -> PlotData | None:
    """Return precision and recall over the run, and those of real pictures."""
    drawn, levels, titles = [], [], []
    for kind in ("precision", "recall"):
        found, points, baseline = view.score(kind)
        title, colour = name(kind, language), COLOURS[kind]
        drawn.append(Curve(title, colour, points))
        titles.append(score_title(found))
        if baseline is not None:
            real = name("baseline", language)
            levels.append(Level(f"{real}, {title} {baseline:.3g}", baseline, colour))
    step, y = say("axis_step", language), re.sub(r"^\w+ ", "", titles[0])
    return vega_lite.lines(drawn, x=step, y=y, levels=levels, bounds=(0, 1))


def logits(view: RunView, language: str) -> PlotData | None:
    """Return histograms of the discriminator's logits for real and for fake pictures."""
    values = {name(k, language): (COLOURS[k], v) for k, v in view.log.logits.items()}
    titles = {"x": say("axis_logit", language), "y": say("axis_pictures", language)}
    return vega_lite.histograms(values, bins=BINS, **titles)


# --- Comparison ----------------------------------------------------------------------------------


def overlay(views: list[RunView], titles: list[str], kind: str, language: str) -> PlotData | None:
    """Return one curve a run of a score, or of a loss, over the seconds of the run."""
    drawn, scores = [], []
    scale = 1000 if kind == "kid" else 1
    for view, title, colour in zip(views, titles, PALETTE, strict=False):
        found, points, _ = view.score(kind)
        scores += [found] if found else []
        seconds = dict(view.log.seconds)
        clock, now, timed = sorted(seconds), 0.0, []
        for step, value in points or view.metric(kind):
            while clock and clock[0] <= step:
                now = seconds[clock.pop(0)]
            timed.append((round(now, 1), value * scale if found else value))
        drawn.append(Curve(title, colour, timed))
    kinds = list(dict.fromkeys(map(score_title, scores)))
    y = " / ".join(kinds) or name(kind, language)
    positive = all(v > 0 for curve in drawn for _, v in curve.points)
    scale_of = "log" if positive else "symlog"
    return vega_lite.lines(
        drawn,
        x=say("axis_seconds", language),
        y=y,
        scale=scale_of if kind in ("fid", "kid") else "linear",
    )


def comparable(views: list[RunView], kind: str) -> bool:
    """Return whether a score of these runs was measured on the same data, by the same extractor
    and of as many pictures.
    """
    scores = {(v.score(kind)[0], v.plan.data) for v in views if v.score(kind)[0]}
    return len(scores) <= 1


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
