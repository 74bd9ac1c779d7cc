"""The time of a run: how much of its budget is used, and when recurring tasks are due."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aigc_demo.requests import TrainPlan
from aigc_demo.training.events import Event


class BudgetClock:
    """Counts the seconds of a run, without those that do not use up its budget."""

    def __init__(self, plan: TrainPlan, seconds_before: float) -> None:
        self.plan = plan
        self._start = time.monotonic() - seconds_before
        self.excluded = 0.0  # seconds in this session

    def seconds(self) -> float:
        """Return how long the run has lasted, over all its sessions."""
        return time.monotonic() - self._start

    def exclude(self, seconds: float) -> None:
        """Take `seconds` that have passed out of the budget."""
        self._start += seconds
        self.excluded += seconds

    def sleep(self, seconds: float) -> None:
        """Sleep without using up the budget."""
        start = time.monotonic()
        time.sleep(seconds)
        self.exclude(time.monotonic() - start)

    def progress(self, steps: int) -> float:
        """Return the share of the budget that is used, in steps or time, whichever is more."""
        by_steps = steps / self.plan.steps if self.plan.steps else 0.0
        by_time = self.seconds() / self.plan.seconds if self.plan.seconds else 0.0
        return max(by_steps, by_time)


@dataclass
class RecurringTask:
    """A task that runs every `every` seconds, or less often: it gets a tenth of the time."""

    run: Callable[[], Iterator[Event]]
    every: float
    due: float  # in seconds of the run

    def run_if_due(self, clock: BudgetClock) -> Iterator[Event]:
        """Run the task if it is time to, and yield its events."""
        start = clock.seconds()
        if start >= self.due:
            yield from self.run()
            end = clock.seconds()
            self.due = end + max(self.every, 10 * (end - start))
