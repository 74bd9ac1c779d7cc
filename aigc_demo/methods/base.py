"""What every method is made of: `Batch`, `Config`, `Model`, `Trainer` and `Method`.

A *model* (`Generative` if it makes images from noise, `Translator` if it maps one domain to
another) is what is saved, loaded and used: its ``state_dict()`` is the checkpoint and nothing
else. A *trainer* holds what only training needs (raw weights, discriminators, optimisers) and
moves the model's weights, which are the running average of the raw ones.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal

import torch
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationInfo,
    field_validator,
    model_validator,
)
from torch import Tensor, nn
from typing_extensions import Self

from aigc_demo.nn.layers import normals
from aigc_demo.nn.optim import PowerEMA

Task = Literal["generate", "restore", "translate", "measure"]
Condition = Literal["none", "label", "text", "image"]
Direction = Literal["AtoB", "BtoA"]
# What a method learns from; plans: pairs of an image and a label map whose colours are classes.
Needs = Literal["pictures", "domains", "pairs", "plans"]


@dataclass(frozen=True)
class Batch:
    """Images with what is known of them.

    images: (B, C, H, W) in [-1, 1], float32.
    labels: class indices (B,), int64; for a classifier that learns from mixtures class weights
        (B, K); with `targets` those of their domains.
    targets: images of the other domain, like `images`.
    captions: bytes (B, L), uint8, padded with 0.
    """

    images: Tensor
    labels: Tensor | None = None
    targets: Tensor | None = None
    captions: Tensor | None = None


class Config(BaseModel):
    """What a model is built from and trained with; each method adds fields. Saved in the card."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    size: int = Field(32, ge=8, le=256, description="side of the images in pixels")
    channels: int = Field(3, ge=1, le=4, description="1 grey, 3 RGB")
    classes: int = Field(0, ge=0, le=1000, description="number of classes; 0: unconditional")
    clip: float = Field(0.0, ge=0, description="largest gradient norm; 0: do not clip")

    @field_validator("*", mode="before")
    @classmethod
    def _true_is_no_number(cls, value: Any, info: ValidationInfo) -> Any:
        wanted = cls.model_fields[str(info.field_name)].annotation
        if isinstance(value, bool) and wanted in (int, float):
            raise ValueError("it should be a number")
        return value


class CropConfig(Config):
    """Base of methods that learn from crops of colour images, without classes."""

    size: int = Field(128, ge=16, le=512, description="side of the training images")
    channels: Literal[3] = Field(3, description="colour; grey images pass as colour")
    classes: Literal[0] = Field(0, description="unconditional")
    crop: int = Field(64, ge=16, le=512, multiple_of=4, description="side of the training crops")

    @model_validator(mode="after")
    def _crop_fits(self) -> Self:
        if self.crop > self.size:
            raise ValueError(
                f"crop: {self.crop} is more than the size {self.size}; make it smaller"
            )
        return self


@dataclass(frozen=True)
class Option:
    """A setting of sampling; its name is the parameter of `Generative.decode_steps`."""

    name: str
    minimum: float
    maximum: float
    default: float
    step: float


class Model(nn.Module, ABC):
    """A network with its configuration; ``state_dict()`` is its checkpoint."""

    options: ClassVar[tuple[Option, ...]] = ()
    memory_format = torch.channels_last  # of its weights

    def __init__(self, config: Config) -> None:
        super().__init__()
        self.config = config

    @classmethod
    def options_for(cls, config: Mapping[str, Any]) -> tuple[Option, ...]:
        """Return the options that a model of `config` has."""
        return cls.options

    def one_hot(self, labels: Tensor | None) -> Tensor | None:
        """Turn class indices (B,) into class weights (B, K)."""
        if labels is None or not self.config.classes:
            return None
        return nn.functional.one_hot(labels, self.config.classes).float()

    def preview_rows(self, batch: Batch) -> list[Tensor]:
        """Return rows of images (B, C, H, W) for a run's previews: inputs, outputs, truth."""
        return []

    @abstractmethod
    def trainer(self, *, lr: float, ema: float, seed: int) -> Trainer:
        """Return a trainer that moves this model's weights."""


class Generative(Model):
    """A network that maps noise and a condition to images.

    The condition is class weights (B, K) whose rows sum to 1, encoded prompts (B, E) if it is
    ``text_conditional``, or None.
    """

    text_conditional: ClassVar[bool] = False

    @property
    @abstractmethod
    def noise_shape(self) -> tuple[int, ...]:
        """Shape of the noise of one image."""

    def noise(self, seeds: Iterable[int]) -> Tensor:
        """Return noise (len(seeds), *noise_shape); a seed's noise never depends on the others."""
        device = next(self.parameters()).device
        return normals(self.noise_shape, seeds).to(device)

    def latents(self, noise: Tensor, labels: Tensor | None) -> Tensor:
        """Map noise to latents, where morphs interpolate: the identity but for learnt priors."""
        return noise

    def encode_prompts(self, captions: Tensor) -> Tensor:
        """Map captions (B, L), uint8, to conditions, where prompts blend; raises TypeError unless
        the model is text-conditional.
        """
        raise TypeError(f"{type(self).__name__} is not conditioned on text.")

    @abstractmethod
    def decode_steps(
        self, latents: Tensor, condition: Tensor | None, **options: float
    ) -> Iterator[Tensor]:
        """Yield images in [-1, 1] as they form, the final ones last; at least once."""

    def decode(self, latents: Tensor, condition: Tensor | None, **options: float) -> Tensor:
        """Map latents and conditions to images (B, C, H, W) in [-1, 1]."""
        *_, images = self.decode_steps(latents, condition, **options)
        return images

    def sample(
        self,
        noise: Tensor,
        labels: Tensor | None = None,
        *,
        captions: Tensor | None = None,
        **options: float,
    ) -> Tensor:
        """Return images (B, C, H, W) in [-1, 1] for noise and class indices (B,) or captions
        (B, L), or unconditional ones.
        """
        condition = self.one_hot(labels) if captions is None else self.encode_prompts(captions)
        return self.decode(self.latents(noise, labels), condition, **options)


