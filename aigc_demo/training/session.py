"""What a training run works with: data, model, trainer and batches, prepared from its plan."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import torch
from pydantic import ValidationError

from aigc_demo import augment, data, device as devices
from aigc_demo.data.uploads import user_dataset
from aigc_demo.errors import BadCheckpoint, BadData, BadValue
from aigc_demo.methods import METHODS, checkpoint
from aigc_demo.methods.base import Batch, Method, Model, Trainer
from aigc_demo.requests import TrainPlan, explain
from aigc_demo.training.augmentation import augment_batches, check_pipeline
from aigc_demo.training.evaluators import Evaluator, evaluator_for
from aigc_demo.training.events import Started
from aigc_demo.training.model_building import build_model

STATE = "state.safetensors"  # in the run directory: all that resuming needs
FIXED_IMAGES = 32  # for previews and discriminator logits


@dataclass
class Session:
    """A run that is ready to train, or to be resumed after `seconds_before` seconds."""

    plan: TrainPlan
    directory: Path
    method: Method
    dataset: data.Dataset
    model: Model
    trainer: Trainer
    batch_size: int
    batches: Iterator[Batch]
    evaluator: Evaluator | None
    initial_card: checkpoint.Card | None  # of the checkpoint that the weights started from
    seconds_before: float
    _finished_at: int = field(default=-1, init=False, repr=False)  # the step

    def started(self) -> Started:
        """Return the first event of the run."""
        parameters = sum(p.numel() for p in self.model.parameters())
        return Started(self.method.name, self.dataset.name, parameters, self.trainer.steps)

    def fixed_batch(self) -> Batch:
        """Return the same real images at every call."""
        return next(self.dataset.batches(FIXED_IMAGES, seed=0, device=self.trainer.device))

    def finish_model(self, *, thorough: bool = False) -> None:
        """Make the model ready to be used, unless it has been since the last step."""
        if thorough or self._finished_at != self.trainer.steps:
            batches = self.dataset.batches(self.batch_size, seed=0, device=self.trainer.device)
            self.trainer.finish(batches, thorough=thorough)
            self._finished_at = self.trainer.steps


def prepare(
    plan: TrainPlan,
    directory: Path,
    *,
    root: str | Path | None,
    device: torch.device | None,
    download: bool,
) -> Session:
    """Load the data and build the model of `plan`, or restore it where `directory` holds the state
    of an earlier session. Raises UserError where the plan cannot be run.
    """
    method = check_plan(plan)
    whole = _fit_to_method(_load_data(plan, directory, method, root, download), method)
    dataset = _limit(whole, plan)
    pipeline = augment.parse(plan.augment, field="augment")
    check_pipeline(pipeline, method, domains=isinstance(dataset, data.Domains))
    if len(dataset) < 2:
        raise BadData(f"{dataset.title} has {len(dataset)} picture; training needs at least 2.")
    model, initial_card = build_model(method, plan, dataset)
    device = device or devices.default_device()
    model.to(device).to(memory_format=model.memory_format)
    ema = method.ema if plan.ema is None else plan.ema
    trainer = model.trainer(lr=plan.lr or method.lr, ema=ema, seed=plan.seed)
    seconds_before = _load_training_state(directory / STATE, model, trainer)
    size = whole.images.shape[-1]
    load_test = functools.partial(data.load, plan.data, "test", root=root, size=size)
    if own := _own_images(directory, method):
        load_test = functools.partial(own, "test")
    batch_size, start = plan.batch or method.batch, trainer.steps
    batches = dataset.batches(batch_size, seed=plan.seed, start=start, device=device)
    if pipeline:
        classes = len(dataset.classes)
        batches = augment_batches(batches, pipeline, seed=plan.seed, start=start, classes=classes)
    return Session(
        plan=plan,
        directory=directory,
        method=method,
        dataset=dataset,
        model=model,
        trainer=trainer,
        batch_size=batch_size,
        batches=batches,
        evaluator=evaluator_for(plan, method, model, whole, load_test=load_test),
        initial_card=initial_card,
        seconds_before=seconds_before,
    )


def check_plan(plan: TrainPlan) -> Method:
    """Return the method of `plan`; raises BadValue for what is wrong whatever the data."""
    if plan.method not in METHODS:
        raise BadValue(
            f"method: there is no method “{plan.method[:80]}”; choose one of {', '.join(METHODS)}."
        )
    method = METHODS[plan.method]
    try:
        method.config.model_validate({"classes": 2 * method.classes} | plan.config)
    except ValidationError as error:
        raise BadValue(explain(error)) from None
    check_pipeline(augment.parse(plan.augment, field="augment"), method, domains=False)
    return method


def _load_data(
    plan: TrainPlan, directory: Path, method: Method, root: str | Path | None, download: bool
) -> data.Dataset:
    """Load the user's own images where the run directory holds them, else the plan's data set."""
    if own := _own_images(directory, method):
        return own("train")
    size = plan.config.get("size")
    return data.load(plan.data, "train", root=root, download=download, size=size)


def _own_images(directory: Path, method: Method) -> Callable[[data.Split], data.Dataset] | None:
    """Return what loads a split of the user's own images, where the run directory holds them."""
    images, captioned = directory / user_dataset.IMAGES_FILE, method.condition == "text"
    if not images.is_file():
        return None
    return lambda split: user_dataset.load(images, method.needs, captioned=captioned, split=split)


def _fit_to_method(dataset: data.Dataset, method: Method) -> data.Dataset:
    """Return `dataset` in the form that `method` needs; raises BadData where there is none."""
    domains = isinstance(dataset, data.Domains)
    if method.needs == "pictures":
        if domains:
            raise BadData(
                f"{dataset.title} is a set of several domains, for translation; choose cyclegan "
                "or pix2pix, or another set."
            )
        return data.caption_by_class(dataset) if method.condition == "text" else dataset
    if not domains:
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


def _limit(dataset: data.Dataset, plan: TrainPlan) -> data.Dataset:
    if plan.limit and isinstance(dataset, data.Domains):
        raise BadValue("limit: a set of several domains is learnt from as a whole; leave it out.")
    return dataset.limited(plan.limit, plan.seed)


def _load_training_state(path: Path, model: Model, trainer: Trainer) -> float:
    """Restore model and trainer from a saved state, if any; return the seconds trained before."""
    if not path.is_file():
        return 0.0
    state = checkpoint.load_state(path)
    try:
        trainer.load_state_dict(state["trainer"])
        model.load_state_dict(state["model"])
        return float(state["seconds"])
    except (KeyError, TypeError, ValueError, RuntimeError):
        raise BadCheckpoint(
            f"The file {path.name} is of another run than its plan describes; begin it anew."
        ) from None
