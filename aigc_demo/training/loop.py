"""``train(plan, directory)``: the one training loop, a generator of events. It never prints, plots
or parses, and knows no method: it asks a trainer for one step at a time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

from aigc_demo import device as devices
from aigc_demo.errors import OutOfMemory
from aigc_demo.requests import TrainPlan
from aigc_demo.training.clock import BudgetClock
from aigc_demo.training.events import Event, Finished
from aigc_demo.training.run_control import POLL_SECONDS, ControlReader
from aigc_demo.training.run_logger import RunLogger
from aigc_demo.training.session import Session, prepare

PAUSED_LONG = "It was paused for more than {:.3g} minutes; resume it."
MAX_LOSS = 1e6  # a run with a loss beyond this, or with one that is not finite, has diverged


def train(
    plan: TrainPlan,
    directory: Path,
    *,
    root: str | Path | None = None,
    device: torch.device | None = None,
    download: bool = False,
    log_every: float = 1.0,
    max_pause: float = math.inf,
) -> Iterator[Event]:
    """Run `plan`, or resume it where `directory` holds its state; yield what happens.

    Files in `directory` control it (see `run_control`). It ends when it has been paused or in slow
    motion for more than `max_pause` seconds. Raises UserError where it cannot be run.
    """
    session = prepare(plan, directory, root=root, device=device, download=download)
    trainer = session.trainer
    yield session.started()
    control, clock = ControlReader(directory), BudgetClock(plan, session.seconds_before)
    logger = RunLogger(session, clock, log_every)
    reason, message, paused = "done", "", False
    while (progress := clock.progress(trainer.steps)) < 1:
        if control.stop_requested():
            reason = "stopped"
            break
        if clock.excluded > max_pause:
            reason, message = "stopped", PAUSED_LONG.format(max_pause / 60)
            break
        if not control.may_step():
            if not paused:
                yield from logger.pause()
            paused = True
            clock.sleep(POLL_SECONDS)
            continue
        paused = control.single_steps

        # Learn from one batch.
        start = time.monotonic()
        trainer.schedule(_lr_factor(trainer.steps, progress, plan.warmup))
        losses = _training_step(session, control.part)
        logger.steps.add(losses, time.monotonic() - start)
        if not all(abs(float(v)) < MAX_LOSS for v in losses.values()):
            reason = "diverged"
            break

        # Report what happened.
        if control.watched:
            yield from logger.show_step()
            clock.exclude(control.sleep_between_steps())
        yield from logger.after_step()

    yield from logger.steps.report()
    if reason != "diverged" and trainer.steps and not control.discard_requested():
        yield from logger.finish()
    yield Finished(reason, trainer.steps, clock.seconds(), message)


def _training_step(session: Session, part: str | None) -> dict[str, Tensor]:
    """Learn from the next batch, with all networks or with the one called `part`."""
    only = part if part in session.method.parts else None
    try:
        return session.trainer.training_step(next(session.batches), only)
    except (MemoryError, RuntimeError) as error:
        if not devices.ran_out_of_memory(error):
            raise
        raise OutOfMemory(
            f"There is no room for a batch of {session.batch_size}; reduce the batch size."
        ) from None


def _lr_factor(step: int, progress: float, warmup: int) -> float:
    """Return the factor of the learning rate: linear warm-up, then half a cosine down to 2 %."""
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))
