"""What every method is made of: `Batch`, `Model`, `Trainer` and `Method`.

A *model* (`Model`; `Generative` where it makes pictures, `Translator` where it turns one kind into
another) is what is saved, loaded and used: its
``state_dict()`` is the checkpoint and nothing else. A *trainer* holds what only training needs
(the raw weights, the other networks, the optimisers) and moves the model's weights, which are the
running average of the raw ones.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from torch import Tensor, nn
from typing_extensions import Self

from aigc_demo.nn import layers as blocks
from aigc_demo.nn.optim import PowerEMA

Task = Literal["generate", "restore", "translate", "measure"]
Condition = Literal["none", "label", "text", "image"]
Direction = Literal["AtoB", "BtoA"]
# plans: pairs, of which one is a drawing whose colours are classes
Needs = Literal["pictures", "domains", "pairs", "plans"]


@dataclass(frozen=True)
class Batch:
    """Pictures (B, C, H, W) in [-1, 1], float32; their class numbers (B,), int64, or, for a
    classifier whose pictures are mixtures, the weights of the classes (B, K), or None; for
    translation pictures of the other domain, like `images`, and `labels` are then those of the
    domains of `targets`; the bytes of their captions (B, L), uint8, padded with 0.
    """

    images: Tensor
    labels: Tensor | None = None
    targets: Tensor | None = None
    captions: Tensor | None = None


class Config(BaseModel):
    """What a model is built from and trained with; each method adds fields. Saved in the card."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: int = Field(32, ge=8, le=256, description="side of the pictures in pixels")
    channels: int = Field(3, ge=1, le=4, description="1 grey, 3 RGB")
    classes: int = Field(0, ge=0, le=1000, description="number of classes; 0: unconditional")
    clip: float = Field(0.0, ge=0, description="largest gradient norm; 0: do not clip")


class WindowConfig(Config):
    """Of methods that learn from windows of pictures in colour, without classes."""

    size: int = Field(128, ge=16, le=512, description="side of the pictures that it learns from")
    channels: Literal[3] = Field(3, description="colour; grey pictures pass as colour")
    classes: Literal[0] = Field(0, description="it knows no classes")
    crop: int = Field(
        64, ge=16, le=512, multiple_of=4, description="side of the windows of a step"
    )

    @model_validator(mode="after")
    def _holds_windows(self) -> Self:
        if self.crop > self.size:
            raise ValueError(
                f"crop: {self.crop} is more than the size {self.size}; make it smaller"
            )
        return self


@dataclass(frozen=True)
class Option:
    """A number that a person may set when sampling."""

    name: str
    title: str
    minimum: float
    maximum: float
    default: float
    step: float
    info: str


class Model(nn.Module, ABC):
    """A network with its configuration; ``state_dict()`` is its checkpoint."""

    options: ClassVar[tuple[Option, ...]] = ()
    layout = torch.channels_last  # how its weights lie in memory

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    def one_hot(self, labels: Tensor | None) -> Tensor | None:
        """Turn class numbers (B,) into class weights (B, K)."""
        if labels is None or not self.config.classes:
            return None
        return nn.functional.one_hot(labels, self.config.classes).float()

    def rows(self, batch: Batch) -> list[Tensor]:
        """Return rows of pictures (B, C, H, W) that show what the model does to those of `batch`,
        for previews of a run; none where it does nothing to pictures.
        """
        return []

    @abstractmethod
    def trainer(self, *, lr: float, ema: float, seed: int) -> Trainer:
        """Return a trainer that moves this model's weights."""


