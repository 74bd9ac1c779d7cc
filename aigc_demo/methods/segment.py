"""A U-Net that says of every pixel of a photograph what it shows, and so draws its plan.

Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
https://arxiv.org/abs/1505.04597. A plan is a picture whose colours are classes; with K of them

    p = softmax(f(x))     loss = -mean over pixels of log p[class of the plan]

The picture is folded to half of its size, where residual blocks with batch normalisation (He et
al., "Deep Residual Learning", 2015) work down to 1/32 and back; the classes of the 2×2 pixels of a
cell come out side by side (Shi et al., "Real-Time Single Image and Video Super-Resolution",
2016, https://arxiv.org/abs/1609.05158). From a few hundred pairs it learns only by
seeing each of them in ever new ways: zoomed, turned a little, in other light, with squares
cut out. It knows tensors only.

At the end it learns how a random field (`crf`) is to settle its chances: what it costs that near
pixels, and pixels of like colour, have two classes. A sill lies below a window, and no wall is one
pixel wide; a matrix (K, K) for each kind of pair is found by going back through the mean field, as
in Zheng et al., "Conditional Random Fields as Recurrent Neural Networks", 2015,
https://arxiv.org/abs/1502.03240.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from pydantic import Field, model_validator
from torch import Tensor, nn
from typing_extensions import Self

from aigc_demo import device as devices
from aigc_demo.crf import dense_crf
from aigc_demo.imaging import facade_labels
from aigc_demo.methods.base import Batch, Config, Direction, Method, Trainer, Translator
from aigc_demo.nn.layers import window
from aigc_demo.nn.optim import muon_and_adam, step

Widths = Annotated[tuple[int, ...], Field(min_length=2, max_length=6)]
Colour = Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]
FIELD = dense_crf.PairwisePotentials(
    1.0, 2.0, 1.0, 25.0, 5.0
)  # of nearness, and of likeness of colour
UPDATES = 3  # of the field
WINDOW, FEW = 64, 4  # pixels and pictures that it is learnt from at a time
FACADE = tuple("#{:02x}{:02x}{:02x}".format(*rgb) for rgb in facade_labels.CLASSES.values())


class SegmentConfig(Config):
    """Network and training settings of `Segment`."""

    size: int = Field(128, ge=16, le=512, description="side of the pictures")
    channels: Literal[3] = Field(3, description="colour")
    classes: Literal[0] = Field(0, description="those of whole pictures: it knows none")
    direction: Direction = Field("BtoA", description="AtoB or BtoA: to the domain of the plans")
    colours: tuple[Colour, ...] = Field(
        FACADE, min_length=2, max_length=64, description="of a plan, one a class: #rrggbb"
    )
    fold: int = Field(2, ge=1, le=8, description="side of the square that becomes channels")
    widths: Widths = Field((32, 64, 128, 192, 256), description="channels at 1/fold and each half")
    blocks: int = Field(1, ge=1, le=8, description="residual blocks at each scale, on each way")
    dropout: float = Field(0.2, ge=0, le=0.9, description="share of deep channels left out")
    move: float = Field(1.0, ge=0, le=2, description="how much pictures are zoomed and turned")
    light: float = Field(1.0, ge=0, le=2, description="how much their colours are changed")
    field: int = Field(200, ge=0, le=10_000, description="steps in which the field is learnt")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.size % (self.fold * 2 ** (len(self.widths) - 1)):
            times = len(self.widths) - 1
            raise ValueError(f"widths: {self.size} / {self.fold} cannot be halved {times} times")
        return self


class Residual(nn.Module):
    """x + f(x), with f two normalised convolutions; f is zero at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            *convolution(width, width), nn.ReLU(inplace=True), *convolution(width, width)
        )
        nn.init.zeros_(self.inner[-1].weight)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return F.relu(x + self.inner(x))


