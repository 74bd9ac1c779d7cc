"""DCGAN: a generator of transposed convolutions against a discriminator, told the class or not.

Radford et al., "Unsupervised Representation Learning with Deep Convolutional GANs", 2015,
https://arxiv.org/abs/1511.06434; Mirza & Osindero, "Conditional Generative Adversarial Nets",
2014, https://arxiv.org/abs/1411.1784. With D(x) a logit, σ the logistic function and
softplus(a) = log(1 + eᵃ):

    bce           D: softplus(-D(x)) + softplus(D(G(z)))              G: softplus(-D(G(z)))
    hinge         D: max(0, 1 - D(x)) + max(0, 1 + D(G(z)))           G: -D(G(z))
    relativistic  D: softplus(D(G(z)) - D(x))                         G: softplus(D(x) - D(G(z)))

hinge: Lim & Ye, 2017, https://arxiv.org/abs/1705.02894; relativistic: Jolicoeur-Martineau, 2018,
https://arxiv.org/abs/1807.00734. R1 adds (γ/2) E||∇D(x)||² every few steps: Mescheder et al.,
2018, https://arxiv.org/abs/1801.04406.

Both networks are updated at once, from one judgement of the same fakes, where the paper's code
updates the discriminator first and then judges again. One way back through the discriminator
serves both: a picture's logit depends on no other picture, so with ℓ = D(G(z)) of one picture

    ∂L_G/∂G(z) = (∂L_G/∂ℓ / ∂L_D/∂ℓ) · ∂L_D/∂G(z).

Knows tensors only.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator
from torch import Tensor, nn

from aigc_demo import device as devices
from aigc_demo.methods.base import Batch, Config, Generative, Method, Option, Trainer
from aigc_demo.nn.layers import DIFF_AUGMENTS, Condense, Double, Expand, Halve, diff_augment
from aigc_demo.nn.optim import apply_gradients


class DCGANConfig(Config):
    """Networks and training settings of `DCGAN`."""

    size: Literal[32] = Field(32, description="side of the pictures; the networks are made for 32")
    latent: int = Field(100, ge=1, le=1024, description="numbers of noise a picture")
    width: int = Field(64, ge=8, le=256, multiple_of=8, description="channels next to the pixels")
    loss: Literal["bce", "hinge", "relativistic"] = Field("bce", description="the game's loss")
    r1: float = Field(
        0.0,
        ge=0,
        le=100,
        description="weight of the penalty on the slope at real pictures; 0: off",
    )
    r1_every: int = Field(16, ge=1, le=1000, description="steps between penalties")
    diffaugment: tuple[str, ...] = Field(
        (), description="of colour, translation, cutout; none: off"
    )

    @field_validator("diffaugment", mode="before")
    @classmethod
    def _one_alone(cls, names: object) -> object:
        return (names,) if isinstance(names, str) else names

    @field_validator("diffaugment")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := set(names) - set(DIFF_AUGMENTS):
            raise ValueError(
                f"choose of {', '.join(DIFF_AUGMENTS)}; not {', '.join(sorted(unknown))}"
            )
        return names


class DCGAN(Generative):
    """Generator: noise (and the class, one-hot, beside it) to 32×32 pictures in four layers."""

    config: DCGANConfig
    options = (
        Option(
            "truncation",
            "Truncation",
            0.1,
            1.0,
            1.0,
            0.05,
            "less keeps closer to the typical picture",
        ),
    )

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__(config)
        w = config.width
        self.main = nn.Sequential(
            Expand(config.latent + config.classes, 4 * w, 4),
            nn.BatchNorm2d(4 * w),
            nn.ReLU(inplace=True),
            Double(4 * w, 2 * w),
            nn.BatchNorm2d(2 * w),
            nn.ReLU(inplace=True),
            Double(2 * w, w),
            nn.BatchNorm2d(w),
            nn.ReLU(inplace=True),
            Double(w, config.channels),
            nn.Tanh(),
        )
        self.main.apply(initialise)

    @property
    def noise_shape(self) -> tuple[int, ...]:
        return (self.config.latent,)

    def forward(self, z: Tensor, classes: Tensor | None = None) -> Tensor:
        """Map z (B, latent) and class weights (B, K) to pictures (B, C, 32, 32)."""
        inputs = z if classes is None else torch.cat([z, classes], dim=1)
        return self.main(inputs[:, :, None, None])

    @torch.no_grad()
    def entry(self) -> tuple[Tensor, Tensor]:
        """Return the matrix (F, latent) by which z enters, batch normalisation included, and the
        covariance (latent, latent) of z.
        """
        expand, norm = self.main[0], self.main[1]
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)  # (4 width,)
        latent = self.config.latent
        weights = expand.weight[:latent] * scale[None, :, None, None]
        return weights.flatten(1).T, torch.eye(latent, device=scale.device)

    @torch.no_grad()
    def decode_steps(
        self, latents: Tensor, classes: Tensor | None, *, truncation: float = 1.0
    ) -> Iterator[Tensor]:
        """Yield the pictures; `truncation` scales the noise."""
        yield self(latents * truncation, classes).float()

    def trainer(self, *, lr: float, ema: float, seed: int) -> DCGANTrainer:
        """Return a trainer that moves this model's weights."""
        return DCGANTrainer(self, lr=lr, ema=ema, seed=seed)


