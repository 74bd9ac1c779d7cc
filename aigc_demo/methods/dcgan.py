"""DCGAN: a generator of transposed convolutions against a discriminator, class-conditional or not.

Radford et al., "Unsupervised Representation Learning with Deep Convolutional GANs", 2015,
https://arxiv.org/abs/1511.06434; Mirza & Osindero, "Conditional Generative Adversarial Nets",
2014, https://arxiv.org/abs/1411.1784. With D(x) a logit and softplus(a) = log(1 + eᵃ) the losses,
see `discriminator_loss` and `generator_loss`, are

    bce           D: softplus(-D(x)) + softplus(D(G(z)))              G: softplus(-D(G(z)))
    hinge         D: max(0, 1 - D(x)) + max(0, 1 + D(G(z)))           G: -D(G(z))
    relativistic  D: softplus(D(G(z)) - D(x))                         G: softplus(D(x) - D(G(z)))

hinge: Lim & Ye, 2017, https://arxiv.org/abs/1705.02894; relativistic: Jolicoeur-Martineau, 2018,
https://arxiv.org/abs/1807.00734. R1 adds (γ/2) E||∇D(x)||² every few steps: Mescheder et al.,
2018, https://arxiv.org/abs/1801.04406.

Both networks are updated at once, from the same logits, where the authors' code updates the
discriminator first and then computes new ones; see `shared_backward`. It sees tensors only.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import torch
import torch.nn.functional as F
from pydantic import Field, field_validator
from torch import Tensor, nn

from aigc_demo import device as devices
from aigc_demo.methods.base import Batch, Config, Generative, Method, Option, Trainer
from aigc_demo.nn.layers import DIFF_AUGMENTS, Condense, Double, Expand, Halve, diff_augment
from aigc_demo.nn.optim import apply_gradients

Loss = Literal["bce", "hinge", "relativistic"]


class DCGANConfig(Config):
    """Networks and training settings of `DCGAN`."""

    size: Literal[32] = Field(32, description="side of the images; the networks are made for 32")
    latent: int = Field(100, ge=1, le=1024, description="dimensions of the noise")
    width: int = Field(64, ge=8, le=256, multiple_of=8, description="channels next to the image")
    loss: Loss = Field("bce", description="adversarial loss")
    r1: float = Field(0.0, ge=0, le=100, description="weight γ of the gradient penalty; 0: off")
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
                f"choose from {', '.join(DIFF_AUGMENTS)}; not {', '.join(sorted(unknown))}"
            )
        return names


def discriminator_loss(loss: Loss, real: Tensor, fake: Tensor) -> Tensor:
    """Return the discriminator's loss for the logits D(x) and D(G(z)), (B,) each."""
    if loss == "bce":
        return F.softplus(-real).mean() + F.softplus(fake).mean()
    if loss == "hinge":
        return F.relu(1 - real).mean() + F.relu(1 + fake).mean()
    return F.softplus(fake - real).mean()


def generator_loss(loss: Loss, real: Tensor, fake: Tensor) -> Tensor:
    """Return the generator's loss for the logits D(x) and D(G(z)), (B,) each."""
    if loss == "bce":
        return F.softplus(-fake).mean()
    if loss == "hinge":
        return -fake.mean()
    return F.softplus(real - fake).mean()


class DCGAN(Generative):
    """The generator: noise, with the one-hot class appended, to 32×32 images in four layers."""

    config: DCGANConfig
    options = (Option("truncation", minimum=0.1, maximum=1.0, default=1.0, step=0.05),)

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
        """Map z (B, latent) and class weights (B, K) to images (B, C, 32, 32)."""
        inputs = z if classes is None else torch.cat([z, classes], dim=1)
        return self.main(inputs[:, :, None, None])

    @torch.no_grad()
    def first_layer(self) -> tuple[Tensor, Tensor]:
        """Return the first layer's matrix (F, latent), batch normalisation included, and the
        covariance (latent, latent) of z.
        """
        expand, norm = self.main[0], self.main[1]
        scale = norm.weight * torch.rsqrt(norm.running_var + norm.eps)  # (4 width,)
        latent = self.config.latent
        weights = expand.weight[:latent] * scale[None, :, None, None]
        return weights.flatten(1).T, torch.eye(latent, device=scale.device)

    @torch.no_grad()
    def decode_steps(
        self, latents: Tensor, condition: Tensor | None, *, truncation: float = 1.0
    ) -> Iterator[Tensor]:
        """Yield the images; `truncation` scales the noise."""
        yield self(latents * truncation, condition).float()

    def trainer(self, *, lr: float, ema: float, seed: int) -> DCGANTrainer:
        return DCGANTrainer(self, lr=lr, ema=ema, seed=seed)


