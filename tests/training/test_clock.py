"""A run's clock counts what uses up the budget, and recurring tasks take a tenth of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aigc_demo.requests import TrainPlan
from aigc_demo.training import clock as clocks
from aigc_demo.training.clock import BudgetClock, RecurringTask
from aigc_demo.training.events import Event, Paused

PLAN = TrainPlan(method="flow", data="mnist", steps=100, seconds=50.0)


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time in a list, which a test sets."""
    time = [1000.0]
    monkeypatch.setattr(clocks.time, "monotonic", lambda: time[0])
    return time


def test_a_clock_goes_on_from_the_session_before_and_leaves_out_what_is_excluded(
    now: list[float],
) -> None:
    clock = BudgetClock(PLAN, 20.0)
    now[0] += 12
    clock.exclude(7.0)
    assert clock.seconds() == 25
    assert clock.progress(steps=10) == 0.5
    assert clock.progress(steps=80) == 0.8


def test_a_task_recurs_when_it_is_due_and_takes_a_tenth_of_the_time(now: list[float]) -> None:
    clock = BudgetClock(PLAN, 0.0)
    for seconds, due_again in {0.25: 8.25, 2.0: 25.0}.items():

        def work(seconds: float = seconds) -> Iterator[Event]:
            now[0] += seconds
            yield Paused(0)

        now[0] = 1000.0
        task = RecurringTask(work, every=5.0, due=3.0)
        assert list(task.run_if_due(clock)) == []
        now[0] = 1003.0
        assert list(task.run_if_due(clock)) == [Paused(0)]
        assert task.due == due_again
        assert list(task.run_if_due(clock)) == []
