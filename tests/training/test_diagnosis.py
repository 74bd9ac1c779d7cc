"""Each diagnosis follows from what was measured, over a window, after enough steps."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from aigc_demo.methods.dcgan import discriminator_loss
from aigc_demo.training.diagnosis import (
    CHANCE,
    FORMED,
    MIN_STEPS,
    SEPARATION,
    WINDOW,
    Point,
    diagnose,
)

Curve = Callable[[int], float]


def series(discriminator: Curve, separation: Curve, *, to: int = 1000, each: int = 20):
    """Return the curves of a GAN that reports every `each` steps."""
    steps = range(each, to + 1, each)
    return {
        "discriminator": [(s, discriminator(s)) for s in steps],
        SEPARATION: [(s, separation(s)) for s in steps],
    }


def level(value: float) -> Curve:
    return lambda _: value


def previews(value: float, *, to: int = 1000) -> list[Point]:
    return [(s, value) for s in range(1, to + 1, 50)]


GUESSING = series(level(1.386), level(0.5))
DIVERGING, WINNING = series(level(60.0), level(0.8)), series(level(0.1), level(1.0))


def test_the_loss_of_guessing_is_that_of_logits_of_zero() -> None:
    zeros = torch.zeros(4)
    for loss, chance in CHANCE.items():
        assert float(discriminator_loss(loss, zeros, zeros)) == pytest.approx(chance)


def test_an_even_duel_of_varied_samples_is_healthy() -> None:
    for fair, ahead in ((1.386, 0.5), (1.1, 0.8), (0.7, 0.93)):
        assert diagnose(series(level(fair), level(ahead)), previews(0.8)) == []


def test_a_discriminator_that_is_sure_and_wrong_diverges_and_does_not_win() -> None:
    assert diagnose(DIVERGING) == ["diverges"]
    for loss in (60.0, 890.0, 1e5):  # it ranks nearly all images rightly
        assert diagnose(series(level(loss), level(0.99))) == ["diverges"]


def test_a_discriminator_wins_only_where_it_is_right_and_sure() -> None:
    assert diagnose(WINNING) == ["wins"]
    assert diagnose(series(level(0.1), level(0.9))) == []
    assert diagnose(series(level(1.0), level(1.0))) == []


def test_samples_that_are_near_copies_have_collapsed_whatever_the_losses() -> None:
    for duel in (GUESSING, WINNING):
        assert "collapses" in diagnose(duel, previews(0.1))
        assert "collapses" not in diagnose(duel, previews(0.8))


def test_nothing_is_said_before_enough_steps() -> None:
    for discriminator, separation in ((60.0, 0.8), (0.1, 1.0)):
        short = series(level(discriminator), level(separation), to=MIN_STEPS - 1)
        assert diagnose(short, previews(0.0, to=MIN_STEPS - 1)) == []
    assert diagnose({}) == [] and diagnose(GUESSING, []) == []


def test_trouble_at_the_start_is_forgiven() -> None:
    early = series(lambda s: 500.0 if s < MIN_STEPS else 1.3, level(0.7))
    dull = [(s, 0.01 if s < FORMED else 0.8) for s in range(1, 1000, 50)]
    assert diagnose(early, dull) == []
    single_steps = [(s, 0.01) for s in range(FORMED - 100, FORMED + WINDOW // 2)]
    assert diagnose(GUESSING, single_steps) == []


def test_one_report_is_no_verdict_and_a_state_that_ends_is_no_longer_told() -> None:
    calm = WINDOW + 40
    once = series(lambda s: 5.0 if s == 600 else 1.3, level(0.7), to=600)
    over = series(lambda s: 60.0 if s < 1000 - calm else 1.3, level(0.7))
    assert diagnose(once) == diagnose(over) == []
    wild = [*previews(0.8), *((s, 0.1) for s in range(1010, 1020))]
    assert diagnose(GUESSING, wild) == []


def test_a_verdict_does_not_depend_on_how_often_steps_are_reported() -> None:
    for each in (1, 7, 50, 300):
        for duel, expected in ((60.0, ["diverges"]), (1.3, [])):
            assert diagnose(series(level(duel), level(0.8), to=1200, each=each)) == expected


def test_each_loss_is_held_against_its_own_chance() -> None:
    for loss, chance in CHANCE.items():
        for factor, expected in ((0.1, ["wins"]), (1.0, []), (5.0, ["diverges"])):
            duel = series(level(factor * chance), level(1.0))
            assert diagnose(duel, loss=loss) == expected


def test_a_run_that_ended_in_divergence_has_diverged_however_short_it_was() -> None:
    assert diagnose({"loss": [(1, 1.0)]}, diverged=True) == ["diverges"]


def test_a_loss_of_another_method_runs_away_from_what_it_was() -> None:
    steady = [(s, 1.0) for s in range(40)]
    assert diagnose({"loss": steady + [(40 + s, 500.0) for s in range(8)]}) == ["diverges"]
    assert diagnose({"loss": steady}) == []


def test_logs_from_before_separation_was_measured_are_not_said_to_be_won() -> None:
    for loss, expected in ((0.01, []), (60.0, ["diverges"])):
        old = {
            name: [(s, loss) for s in range(20, 1000, 20)] for name in ("discriminator", "real")
        }
        assert diagnose(old) == expected