class Segment(Translator):
    """Maps pictures to the chances of K classes, and those to a plan in K colours."""

    config: SegmentConfig
    whole = True

    def __init__(self, config: SegmentConfig) -> None:
        super().__init__(config)
        self.generator: torch.Generator | None = None  # of dropout, while training
        widths, blocks, k = config.widths, config.blocks, len(config.colours)
        pairs = list(zip(widths, widths[1:], strict=False))
        self.head = nn.Sequential(
            *convolution(config.fold**2 * 3, widths[0]), nn.ReLU(inplace=True)
        )
        self.encoder = nn.ModuleList(_blocks(w, blocks) for w in widths)
        self.down = nn.ModuleList(nn.Sequential(*convolution(a, b, 2, 2)) for a, b in pairs)
        self.up = nn.ModuleList(nn.Sequential(*convolution(b, a, 1)) for a, b in pairs)
        self.join = nn.ModuleList(nn.Sequential(*convolution(2 * a, a, 1)) for a, _ in pairs)
        self.decoder = nn.ModuleList(_blocks(a, blocks) for a, _ in pairs)
        self.tail = nn.Conv2d(widths[0], config.fold**2 * k, 1)
        alike = 0.25 * (1 - torch.eye(k))
        self.register_buffer("compatibility", torch.stack([alike, alike]))
        rgb = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in config.colours]
        self.register_buffer("palette", torch.tensor(rgb) / 127.5 - 1, persistent=False)

    @property
    def multiple(self) -> int:  # type: ignore[override]
        return self.config.fold * 2 ** (len(self.config.widths) - 1)

    @property
    def directions(self) -> tuple[Direction, ...]:
        return (self.config.direction,)

    @property
    def reach(self) -> int:
        """It works on whole pictures: as far as they are large."""
        return self.config.size

    def forward(self, x: Tensor) -> Tensor:
        """Map pictures (B, 3, H, W) in [-1, 1] to logits (B, K, H, W), float32."""
        h = F.pixel_unshuffle(x, self.config.fold).contiguous(memory_format=torch.channels_last)
        h = self.head(h)
        skipped = []
        for encode, down in zip(self.encoder, self.down, strict=False):
            h = encode(h)
            skipped.append(h)
            h = F.relu(down(h))
        h = self._noisy(self.encoder[-1](h))
        for decode, up, join in list(zip(self.decoder, self.up, self.join, strict=True))[::-1]:
            h = F.interpolate(up(h), scale_factor=2.0, mode="nearest")
            h = decode(F.relu(join(torch.cat([h, skipped.pop()], dim=1))))
        return F.pixel_shuffle(self.tail(self._noisy(h)), self.config.fold).float()

    def _noisy(self, h: Tensor) -> Tensor:
        """Drop channels while training."""
        p = self.config.dropout
        if not p or self.generator is None:
            return h
        chance = torch.rand(h.shape[:2], generator=self.generator, device=h.device)
        return h * ((chance >= p) / (1 - p))[:, :, None, None].to(h.dtype)

    @torch.no_grad()
    def probabilities(self, x: Tensor) -> Tensor:
        """Return the chances of the classes (B, K, H, W), which sum to 1, for pictures (B, 3, H,
        W) in [-1, 1]: the mean of what it says of a picture and of its mirror image.
        """
        return (self(x).softmax(1) + self(x.flip(-1)).softmax(1).flip(-1)) / 2

    def settled(self, p: Tensor, x: Tensor, strength: float | Tensor = 1.0) -> Tensor:
        """Return the chances p (B, K, H, W) after a random field on the pictures x (B, 3, H, W);
        `strength` is how much it counts.
        """
        return dense_crf.mean_field(
            -p.clamp(min=1e-4).log(),
            dense_crf.kernels(x, FIELD),
            compatibility=strength * self.compatibility,
            iterations=UPDATES,
            damped=False,
        ).q

    @torch.no_grad()
    def translate(
        self, x: Tensor, direction: Direction = "BtoA", labels: Tensor | None = None
    ) -> Tensor:
        return self.plan(self.probabilities(x).argmax(1))

    def plan(self, numbers: Tensor) -> Tensor:
        """Return the plans (B, 3, H, W) in [-1, 1] of class numbers (B, H, W)."""
        return self.palette[numbers].permute(0, 3, 1, 2)

    def numbers(self, plans: Tensor) -> Tensor:
        """Return the class numbers (B, H, W) of plans (B, 3, H, W): of the nearest colours."""
        closeness = torch.einsum("bchw,kc->bkhw", plans, self.palette)
        return (closeness - self.palette.square().sum(1).view(-1, 1, 1) / 2).argmax(1)

    def ends(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the pictures to start from and the plans to arrive at."""
        assert batch.targets is not None
        forth = self.config.direction == "AtoB"
        return (batch.images, batch.targets) if forth else (batch.targets, batch.images)

    def rows(self, batch: Batch) -> list[Tensor]:
        """Return the pictures, the plans made of them, and the true ones."""
        if batch.targets is None:
            return []
        x, y = self.ends(batch)
        return [x, self.translate(x), y]

    def trainer(self, *, lr: float, ema: float, seed: int) -> SegmentTrainer:
        """Return a trainer that moves this model's weights."""
        return SegmentTrainer(self, lr=lr, ema=ema, seed=seed)


class SegmentTrainer(Trainer):
    """Minimises the cross-entropy of pictures that look different every time."""

    def __init__(self, model: Segment, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        net = self.network
        net.generator = self.generator
        self.moved = muon_and_adam(net, (net.encoder, net.down, net.join, net.decoder), lr)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.moved

    def losses(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        config = self.model.config
        x, plans = self.model.ends(batch)
        x, numbers = moved(x, self.model.numbers(plans), config.move, self.generator)
        x = relit(x, config.light, self.generator)
        with devices.autocast(self.device):
            logits = self.network(x)
        loss = F.cross_entropy(logits, numbers)
        norm = step(loss, *self.moved.values(), clip=config.clip)
        right = (logits.detach().argmax(1) == numbers).float().mean()
        return {"loss": loss.detach(), "accuracy": right, "grad_norm": norm}

    def finish(self, batches: Iterable[Batch], *, thorough: bool = True) -> None:
        """Learn the field's compatibility for the averaged weights, on pictures that look
        different every time, as the network's did.
        """
        model, steps = self.model, self.model.config.field
        if not thorough or not steps:
            return
        generator = torch.Generator(self.device).manual_seed(0)
        k = len(model.config.colours)
        start = 0.25 * (1 - torch.eye(k, device=self.device))
        free = torch.stack([start, start]).requires_grad_(True)
        optimizer = torch.optim.Adam([free], lr=0.03)
        for i, batch in enumerate(itertools.islice(batches, steps)):
            x, plans = (end[:FEW] for end in model.ends(batch))
            x, numbers = moved(x, model.numbers(plans), model.config.move, generator)
            x = relit(x, model.config.light, generator)
            seen = torch.cat([x, model.probabilities(x), numbers[:, None].to(x.dtype)], dim=1)
            seen = window(seen, WINDOW, generator, turned=False)
            model.compatibility = (free + free.mT) / 2
            q = model.settled(seen[:, 3:-1], seen[:, :3])
            loss = F.nll_loss(q.clamp(min=1e-6).log(), seen[:, -1].long())
            optimizer.param_groups[0]["lr"] = 0.03 * (1 - i / steps)
            step(loss, optimizer)
        model.compatibility = (free + free.mT).detach() / 2


def moved(
    x: Tensor, numbers: Tensor, strength: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Zoom, stretch, turn and shift each picture (B, 3, H, W) and its classes (B, H, W) alike, by
    own draws; what lies outside is mirrored in.
    """
    across, down, turn, left, top = _draws(x, 5, generator).flatten(1) * strength
    zoom = torch.exp(0.35 * across - 0.15 * strength)  # > 1: more is seen
    wide, high = zoom * torch.exp(0.15 * down), zoom * torch.exp(-0.15 * down)
    angle = turn * math.radians(5)
    cos, sin = angle.cos(), angle.sin()
    shift_x, shift_y = left * (0.15 + (1 - wide).abs()), top * (0.15 + (1 - high).abs())
    rows = [wide * cos, -wide * sin, shift_x, high * sin, high * cos, shift_y]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(x.shape), align_corners=False)
    settings = {"padding_mode": "reflection", "align_corners": False}
    there = F.grid_sample(numbers[:, None].to(x.dtype), grid, mode="nearest", **settings)
    return F.grid_sample(x, grid, mode="bilinear", **settings), there[:, 0].long()


def relit(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast, saturation and tint of each picture x (B, 3, H, W) and blank a
    square of it, by own draws.
    """
    bright, contrast, colourful, row, column, size = _draws(x, 6, generator) * strength
    tint = _draws(x, 3, generator)[..., 0, 0, 0].T[:, :, None, None] * strength  # (B, 3, 1, 1)
    grey = x.mean(dim=1, keepdim=True)
    x = grey + (x - grey) * (1 + 0.8 * colourful).clamp(min=0)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    x = mean + (x - mean) * torch.exp(0.4 * contrast) + 0.4 * bright + 0.15 * tint
    x = x.clamp(-1, 1)
    down, across = (
        torch.linspace(-1, 1, n, device=x.device).view(shape)
        for n, shape in ((x.shape[2], (1, 1, -1, 1)), (x.shape[3], (1, 1, 1, -1)))
    )
    half = (0.3 * size).clamp(min=0)  # none for every other picture
    return x.masked_fill(((down - row).abs() < half) & ((across - column).abs() < half), 0.0)


def convolution(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> list[nn.Module]:
    """Return a convolution and its batch normalisation."""
    pad = side // 2 if stride == 1 else 0
    return [nn.Conv2d(inputs, outputs, side, stride, pad, bias=False), nn.BatchNorm2d(outputs)]


def _draws(x: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Return n numbers in [-1, 1] for each of the pictures x: (n, B, 1, 1, 1)."""
    return 2 * torch.rand(n, len(x), 1, 1, 1, generator=generator, device=x.device) - 1


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Residual(width) for _ in range(count)))


METHOD = Method(
    name="segment",
    title="Segmentation",
    task="translate",
    condition="image",
    config=SegmentConfig,
    network=Segment,
    lr=2e-3,
    batch=8,
    ema=0.05,
    classes=False,
    needs="plans",
)
