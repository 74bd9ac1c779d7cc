"""A U-Net of gated convolutions that fills holes of any shape.

Yu et al., "Free-Form Image Inpainting with Gated Convolution", 2018,
https://arxiv.org/abs/1806.03589: each convolution also computes how much of its result counts,

    gated(x) = silu(W x) · σ(G x),

so that the network decides where it knows something and where it guesses. It is shown the hole
filled by the surface of least bending and finds what to add: edges, and what it has seen in other
pictures. Where a hole is larger than the network can see across, it is filled at a smaller scale
first; at the next scale that filling, enlarged, takes the place of the smooth surface.

    loss = E log mean (filled - original)²        over the hole of each picture: its PSNR

With `adversarial` a discriminator of patches (Isola et al., "Image-to-Image Translation with
Conditional Adversarial Networks", 2017, https://arxiv.org/abs/1611.07004) that sees the filled
picture and the hole asks for texture, with the hinge loss. Knows tensors only.
"""

from __future__ import annotations

from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn

from aigc_demo import device as devices
from aigc_demo.imaging import degradations
from aigc_demo.methods.base import Batch, Method, Model, Trainer, WindowConfig
from aigc_demo.nn.layers import fill_smoothly, window, zero
from aigc_demo.nn.optim import step

Width = Annotated[int, Field(ge=8, le=512)]
DARK = 1e-4  # mean square of an error that nobody sees: less is not worth learning
MASKS = 512  # that are drawn once and used again, turned and mirrored


class InpaintConfig(WindowConfig):
    """Network and training settings of `Inpaint`."""

    size: int = Field(128, ge=32, le=512, description="side of the pictures that it learns from")
    widths: tuple[Width, Width, Width, Width] = Field(
        (24, 48, 96, 128), description="channels at 1/2, 1/4, 1/8 and 1/16 of the size"
    )
    blocks: tuple[int, int, int, int] = Field((1, 1, 2, 1), description="gated blocks there")
    dilations: tuple[int, ...] = Field((2, 4, 1), description="of the blocks in the middle")
    crop: int = Field(64, ge=32, le=512, multiple_of=16, description="side of a step's windows")
    smallest: float = Field(0.05, gt=0, lt=1, description="least share of a picture that is lost")
    largest: float = Field(0.6, gt=0, lt=1, description="greatest share of a picture that is lost")
    guessed: float = Field(0.35, ge=0, le=1, description="share of holes with a guess inside")
    adversarial: float = Field(0.0, ge=0, le=10, description="weight of the discriminator; 0: off")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")


class Gated(nn.Module):
    """x + f(x), with f a gated convolution and a mixing of channels; f is zero at first."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.both = nn.Conv2d(width, 2 * width, 3, padding=dilation, dilation=dilation)
        self.mix = zero(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        value, gate = self.both(x).chunk(2, dim=1)
        return x + self.mix(F.silu(value) * torch.sigmoid(gate))


class Inpaint(Model):
    """Maps a picture, its hole and perhaps a guess to the picture with the hole filled."""

    config: InpaintConfig
    multiple = 16  # sides must divide by it

    def __init__(self, config: InpaintConfig) -> None:
        super().__init__(config)
        widths, blocks = config.widths, config.blocks
        stages = list(zip(widths, blocks, strict=True))
        self.head = nn.Conv2d(4 * 5, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(_blocks(w, n) for w, n in stages)
        pairs = list(zip(widths, widths[1:], strict=False))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in pairs)
        self.middle = nn.Sequential(*(Gated(widths[-1], d) for d in config.dilations))
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(b, 4 * a, 1), nn.PixelShuffle(2)) for a, b in pairs
        )
        self.decoder = nn.ModuleList(_blocks(w, n) for w, n in stages[:-1])
        self.tail = zero(nn.Conv2d(widths[0], 4 * 3, 3, padding=1))

    @property
    def reach(self) -> int:
        """Pixels around a place that can change it: each convolution adds its radius, at the
        scale of its stage, and the corners of the cells one cell more.
        """
        *outer, deepest = self.config.blocks
        cells = sum(2 * n * 2**i for i, n in enumerate(outer, 1)) + 16 * deepest
        return 2 * 2 + cells + 16 * (sum(self.config.dilations) + 1)

    def forward(self, x: Tensor, hole: Tensor, guess: Tensor | None = None) -> Tensor:
        """Return pictures (B, 3, H, W), about in [-1, 1], float32, that agree with x (B, 3, H, W)
        outside of `hole` (B, 1, H, W), 1 where something is lost; `guess` is like x, or None: a
        smooth filling then takes its place.

        What x holds inside the hole does not matter. H and W divide by `multiple`.
        """
        inside = fill_smoothly(x, hole) if guess is None else guess
        known = torch.zeros_like(hole) if guess is None else hole
        start = torch.where(hole > 0, inside, x)
        h = F.pixel_unshuffle(torch.cat([start, hole, known], dim=1), 2)
        h = self.head(h.contiguous(memory_format=torch.channels_last))
        skipped = []
        for encode, down in zip(self.encoder, self.down, strict=False):
            h = encode(h)
            skipped.append(h)
            h = down(h)
        h = self.middle(self.encoder[-1](h))
        for decode, up in zip(reversed(self.decoder), reversed(self.up), strict=True):
            h = decode(skipped.pop() + up(h))
        filled = inside + F.pixel_shuffle(self.tail(h), 2).float()
        return torch.where(hole > 0, filled, x)

    def rows(self, batch: Batch) -> list[Tensor]:
        """Return the pictures with holes, filled, and as they were."""
        x = batch.images
        generator = torch.Generator().manual_seed(0)
        shares = torch.linspace(self.config.smallest, self.config.largest, len(x)).tolist()
        masks = [degradations.brush_mask(*x.shape[-2:], s, generator) for s in shares]
        hole = torch.stack(masks)[:, None].to(x)
        with torch.no_grad():
            return [x * (1 - hole), self(x, hole).clamp(-1, 1), x]

    def trainer(self, *, lr: float, ema: float, seed: int) -> InpaintTrainer:
        """Return a trainer that moves this model's weights."""
        return InpaintTrainer(self, lr=lr, ema=ema, seed=seed)


