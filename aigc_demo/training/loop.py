"""``train(plan, directory)``: the one training loop, a generator of events. It never prints, plots
or parses.

The loop knows no method: it asks a trainer for one step at a time. What is written to the run
directory, and when, is in `journal`; how people steer a run, in `control`.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from pydantic import ValidationError

from aigc_demo import augment, data, device as devices
from aigc_demo.data.uploads import user_dataset
from aigc_demo.errors import BadData, BadValue, OutOfMemory
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.methods.base import Generative, Method, Model
from aigc_demo.methods.classifier import Classifier
from aigc_demo.requests import TrainPlan, explain
from aigc_demo.training.augmentation import augmented, check_for
from aigc_demo.training.evaluators import Examiner, Grader
from aigc_demo.training.events import Event, Finished, Paused, Reason, Started
from aigc_demo.training.run_control import NAP, Gate
from aigc_demo.training.run_logger import STATE, Journal

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

    People steer it through files in `directory` (see `control`). Raises UserError where the
    plan cannot be run.
    """
    device = device or devices.default_device()
    method = check(plan)
    size = plan.config.get("size")
    if (own := directory / user_dataset.IMAGES_FILE).is_file():
        reads = method.condition == "text"
        dataset = user_dataset.load(own, method.needs, reads=reads)
    else:
        dataset = data.load(plan.data, "train", root=root, download=download, size=size)
    every = _fitting(method, dataset)
    dataset = _limited(every, plan)
    pipeline = augment.parse(plan.augment, field="augment")
    check_for(pipeline, method, domains=isinstance(dataset, data.Domains))
    batch = plan.batch or method.batch
    if len(dataset) < 2:
        raise BadData(f"{dataset.title} has {len(dataset)} picture; training needs at least 2.")
    model = _build(method, plan, dataset).to(device)
    model.to(memory_format=model.layout)
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

    gate = Gate(directory)
    journal = Journal(plan, directory, dataset, model, trainer, batch, seconds_before)
    if plan.score_every and isinstance(model, Generative):
        journal.examiner = Examiner(every, method, plan, root=root)
    elif plan.score_every and isinstance(model, Classifier):
        journal.examiner = Grader(plan, every, root=root)
    batches = dataset.batches(batch, seed=plan.seed, start=trainer.steps, device=device)
    if pipeline:
        batches = augmented(
            batches,
            pipeline,
            seed=plan.seed,
            start=trainer.steps,
            classes=len(dataset.classes),
        )
    reason: Reason = "done"
    waiting = False
    while journal.progress() < 1:
        # Wait while somebody has paused the run.
        if gate.stopped():
            reason = "stopped"
            break
        if not gate.open():
            if not waiting:
                yield from journal.tell()
                yield from journal.save()
                yield Paused(trainer.steps)
            waiting = True
            journal.idle(NAP)
            continue
        waiting = gate.single

        # Learn from one batch.
        start = time.monotonic()
        trainer.schedule(_rate(trainer.steps, journal.progress(), plan.warmup))
        try:
            only = gate.part if gate.part in method.parts else None
            losses = trainer.training_step(next(batches), only)
        except (MemoryError, RuntimeError) as error:
            if not devices.ran_out_of_memory(error):
                raise
            raise OutOfMemory(
                f"There is no room for a batch of {batch}; reduce the batch size."
            ) from None
        journal.learnt(losses, time.monotonic() - start)
        if not all(abs(float(v)) < DIVERGED_AT for v in losses.values()):
            reason = "diverged"
            break

        # Tell what happened.
        if gate.watched:
            yield from journal.tell()
            yield from journal.preview()
            journal.paid(gate.rest())
        elif journal.untold >= log_every or trainer.steps == 1:
            yield from journal.tell()
        yield from journal.due()

    yield from journal.tell()
    if reason != "diverged" and trainer.steps and not gate.discarded():
        yield from journal.conclude()
    yield Finished(reason, trainer.steps, journal.seconds())


