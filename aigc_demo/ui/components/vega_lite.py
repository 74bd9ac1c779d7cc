"""Charts as Vega-Lite specifications, which `gr.Plot` draws with the library that it carries.

Each curve is a layer with its own colour: where a layer encodes colours, the page replaces them.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import gradio as gr
from gradio.components.plot import AltairPlotData

from aigc_demo.ui.components.controls import labelled

Scale = Literal["linear", "log", "symlog"]
BLUE, GREY = "#4c6ef5", "#868e96"
FEW = 30  # points of a curve that are all drawn; of more, only the one that is pointed at


@dataclass(frozen=True)
class Curve:
    """A curve, called `title` in its tooltips."""

    title: str
    colour: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Level:
    """A level line with its name beside it."""

    title: str
    value: float
    colour: str = GREY


def chart(elem_id: str, text: str = "", **settings: Any) -> gr.Plot:
    """Add a chart, empty at first; labelled where there is a `text`."""
    label = labelled(elem_id, text) if text else {"elem_id": elem_id, "show_label": False}
    return gr.Plot(elem_classes="plot", **label, **settings)


def lines(
    curves: Sequence[Curve],
    *,
    x: str,
    y: str,
    levels: Sequence[Level] = (),
    scale: Scale = "linear",
    bounds: tuple[float, float] | None = None,
) -> AltairPlotData | None:
    """Return a chart of curves over `x`, or None where there is no point to draw.

    `bounds` are those of the y axis, otherwise such that every point is seen.
    """
    drawn = [
        Curve(c.title, c.colour, [p for p in c.points if all(map(math.isfinite, p))])
        for c in curves
    ]
    drawn = [curve for curve in drawn if curve.points]
    if not drawn:
        return None
    last = max(p[0] for c in drawn for p in c.points)
    across = {"field": "x", "type": "quantitative", "title": x}
    across |= {"scale": {"domain": [0, 1.02 * last or 1], "nice": False}, "axis": {"format": "~s"}}
    up: dict[str, Any] = {"field": "y", "type": "quantitative", "title": y}
    up |= {"axis": {"format": ",.3~r", "tickCount": 5}, "scale": {"type": scale}}
    up["scale"] |= {"domain": bounds} if bounds else {"zero": False, "nice": True}
    tips = [tip("curve", ""), tip("x", x, ",~f"), tip("y", y, ".3~g")]
    layers = []
    for curve in drawn:
        rows = [{"x": step, "y": value, "curve": curve.title} for step, value in curve.points]
        point = {"filled": True, "fill": curve.colour, "stroke": None, "size": 36}
        point["opacity"] = 1 if len(rows) <= FEW else 0
        mark = {"type": "line", "stroke": curve.colour, "strokeWidth": 2, "point": point}
        layers.append(
            {
                "data": {"values": rows},
                "mark": mark | {"clip": True},
                "encoding": {"x": across, "y": up, "tooltip": tips},
            }
        )
    for k, level in enumerate(levels):
        layers += _level(level, up, above=k % 2 == 0)
    return specified(layers)


def _level(level: Level, up: dict[str, Any], *, above: bool) -> list[dict[str, Any]]:
    data = {"values": [{"y": level.value, "curve": level.title}]}
    tips = [tip("curve", ""), tip("y", up["title"], ".3~g")]
    rule = {"type": "rule", "stroke": level.colour, "strokeDash": [5, 4], "strokeWidth": 2}
    name = {
        "type": "text",
        "align": "right",
        "dy": -6 if above else 12,
        "fill": level.colour,
        "stroke": None,
    }
    return [
        {"data": data, "mark": rule, "encoding": {"y": up, "tooltip": tips}},
        {
            "data": data,
            "mark": name,
            "encoding": {"y": up, "x": {"value": "width"}, "text": {"field": "curve"}},
        },
    ]


def histograms(
    values: dict[str, tuple[str, Sequence[float]]], *, bins: int, x: str, y: str
) -> AltairPlotData | None:
    """Return histograms of several series, by title, with their colours: the bars of a bin stand
    side by side.
    """
    every = [v for _, some in values.values() for v in some if math.isfinite(v)]
    if not every:
        return None
    low, width = min(every), max((max(every) - min(every)) / bins, 1e-3)
    layers = []
    for k, (title, (colour, some)) in enumerate(values.items()):
        counts = [0] * bins
        for v in filter(math.isfinite, some):
            counts[min(int((v - low) / width), bins - 1)] += 1
        share = width / len(values)
        rows = [
            {"from": low + i * width + k * share, "y": n, "curve": title}
            for i, n in enumerate(counts)
        ]
        rows = [row | {"to": row["from"] + 0.9 * share} for row in rows]
        across = {"field": "from", "type": "quantitative", "title": x, "axis": {"format": ".2~g"}}
        layers.append(
            {
                "data": {"values": rows},
                "mark": {"type": "bar", "fill": colour, "stroke": None},
                "encoding": {
                    "x": across | {"scale": {"zero": False, "nice": False}},
                    "x2": {"field": "to"},
                    "y": {"field": "y", "type": "quantitative", "title": y},
                    "y2": {"datum": 0},
                    "tooltip": [tip("curve", ""), tip("from", x, ".3~g"), tip("y", y, ",d")],
                },
            }
        )
    return specified(layers)


def tip(field: str, title: str, form: str = "") -> dict[str, Any]:
    """Return a line of a tooltip."""
    kind = {"format": form, "type": "quantitative"} if form else {"type": "nominal"}
    return {"field": field, "title": title or " ", **kind}


def specified(layers: Iterable[dict[str, Any]]) -> AltairPlotData:
    """Return the chart of these layers, as wide as its place."""
    spec = {"layer": list(layers), "height": 220, "background": "transparent"}
    return AltairPlotData(chart="line", plot=json.dumps(spec))
