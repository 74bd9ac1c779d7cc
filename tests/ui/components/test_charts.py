"""Charts of training runs, as specifications of what is drawn."""

from __future__ import annotations

import json
from typing import Any

from aigc_demo.training.run_monitor import RunLog, RunView
from aigc_demo.ui.components import charts, vega_lite
from tests import factories


def view(**log: Any) -> RunView:
    return RunView("run", factories.plan("dcgan", "shapes"), "done", RunLog(**log))


def axes(chart: Any) -> dict[str, Any]:
    return json.loads(chart.plot)["layer"][0]["encoding"]


def test_every_score_is_drawn_from_the_first_on_with_the_baseline() -> None:
    points = [(step, 100.0 / step) for step in (300, 600, 1006)]
    for count in (1, 2, 3):
        scored = view(
            scores={"fid_compact_500": points[:count]}, baselines={"fid_compact_500": 0.895}
        )
        chart = charts.score(scored, "fid", "en")
        curves = factories.drawn(chart)
        assert curves["model"] == points[:count]
        assert [value for _, value in curves["floor 0.895"]] == [0.895]
        layer = json.loads(chart.plot)["layer"][0]
        assert layer["mark"]["point"]["opacity"] == 1  # one point is no line
        assert axes(chart)["y"]["scale"]["type"] == "log"
        assert axes(chart)["y"]["title"] == "FID (compact, N = 500)"


def test_a_kid_below_zero_can_be_drawn() -> None:
    scored = view(scores={"kid_compact_500": [(3, 0.5)]}, baselines={"kid_compact_500": -0.00139})
    chart = charts.score(scored, "kid", "en")
    assert factories.drawn(chart)["model"] == [(3, 500.0)]
    assert (
        "floor -1.39" in factories.drawn(chart) and axes(chart)["y"]["scale"]["type"] == "symlog"
    )


def test_losses_begin_at_zero_and_one_outlier_does_not_flatten_them() -> None:
    points = [(step, 1.0) for step in range(200)]
    bounds = axes(charts.curves({"loss": points}, "loss", "en"))["y"]["scale"]["domain"]
    assert bounds == [0, 1]
    chart = charts.curves({"loss": [*points, (200, 1e6)]}, "loss", "en")
    assert axes(chart)["y"]["scale"]["domain"][1] < 100
    assert (200, 1e6) in factories.drawn(chart)["loss"]
    diverged = [*points[:100], *((step, 500.0) for step in range(100, 200))]
    chart = charts.curves({"loss": diverged}, "loss", "en")
    assert axes(chart)["y"]["scale"]["domain"][1] == 500


def test_numbers_that_are_none_are_left_out_and_nothing_is_no_chart() -> None:
    curve = vega_lite.Curve("a", "#000000", [(1, float("nan")), (2, 3.0), (3, float("inf"))])
    chart = vega_lite.lines([curve], x="x", y="y")
    assert factories.drawn(chart)["a"] == [(2, 3.0)] and "NaN" not in chart.plot
    assert charts.curves({}, "loss", "en") is None
    assert charts.score(view(), "fid", "en") is None and charts.logits(view(), "en") is None


def test_bars_of_real_and_fake_stand_side_by_side() -> None:
    chart = charts.logits(view(logits={"real": (-1.0, 0.0, 2.0), "fake": (-1.0, 1.0, 2.0)}), "en")
    bars = [layer["data"]["values"] for layer in json.loads(chart.plot)["layer"]]
    spans = sorted((bar["from"], bar["to"]) for some in bars for bar in some)
    assert all(a[1] <= b[0] for a, b in zip(spans, spans[1:], strict=False))
    assert [sum(bar["y"] for bar in some) for some in bars] == [3, 3]
    assert axes(chart)["y2"] == {"datum": 0}  # each bar stands on the axis


def test_curves_have_names_in_both_languages() -> None:
    losses = {"generator": [(1, 0.7)], "discriminator": [(1, 1.4)]}
    assert set(factories.drawn(charts.curves(losses, "", "en"))) == set(losses)
    assert set(factories.drawn(charts.curves(losses, "", "zh"))) == {"生成器", "判别器"}
