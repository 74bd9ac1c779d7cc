"""pix2pix: a U-Net that learns from pairs to turn one picture into the other.

Isola et al., "Image-to-Image Translation with Conditional Adversarial Networks", 2017,
https://arxiv.org/abs/1611.07004: the discriminator of patches sees what the generator saw beside
what it made,

    loss(G) = game(D, x, G(x)) + l1 · |G(x) - y| + matching · Σ |D_i(x, G(x)) - D_i(x, y)|,

where D_i are the discriminator's own stages (Wang et al., "High-Resolution Image Synthesis and
Semantic Manipulation with Conditional GANs", 2018, https://arxiv.org/abs/1711.11585): without that
term the adversarial one needs many more steps to be of use. Noise, if asked for, is dropout while
it trains; in use there is none, so that the same picture gives the same result.

With classes they are the domains: one network goes from any domain to the one it is told, as in
Choi et al., "StarGAN", 2018. Knows tensors only.
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
from aigc_demo.nn.layers import zero
from aigc_demo.nn.optim import step
from aigc_demo.nn.patchgan import GAMES, Game, Norm, PatchDiscriminator

Widths = Annotated[tuple[int, ...], Field(min_length=2, max_length=6)]


class Pix2PixConfig(Config):
    """Network and training settings of `Pix2Pix`."""

    size: int = Field(128, ge=16, le=512, description="side of the pictures")
    channels: Literal[3] = Field(3, description="colour")
    classes: int = Field(0, ge=0, le=16, description="domains that it goes to; 0: from A to B")
    direction: Direction = Field("AtoB", description="AtoB or BtoA, where there are no classes")
    widths: Widths = Field((32, 64, 128, 192, 256), description="channels at 1/2, 1/4, … of it")
    blocks: int = Field(1, ge=1, le=8, description="residual blocks at each scale, on each way")
    dropout: float = Field(0.0, ge=0, le=0.9, description="noise at the two deepest scales")
    residual: bool = Field(False, description="find what to add to the picture")
    game: Game = Field("hinge", description="least_squares, hinge or relativistic")
    adversarial: float = Field(1.0, ge=0, le=10, description="weight of the discriminator; 0: off")
    l1: float = Field(10.0, ge=0, le=1000, description="weight of the distance to the truth")
    matching: float = Field(10.0, ge=0, le=100, description="weight of the discriminator's stages")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")
    d_width: int = Field(32, ge=8, le=128, description="first width of the discriminator")
    d_layers: int = Field(3, ge=1, le=4, description="its strided layers; 3: patches of 70×70")
    d_norm: Norm = Field("spectral", description="none, instance, batch or spectral")
    d_rate: float = Field(1.0, gt=0, le=10, description="its learning rate, times the other's")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.size % 2 ** len(self.widths):
            raise ValueError(f"widths: {self.size} cannot be halved {len(self.widths)} times")
        if self.classes == 1:
            raise ValueError("classes: one domain has nothing to go to; give 0, or 2 or more")
        return self


class Residual(nn.Module):
    """x + f(x), with f two convolutions; f is zero at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.ReLU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            zero(nn.Conv2d(width, width, 3, padding=1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return x + self.inner(x)


class Pix2Pix(Translator):
    """A U-Net of residual blocks on the picture folded to half of its size."""

    config: Pix2PixConfig
    whole = True

    def __init__(self, config: Pix2PixConfig) -> None:
        super().__init__(config)
        self.generator: torch.Generator | None = None  # of dropout, while training
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
    def reach(self) -> int:
        """It works on whole pictures: as far as they are large."""
        return self.config.size

    def forward(self, x: Tensor, labels: Tensor | None = None) -> Tensor:
        """Map pictures (B, 3, H, W) and the numbers of their new domains (B,) to pictures, not
        clamped.
        """
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
        h = self._noisy(self.encoder[-1](h))
        deepest = True
        for decode, up, join in list(zip(self.decoder, self.up, self.join, strict=True))[::-1]:
            h = up(F.interpolate(h, scale_factor=2.0, mode="nearest"))
            h = decode(join(torch.cat([h, skipped.pop()], dim=1)))
            h, deepest = (self._noisy(h) if deepest else h), False
        h = F.relu(self.last(F.interpolate(F.relu(h), scale_factor=2.0, mode="nearest")))
        y = self.tail(torch.cat([h, x.to(h.dtype)], dim=1)).float()
        # No tanh: without normalisation it saturates in the first steps, and learning ends there.
        return x + y if self.config.residual else y

    def _noisy(self, h: Tensor) -> Tensor:
        """Drop channels while training."""
        p = self.config.dropout
        if not p or self.generator is None:
            return h
        chance = torch.rand(h.shape[:2], generator=self.generator, device=h.device)
        return h * ((chance >= p) / (1 - p))[:, :, None, None].to(h.dtype)

    @torch.no_grad()
    def translate(
        self, x: Tensor, direction: Direction = "AtoB", labels: Tensor | None = None
    ) -> Tensor:
        return self(x, labels).clamp(-1, 1)

    def ends(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the pictures to start from and those to arrive at."""
        assert batch.targets is not None
        forth = self.config.classes or self.config.direction == "AtoB"
        return (batch.images, batch.targets) if forth else (batch.targets, batch.images)

    def rows(self, batch: Batch) -> list[Tensor]:
        """Return the pictures, what becomes of them, and the truth."""
        if batch.targets is None:
            return []
        x, y = self.ends(batch)
        return [x, self.translate(x, self.config.direction, batch.labels), y]

    def trainer(self, *, lr: float, ema: float, seed: int) -> Pix2PixTrainer:
        """Return a trainer that moves this model's weights."""
        return Pix2PixTrainer(self, lr=lr, ema=ema, seed=seed)


class Pix2PixTrainer(Trainer):
    """Learns from pairs, with a discriminator unless told otherwise."""

    def __init__(self, model: Pix2Pix, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        config = model.config
        self.network.generator = self.generator
        settings = {"betas": (0.5, 0.99), "fused": True}
        self.optimizer_g = torch.optim.Adam(self.network.parameters(), lr=lr, **settings)
        self.discriminator: PatchDiscriminator | None = None
        self.said: dict[str, Tensor] = {}
        if config.adversarial or config.matching:
            torch.manual_seed(seed)
            judge = PatchDiscriminator(
                6 + config.classes, config.d_width, config.d_layers, config.d_norm
            )
            self.discriminator = judge.to(self.device, memory_format=torch.channels_last)
            self.optimizer_d = torch.optim.Adam(
                judge.parameters(), lr=lr * config.d_rate, **settings
            )
        self.game_d, self.game_g = GAMES[config.game]

    def modules(self) -> dict[str, nn.Module]:
        found = {"network": self.network}
        return found if self.discriminator is None else found | {"judge": self.discriminator}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        found = {"generator": self.optimizer_g}
        return found if self.discriminator is None else found | {"judge": self.optimizer_d}

    def losses(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        config, judge = self.model.config, self.discriminator
        x, y = self.model.ends(batch)
        with torch.set_grad_enabled(only != "discriminator"), devices.autocast(self.device):
            made = self.network(x, batch.labels)
        measured: dict[str, Tensor] = {}
        if judge is not None and only != "generator":
            with devices.autocast(self.device):
                logits = judge(self._beside(x, torch.cat([y, made.detach()]), batch.labels))
            real, fake = logits.chunk(2)
            loss = self.game_d(real, fake)
            step(loss, self.optimizer_d)
            measured["discriminator"] = loss.detach()
            said = (("real", real), ("fake", fake))
            self.said = {kind: v.detach().mean((1, 2, 3)) for kind, v in said}
        if only == "discriminator":
            return measured
        distance = F.l1_loss(made, y)
        total = config.l1 * distance
        measured["l1"] = distance.detach()
        if judge is not None:
            judge.requires_grad_(False)
            with devices.autocast(self.device):
                seen = judge.features(self._beside(x, torch.cat([y, made]), batch.labels))
            judge.requires_grad_(True)
            *stages, logits = seen
            game = self.game_g(*logits.chunk(2))
            alike = sum(F.l1_loss(f[len(x) :].float(), f[: len(x)].float()) for f in stages)
            alike = alike / len(stages)
            total = total + config.adversarial * game + config.matching * alike
            measured |= {"generator": game.detach(), "matching": alike.detach()}
        measured["grad_norm"] = step(total, self.optimizer_g, clip=config.clip)
        return measured

    def _beside(self, x: Tensor, pictures: Tensor, labels: Tensor | None) -> Tensor:
        """Return what the discriminator sees of `pictures` (k B, 3, H, W) made of x (B, …)."""
        seen = [torch.cat([x] * (len(pictures) // len(x))), pictures]
        if self.model.config.classes:
            planes = self.model.one_hot(labels)[:, :, None, None].expand(-1, -1, *x.shape[-2:])
            seen.append(torch.cat([planes] * (len(pictures) // len(x))))
        return torch.cat(seen, dim=1)

    def judge(self, batch: Batch) -> dict[str, Tensor]:
        """Return what the discriminator said of the pictures of the last step."""
        return self.said


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(width) for _ in range(count)))


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
