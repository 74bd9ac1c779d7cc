"""pix2pix: a U-Net that learns to translate images from pairs.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", 2017,
https://arxiv.org/abs/1611.07004: the PatchGAN sees the generator's input and its output,

    loss(G) = adversarial · adv(D, x, G(x)) + l1 · |G(x) - y|
              + matching · mean_i |D_i(x, G(x)) - D_i(x, y)|,

where D_i are the features of the discriminator's stages (Wang et al., "High-Resolution Image
Synthesis and Semantic Manipulation with Conditional GANs", 2018,
https://arxiv.org/abs/1711.11585): without that term the adversarial one needs many more steps to
be of use. Noise, if any, is dropout in training; there is none in use, so that the same image
gives the same result.

With classes, which are then domains, one network goes from any domain to the one it is conditioned
on, as in Choi et al., "StarGAN", 2018, https://arxiv.org/abs/1711.09020. It sees tensors only.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn
from typing_extensions import Self

from aigc_demo import device as devices
from aigc_demo.methods.base import Batch, Config, Direction, Method, Trainer, Translator
from aigc_demo.nn.layers import Residual, drop_channels, zero
from aigc_demo.nn.optim import step
from aigc_demo.nn.patchgan import ADVERSARIAL_LOSSES, AdversarialLoss, Norm, PatchDiscriminator

Width = Annotated[int, Field(ge=1, le=4096)]
Widths = Annotated[tuple[Width, ...], Field(min_length=2, max_length=6)]


class Pix2PixConfig(Config):
    """Network and training settings of `Pix2Pix`."""

    size: int = Field(128, ge=16, le=512, description="side of the images")
    channels: Literal[3] = Field(3, description="colour")
    classes: int = Field(0, ge=0, le=16, description="target domains; 0: from A to B")
    direction: Direction = Field("AtoB", description="AtoB or BtoA, if there are no classes")
    widths: Widths = Field((32, 64, 128, 192, 256), description="channels at 1/2, 1/4, … size")
    blocks: int = Field(1, ge=1, le=8, description="residual blocks at each scale, down and up")
    dropout: float = Field(0.0, ge=0, le=0.9, description="channel dropout at two deepest scales")
    residual: bool = Field(False, description="predict what to add to the image")
    game: AdversarialLoss = Field("hinge", description="least_squares, hinge or relativistic")
    adversarial: float = Field(1.0, ge=0, le=10, description="weight of the adversarial loss")
    l1: float = Field(10.0, ge=0, le=1000, description="weight of the distance to the truth")
    matching: float = Field(10.0, ge=0, le=100, description="weight of feature matching")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")
    d_width: int = Field(32, ge=8, le=128, description="first width of the discriminator")
    d_layers: int = Field(3, ge=1, le=4, description="its strided layers; 3: patches of 70×70")
    d_norm: Norm = Field("spectral", description="none, instance, batch or spectral")
    d_rate: float = Field(1.0, gt=0, le=10, description="ratio of its learning rate")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.size % 2 ** len(self.widths):
            raise ValueError(f"widths: {self.size} cannot be halved {len(self.widths)} times")
        if self.classes == 1:
            raise ValueError("classes: one domain has nothing to go to; give 0, or 2 or more")
        return self


class Pix2Pix(Translator):
    """A U-Net of residual blocks on the unshuffled image."""

    config: Pix2PixConfig
    whole_image = True
    tileable = False

    def __init__(self, config: Pix2PixConfig) -> None:
        super().__init__(config)
        self.dropout_generator: torch.Generator | None = None  # none: no dropout
        widths, blocks = config.widths, config.blocks
        pairs = list(zip(widths, widths[1:], strict=False))
        self.head = nn.Conv2d(4 * 3 + config.classes, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(_blocks(w, blocks) for w in widths)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairs)
        self.up = nn.ModuleList(nn.Conv2d(b, a, 3, padding=1) for a, b in pairs)
        self.join = nn.ModuleList(nn.Conv2d(2 * a, a, 1) for a, _ in pairs)
        self.decoder = nn.ModuleList(_blocks(a, blocks) for a, _ in pairs)
        self.last = nn.Conv2d(widths[0], widths[0], 3, padding=1)
        self.tail = nn.Conv2d(widths[0] + 3, 3, 3, padding=1)
        zero(self.tail)

    @property
    def multiple(self) -> int:  # type: ignore[override]
        return 2 ** len(self.config.widths)

    @property
    def directions(self) -> tuple[Direction, ...]:
        return ("AtoB", "BtoA") if self.config.classes else (self.config.direction,)

    @property
    def receptive_radius(self) -> int:
        """The whole image."""
        return self.config.size

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map images (B, 3, H, W) to the domains `labels` (B,), not clamped."""
        h = F.pixel_unshuffle(x, 2)
        if self.config.classes:
            planes = self.one_hot(labels)[:, :, None, None]  # type: ignore[index]
            h = torch.cat([h, planes.expand(-1, -1, *h.shape[-2:]).to(h.dtype)], dim=1)
        h = self.head(h.contiguous(memory_format=torch.channels_last))
        skipped = []
        for encode, down in zip(self.encoder, self.down, strict=False):
            h = encode(h)
            skipped.append(h)
            h = down(h)
        p, generator = self.config.dropout, self.dropout_generator
        h = drop_channels(self.encoder[-1](h), p, generator)
        stages = list(zip(self.decoder, self.up, self.join, strict=True))[::-1]
        for i, (decode, up, join) in enumerate(stages):
            h = up(F.interpolate(h, scale_factor=2.0, mode="nearest"))
            h = decode(join(torch.cat([h, skipped.pop()], dim=1)))
            h = h if i else drop_channels(h, p, generator)
        h = F.relu(self.last(F.interpolate(F.relu(h), scale_factor=2.0, mode="nearest")))
        y = self.tail(torch.cat([h, x.to(h.dtype)], dim=1)).float()
        # No tanh: without normalisation it saturates in the first steps and learning stops.
        return x + y if self.config.residual else y

    @torch.no_grad()
    def translate(
        self, x: Tensor, direction: Direction = "AtoB", labels: Tensor | None = None
    ) -> Tensor:
        return self(x, labels).clamp(-1, 1)

    def source_and_target(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the images to translate and the truth."""
        assert batch.targets is not None
        forward = self.config.classes or self.config.direction == "AtoB"
        return (batch.images, batch.targets) if forward else (batch.targets, batch.images)

    def preview_rows(self, batch: Batch) -> list[Tensor]:
        """Return images, their translations and the truth."""
        if batch.targets is None:
            return []
        x, y = self.source_and_target(batch)
        return [x, self.translate(x, self.config.direction, batch.labels), y]

    def trainer(self, *, lr: float, ema: float, seed: int) -> Pix2PixTrainer:
        return Pix2PixTrainer(self, lr=lr, ema=ema, seed=seed)


class Pix2PixTrainer(Trainer):
    """Updates the discriminator, if there is one, then the generator."""

    def __init__(self, model: Pix2Pix, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        config = model.config
        self.network.dropout_generator = self.generator
        settings = {"betas": (0.5, 0.99), "fused": True}
        self.optimizer_g = torch.optim.Adam(self.network.parameters(), lr=lr, **settings)
        self.optimizers["generator"] = self.optimizer_g
        self.discriminator: PatchDiscriminator | None = None
        self.last_logits: dict[str, Tensor] = {}
        if config.adversarial or config.matching:
            torch.manual_seed(seed)
            channels = 6 + config.classes
            net = PatchDiscriminator(channels, config.d_width, config.d_layers, config.d_norm)
            self.discriminator = net.to(self.device, memory_format=torch.channels_last)
            self.optimizer_d = torch.optim.Adam(
                net.parameters(), lr=lr * config.d_rate, **settings
            )
            self.modules["judge"] = self.discriminator  # its name in the state files of runs
            self.optimizers["judge"] = self.optimizer_d
        self.discriminator_loss, self.generator_loss = ADVERSARIAL_LOSSES[config.game]

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        x, y = self.model.source_and_target(batch)
        with torch.set_grad_enabled(only != "discriminator"), devices.autocast(self.device):
            fake = self.network(x, batch.labels)
        measured: dict[str, Tensor] = {}
        if self.discriminator is not None and only != "generator":
            inputs = self._pair(x, torch.cat([y, fake.detach()]), batch.labels)
            measured |= self._update_discriminator(self.discriminator, inputs)
        if only != "discriminator":
            inputs = self._pair(x, torch.cat([y, fake]), batch.labels)
            measured |= self._update_generator(fake, y, inputs)
        return measured

    def _update_discriminator(
        self, discriminator: PatchDiscriminator, inputs: Tensor
    ) -> dict[str, Tensor]:
        """Take a step on `inputs` (2B, C, H, W): real, then fake pairs."""
        with devices.autocast(self.device):
            real, fake = discriminator(inputs).chunk(2)
        loss = self.discriminator_loss(real, fake)
        step(loss, self.optimizer_d)
        logits = {"real": real.detach(), "fake": fake.detach()}
        self.last_logits = {kind: value.mean((1, 2, 3)) for kind, value in logits.items()}
        return {"discriminator": loss.detach()}

    def _update_generator(self, fake: Tensor, y: Tensor, inputs: Tensor) -> dict[str, Tensor]:
        """Take a step; `inputs` (2B, C, H, W) of the discriminator are real, then fake pairs."""
        config = self.model.config
        distance = F.l1_loss(fake, y)
        total, measured = config.l1 * distance, {"l1": distance.detach()}
        if self.discriminator is not None:
            self.discriminator.requires_grad_(False)
            with devices.autocast(self.device):
                *features, logits = self.discriminator.features(inputs)
            self.discriminator.requires_grad_(True)
            adversarial = self.generator_loss(*logits.chunk(2))
            pairs = [f.float().chunk(2) for f in features]
            matching = sum(F.l1_loss(f_fake, f_real) for f_real, f_fake in pairs) / len(pairs)
            total = total + config.adversarial * adversarial + config.matching * matching
            measured |= {"generator": adversarial.detach(), "matching": matching.detach()}
        measured["grad_norm"] = step(total, self.optimizer_g, clip=config.clip)
        return measured

    def _pair(self, x: Tensor, y: Tensor, labels: Tensor | None) -> Tensor:
        """Return the discriminator's inputs for sources x (B, 3, H, W), targets y (k B, 3, H, W)
        and, as constant channels, the one-hot domains.
        """
        k = len(y) // len(x)
        inputs = [torch.cat([x] * k), y]
        if self.model.config.classes:
            planes = self.model.one_hot(labels)[:, :, None, None].expand(-1, -1, *x.shape[-2:])
            inputs.append(torch.cat([planes] * k))
        return torch.cat(inputs, dim=1)

    def discriminator_logits(self, batch: Batch) -> dict[str, Tensor]:
        """Return the mean logits (B,) of the images of the last step."""
        return self.last_logits


def _blocks(width: int, count: int) -> nn.Sequential:
    """Return residual blocks that are the identity at first."""

    def block() -> Residual:
        first, second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        return Residual(nn.ReLU(), first, nn.ReLU(inplace=True), zero(second))

    return nn.Sequential(*(block() for _ in range(count)))


METHOD = Method(
    name="pix2pix",
    title="pix2pix",
    task="translate",
    condition="image",
    config=Pix2PixConfig,
    network=Pix2Pix,
    lr=5e-4,
    batch=4,
    ema=0.05,
    parts=("generator", "discriminator"),
    needs="pairs",
)