class Discriminator(nn.Module):
    """Judges pictures, and the class as planes of ones and zeros beside the colours."""

    def __init__(self, config: DCGANConfig) -> None:
        super().__init__()
        w = config.width
        self.main = nn.Sequential(
            Halve(config.channels + config.classes, w),
            nn.LeakyReLU(0.2, inplace=True),
            Halve(w, 2 * w),
            nn.LeakyReLU(0.2, inplace=True),
            Halve(2 * w, 4 * w),
            nn.LeakyReLU(0.2, inplace=True),
            Condense(4 * w, 1, 4),
        )
        self.main.apply(initialise)

    def forward(self, x: Tensor, classes: Tensor | None = None) -> Tensor:
        """Map pictures (B, C, 32, 32) and class weights (B, K) to logits (B,), float32."""
        if classes is not None:
            planes = classes[:, :, None, None].expand(-1, -1, *x.shape[-2:])
            x = torch.cat([x, planes.to(x.dtype)], dim=1)
        x = x.contiguous(memory_format=torch.channels_last)
        return self.main(x).flatten().float()


def initialise(module: nn.Module) -> None:
    """Draw convolutions from N(0, 0.02²), batch-norm scales from N(1, 0.02²)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


# name -> (discriminator's loss of real and fake logits, generator's loss of fake and real logits)
LOSSES: dict[
    str, tuple[Callable[[Tensor, Tensor], Tensor], Callable[[Tensor, Tensor], Tensor]]
] = {
    "bce": (
        lambda real, fake: F.softplus(-real).mean() + F.softplus(fake).mean(),
        lambda fake, real: F.softplus(-fake).mean(),
    ),
    "hinge": (
        lambda real, fake: F.relu(1 - real).mean() + F.relu(1 + fake).mean(),
        lambda fake, real: -fake.mean(),
    ),
    "relativistic": (
        lambda real, fake: F.softplus(fake - real).mean(),
        lambda fake, real: F.softplus(real - fake).mean(),
    ),
}


class DCGANTrainer(Trainer):
    """Updates both networks at once, each against the other as it was."""

    def __init__(self, model: DCGAN, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        self.discriminator = Discriminator(model.config).to(
            self.device, memory_format=torch.channels_last
        )
        self.optimizer, self.optimizer_d = (
            torch.optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.999), fused=True)
            for net in (self.network, self.discriminator)
        )

    def modules(self) -> dict[str, nn.Module]:
        return {"network": self.network, "discriminator": self.discriminator}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return {"generator": self.optimizer, "discriminator": self.optimizer_d}

    def losses(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        config = self.model.config
        loss_d, loss_g = LOSSES[config.loss]
        classes = self.model.one_hot(batch.labels)
        z = torch.randn(
            len(batch.images),
            config.latent,
            device=self.device,
            generator=self.generator,
        )

        # Judge real and fake pictures in one pass.
        with devices.autocast(self.device):
            fakes = self.network(z, classes)
            shown = fakes.detach().requires_grad_()
            both = torch.cat([batch.images, shown])
            both_classes = None if classes is None else torch.cat([classes, classes])
            both = diff_augment(both, config.diffaugment, self.generator)
            logits = self.discriminator(both, both_classes)

        # Differentiate both losses by the logits.
        real, fake = logits.detach().requires_grad_().chunk(2)
        d, g = loss_d(real, fake), loss_g(fake, real.detach())
        d_real, d_fake = torch.autograd.grad(d, (real, fake))
        (g_fake,) = torch.autograd.grad(g, fake)
        measured = {"discriminator": d, "generator": g, "real": real.mean(), "fake": fake.mean()}

        # Go back through the discriminator once, for both; the floor keeps the ratio finite.
        floor = 1e-6 / len(fake)
        d_fake = torch.where(d_fake.abs() < floor, floor, d_fake)
        self.optimizer_d.zero_grad(set_to_none=True)
        logits.backward(torch.cat([d_real, d_fake]))
        if config.r1 and self.steps % config.r1_every == 0:
            penalty = self.slope(batch.images, classes)
            (config.r1 / 2 * config.r1_every * penalty).backward()
            measured["r1"] = penalty
        self.optimizer.zero_grad(set_to_none=True)
        ratio = (g_fake / d_fake)[:, None, None, None]  # (B,) -> (B, 1, 1, 1)
        fakes.backward((shown.grad * ratio).to(fakes.dtype))

        # Update both, or the one that was asked for.
        if only != "generator":
            apply_gradients(self.optimizer_d, clip=config.clip)
        if only != "discriminator":
            measured["grad_norm"] = apply_gradients(self.optimizer, clip=config.clip)
        return {name: value.detach() for name, value in measured.items()}

    @torch.no_grad()
    def judge(self, batch: Batch) -> dict[str, Tensor]:
        """Return the logits (B,) of real pictures and of the saved model's fakes."""
        classes = self.model.one_hot(batch.labels)
        with devices.autocast(self.device):
            fakes = self.model(self.model.noise(range(len(batch.images))), classes)
            return {
                "real": self.discriminator(batch.images, classes),
                "fake": self.discriminator(fakes, classes),
            }

    def slope(self, images: Tensor, classes: Tensor | None) -> Tensor:
        """Return the mean squared slope of the discriminator at real pictures, float32."""
        x = (
            diff_augment(images, self.model.config.diffaugment, self.generator)
            .detach()
            .requires_grad_()
        )
        (gradient,) = torch.autograd.grad(
            self.discriminator(x, classes).sum(), x, create_graph=True
        )
        return gradient.square().sum(dim=(1, 2, 3)).mean()


METHOD = Method(
    name="dcgan",
    title="GAN",
    task="generate",
    condition="label",
    config=DCGANConfig,
    network=DCGAN,
    lr=6e-4,
    batch=32,
    ema=0.05,
    parts=("discriminator", "generator"),
)
