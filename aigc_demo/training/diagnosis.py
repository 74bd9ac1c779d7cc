"""Diagnoses of a training run: what goes wrong, told from nothing but what its log measured.

A verdict needs enough steps, and holds for a window of the last ones, not for a single report:

    diverges    the discriminator's loss is far above that of guessing: it is sure, and wrong.
                Of other methods: a loss is far beyond what it was for most of the run
    wins        the discriminator ranks nearly all real images above generated ones, and its loss
                is far below that of guessing
    collapses   samples of a class are near-copies of each other, real images are not

The loss of guessing, with all logits 0, is 2 log 2 for bce, a sum over real and generated images:
Goodfellow et al., "Generative Adversarial Nets", 2014, https://arxiv.org/abs/1406.2661, theorem 1
with the other sign. The thresholds are checked on runs of known outcome: `benchmarks.diagnoses`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from statistics import median
from typing import Literal

Diagnosis = Literal["diverges", "wins", "collapses"]
Point = tuple[float, float]  # step, value

# Measures that only a GAN's log has; the second is of late.
REAL, SEPARATION = "real", "separation"
CHANCE = {"bce": 2 * math.log(2), "hinge": 2.0, "relativistic": math.log(2)}
MIN_STEPS = 200  # nothing is said before; warm-up and first contact look like trouble
FORMED = 400  # no sample before is judged: they are alike until they show something
WINDOW, MIN_REPORTS = 100, 3  # the last steps, and reports, that a verdict is taken from
FAR_ABOVE, FAR_BELOW = 2.0, 0.35  # of the loss of guessing
SURE = 0.97  # share of real images that are ranked above generated ones
COPIES = 0.35  # distance of samples to their nearest neighbours, real images having 1
RECENT = 8  # reports


def diagnose(
    series: Mapping[str, Sequence[Point]],
    diversity: Sequence[Point] = (),
    *,
    loss: str = "bce",
    diverged: bool = False,
) -> list[Diagnosis]:
    """Return what goes wrong now, the gravest first; nothing while it cannot be known.

    `series` are the curves of a run's losses and other measures by name, `diversity` that of its
    previews, `loss` the adversarial loss, and `diverged` tells that the run has ended so.
    """
    if diverged:
        return ["diverges"]
    if not series.keys() & {REAL, SEPARATION}:  # not a GAN
        return ["diverges"] if any(map(_runs_away, series.values())) else []
    if series["discriminator"][-1][0] < MIN_STEPS:
        return []
    found: list[Diagnosis] = []
    level = _recent(series["discriminator"]) / CHANCE[loss]
    if level > FAR_ABOVE:
        found.append("diverges")
    if level < FAR_BELOW and _recent(series.get(SEPARATION, [])) > SURE:
        found.append("wins")
    if _repeats(diversity):
        found.append("collapses")
    return found


def _repeats(diversity: Sequence[Point]) -> bool:
    """Tell whether all previews of the last steps show near-copies."""
    shown = [(step, value) for step, value in diversity if step >= FORMED]
    before = [step for step, _ in shown if step <= shown[-1][0] - WINDOW]
    recent = [value for step, value in shown if before and step >= before[-1]]
    return len(recent) >= MIN_REPORTS and max(recent) < COPIES


def _recent(points: Sequence[Point]) -> float:
    """Return the mean over the last steps, each report weighing as many as it covers."""
    total = steps = 0.0
    for number in range(1, len(points) + 1):
        step, value = points[-number]
        before = points[-number - 1][0] if number < len(points) else 0.0
        total, steps = total + value * (step - before), steps + step - before
        if steps >= WINDOW and number >= MIN_REPORTS:
            break
    return total / steps if steps else math.nan


def _runs_away(points: Sequence[Point]) -> bool:
    """Tell whether a loss is now far beyond what it was for most of the run."""
    values = [abs(v) for _, v in points]
    now, before = values[-RECENT // 2 :], values[: -RECENT // 2]
    return len(values) >= 2 * RECENT and median(now) > max(20 * median(before), 20)