def check(plan: TrainPlan) -> Method:
    """Return the method of `plan`; raises BadValue where it or a setting can be seen to be wrong
    without the data.
    """
    if plan.method not in METHODS:
        raise BadValue(
            f"method: there is no method “{plan.method[:80]}”; choose one of {', '.join(METHODS)}."
        )
    method = METHODS[plan.method]
    try:
        method.config.model_validate({"classes": 2 * method.classes} | plan.config)
    except ValidationError as error:
        raise BadValue(explain(error)) from None
    check_for(augment.parse(plan.augment, field="augment"), method, domains=False)
    return method


def _fitting(method: Method, dataset: data.Dataset) -> data.Dataset:
    """Return `dataset` as `method` takes it; raises BadData where it cannot."""
    several = isinstance(dataset, data.Domains)
    if method.needs == "pictures":
        if several:
            raise BadData(
                f"{dataset.title} is a set of several domains, for translation; choose cyclegan "
                "or pix2pix, or another set."
            )
        return data.caption_by_class(dataset) if method.condition == "text" else dataset
    if not several:
        raise BadData(
            f"{method.title} needs pictures of two domains, and {dataset.title} has one; give a "
            "folder or zip with trainA/ and trainB/, or one of the sets for translation."
        )
    if method.needs in ("pairs", "plans"):
        if not dataset.paired:
            raise BadData(
                f"{method.title} learns from pairs, and the pictures of {dataset.title} do not "
                "belong together; choose cyclegan."
            )
        return dataset
    if len(dataset.domains) != 2:
        raise BadData(f"{method.title} goes between two domains; choose a set of two.")
    return dataset.unpaired()


def _limited(dataset: data.Dataset, plan: TrainPlan) -> data.Dataset:
    if plan.limit and isinstance(dataset, data.Domains):
        raise BadValue("limit: a set of several domains is learnt from as a whole; leave it out.")
    return dataset.limited(plan.limit, plan.seed)


def _build(method: Method, plan: TrainPlan, dataset: data.Dataset) -> Model:
    if plan.init:
        model, card = checkpoint.load(Path(plan.init))
        if card.method != method.name:
            raise BadValue(
                f"init: this checkpoint was made by {card.method}; choose one of {method.name}."
            )
        start = model.state_dict()
        try:
            own = {"classes": card.config.get("classes", 0)}
            model = method.build(card.config | plan.config | own)
            model.load_state_dict(start)
            if plan.config.get("classes", own["classes"]) != own["classes"]:
                model = _of_other_classes(model, method, card.config | plan.config)
        except ValidationError as error:
            raise BadValue(explain(error)) from None
        except RuntimeError:
            raise BadValue(
                "config: these settings make another network than the checkpoint of init; "
                "leave out those of its layers."
            ) from None
        _check_shape(model, dataset, field="init")
        return model
    torch.manual_seed(plan.seed)
    try:
        model = method.build(
            _shape(dataset) | ({} if method.classes else {"classes": 0}) | plan.config
        )
    except ValidationError as error:
        raise BadValue(explain(error)) from None
    _check_shape(model, dataset, field="config")
    return model


def _of_other_classes(model: Model, method: Method, config: dict[str, Any]) -> Model:
    """Return a model for `config` with the weights of `model`; where the number of classes decides
    how many there are, the new classes begin as the old ones in turn.
    """
    found, start = method.build(config), model.state_dict()
    before, after = model.config.classes, found.config.classes
    with torch.no_grad():
        for name, value in found.state_dict().items():
            old = start.get(name, torch.zeros_like(value))
            for dim, (a, b) in enumerate(zip(old.shape, value.shape, strict=True)):
                if a != b:  # so many of it are those of classes, the last ones
                    kept = torch.arange(a - before)
                    classes = a - before + torch.arange(after) % before
                    old = old.index_select(dim, torch.cat([kept, classes]))
            value.copy_(old)
    return found


def _shape(dataset: data.Dataset) -> dict[str, int]:
    return {
        "size": dataset.images.shape[-1],
        "channels": dataset.images.shape[1],
        "classes": len(dataset.classes),
    }


def _check_shape(model: Model, dataset: data.Dataset, *, field: str) -> None:
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
