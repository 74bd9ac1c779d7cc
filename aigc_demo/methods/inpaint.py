"""A U-Net of gated convolutions that fills holes of any shape.

Yu et al., "Free-Form Image Inpainting with Gated Convolution", 2018,
https://arxiv.org/abs/1806.03589: each convolution also computes a gate,

    gated(x) = silu(W x) · σ(G x),

by which the network decides where it knows something and where it guesses. It is given the hole
filled by the biharmonic surface and predicts what to add: edges, and what it has seen in other
images. A hole larger than the receptive field is filled at a smaller scale first; at the next
scale that filling, enlarged, takes the place of the biharmonic surface.

    loss = E log mean (filled - original)²        over the hole of each image: its PSNR

With `adversarial`, a PatchGAN (Isola et al., "Image-to-Image Translation with Conditional
Adversarial Networks", 2017, https://arxiv.org/abs/1611.07004) that sees the filled image and the
hole adds texture, by the hinge loss. It sees tensors only.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from aigc_demo import device as devices
from aigc_demo.imaging import degradations
from aigc_demo.methods.base import Batch, CropConfig, Method, Model, Trainer
from aigc_demo.nn.layers import fill_smoothly, random_crop, zero
from aigc_demo.nn.optim import step

Width = Annotated[int, Field(ge=8, le=512)]
Blocks = Annotated[int, Field(ge=0, le=32)]
Dilations = Annotated[tuple[Annotated[int, Field(ge=1, le=64)], ...], Field(max_length=16)]
ERROR_FLOOR = 1e-4  # mean square of an invisible error: less is not worth learning
MASKS = 512  # drawn once and used again, rotated and mirrored


class InpaintConfig(CropConfig):
    """Network and training settings of `Inpaint`."""

    size: int = Field(128, ge=32, le=512, description="side of the training images")
    widths: tuple[Width, Width, Width, Width] = Field(
        (24, 48, 96, 128), description="channels at 1/2, 1/4, 1/8 and 1/16 of the size"
    )
    blocks: tuple[Blocks, Blocks, Blocks, Blocks] = Field(
        (1, 1, 2, 1), description="gated blocks there"
    )
    dilations: Dilations = Field((2, 4, 1), description="of the blocks in the middle")
    crop: int = Field(64, ge=32, le=512, multiple_of=16, description="side of the training crops")
    smallest: float = Field(0.05, gt=0, lt=1, description="smallest hole, as share of the image")
    largest: float = Field(0.6, gt=0, lt=1, description="largest hole, as share of the image")
    guessed: float = Field(0.35, ge=0, le=1, description="share of holes that come with a guess")
    adversarial: float = Field(0.0, ge=0, le=10, description="weight of the discriminator; 0: off")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")


class GatedBlock(nn.Module):
    """x + f(x), with f a gated convolution and a 1×1 convolution; f is zero at first."""

    def __init__(self, width: int, dilation: int = 1) -> None:
        super().__init__()
        self.both = nn.Conv2d(width, 2 * width, 3, padding=dilation, dilation=dilation)
        self.mix = zero(nn.Conv2d(width, width, 1))

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        value, gate = self.both(x).chunk(2, dim=1)
        return x + self.mix(F.silu(value) * torch.sigmoid(gate))


class Inpaint(Model):
    """Maps an image, its hole and perhaps a guess to the image with the hole filled."""

    config: InpaintConfig
    multiple = 16  # sides must be multiples of it

    def __init__(self, config: InpaintConfig) -> None:
        super().__init__(config)
        widths, blocks = config.widths, config.blocks
        stages = list(zip(widths, blocks, strict=True))
        self.head = nn.Conv2d(4 * 5, widths[0], 3, padding=1)
        self.encoder = nn.ModuleList(_blocks(w, n) for w, n in stages)
        pairs = list(zip(widths, widths[1:], strict=False))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, 2) for a, b in pairs)
        self.middle = nn.Sequential(*(GatedBlock(widths[-1], d) for d in config.dilations))
        self.up = nn.ModuleList(
            nn.Sequential(nn.Conv2d(b, 4 * a, 1), nn.PixelShuffle(2)) for a, b in pairs
        )
        self.decoder = nn.ModuleList(_blocks(w, n) for w, n in stages[:-1])
        self.tail = zero(nn.Conv2d(widths[0], 4 * 3, 3, padding=1))

    @property
    def receptive_radius(self) -> int:
        """Largest distance in pixels at which an input can change an output: each convolution adds
        its radius, at the scale of its stage, and the corners of the cells one cell more.
        """
        *outer, deepest = self.config.blocks
        cells = sum(2 * n * 2**i for i, n in enumerate(outer, 1)) + 16 * deepest
        return 2 * 2 + cells + 16 * (sum(self.config.dilations) + 1)

    def forward(self, x: Tensor, hole: Tensor, guess: Tensor | None = None) -> Tensor:
        """Return images (B, 3, H, W), about in [-1, 1], float32, that agree with x (B, 3, H, W)
        outside of `hole` (B, 1, H, W), 1 where pixels are missing.

        `guess` is like x, or None: the biharmonic filling takes its place. What x holds inside the
        hole does not matter. H and W divide by `multiple`.
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

    @torch.no_grad()
    def preview_rows(self, batch: Batch) -> list[Tensor]:
        """Return the images with holes, filled, and as they were."""
        x, config = batch.images, self.config
        generator = torch.Generator().manual_seed(0)
        shares = torch.linspace(config.smallest, config.largest, len(x)).tolist()
        hole = _brush_masks(x.shape[-2:], shares, generator).to(x)
        return [x * (1 - hole), self(x, hole).clamp(-1, 1), x]

    def trainer(self, *, lr: float, ema: float, seed: int) -> InpaintTrainer:
        return InpaintTrainer(self, lr=lr, ema=ema, seed=seed)


