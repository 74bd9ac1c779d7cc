"""Decides what a run reports and writes, and when: steps, previews, checkpoints and scores."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

from torch import Tensor

from aigc_demo.errors import UserError
from aigc_demo.methods import checkpoint
from aigc_demo.training.clock import BudgetClock, RecurringTask
from aigc_demo.training.events import DiscriminatorLogits, Event, Paused, Saved, Scored, Step
from aigc_demo.training.model_card import create_card
from aigc_demo.training.previews import PreviewWriter
from aigc_demo.training.session import STATE, Session


class RunLogger:
    """Yields the events of a run; steps are reported every `log_every` seconds."""

    def __init__(self, session: Session, clock: BudgetClock, log_every: float) -> None:
        self.session, self.clock, self.log_every = session, clock, log_every
        self.steps, self.previews = StepReporter(session, clock), PreviewWriter(session)
        self.scores = ScoreReporter(session, clock)
        plan, now = session.plan, clock.seconds()
        self._tasks = [
            RecurringTask(self.previews.write, plan.preview_every, now),
            RecurringTask(self._save, plan.save_every, now + plan.save_every),
            RecurringTask(self.scores.report, plan.score_every, now + plan.score_every / 2),
        ]

    def after_step(self) -> Iterator[Event]:
        """Report the steps, if it is time to, and run what is due."""
        overdue = time.monotonic() - self.steps.reported_at >= self.log_every
        if overdue or self.session.trainer.steps == 1:
            yield from self.steps.report()
        for task in self._tasks:
            yield from task.run_if_due(self.clock)

    def show_step(self) -> Iterator[Event]:
        """Report the last step, with a preview."""
        yield from self.steps.report()
        yield from self.previews.write()

    def pause(self) -> Iterator[Event]:
        """Save the run, which pauses now."""
        yield from self.steps.report()
        yield from self._save()
        yield Paused(self.session.trainer.steps)

    def finish(self) -> Iterator[Event]:
        """Leave the model as good as it can be, with a last preview and last scores."""
        self.session.finish_model(thorough=True)
        yield from self.previews.write()
        yield from self._save()
        yield from self.scores.report()

    def _save(self) -> Iterator[Event]:
        if self.session.trainer.steps:
            save_checkpoint(self.session, self.clock.seconds())
            yield Saved(self.session.trainer.steps, checkpoint.RUN_MODEL)


class StepReporter:
    """Averages the losses of steps, and asks the discriminator for its logits of fixed images."""

    def __init__(self, session: Session, clock: BudgetClock) -> None:
        self.trainer, self.batch_size, self.clock = session.trainer, session.batch_size, clock
        self.reported_at = time.monotonic()
        self._fixed_batch = session.fixed_batch()
        self._losses: list[dict[str, Tensor]] = []
        self._training_seconds = 0.0

    def add(self, losses: dict[str, Tensor], seconds: float) -> None:
        """Record the losses of a step that took `seconds`."""
        self._losses.append(losses)
        self._training_seconds += seconds

    def report(self) -> Iterator[Event]:
        """Report the steps since the last report, if there were any."""
        if not self._losses:
            return
        values: dict[str, list[float]] = {}
        for losses in self._losses:
            for name, value in losses.items():
                values.setdefault(name, []).append(float(value))
        means = {name: sum(v) / len(v) for name, v in sorted(values.items())}
        means = {name: mean for name, mean in means.items() if math.isfinite(mean)}
        step, images = self.trainer.steps, len(self._losses) * self.batch_size
        progress = min(1.0, self.clock.progress(step))
        speed = images / max(self._training_seconds, 1e-9)
        yield Step(step, self.clock.seconds(), progress, means, speed)
        if logits := self.trainer.discriminator_logits(self._fixed_batch):
            rounded = {k: tuple(round(float(v), 3) for v in x) for k, x in logits.items()}
            yield DiscriminatorLogits(step, rounded)
        self._losses, self._training_seconds = [], 0.0
        self.reported_at = time.monotonic()


class ScoreReporter:
    """Evaluates the model of a run, if such models have scores, until that fails."""

    def __init__(self, session: Session, clock: BudgetClock) -> None:
        self.session, self.clock = session, clock
        self._evaluator = session.evaluator

    def report(self) -> Iterator[Event]:
        """Evaluate the model and yield its scores."""
        if self._evaluator is None:
            return
        step, start = self.session.trainer.steps, time.monotonic()
        try:
            baseline = self._evaluator.prepare()
            self.clock.exclude(time.monotonic() - start)  # once a data set, not this run's work
            start = time.monotonic()
            self.session.finish_model()
            scores = self._evaluator.evaluate(self.session.model)
        except UserError as problem:
            self._evaluator = None
            yield Scored(step, "scores", None, 0, reason=str(problem))
            return
        seconds = round(time.monotonic() - start, 2)
        for s in [*baseline, *scores]:
            yield Scored(step, s.name, s.value, s.n, s.std, s.reason, seconds)


def save_checkpoint(session: Session, seconds: float) -> None:
    """Write the model of a run, and the state from which it can be resumed, atomically."""
    session.finish_model()
    # A run whose directory was removed ends; it does not make it anew.
    (session.directory / checkpoint.RUN_MODEL).mkdir(exist_ok=True)
    card = create_card(session, seconds)
    checkpoint.save(session.directory / checkpoint.RUN_MODEL, session.model, card)
    trainer, model = session.trainer.state_dict(), session.model.state_dict()
    state = {"trainer": trainer, "model": model, "seconds": seconds}
    checkpoint.save_state(session.directory / STATE, state)
