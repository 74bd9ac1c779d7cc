"""A small classifier, whose features measure other models.

He et al., "Deep Residual Learning for Image Recognition", 2015, https://arxiv.org/abs/1512.03385.
Its convolutions run at 16², 8² and 4², so that minutes on one CPU core suffice. With another
`body` it is a second judge that sees differently: depthwise convolutions and layer normalisation
as in Liu et al., "A ConvNet for the 2020s", 2022, https://arxiv.org/abs/2201.03545.

    loss = -log softmax(head(features(x)))[c]

Trained on several data sets at once it is the feature extractor ``compact`` of `metrics`: FID,
KID, precision and recall compare its features, the Inception Score its class probabilities. It
knows nothing of generated images.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from aigc_demo import device as devices
from aigc_demo.methods.base import Batch, Config, Method, Model, Trainer
from aigc_demo.nn.layers import Residual, translate
from aigc_demo.nn.optim import step

Width = Annotated[int, Field(ge=8, le=1024)]


class ClassifierConfig(Config):
    """Network and training settings of `Classifier`."""

    classes: int = Field(2, ge=2, le=1000, description="number of classes")
    fold: int = Field(2, ge=1, le=16, description="unshuffle factor")
    widths: tuple[Width, Width, Width] = Field(
        (64, 128, 256), description="channels at the three resolutions"
    )
    body: Literal["residual", "depthwise"] = Field("residual", description="kind of its blocks")
    features: int = Field(128, ge=8, le=2048, description="number of features")
    shift: float = Field(0.09, ge=0, le=0.5, description="largest random shift, in sides")
    weight_decay: float = Field(5e-4, ge=0, le=1, description="weight decay")


class Classifier(Model):
    """Maps images to features, and those to logits."""

    config: ClassifierConfig

    def __init__(self, config: ClassifierConfig) -> None:
        super().__init__(config)
        body = _residual if config.body == "residual" else _depthwise
        self.body = nn.Sequential(
            *body(config),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(config.widths[-1], config.features),
            nn.BatchNorm1d(config.features),
        )
        self.head = nn.Linear(config.features, config.classes)

    def features(self, x: Tensor) -> Tensor:
        """Map images (B, C, H, W) in [-1, 1] to features (B, F), float32."""
        return self.body(x.contiguous(memory_format=torch.channels_last)).float()

    def classify(self, features: Tensor) -> Tensor:
        """Map features (B, F) to logits (B, K)."""
        return self.head(F.silu(features))

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, C, H, W) in [-1, 1] to logits (B, K)."""
        return self.classify(self.features(x))

    def trainer(self, *, lr: float, ema: float, seed: int) -> ClassifierTrainer:
        return ClassifierTrainer(self, lr=lr, ema=ema, seed=seed)


class ClassifierTrainer(Trainer):
    """Minimises the cross-entropy of shifted images by SGD with Nesterov momentum."""

    def __init__(self, model: Classifier, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        self.optimizer = torch.optim.SGD(
            self.network.parameters(),
            lr=lr,
            momentum=0.9,
            nesterov=True,
            weight_decay=model.config.weight_decay,
        )
        self.optimizers["classifier"] = self.optimizer

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        config = self.model.config
        x = translate(batch.images, self.generator, config.shift)
        with devices.autocast(self.device):
            logits = self.network(x).float()
        loss = F.cross_entropy(logits, batch.labels)
        norm = step(loss, self.optimizer, clip=config.clip)
        truth = batch.labels if batch.labels.ndim == 1 else batch.labels.argmax(1)
        accuracy = (logits.argmax(1) == truth).float().mean()
        return {"loss": loss.detach(), "accuracy": accuracy, "grad_norm": norm}


def _residual(config: ClassifierConfig) -> Iterator[nn.Module]:
    narrow, middle, wide = config.widths
    yield nn.PixelUnshuffle(config.fold)
    yield from _convolution(config.channels * config.fold**2, narrow)
    yield nn.MaxPool2d(2)
    yield from _convolution(narrow, middle)
    yield Residual(*_convolution(middle, middle), *_convolution(middle, middle))
    yield nn.MaxPool2d(2)
    yield from _convolution(middle, wide)
    yield Residual(*_convolution(wide, wide), *_convolution(wide, wide))


def _depthwise(config: ClassifierConfig) -> Iterator[nn.Module]:
    inputs, side = config.channels, config.fold
    for width in config.widths:
        yield nn.Conv2d(inputs, width, side, stride=side)
        yield nn.GroupNorm(1, width)
        for _ in range(2):
            yield Residual(
                nn.Conv2d(width, width, 5, padding=2, groups=width),
                nn.GroupNorm(1, width),
                nn.Conv2d(width, 3 * width, 1),
                nn.GELU(),
                nn.Conv2d(3 * width, width, 1),
            )
        inputs, side = width, 2


def _convolution(inputs: int, outputs: int) -> tuple[nn.Module, ...]:
    return (
        nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU(inplace=True),
    )


METHOD = Method(
    name="classifier",
    title="Classifier",
    task="measure",
    condition="image",
    config=ClassifierConfig,
    network=Classifier,
    lr=0.1,
    batch=128,
    ema=0.05,
)