class Discriminator(nn.Module):
    """Gives a logit for each patch of an image with its hole."""

    def __init__(self, width: int = 48) -> None:
        super().__init__()
        self.main = nn.Sequential(
            spectral_norm(nn.Conv2d(4 * 4, width, 3, padding=1)),
            nn.LeakyReLU(0.2, inplace=True),
            spectral_norm(nn.Conv2d(width, 2 * width, 4, 2, 1)),
            nn.LeakyReLU(0.2, inplace=True),
            spectral_norm(nn.Conv2d(2 * width, 4 * width, 4, 2, 1)),
            nn.LeakyReLU(0.2, inplace=True),
            spectral_norm(nn.Conv2d(4 * width, 1, 3, padding=1)),
        )

    def forward(self, x: Tensor, hole: Tensor) -> Tensor:
        """Map images (B, 3, H, W) and holes (B, 1, H, W) to logits (B, 1, H/8, W/8)."""
        h = F.pixel_unshuffle(torch.cat([x, hole], dim=1), 2)
        return self.main(h.contiguous(memory_format=torch.channels_last)).float()


class InpaintTrainer(Trainer):
    """Minimises the error in the hole and, optionally, an adversarial loss."""

    def __init__(self, model: Inpaint, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        config = model.config
        generator = torch.Generator().manual_seed(int(seed))
        low, high, side = config.smallest, config.largest, config.crop
        shares = (low + (high - low) * torch.rand(MASKS, generator=generator)).tolist()
        self.masks = _brush_masks((side, side), shares, generator).to(self.device)
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(), lr=lr, betas=(0.9, 0.99), weight_decay=1e-3, fused=True
        )
        self.optimizers["inpaint"] = self.optimizer
        self.discriminator: Discriminator | None = None
        if config.adversarial:
            torch.manual_seed(seed)
            self.discriminator = Discriminator().to(self.device, memory_format=torch.channels_last)
            self.optimizer_d = torch.optim.Adam(
                self.discriminator.parameters(), lr=lr, betas=(0.5, 0.99), fused=True
            )
            self.modules["discriminator"] = self.discriminator
            self.optimizers["discriminator"] = self.optimizer_d

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        config = self.model.config
        x = random_crop(batch.images, config.crop, self.generator)
        hole, guess = self._random_holes(len(x)), self._random_guess(x)
        with devices.autocast(self.device):
            filled = self.network(x, hole, guess)
        error = ((filled - x).div(2).square() * hole).sum((1, 2, 3)) / (3 * hole.sum((1, 2, 3)))
        loss = (error + ERROR_FLOOR).log().mean()
        measured, total = {"loss": loss.detach()}, loss
        if self.discriminator is not None:
            measured["discriminator"] = self._update_discriminator(x, filled.detach(), hole)
            near = F.max_pool2d(hole, 8)
            with devices.autocast(self.device):
                adversarial = -(self.discriminator(filled, hole) * near).sum() / near.sum()
            total = loss + config.adversarial * adversarial
            measured["generator"] = adversarial.detach()
        norm = step(total, self.optimizer, clip=config.clip)
        psnr = -10 * error.detach().clamp(min=1e-10).log10().mean()
        return measured | {"psnr": psnr, "grad_norm": norm}

    def _update_discriminator(self, x: Tensor, filled: Tensor, hole: Tensor) -> Tensor:
        """Take a step of the hinge loss, on patches near the hole; return the loss, detached."""
        assert self.discriminator is not None
        with devices.autocast(self.device):
            real, fake = self.discriminator(x, hole), self.discriminator(filled, hole)
        near = F.max_pool2d(hole, 8)
        loss = ((F.relu(1 - real) + F.relu(1 + fake)) * near).sum() / near.sum()
        step(loss, self.optimizer_d)
        return loss.detach()

    def _random_holes(self, count: int) -> Tensor:
        """Return `count` holes (B, 1, H, W), all rotated or mirrored alike."""
        g = self.generator
        chosen = torch.randint(0, MASKS, (count,), generator=g, device=g.device)
        return random_crop(self.masks[chosen], self.model.config.crop, g)

    def _random_guess(self, x: Tensor) -> Tensor | None:
        """Return what a filling at a smaller scale would look like, or None, at random."""
        g = self.generator
        chance, scale = torch.rand(2, generator=g, device=g.device).tolist()
        if chance >= self.model.config.guessed:
            return None
        small = degradations.downsample(x, 2 if scale < 0.3 else 4 if scale < 0.7 else 8)
        return degradations.resize(small, (x.shape[-2], x.shape[-1]))


def _brush_masks(size: Sequence[int], shares: list[float], generator: torch.Generator) -> Tensor:
    """Return a hole (B, 1, H, W) of each share of the image, 1 where pixels are missing."""
    masks = [degradations.brush_mask(*size, share, generator) for share in shares]
    return torch.stack(masks)[:, None].float()


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(GatedBlock(width) for _ in range(count)))


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