class Discriminator(nn.Module):
    """Maps images, with the one-hot class appended as constant channels, to logits."""

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
        """Map images (B, C, 32, 32) and class weights (B, K) to logits (B,), float32."""
        if classes is not None:
            planes = classes[:, :, None, None].expand(-1, -1, *x.shape[-2:])
            x = torch.cat([x, planes.to(x.dtype)], dim=1)
        x = x.contiguous(memory_format=torch.channels_last)
        return self.main(x).flatten().float()


def initialise(module: nn.Module) -> None:
    """Draw weights of convolutions from N(0, 0.02²), batch-norm scales from N(1, 0.02²)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def separation(real: Tensor, fake: Tensor) -> Tensor:
    """Return the share of pairs (B,) of a real and a fake image of one class in which the real one
    has the larger logit: ½ is chance and 1 certainty, whatever the loss. Ties count half.
    """
    return 0.5 + 0.5 * (real - fake).sign().mean()


def shared_backward(loss: Loss, logits: Tensor, fakes: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Differentiate both networks' losses by a single backward pass through the discriminator.

    logits (2B,) are D(x), then D(G(z)); fakes (B, C, H, W) are a detached G(z) that requires a
    gradient. The pass leaves ∂L_D in the discriminator's weights. The logit ℓ of a fake depends on
    no other image, so the generator's gradient is that of the discriminator's loss, rescaled:

        ∂L_G/∂G(z) = (∂L_G/∂ℓ / ∂L_D/∂ℓ) · ∂L_D/∂G(z).

    Returns L_D, L_G and ∂L_G/∂G(z).
    """
    real, fake = logits.detach().requires_grad_().chunk(2)
    d, g = discriminator_loss(loss, real, fake), generator_loss(loss, real.detach(), fake)
    d_real, d_fake = torch.autograd.grad(d, (real, fake))
    (g_fake,) = torch.autograd.grad(g, fake)
    floor = 1e-6 / len(fake)  # keeps the ratio finite
    d_fake = torch.where(d_fake.abs() < floor, floor, d_fake)
    logits.backward(torch.cat([d_real, d_fake]))
    assert fakes.grad is not None
    return d.detach(), g.detach(), fakes.grad * (g_fake / d_fake)[:, None, None, None]


class DCGANTrainer(Trainer):
    """Updates both networks at once."""

    def __init__(self, model: DCGAN, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        self.discriminator = Discriminator(model.config).to(
            self.device, memory_format=torch.channels_last
        )
        self.optimizer, self.optimizer_d = (
            torch.optim.Adam(net.parameters(), lr=lr, betas=(0.5, 0.999), fused=True)
            for net in (self.network, self.discriminator)
        )
        self.modules["discriminator"] = self.discriminator
        self.optimizers = {"generator": self.optimizer, "discriminator": self.optimizer_d}

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        config, classes = self.model.config, self.model.one_hot(batch.labels)

        # Compute the logits of real and fake images in one pass.
        shape = (len(batch.images), config.latent)
        z = torch.randn(shape, device=self.device, generator=self.generator)
        with devices.autocast(self.device):
            fakes = self.network(z, classes)
            leaf = fakes.detach().requires_grad_()
            both = diff_augment(
                torch.cat([batch.images, leaf]), config.diffaugment, self.generator
            )
            both_classes = None if classes is None else torch.cat([classes, classes])
            logits = self.discriminator(both, both_classes)

        # Differentiate both losses.
        self.optimizer_d.zero_grad(set_to_none=True)
        self.optimizer.zero_grad(set_to_none=True)
        d, g, fakes_gradient = shared_backward(config.loss, logits, leaf)
        fakes.backward(fakes_gradient.to(fakes.dtype))
        real, fake = logits.detach().chunk(2)
        measured = {"discriminator": d, "generator": g, "real": real.mean(), "fake": fake.mean()}
        measured["separation"] = separation(real, fake)
        if config.r1 and self.steps % config.r1_every == 0:
            penalty = self.gradient_penalty(batch.images, classes)
            (config.r1 / 2 * config.r1_every * penalty).backward()
            measured["r1"] = penalty.detach()

        # Update both networks, or the one that was asked for.
        if only != "generator":
            apply_gradients(self.optimizer_d, clip=config.clip)
        if only != "discriminator":
            measured["grad_norm"] = apply_gradients(self.optimizer, clip=config.clip)
        return measured

    @torch.no_grad()
    def discriminator_logits(self, batch: Batch) -> dict[str, Tensor]:
        """Return the logits (B,) of real images and of the averaged generator's samples."""
        classes = self.model.one_hot(batch.labels)
        with devices.autocast(self.device):
            fakes = self.model(self.model.noise(range(len(batch.images))), classes)
            return {
                "real": self.discriminator(batch.images, classes),
                "fake": self.discriminator(fakes, classes),
            }

    def gradient_penalty(self, images: Tensor, classes: Tensor | None) -> Tensor:
        """Return R1's E||∇D(x)||² at real images (B, C, H, W), float32."""
        x = diff_augment(images, self.model.config.diffaugment, self.generator)
        x = x.detach().requires_grad_()
        logits = self.discriminator(x, classes)
        (gradient,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
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
