"""What a training run writes into its directory, and when: previews, the model, the state from
which a killed run goes on, scores. Knows no method.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from aigc_demo import data
from aigc_demo.errors import UserError
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.methods.base import Batch, Generative, Model, Trainer
from aigc_demo.nn import byte_tokenizer
from aigc_demo.requests import TrainPlan
from aigc_demo.training import model_card
from aigc_demo.training.evaluators import Examiner, Grader
from aigc_demo.training.events import Event, Judged, Preview, Saved, Scored, Step

MODEL, STATE, PREVIEWS = checkpoint.RUN_MODEL, "state.safetensors", "previews"
JUDGED = 32  # real pictures that the discriminator is asked about, always the same


class Journal:
    """The clock of a run, what it writes and the events that tell of it."""

    def __init__(
        self,
        plan: TrainPlan,
        directory: Path,
        dataset: data.Dataset,
        model: Model,
        trainer: Trainer,
        batch: int,
        seconds_before: float,
    ) -> None:
        self.plan, self.directory, self.dataset = plan, directory, dataset
        self.model, self.trainer, self.batch = model, trainer, batch
        self.examiner: Examiner | Grader | None = None
        # Read at once: the folder may be that of another run, which goes on.
        self.before = checkpoint.read_card(Path(plan.init)) if plan.init else None
        now = time.monotonic()
        self.since = now - seconds_before
        self.next = {"preview": now, "save": now + plan.save_every}
        self.next["score"] = now + plan.score_every / 2
        self.prepared_at = self.previewed_at = -1
        self.window: list[dict[str, Tensor]] = []
        self.shown = next(dataset.batches(JUDGED, seed=0, device=trainer.device))
        self.learning = 0.0  # seconds spent on the steps of the window
        self.told_at = now
        (directory / PREVIEWS).mkdir(parents=True, exist_ok=True)

    def seconds(self) -> float:
        """Return how long the run has lasted, without the time in which it waited."""
        return time.monotonic() - self.since

    def idle(self, seconds: float) -> None:
        """Wait, without using up the budget."""
        start = time.monotonic()
        time.sleep(seconds)
        self.paid(time.monotonic() - start)

    def paid(self, seconds: float) -> None:
        """Leave `seconds` that have passed out of the budget."""
        self.since += seconds
        self.next = {what: at + seconds for what, at in self.next.items()}

    def progress(self) -> float:
        """Return the share of the budget that is used, by steps or time, whichever is further."""
        by_steps = self.trainer.steps / self.plan.steps if self.plan.steps else 0.0
        by_time = self.seconds() / self.plan.seconds if self.plan.seconds else 0.0
        return max(by_steps, by_time)

    def learnt(self, losses: dict[str, Tensor], seconds: float) -> None:
        """Remember the losses of a step and how long it took."""
        self.window.append(losses)
        self.learning += seconds

    @property
    def untold(self) -> float:
        """Return the seconds since the last event about steps."""
        return time.monotonic() - self.told_at

    def tell(self) -> Iterator[Event]:
        """Say how the steps since the last event went, if there were any, and what the
        discriminator thinks.
        """
        if not self.window:
            return
        values: dict[str, list[float]] = {}
        for losses in self.window:
            for name, value in losses.items():
                values.setdefault(name, []).append(float(value))
        means = {name: sum(v) / len(v) for name, v in sorted(values.items())}
        means = {name: mean for name, mean in means.items() if math.isfinite(mean)}
        speed = len(self.window) * self.batch / max(self.learning, 1e-9)
        progress = min(1.0, self.progress())
        yield Step(self.trainer.steps, self.seconds(), progress, means, speed)
        outputs = self.trainer.judge(self.shown)
        if outputs:
            rounded = {k: tuple(round(float(v), 3) for v in x) for k, x in outputs.items()}
            yield Judged(self.trainer.steps, rounded)
        self.window, self.learning, self.told_at = [], 0.0, time.monotonic()

    def due(self) -> Iterator[Event]:
        """Write what it is time for; each kind takes a tenth of the time at most."""
        kinds = {
            "preview": (self.plan.preview_every, self.preview),
            "save": (self.plan.save_every, self.save),
            "score": (self.plan.score_every, self.score),
        }
        for what, (every, write) in kinds.items():
            start = self.seconds()
            if time.monotonic() >= self.next[what]:
                yield from write()
                self.next[what] = time.monotonic() + max(every, 10 * (self.seconds() - start))

    def preview(self) -> Iterator[Event]:
        """Write a sheet of eight columns, always of the same noise or pictures: of a model that
        makes pictures one row a class (at most ten), of others the rows that they show.
        """
        if self.previewed_at == self.trainer.steps:
            return
        self._prepare()
        self.previewed_at = self.trainer.steps
        if isinstance(self.model, Generative):
            captions = _first(self.shown, 32).captions
            sheet = contact_sheet(self.model, columns=8, captions=captions)
        elif rows := self.model.rows(_first(self.shown, 8)):
            sheet = images.grid(images.to_pil(torch.cat(rows)), columns=8)
        else:
            return
        path = self.directory / PREVIEWS / f"{self.trainer.steps:08d}.png"
        path.write_bytes(images.encode_png(sheet))
        yield Preview(self.trainer.steps, str(path.relative_to(self.directory)))

    def save(self) -> Iterator[Event]:
        """Write the model and all that going on needs, once something has been learnt."""
        if not self.trainer.steps:
            return
        self._prepare()
        card = model_card.card(
            self.plan,
            self.dataset,
            self.trainer,
            batch=self.batch,
            seconds=self.seconds(),
            before=self.before,
        )
        checkpoint.save(self.directory / MODEL, self.model, card)
        state = {
            "trainer": self.trainer.state_dict(),
            "model": self.model.state_dict(),
            "seconds": self.seconds(),
        }
        checkpoint.save_state(self.directory / STATE, state)
        yield Saved(self.trainer.steps, MODEL)

    def score(self) -> Iterator[Event]:
        """Measure the model against real pictures, where that can be done."""
        if self.examiner is None:
            return
        start = time.monotonic()
        try:
            self.examiner.prepare()
            self.paid(time.monotonic() - start)  # once a data set: not this run's doing
            start = time.monotonic()
            self._prepare()
            scores = self.examiner.examine(self.model)
        except UserError as problem:
            yield Scored(self.trainer.steps, "scores", None, 0, reason=str(problem))
            self.examiner = None
            return
        seconds = round(time.monotonic() - start, 2)
        for s in scores:
            yield Scored(self.trainer.steps, s.name, s.value, s.n, s.std, s.reason, seconds)

    def conclude(self) -> Iterator[Event]:
        """Leave the model as good as it can be, with a last preview and last scores."""
        self._prepare(thorough=True)
        yield from self.preview()
        yield from self.save()
        yield from self.score()

    def _prepare(self, *, thorough: bool = False) -> None:
        if thorough or self.prepared_at != self.trainer.steps:
            batches = self.dataset.batches(self.batch, seed=0, device=self.trainer.device)
            self.trainer.finish(batches, thorough=thorough)
            self.prepared_at = self.trainer.steps


def _first(batch: Batch, count: int) -> Batch:
    """Return the first pictures of a batch."""
    kept = {f.name: getattr(batch, f.name) for f in fields(batch)}
    return Batch(**{name: None if x is None else x[:count] for name, x in kept.items()})


def contact_sheet(
    model: Generative, *, columns: int, rows: int = 10, captions: Tensor | None = None
) -> Any:
    """Return a picture of samples from the seeds 0, 1, …: one row a class, or `rows` rows without
    classes; of each of `captions` (B, L) one, in their order, where there are any.
    """
    if captions is not None:
        drawn = images.to_pil(model.sample(model.noise(range(len(captions))), captions=captions))
        said = byte_tokenizer.decode(captions)
        return images.grid(list(map(images.captioned, drawn, said)), columns)
    classes = model.config.classes
    shown = min(classes, rows) if classes else 4
    device = next(model.parameters()).device
    labels = torch.arange(shown, device=device).repeat_interleave(columns) if classes else None
    noise = model.noise(range(columns)).repeat(shown, *[1] * len(model.noise_shape))
    if not classes:
        noise = model.noise(range(shown * columns))
    return images.grid(images.to_pil(model.sample(noise, labels)), columns)