class Translator(Model):
    """A network that maps images of one domain to another.

    ``multiple``: sides must be multiples of it. ``whole_image``: it sees the whole image, at the
    size of its training; others work at any size. ``tileable``: it works on tiles, since it has a
    bounded receptive field and computes no statistics over the image.
    """

    multiple: int = 1
    whole_image: bool = False
    tileable: bool = True

    @property
    @abstractmethod
    def directions(self) -> tuple[Direction, ...]:
        """Directions that it was built for."""

    @property
    @abstractmethod
    def receptive_radius(self) -> int:
        """Largest distance in pixels at which an input can change an output."""

    @abstractmethod
    def translate(
        self, x: Tensor, direction: Direction = "AtoB", labels: Tensor | None = None
    ) -> Tensor:
        """Map images (B, C, H, W) in [-1, 1] to the other domain, float32, or to the domains
        `labels` (B,) if there are several.
        """


class Trainer(ABC):
    """Moves a model's weights by one batch at a time.

    ``model`` holds the averaged weights; ``network`` is the raw copy that the optimiser moves.
    ``modules`` are the networks whose weights a resumed run needs, by name; subclasses add theirs,
    and all ``optimizers``.
    """

    def __init__(self, model: Model, *, lr: float, ema: float, seed: int) -> None:
        self.model = model
        self.network: Any = copy.deepcopy(model).train()
        self.modules: dict[str, nn.Module] = {"network": self.network}
        self.optimizers: dict[str, torch.optim.Optimizer] = {}
        self.lr = lr
        self.ema = PowerEMA(ema)
        self.steps = 0
        device = next(model.parameters()).device
        self.generator = torch.Generator(device).manual_seed(int(seed))
        model.eval().requires_grad_(False)

    @property
    def device(self) -> torch.device:
        return next(self.model.parameters()).device

    @abstractmethod
    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        """Take an optimiser step on `batch` with all raw networks or only one of the method's
        `parts`; return named, detached scalars.
        """

    def training_step(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        """Update the raw networks, then average; return named, detached scalars."""
        losses = self.update(batch, only)
        self.steps += 1
        self.ema.update(self.model, self.network, self.steps)
        return losses

    def discriminator_logits(self, batch: Batch) -> dict[str, Tensor]:
        """Return logits (N,) of single images, "real" and "fake"; none without a discriminator."""
        return {}

    def finish(self, batches: Iterable[Batch], *, thorough: bool = True) -> None:
        """Do what is left before the model is used, such as fitting a prior; most need nothing.

        `thorough` is for the end of a run; during it, quick is better than exact.
        """
        return

    def schedule(self, factor: float) -> None:
        """Set every learning rate to `factor` of its initial value."""
        for optimizer in self.optimizers.values():
            for group in optimizer.param_groups:
                group["lr"] = group.setdefault("first_lr", group["lr"]) * factor

    def state_dict(self) -> dict[str, Any]:
        """Return what an exact resumption needs: nested dicts of tensors, numbers and names."""
        return {
            "steps": self.steps,
            "generator": self.generator.get_state(),
            "modules": {name: m.state_dict() for name, m in self.modules.items()},
            "optimizers": {name: o.state_dict() for name, o in self.optimizers.items()},
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Resume from `state_dict`."""
        self.steps = int(state["steps"])
        self.generator.set_state(state["generator"])
        for name, module in self.modules.items():
            module.load_state_dict(state["modules"][name])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state["optimizers"][name])
            # Give moments the strides of their weights: fused optimisers pair them by address.
            for p, moments in optimizer.state.items():
                for key, value in moments.items():
                    if value.shape == p.shape:
                        moments[key] = torch.empty_like(p).copy_(value)


@dataclass(frozen=True)
class Method:
    """An entry of ``METHODS``: how a kind of model is built and trained."""

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
    needs: Needs = "pictures"  # one domain of images, two, or pairs of two
    score_count: int = 500  # samples that score a run; fewer where sampling is slow
    score_options: dict[str, float] = field(default_factory=dict)  # sampling options for these

    def build(self, config: Config | dict[str, Any] | None = None) -> Model:
        """Return an untrained model; raises pydantic's ValidationError for a wrong `config`."""
        if not isinstance(config, Config):
            config = self.config.model_validate(config or {})
        return self.network(config)
