"""``train(plan, directory)``: the one training loop, a generator of events. It never prints, plots
or parses.

The loop knows no method: it asks a trainer for one step at a time, and writes to the run directory
only what a reader may need: previews, the model (averaged weights and card) and the state from
which a killed run goes on.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import platform
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError
from torch import Tensor

from aigc_demo import checkpoint, data, device as devices, images
from aigc_demo.errors import BadData, BadValue, OutOfMemory
from aigc_demo.events import Event, Finished, Preview, Reason, Saved, Started, Step
from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Generative, Method, Trainer
from aigc_demo.requests import TrainPlan, explain

MODEL, STATE, PREVIEWS, STOP = "model", "state.safetensors", "previews", "stop"
DIVERGED_AT = 1e6  # a loss beyond this has left the road, as has one that is not a number


def train(
    plan: TrainPlan,
    directory: Path,
    *,
    root: str | Path | None = None,
    device: torch.device | None = None,
    download: bool = False,
    log_every: float = 1.0,
) -> Iterator[Event]:
    """Run `plan`, or go on with it where `directory` holds its state; yield what happens.

    Stops within a step once `directory` holds a file named ``stop``. Raises UserError where the
    plan cannot be run.
    """
    device = device or devices.default_device()
    method = _method(plan.method)
    dataset = data.load(plan.data, "train", root=root, download=download)
    batch = plan.batch or method.batch
    if len(dataset) < 2:
        raise BadData(f"{dataset.title} has {len(dataset)} picture; training needs at least 2.")
    model = _build(method, plan, dataset).to(device, memory_format=torch.channels_last)
    ema = method.ema if plan.ema is None else plan.ema
    trainer = model.trainer(lr=plan.lr or method.lr, ema=ema, seed=plan.seed)

    seconds_before = 0.0
    if (directory / STATE).is_file():
        state = checkpoint.load_state(directory / STATE)
        trainer.load_state_dict(state["trainer"])
        model.load_state_dict(state["model"])
        seconds_before = state["seconds"]
    yield Started(
        method.name,
        dataset.name,
        sum(p.numel() for p in model.parameters()),
        trainer.steps,
    )

    loop = _Loop(plan, directory, dataset, model, trainer, batch, seconds_before)
    batches = dataset.batches(batch, seed=plan.seed, start=trainer.steps, device=device)
    reason: Reason = "done"
    window: list[dict[str, Tensor]] = []
    window_since = time.monotonic()
    while loop.progress() < 1:
        if (directory / STOP).exists():
            reason = "stopped"
            break

        # Learn from one batch.
        trainer.schedule(_rate(trainer.steps, loop.progress(), plan.warmup))
        try:
            losses = trainer.training_step(next(batches))
        except (torch.OutOfMemoryError, MemoryError):
            raise OutOfMemory(
                f"There is no room for a batch of {batch}; reduce the batch size."
            ) from None
        window.append(losses)
        if not all(abs(float(v)) < DIVERGED_AT for v in losses.values()):
            reason = "diverged"
            break

        # Tell what happened.
        now = time.monotonic()
        if now - window_since >= log_every or trainer.steps == 1:
            yield loop.step_event(window, now - window_since)
            window, window_since = [], now
        yield from loop.due()

    if reason != "diverged" and trainer.steps:
        if isinstance(model, Generative):
            yield loop.preview()
        yield loop.save()
    yield Finished(reason, trainer.steps, loop.seconds())


class _Loop:
    """The clock of a run and what it writes."""

    def __init__(
        self,
        plan: TrainPlan,
        directory: Path,
        dataset: data.Dataset,
        model: Generative,
        trainer: Trainer,
        batch: int,
        seconds_before: float,
    ) -> None:
        self.plan, self.directory, self.dataset = plan, directory, dataset
        self.model, self.trainer, self.batch = model, trainer, batch
        self.since = time.monotonic() - seconds_before
        now = time.monotonic()
        self.next = {"preview": now + plan.preview_every, "save": now + plan.save_every}
        self.prepared_at = -1
        (directory / PREVIEWS).mkdir(parents=True, exist_ok=True)

    def seconds(self) -> float:
        return time.monotonic() - self.since

    def progress(self) -> float:
        """Return the share of the budget that is used, by steps or time, whichever is further."""
        by_steps = self.trainer.steps / self.plan.steps if self.plan.steps else 0.0
        by_time = self.seconds() / self.plan.seconds if self.plan.seconds else 0.0
        return max(by_steps, by_time)

    def due(self) -> Iterator[Event]:
        """Write what it is time for; what takes long is written more rarely, a tenth of the time
        at most.
        """
        every = {"preview": self.plan.preview_every, "save": self.plan.save_every}
        for what, write in (("preview", self.preview), ("save", self.save)):
            if what == "preview" and not isinstance(self.model, Generative):
                continue
            start = time.monotonic()
            if start >= self.next[what]:
                yield write()
                end = time.monotonic()
                self.next[what] = end + max(every[what], 10 * (end - start))

    def step_event(self, window: list[dict[str, Tensor]], seconds: float) -> Step:
        names = {name for losses in window for name in losses}
        means = {
            name: sum(v) / len(v)
            for name in sorted(names)
            for v in [[float(losses[name]) for losses in window if name in losses]]
        }
        speed = len(window) * self.batch / max(seconds, 1e-9)
        return Step(self.trainer.steps, self.seconds(), min(1.0, self.progress()), means, speed)

    def preview(self) -> Preview:
        """Write a sheet of eight columns, one row a class (at most ten), always from the same
        noise.
        """
        self._prepare()
        path = self.directory / PREVIEWS / f"{self.trainer.steps:08d}.png"
        sheet = contact_sheet(self.model, columns=8)
        path.write_bytes(images.encode_png(sheet))
        return Preview(self.trainer.steps, str(path.relative_to(self.directory)))

    def save(self) -> Saved:
        self._prepare()
        checkpoint.save(self.directory / MODEL, self.model, self.card())
        state = {
            "trainer": self.trainer.state_dict(),
            "model": self.model.state_dict(),
            "seconds": self.seconds(),
        }
        checkpoint.save_state(self.directory / STATE, state)
        return Saved(self.trainer.steps, MODEL)

    def _prepare(self) -> None:
        if self.prepared_at != self.trainer.steps:
            self.trainer.finish(
                self.dataset.batches(self.batch, seed=0, device=self.trainer.device)
            )
            self.prepared_at = self.trainer.steps

    def card(self) -> checkpoint.Card:
        """Say how this model can be made again."""
        plan, steps = self.plan, self.trainer.steps
        before = checkpoint.read_card(Path(plan.init)) if plan.init else None
        return checkpoint.Card(
            method=plan.method,
            title=f"{self.dataset.title} · {METHODS[plan.method].title}",
            config=self.model.config.model_dump(mode="json"),
            data=self.dataset.name,
            data_title=self.dataset.title,
            data_size=len(self.dataset),
            data_licence=self.dataset.licence,
            classes=self.dataset.classes if self.model.config.classes else (),
            seed=plan.seed,
            steps=steps,
            images_seen=steps * self.batch,
            seconds=round(self.seconds(), 1),
            device=devices.describe(self.trainer.device),
            versions=_versions(),
            commit=_commit(),
            command=command(plan),
            started_from=before.model_dump(mode="json", exclude={"metrics"}) if before else {},
        )


def contact_sheet(model: Generative, *, columns: int, rows: int = 10) -> Any:
    """Return a picture of samples from the seeds 0, 1, …: one row a class, or `rows` rows without
    classes.
    """
    classes = model.config.classes
    shown = min(classes, rows) if classes else 4
    device = next(model.parameters()).device
    labels = torch.arange(shown, device=device).repeat_interleave(columns) if classes else None
    noise = model.noise(range(columns)).repeat(shown, *[1] * len(model.noise_shape))
    if not classes:
        noise = model.noise(range(shown * columns))
    return images.grid(images.to_pil(model.sample(noise, labels)), columns)


def command(plan: TrainPlan) -> str:
    """Return the command line that repeats `plan`."""
    words = ["python train.py"]
    given = plan.model_dump(exclude_defaults=True, exclude_none=True)
    config = given.pop("config", {})
    for name, value in given.items():
        words.append(f"--{name.replace('_', '-')} {shlex.quote(str(value))}")
    if config:
        words.append("--set " + shlex.join(f"{k}={_flat(v)}" for k, v in config.items()))
    return " ".join(words)


def _flat(value: Any) -> str:
    """Write a setting as `train.setting` reads it: ``1,2`` for a list, else JSON or a word."""
    if isinstance(value, list | tuple) and len(value) > 1 and not isinstance(value[0], list):
        return ",".join(map(_flat, value))
    return value if isinstance(value, str) else json.dumps(value)


def _method(name: str) -> Method:
    if name not in METHODS:
        raise BadValue(
            f"method: there is no method “{name[:80]}”; choose one of {', '.join(METHODS)}."
        )
    return METHODS[name]


def _build(method: Method, plan: TrainPlan, dataset: data.Dataset) -> Generative:
    if plan.init:
        model, card = checkpoint.load(Path(plan.init))
        if card.method != method.name:
            raise BadValue(
                f"init: this checkpoint was made by {card.method}; choose one of {method.name}."
            )
        _check_shape(model, dataset, field="init")
        return model.requires_grad_(True)
    torch.manual_seed(plan.seed)
    try:
        model = method.build(_shape(dataset) | plan.config)
    except ValidationError as error:
        raise BadValue(explain(error)) from None
    _check_shape(model, dataset, field="config")
    return model


def _shape(dataset: data.Dataset) -> dict[str, int]:
    return {
        "size": dataset.images.shape[-1],
        "channels": dataset.images.shape[1],
        "classes": len(dataset.classes),
    }


def _check_shape(model: Generative, dataset: data.Dataset, *, field: str) -> None:
    """Refuse a model that cannot take the pictures; one that leaves the classes out can."""
    for name, there in _shape(dataset).items():
        wanted = getattr(model.config, name)
        if wanted != there and (name, wanted) != ("classes", 0):
            raise BadValue(
                f"{field}: the model has {name} {wanted} and the data {there}; make them the same."
            )


def _rate(step: int, progress: float, warmup: int) -> float:
    """Return the factor of the learning rate: a linear rise, then half a cosine down to 2 %."""
    rise = min(1.0, (step + 1) / warmup) if warmup else 1.0
    return rise * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(1.0, progress))))


def _versions() -> dict[str, str]:
    names = ("torch", "torchvision", "numpy")
    found = {name: importlib.metadata.version(name) for name in names}
    return {"python": platform.python_version(), **found}


def _commit() -> str:
    here = Path(__file__).parent
    try:
        out = subprocess.run(
            ["git", "rev-parse", "--short", "HEAD"],
            cwd=here,
            capture_output=True,
            text=True,
            timeout=5,
        )
    except OSError:
        return ""
    return out.stdout.strip()
