"""PatchGAN: a discriminator of patches, the adversarial losses, and a pool of generated images.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", 2017,
https://arxiv.org/abs/1611.07004. With logits D(x) of real and D(y) of generated images, the mean
over all patches of

    least_squares  D: ((D(x) - 1)² + D(y)²) / 2                    G: (D(y) - 1)²
    hinge          D: (max(0, 1 - D(x)) + max(0, 1 + D(y))) / 2    G: -D(y)
    relativistic   D: softplus(D(y) - D(x))                        G: softplus(D(x) - D(y))

Mao et al., "Least Squares Generative Adversarial Networks", 2017; Lim & Ye, "Geometric GAN", 2017;
Jolicoeur-Martineau, "The relativistic discriminator", 2018. Knows no method, no data set and no
file.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

Norm = Literal["none", "instance", "batch", "spectral"]
AdversarialLoss = Literal["least_squares", "hinge", "relativistic"]


def norm_of(kind: Norm, channels: int) -> nn.Module:
    """Return the normalisation `kind`; instance normalisation without scales, as the authors'."""
    if kind == "instance":
        return nn.InstanceNorm2d(channels)
    return nn.BatchNorm2d(channels) if kind == "batch" else nn.Identity()


class PatchDiscriminator(nn.Module):
    """Gives a logit for each patch of an image.

    `layers` 4×4 convolutions with stride 2 and two with stride 1: three make patches of 70×70
    pixels, two of 34×34.
    """

    def __init__(
        self, channels: int, width: int = 64, layers: int = 3, norm: Norm = "instance"
    ) -> None:
        super().__init__()
        widths = [min(width * 2**i, width * 8) for i in range(layers + 1)]
        strides = [2] * layers + [1]
        self.stages = nn.ModuleList()
        before = channels
        for i, (after, stride) in enumerate(zip(widths, strides, strict=True)):
            bias = i == 0 or norm in ("none", "spectral")  # else the normalisation removes it
            convolution = nn.Conv2d(before, after, 4, stride, 1, bias=bias)
            self.stages.append(
                nn.Sequential(
                    spectral_norm(convolution) if norm == "spectral" else convolution,
                    norm_of(norm, after) if i else nn.Identity(),
                    nn.LeakyReLU(0.2, inplace=True),
                )
            )
            before = after
        self.last = nn.Conv2d(before, 1, 4, 1, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, C, H, W) to logits (B, 1, h, w), float32."""
        return self.features(x)[-1]

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the features of each stage, the logits last."""
        h = x.contiguous(memory_format=torch.channels_last)
        features = []
        for stage in self.stages:
            h = stage(h)
            features.append(h)
        return [*features, self.last(h).float()]


def _least_squares_d(real: Tensor, fake: Tensor) -> Tensor:
    return ((real - 1).square().mean() + fake.square().mean()) / 2


def _least_squares_g(real: Tensor, fake: Tensor) -> Tensor:
    return (fake - 1).square().mean()


def _hinge_d(real: Tensor, fake: Tensor) -> Tensor:
    return (F.relu(1 - real).mean() + F.relu(1 + fake).mean()) / 2


def _hinge_g(real: Tensor, fake: Tensor) -> Tensor:
    return -fake.mean()


def _relativistic_d(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(fake - real).mean()


def _relativistic_g(real: Tensor, fake: Tensor) -> Tensor:
    return F.softplus(real - fake).mean()


Loss = Callable[[Tensor, Tensor], Tensor]  # of real and generated logits
# name -> (discriminator's loss, generator's loss)
ADVERSARIAL_LOSSES: dict[str, tuple[Loss, Loss]] = {
    "least_squares": (_least_squares_d, _least_squares_g),
    "hinge": (_hinge_d, _hinge_g),
    "relativistic": (_relativistic_d, _relativistic_g),
}


class ImagePool(nn.Module):
    """The last `size` generated images, some of which are shown to a discriminator.

    Shrivastava et al., "Learning from Simulated and Unsupervised Images through Adversarial
    Training", 2017, https://arxiv.org/abs/1612.07828. It is a module so that a resumed run has it.
    """

    def __init__(self, size: int, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("pictures", torch.zeros(size, *shape))  # names of a run's state file
        self.register_buffer("held", torch.zeros((), dtype=torch.int64))

    def swap(self, x: Tensor, generator: torch.Generator) -> Tensor:
        """Put images x (B, C, H, W) into the pool; return as many, about half of them old ones."""
        size = len(self.pictures)
        if not size:
            return x
        swapped = x.clone()
        for i, new in enumerate(x):
            n = int(self.held)
            if n < size:
                self.pictures[n] = new
                self.held += 1
                continue
            chance, place = torch.rand(2, generator=generator, device=x.device).tolist()
            if chance < 0.5:
                place = int(place * size)
                swapped[i] = self.pictures[place]
                self.pictures[place] = new
        return swapped