class Discriminator(nn.Module):
    """Says of each patch of a picture with its hole how real it looks."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        make = nn.utils.parametrizations.spectral_norm
        self.main = nn.Sequential(
            make(nn.Conv2d(4 * 4, width, 3, padding=1)),
            nn.LeakyReLU(0.2, inplace=True),
            make(nn.Conv2d(width, 2 * width, 4, 2, 1)),
            nn.LeakyReLU(0.2, inplace=True),
            make(nn.Conv2d(2 * width, 4 * width, 4, 2, 1)),
            nn.LeakyReLU(0.2, inplace=True),
            make(nn.Conv2d(4 * width, 1, 3, padding=1)),
        )

    def forward(self, x: Tensor, hole: Tensor) -> Tensor:
        """Map pictures (B, 3, H, W) and holes (B, 1, H, W) to logits (B, 1, H/8, W/8)."""
        h = F.pixel_unshuffle(torch.cat([x, hole], dim=1), 2)
        return self.main(h.contiguous(memory_format=torch.channels_last)).float()


class InpaintTrainer(Trainer):
    """Minimises the distance in the hole and, if asked, plays against a discriminator."""

    def __init__(self, model: Inpaint, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        config = model.config
        chance = torch.Generator().manual_seed(seed)
        low, high, side = config.smallest, config.largest, config.crop
        shares = (low + (high - low) * torch.rand(MASKS, generator=chance)).tolist()
        masks = [degradations.brush_mask(side, side, s, chance) for s in shares]
        self.masks = torch.stack(masks)[:, None].float().to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=lr, betas=(0.9, 0.99), weight_decay=1e-3, fused=True
        )
        self.discriminator: Discriminator | None = None
        if config.adversarial:
            torch.manual_seed(seed)
            self.discriminator = Discriminator().to(self.device, memory_format=torch.channels_last)
            self.optimizer_d = torch.optim.Adam(
                self.discriminator.parameters(), lr=lr, betas=(0.5, 0.99), fused=True
            )

    def modules(self) -> dict[str, nn.Module]:
        if self.discriminator is None:
            return {"network": self.network}
        return {"network": self.network, "discriminator": self.discriminator}

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        if self.discriminator is None:
            return {"inpaint": self.optimizer}
        return {"inpaint": self.optimizer, "discriminator": self.optimizer_d}

    def losses(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        config = self.model.config
        x = window(batch.images, config.crop, self.generator)
        hole = self._holes(x)
        guess, guessed = self._guess(x)
        with devices.autocast(self.device):
            filled = self.network(x, hole, guess) if guessed else self.network(x, hole)
        wrong = ((filled - x).div(2).square() * hole).sum((1, 2, 3)) / (3 * hole.sum((1, 2, 3)))
        loss = (wrong + DARK).log().mean()
        measured = {"loss": loss.detach()}
        total = loss
        if self.discriminator is not None:
            with devices.autocast(self.device):
                real = self.discriminator(x, hole)
                fake = self.discriminator(filled.detach(), hole)
            near = F.max_pool2d(hole, 8)
            d = ((F.relu(1 - real) + F.relu(1 + fake)) * near).sum() / near.sum()
            step(d, self.optimizer_d)
            with devices.autocast(self.device):
                game = -(self.discriminator(filled, hole) * near).sum() / near.sum()
            total = loss + config.adversarial * game
            measured |= {"discriminator": d.detach(), "generator": game.detach()}
        norm = step(total, self.optimizer, clip=config.clip)
        psnr = -10 * wrong.detach().clamp(min=1e-10).log10().mean()
        return measured | {"psnr": psnr, "grad_norm": norm}

    def _holes(self, x: Tensor) -> Tensor:
        """Return a hole (B, 1, H, W) for each picture, turned or mirrored."""
        chosen = torch.randint(
            0, MASKS, (len(x),), generator=self.generator, device=self.generator.device
        )
        return window(self.masks[chosen], self.model.config.crop, self.generator)

    def _guess(self, x: Tensor) -> tuple[Tensor, bool]:
        """Return what a filling at a smaller scale would look like, and whether to give it."""
        chance = torch.rand(2, generator=self.generator, device=self.generator.device).tolist()
        if chance[0] >= self.model.config.guessed:
            return x, False
        small = degradations.downsample(x, 2 if chance[1] < 0.3 else 4 if chance[1] < 0.7 else 8)
        return degradations.resize(small, (x.shape[-2], x.shape[-1])), True


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Gated(width) for _ in range(count)))


METHOD = Method(
    name="inpaint",
    title="Inpainting",
    task="restore",
    condition="image",
    config=InpaintConfig,
    network=Inpaint,
    lr=2e-3,
    batch=16,
    ema=0.05,
    classes=False,
)