class Generative(Model):
    """A network that turns noise and a class, or words where it ``reads``, into pictures."""

    reads: ClassVar[bool] = False

    @property
    @abstractmethod
    def noise_shape(self) -> tuple[int, ...]:
        """The shape of one picture's noise."""

    def noise(self, seeds: Iterable[int]) -> Tensor:
        """Return noise (len(seeds), *noise_shape) for `sample`; a seed's noise never depends on
        the others.
        """
        device = next(self.parameters()).device
        return blocks.normals(self.noise_shape, seeds).to(device)

    def latents(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Map noise to what `decode` takes, where morphs interpolate; the identity unless a method
        has a prior.
        """
        return noise

    def decode(self, latents: Tensor, classes: Tensor | None, **options: float) -> Tensor:
        """Turn latents and class weights (B, K), rows summing to 1, or None, into pictures in [-1,
        1].
        """
        *_, images = self.decode_steps(latents, classes, **options)
        return images

    @abstractmethod
    def decode_steps(
        self, latents: Tensor, classes: Tensor | None, **options: float
    ) -> Iterator[Tensor]:
        """Yield the pictures as they form, the finished ones last; at least one."""

    def read(self, captions: Tensor) -> Tensor:
        """Turn captions (B, L), uint8, into what takes the place of class weights, where blends of
        two texts interpolate; raises TypeError where the method is not conditioned on text.
        """
        raise TypeError(f"{type(self).__name__} is not conditioned on text.")

    def sample(
        self,
        noise: Tensor,
        labels: Tensor | None = None,
        *,
        captions: Tensor | None = None,
        **options: float,
    ) -> Tensor:
        """Return pictures (B, C, H, W) in [-1, 1] for noise and class numbers (B,), or captions
        (B, L); None where unconditional.
        """
        told = self.one_hot(labels) if captions is None else self.read(captions)
        return self.decode(self.latents(noise, labels), told, **options)


class Translator(Model):
    """A network that turns pictures of one domain into pictures of another.

    ``multiple``: sides must divide by it. ``whole``: it looks at a picture as a whole and works at
    the size it was trained at; others work on pictures of any size. ``local``: it has no
    statistics over the picture, so that it may work piece by piece.
    """

    multiple: int = 1
    whole: bool = False
    local: bool = True

    @property
    @abstractmethod
    def directions(self) -> tuple[Direction, ...]:
        """The ways that it can go."""

    @property
    @abstractmethod
    def reach(self) -> int:
        """Pixels around a place that can change it, statistics over the picture left aside."""

    @abstractmethod
    def translate(
        self, x: Tensor, direction: Direction = "AtoB", labels: Tensor | None = None
    ) -> Tensor:
        """Turn pictures (B, C, H, W) in [-1, 1] into such of the other domain, float32, or of the
        domains `labels` (B,) where it knows several.
        """


class Trainer(ABC):
    """Moves a model's weights by one batch at a time.

    ``model`` holds the averaged weights; ``network`` is the raw copy that the optimiser moves.
    """

    def __init__(self, model: Model, *, lr: float, ema: float, seed: int) -> None:
        self.model = model
        self.network: Any = copy.deepcopy(model).train()
        self.lr = lr
        self.ema = PowerEMA(ema)
        self.steps = 0
        device = next(model.parameters()).device
        self.generator = torch.Generator(device).manual_seed(seed)
        model.eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    def modules(self) -> dict[str, nn.Module]:
        """Return the networks whose weights a resumed run needs, by name."""
        return {"network": self.network}

    @abstractmethod
    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Return the optimisers by name."""

    @abstractmethod
    def losses(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        """Update the raw networks on `batch`, or only one of the method's `parts`; return named,
        detached scalars.
        """

    def training_step(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        """Learn from one batch: zero, backward, step, average. Returns named, detached scalars."""
        losses = self.losses(batch, only)
        self.steps += 1
        self.ema.update(self.model, self.network, self.steps)
        return losses

    def judge(self, batch: Batch) -> dict[str, Tensor]:
        """Return what a discriminator says of single pictures (B,), by kind; most have none."""
        return {}

    def finish(self, batches: Iterable[Batch], *, thorough: bool = True) -> None:
        """Do what a model needs before it is used, such as fitting a prior; most need nothing.

        `thorough` is for the end of a run; in its course, quick is better than exact.
        """
        return

    def schedule(self, factor: float) -> None:
        """Set every learning rate to `factor` of its first value."""
        for optimizer in self.optimizers().values():
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("first_lr", group["lr"]) * factor

    def state_dict(self) -> dict[str, Any]:
        """Return all that `load_state_dict` needs to go on exactly here (tensors, numbers and
        names only).
        """
        return {
            "steps": self.steps,
            "generator": self.generator.get_state(),
            "modules": {name: m.state_dict() for name, m in self.modules().items()},
            "optimizers": {name: o.state_dict() for name, o in self.optimizers().items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on where `state_dict` was taken."""
        self.steps = int(state["steps"])
        self.generator.set_state(state["generator"])
        for name, module in self.modules().items():
            module.load_state_dict(state["modules"][name])
        for name, optimizer in self.optimizers().items():
            optimizer.load_state_dict(state["optimizers"][name])
            # Lay moments out as their weights are: fused optimisers pair them by place in memory.
            for p, moments in optimizer.state.items():
                for key, value in moments.items():
                    if value.shape == p.shape:
                        moments[key] = torch.empty_like(p).copy_(value)


@dataclass(frozen=True)
class Method:
    """One way to make pictures: an entry of ``METHODS``."""

    name: str
    title: str
    task: Task
    condition: Condition
    config: type[Config]
    network: type[Model]
    lr: float
    batch: int
    ema: float = 0.1
    parts: tuple[str, ...] = ()  # the networks that a single step can be limited to
    classes: bool = True  # does it use the classes of its data
    needs: Needs = "pictures"  # one domain of pictures, two, or pairs of two
    score_count: int = 500  # pictures that are drawn to score a run; few where they are slow
    score_options: dict[str, float] = field(default_factory=dict)  # how they are drawn

    def build(self, config: Config | dict[str, Any] | None = None) -> Model:
        """Return an untrained model for `config`; raises pydantic's ValidationError where a value
        is wrong.
        """
        if not isinstance(config, Config):
            config = self.config.model_validate(config or {})
        return self.network(config)
