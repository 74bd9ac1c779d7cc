"""CycleGAN: two generators that invert each other, learnt from unpaired images of two domains.

Zhu et al., "Unpaired Image-to-Image Translation using Cycle-Consistent Adversarial Networks",
2017, https://arxiv.org/abs/1703.10593.

    G: A → B,  F: B → A
    loss(G, F) = adv(D_B, G(A)) + adv(D_A, F(B))
               + cycle · (|F(G(A)) - A| + |G(F(B)) - B|)
               + cycle · identity · (|G(B) - B| + |F(A) - A|)

with the adversarial losses of `nn.patchgan`, and either generator of `nn.generators`: ``light`` is
the quick one, ``reference`` that of the authors, whose published weights fit.

A network that starts as the identity stays it if the weights are those of the paper: both L1 terms
have their minimum there and pull harder than a saturated least-squares loss. Hence hinge loss,
spectral norm and lower weights (measured in docs/LOG.md). Cycle and identity terms need not be
computed at every step: every k-th with k times the weight has the same gradient in expectation (as
lazy regularisation in Karras et al., "Analyzing and Improving the Image Quality of StyleGAN",
2020). It sees tensors only.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn
from typing_extensions import Self

from aigc_demo import device as devices
from aigc_demo.methods.base import Batch, CropConfig, Direction, Method, Trainer, Translator
from aigc_demo.nn.generators import GRAIN_RADIUS, PixelShuffleGenerator, ResNetGenerator
from aigc_demo.nn.layers import random_crop
from aigc_demo.nn.optim import step
from aigc_demo.nn.patchgan import (
    ADVERSARIAL_LOSSES,
    AdversarialLoss,
    ImagePool,
    Norm,
    PatchDiscriminator,
)

Directions = Annotated[tuple[Direction, ...], Field(min_length=1, max_length=2)]


class CycleGanConfig(CropConfig):
    """Networks and training settings of `CycleGan`."""

    network: Literal["light", "reference"] = Field("light", description="kind of generator")
    width: int = Field(64, ge=8, le=512, description="channels: light: inside; reference: first")
    blocks: int = Field(6, ge=1, le=16, description="residual blocks")
    fold: Literal[2, 4] = Field(4, description="light: unshuffle factor")
    zoom: bool = Field(False, description="light: learn the ratio of scales of things on white")
    grain: bool = Field(False, description="light: add noise that is a hash of the image")
    norm: Norm = Field("none", description="none, instance or batch; reference: instance")
    directions: Directions = Field(("AtoB", "BtoA"), description="generators; training needs both")
    game: AdversarialLoss = Field("hinge", description="least_squares, hinge or relativistic")
    cycle: float = Field(5.0, ge=0, le=100, description="weight of cycle consistency")
    identity: float = Field(0.1, ge=0, le=10, description="weight of the identity term, × cycle")
    cycle_every: int = Field(2, ge=1, le=64, description="steps between cycle terms")
    identity_every: int = Field(4, ge=1, le=64, description="steps between identity terms")
    pool: int = Field(50, ge=0, le=500, description="size of the discriminators' image pools")
    d_width: int = Field(32, ge=8, le=128, description="first width of the discriminators")
    d_layers: int = Field(3, ge=1, le=4, description="their strided layers; 3: patches of 70×70")
    d_norm: Norm = Field("spectral", description="none, instance, batch or spectral")
    d_shift: int = Field(0, ge=0, le=32, description="pixels by which their inputs are cropped")
    d_rate: float = Field(1.0, gt=0, le=10, description="ratio of their learning rate")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.norm == "spectral":
            raise ValueError("norm: generators take none, instance or batch")
        if self.grain and self.network != "light":
            raise ValueError("grain: only the light network takes it")
        if self.d_shift > self.crop // 2:
            raise ValueError(f"d_shift: {self.d_shift} is more than half of the crop, {self.crop}")
        return self


def _generator(config: CycleGanConfig) -> nn.Module:
    if config.network == "light":
        return PixelShuffleGenerator(
            config.width,
            config.blocks,
            fold=config.fold,
            norm=config.norm,
            zoom=config.zoom,
            grainy=config.grain,
        )
    return ResNetGenerator(config.width, config.blocks, config.norm)


class CycleGan(Translator):
    """A generator for each direction."""

    config: CycleGanConfig

    def __init__(self, config: CycleGanConfig) -> None:
        super().__init__(config)
        self.generators = nn.ModuleDict({d: _generator(config) for d in config.directions})

    @property
    def multiple(self) -> int:  # type: ignore[override]
        return self.config.fold if self.config.network == "light" else 4

    @property
    def memory_format(self) -> torch.memory_format:  # type: ignore[override]
        """Wide layers and statistics are faster channels-first in float32."""
        fast = devices.low_precision(next(self.parameters()).device)
        plain = self.config.network == "reference" and fast is None
        return torch.contiguous_format if plain else torch.channels_last

    @property
    def tileable(self) -> bool:  # type: ignore[override]
        return self.config.norm != "instance" and not self.config.zoom

    @property
    def whole_image(self) -> bool:  # type: ignore[override]
        return self.config.zoom

    @property
    def directions(self) -> tuple[Direction, ...]:
        return self.config.directions

    @property
    def receptive_radius(self) -> int:
        """Largest distance in pixels at which an input can change an output, but for statistics
        over the image: each convolution adds its radius, at the scale of its stage.
        """
        config = self.config
        if config.network == "reference":
            return 3 + 1 + 2 + 4 * 2 * config.blocks + 4 + 2 + 3
        upsampling = sum(range(2, config.fold + 1, 2))
        grain = GRAIN_RADIUS * config.grain
        return config.fold * (2 * config.blocks + 2) + upsampling + 1 + grain

    def forward(self, x: Tensor, direction: Direction) -> Tensor:
        """Map images (B, 3, H, W) to the other domain, not clamped."""
        return self.generators[direction](x)

    @torch.no_grad()
    def translate(
        self, x: Tensor, direction: Direction = "AtoB", labels: Tensor | None = None
    ) -> Tensor:
        return self(x, direction).clamp(-1, 1)

    def preview_rows(self, batch: Batch) -> list[Tensor]:
        """Return, for both directions, images, their translations, and those translated back."""
        rows = []
        for x, there, back in ((batch.images, "AtoB", "BtoA"), (batch.targets, "BtoA", "AtoB")):
            if x is not None and there in self.directions:
                y = self.translate(x, there)
                rows += [x, y]
                if back in self.directions:
                    rows.append(self.translate(y, back))
        return rows

    def trainer(self, *, lr: float, ema: float, seed: int) -> CycleGanTrainer:
        return CycleGanTrainer(self, lr=lr, ema=ema, seed=seed)


class CycleGanTrainer(Trainer):
    """Updates the generators, then the discriminators."""

    def __init__(self, model: CycleGan, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        config = model.config
        if set(config.directions) != {"AtoB", "BtoA"}:
            raise ValueError("directions: training needs both generators")
        torch.manual_seed(seed)
        shape = (3, config.crop, config.crop)
        self.discriminators, self.pools = nn.ModuleDict(), nn.ModuleDict()
        for domain in "AB":
            net = PatchDiscriminator(3, config.d_width, config.d_layers, config.d_norm)
            self.discriminators[domain] = net.to(self.device, memory_format=torch.channels_last)
            self.pools[domain] = ImagePool(config.pool, shape).to(self.device)
        settings = {"betas": (0.5, 0.99), "fused": True}
        self.optimizer_g = torch.optim.Adam(self.network.parameters(), lr=lr, **settings)
        self.optimizer_d = torch.optim.Adam(
            self.discriminators.parameters(), lr=lr * config.d_rate, **settings
        )
        self.discriminator_loss, self.generator_loss = ADVERSARIAL_LOSSES[config.game]
        self.last_logits: dict[str, Tensor] = {}
        self.modules |= {"discriminators": self.discriminators, "pools": self.pools}
        self.optimizers = {"generators": self.optimizer_g, "discriminators": self.optimizer_d}

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        crop, g = self.model.config.crop, self.generator
        assert batch.targets is not None
        a, b = (random_crop(x, crop, g, symmetries=False) for x in (batch.images, batch.targets))
        if only == "discriminator":
            with torch.no_grad(), devices.autocast(self.device):
                fakes = {"A": self.network(b, "BtoA"), "B": self.network(a, "AtoB")}
            return self._update_discriminators({"A": a, "B": b}, fakes)
        fakes, measured = self._update_generators(a, b)
        if only != "generator":
            measured |= self._update_discriminators({"A": a, "B": b}, fakes)
        return measured

    def _update_generators(
        self, a: Tensor, b: Tensor
    ) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        """Take a step of the generators; return their outputs by domain, and scalars."""
        config, net, n = self.model.config, self.network, len(a)
        cycle = config.cycle > 0 and self.steps % config.cycle_every == 0
        identity = config.cycle * config.identity > 0 and self.steps % config.identity_every == 0

        # Translate. Passes through one network are joined: a larger batch is computed faster.
        with devices.autocast(self.device):
            g = net(torch.cat([a, b]) if identity else a, "AtoB")
            fake_b = g[:n]
            inputs = [b, *([a] if identity else []), *([fake_b] if cycle else [])]
            f = net(torch.cat(inputs), "BtoA")
            fake_a = f[:n]
            cycled_b = net(fake_a, "AtoB") if cycle else None

        # Minimise the adversarial loss and, in some steps, the other two terms.
        total = self._adversarial_loss("A", fake_a, a) + self._adversarial_loss("B", fake_b, b)
        terms = {"generator": total}
        if cycled_b is not None:
            terms["cycle"] = F.l1_loss(f[-n:], a) + F.l1_loss(cycled_b, b)
            total = total + config.cycle_every * config.cycle * terms["cycle"]
        if identity:
            terms["identity"] = F.l1_loss(g[n:], b) + F.l1_loss(f[n : 2 * n], a)
            weight = config.identity_every * config.cycle * config.identity
            total = total + weight * terms["identity"]
        measured = {name: term.detach() / 2 for name, term in terms.items()}
        measured["grad_norm"] = step(total, self.optimizer_g, clip=config.clip)
        return {"A": fake_a.detach(), "B": fake_b.detach()}, measured

    def _adversarial_loss(self, domain: str, fake: Tensor, real: Tensor) -> Tensor:
        """Return the generator's loss of fakes (B, 3, H, W) for the discriminator of `domain`."""
        discriminator = self.discriminators[domain].requires_grad_(False)
        fake, real = self._shift(fake), self._shift(real)
        with devices.autocast(self.device):
            if self.model.config.game == "relativistic":
                loss = self.generator_loss(*discriminator(torch.cat([real, fake])).chunk(2))
            else:  # the others do not look at real logits
                logits = discriminator(fake)
                loss = self.generator_loss(logits, logits)
        discriminator.requires_grad_(True)
        return loss

    def _shift(self, x: Tensor) -> Tensor:
        """Return a random crop of crops (B, 3, H, W), `d_shift` pixels smaller.

        A discriminator's strides repeat every eight pixels, and so does its gradient; where they
        always align with the generator's unshuffled pixels, it learns stripes (docs/LOG.md).
        """
        margin = self.model.config.d_shift
        if not margin:
            return x
        return random_crop(x, x.shape[-1] - margin, self.generator, symmetries=False)

    def _update_discriminators(
        self, reals: dict[str, Tensor], fakes: dict[str, Tensor]
    ) -> dict[str, Tensor]:
        """Take a step of the discriminators, on fakes of this step and earlier ones."""
        total = torch.zeros((), device=self.device)
        logits_of: dict[str, list[Tensor]] = {"real": [], "fake": []}
        for domain, discriminator in self.discriminators.items():
            pooled = self.pools[domain].swap(fakes[domain], self.generator)
            inputs = self._shift(torch.cat([reals[domain], pooled]))
            with devices.autocast(self.device):
                logits = discriminator(inputs)
            total = total + self.discriminator_loss(*logits.chunk(2))
            for kind, values in zip(logits_of, logits.detach().chunk(2), strict=True):
                logits_of[kind].append(values.mean((1, 2, 3)))
        step(total, self.optimizer_d)
        self.last_logits = {kind: torch.cat(values) for kind, values in logits_of.items()}
        return {"discriminator": total.detach() / 2}

    def discriminator_logits(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean logits (2B,) of the images of the last step."""
        return self.last_logits


METHOD = Method(
    name="cyclegan",
    title="CycleGAN",
    task="translate",
    condition="image",
    config=CycleGanConfig,
    network=CycleGan,
    lr=6e-4,
    batch=4,
    ema=0.05,
    parts=("generator", "discriminator"),
    classes=False,
    needs="domains",
)
