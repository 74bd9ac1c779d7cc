"""Semantic segmentation of photographs by a U-Net; the result is a label map.

Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015,
https://arxiv.org/abs/1505.04597. A label map is an image whose K colours are classes;

    p = softmax(f(x))     loss = -mean over pixels of log p[class in the label map]

The image is unshuffled to half of its size, where residual blocks with batch normalisation (He et
al., "Deep Residual Learning", 2015) work down to 1/32 and back; the classes of a cell's 2×2 pixels
are the channels of its output (Shi et al., "Real-Time Single Image and Video Super-Resolution",
2016, https://arxiv.org/abs/1609.05158). A few hundred pairs suffice only with strong augmentation:
zoom, rotation, colour, cutout.

After training it learns the label compatibility μ (K, K) of a dense CRF, for each of its two
kernels: the cost of two classes at nearby pixels, and at pixels of similar colour. A sill is below
a window, and no wall is one pixel wide. It is learnt through the unrolled mean field, as in Zheng
et al., "Conditional Random Fields as Recurrent Neural Networks", 2015,
https://arxiv.org/abs/1502.03240. It sees tensors only.
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
from aigc_demo.nn.layers import Residual, drop_channels, random_crop
from aigc_demo.nn.optim import muon_and_adam, step

Width = Annotated[int, Field(ge=1, le=4096)]
Widths = Annotated[tuple[Width, ...], Field(min_length=2, max_length=6)]
Colour = Annotated[str, Field(pattern="^#[0-9a-f]{6}$")]
CRF_WEIGHTS = dense_crf.PairwisePotentials(1.0, 2.0, 1.0, 25.0, 5.0)
CRF_ITERATIONS = 3
CRF_CROP, CRF_BATCH = 64, 4  # what its compatibility is learnt from at a time
CRF_LR, CRF_START = 0.03, 0.25  # learning rate and initial cost of two different classes
FACADE = tuple("#{:02x}{:02x}{:02x}".format(*rgb) for rgb in facade_labels.CLASSES.values())


class SegmentConfig(Config):
    """Network and training settings of `Segment`."""

    size: int = Field(128, ge=16, le=512, description="side of the images")
    channels: Literal[3] = Field(3, description="colour")
    classes: Literal[0] = Field(0, description="of whole images: it knows none")
    direction: Direction = Field("BtoA", description="AtoB or BtoA: to the label maps")
    colours: tuple[Colour, ...] = Field(
        FACADE, min_length=2, max_length=64, description="of the classes in label maps: #rrggbb"
    )
    fold: int = Field(2, ge=1, le=8, description="unshuffle factor")
    widths: Widths = Field((32, 64, 128, 192, 256), description="channels at 1/fold and each half")
    blocks: int = Field(1, ge=1, le=8, description="residual blocks at each scale, down and up")
    dropout: float = Field(0.2, ge=0, le=0.9, description="channel dropout at the deepest scale")
    move: float = Field(1.0, ge=0, le=2, description="strength of geometric augmentation")
    light: float = Field(1.0, ge=0, le=2, description="strength of colour augmentation")
    field: int = Field(200, ge=0, le=10_000, description="steps that learn the CRF")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.size % (self.fold * 2 ** (len(self.widths) - 1)):
            times = len(self.widths) - 1
            raise ValueError(f"widths: {self.size} / {self.fold} cannot be halved {times} times")
        return self


class Segment(Translator):
    """Maps images to probabilities of K classes, and those to label maps in K colours."""

    config: SegmentConfig
    whole_image = True
    tileable = False

    def __init__(self, config: SegmentConfig) -> None:
        super().__init__(config)
        self.dropout_generator: torch.Generator | None = None  # none: no dropout
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
        self.register_buffer("compatibility", _initial_compatibility(k))
        rgb = [[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in config.colours]
        self.register_buffer("palette", torch.tensor(rgb) / 127.5 - 1, persistent=False)

    @property
    def multiple(self) -> int:  # type: ignore[override]
        return self.config.fold * 2 ** (len(self.config.widths) - 1)

    @property
    def directions(self) -> tuple[Direction, ...]:
        return (self.config.direction,)

    @property
    def receptive_radius(self) -> int:
        """The whole image."""
        return self.config.size

    def forward(self, x: Tensor) -> Tensor:
        """Map images (B, 3, H, W) in [-1, 1] to logits (B, K, H, W), float32."""
        h = F.pixel_unshuffle(x, self.config.fold).contiguous(memory_format=torch.channels_last)
        h = self.head(h)
        skipped = []
        for encode, down in zip(self.encoder, self.down, strict=False):
            h = encode(h)
            skipped.append(h)
            h = F.relu(down(h))
        p, generator = self.config.dropout, self.dropout_generator
        h = drop_channels(self.encoder[-1](h), p, generator)
        for decode, up, join in list(zip(self.decoder, self.up, self.join, strict=True))[::-1]:
            h = F.interpolate(up(h), scale_factor=2.0, mode="nearest")
            h = decode(F.relu(join(torch.cat([h, skipped.pop()], dim=1))))
        return F.pixel_shuffle(self.tail(drop_channels(h, p, generator)), self.config.fold).float()

    @torch.no_grad()
    def probabilities(self, x: Tensor) -> Tensor:
        """Map images (B, 3, H, W) in [-1, 1] to class probabilities (B, K, H, W): the mean for the
        image and its mirror image.
        """
        return (self(x).softmax(1) + self(x.flip(-1)).softmax(1).flip(-1)) / 2

    def refine_with_crf(self, p: Tensor, x: Tensor, strength: float | Tensor = 1.0) -> Tensor:
        """Return the probabilities p (B, K, H, W) after mean field in a CRF on the images x
        (B, 3, H, W), whose pairwise term is scaled by `strength`.
        """
        return dense_crf.mean_field(
            -p.clamp(min=1e-4).log(),
            dense_crf.kernels(x, CRF_WEIGHTS),
            compatibility=strength * self.compatibility,
            iterations=CRF_ITERATIONS,
            damped=False,
        ).q

    @torch.no_grad()
    def translate(
        self, x: Tensor, direction: Direction = "BtoA", labels: Tensor | None = None
    ) -> Tensor:
        return self.to_label_map(self.probabilities(x).argmax(1))

    def to_label_map(self, indices: Tensor) -> Tensor:
        """Return label maps (B, 3, H, W) in [-1, 1] for class indices (B, H, W)."""
        return self.palette[indices].permute(0, 3, 1, 2)

    def to_class_indices(self, label_maps: Tensor) -> Tensor:
        """Return the classes (B, H, W) of the nearest colours of label maps (B, 3, H, W)."""
        closeness = torch.einsum("bchw,kc->bkhw", label_maps, self.palette)
        return (closeness - self.palette.square().sum(1).view(-1, 1, 1) / 2).argmax(1)

    def source_and_target(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """Return the images and their label maps."""
        assert batch.targets is not None
        forward = self.config.direction == "AtoB"
        return (batch.images, batch.targets) if forward else (batch.targets, batch.images)

    def preview_rows(self, batch: Batch) -> list[Tensor]:
        """Return images, their predicted label maps and the true ones."""
        if batch.targets is None:
            return []
        x, label_maps = self.source_and_target(batch)
        return [x, self.translate(x), label_maps]

    def trainer(self, *, lr: float, ema: float, seed: int) -> SegmentTrainer:
        return SegmentTrainer(self, lr=lr, ema=ema, seed=seed)


class SegmentTrainer(Trainer):
    """Minimises the cross-entropy of augmented images."""

    def __init__(self, model: Segment, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        net = self.network
        net.dropout_generator = self.generator
        self.optimizers = muon_and_adam(net, (net.encoder, net.down, net.join, net.decoder), lr)

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        x, label_maps = self.model.source_and_target(batch)
        x, truth = self._augment(x, label_maps, self.generator)
        with devices.autocast(self.device):
            logits = self.network(x)
        loss = F.cross_entropy(logits, truth)
        norm = step(loss, *self.optimizers.values(), clip=self.model.config.clip)
        accuracy = (logits.detach().argmax(1) == truth).float().mean()
        return {"loss": loss.detach(), "accuracy": accuracy, "grad_norm": norm}

    def finish(self, batches: Iterable[Batch], *, thorough: bool = True) -> None:
        """Learn the CRF's compatibility for the averaged weights, on augmented images."""
        model, steps = self.model, self.model.config.field
        if not thorough or not steps:
            return
        generator = torch.Generator(self.device).manual_seed(0)
        free = _initial_compatibility(len(model.config.colours)).to(self.device)
        optimizer = torch.optim.Adam([free.requires_grad_()], lr=CRF_LR)
        for i, batch in enumerate(itertools.islice(batches, steps)):
            x, label_maps = (end[:CRF_BATCH] for end in model.source_and_target(batch))
            x, truth = self._augment(x, label_maps, generator)
            stack = torch.cat([x, model.probabilities(x), truth[:, None].to(x.dtype)], dim=1)
            stack = random_crop(stack, CRF_CROP, generator, symmetries=False)
            model.compatibility = (free + free.mT) / 2
            q = model.refine_with_crf(stack[:, 3:-1], stack[:, :3])
            loss = F.nll_loss(q.clamp(min=1e-6).log(), stack[:, -1].long())
            optimizer.param_groups[0]["lr"] = CRF_LR * (1 - i / steps)
            step(loss, optimizer)
        model.compatibility = (free + free.mT).detach() / 2

    def _augment(
        self, x: Tensor, label_maps: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor]:
        """Return augmented images (B, 3, H, W) and class indices (B, H, W)."""
        config, indices = self.model.config, self.model.to_class_indices(label_maps)
        x, indices = augment_geometry(x, indices, config.move, generator)
        return augment_colour(x, config.light, generator), indices


def augment_geometry(
    x: Tensor, indices: Tensor, strength: float, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Zoom, stretch, rotate and shift each image (B, 3, H, W) and its classes (B, H, W) alike, at
    random, with reflection outside.
    """
    zoom, stretch, turn, left, top = _uniform(x, 5, generator).flatten(1) * strength
    scale = torch.exp(0.35 * zoom - 0.15 * strength)  # > 1: zooms out
    wide, high = scale * torch.exp(0.15 * stretch), scale * torch.exp(-0.15 * stretch)
    angle = turn * math.radians(5)
    cos, sin = angle.cos(), angle.sin()
    shift_x, shift_y = left * (0.15 + (1 - wide).abs()), top * (0.15 + (1 - high).abs())
    rows = [wide * cos, -wide * sin, shift_x, high * sin, high * cos, shift_y]
    grid = F.affine_grid(torch.stack(rows, 1).view(-1, 2, 3), list(x.shape), align_corners=False)
    settings = {"padding_mode": "reflection", "align_corners": False}
    moved = F.grid_sample(indices[:, None].to(x.dtype), grid, mode="nearest", **settings)
    return F.grid_sample(x, grid, mode="bilinear", **settings), moved[:, 0].long()


def augment_colour(x: Tensor, strength: float, generator: torch.Generator) -> Tensor:
    """Change brightness, contrast, saturation and tint of each image x (B, 3, H, W) at random, and
    blank a random square of every other one.
    """
    brightness, contrast, saturation, row, column, size = _uniform(x, 6, generator) * strength
    tint = _uniform(x, 3, generator)[..., 0, 0, 0].T[:, :, None, None] * strength  # (B, 3, 1, 1)
    grey = x.mean(dim=1, keepdim=True)
    x = grey + (x - grey) * (1 + 0.8 * saturation).clamp(min=0)
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    x = mean + (x - mean) * torch.exp(0.4 * contrast) + 0.4 * brightness + 0.15 * tint
    x = x.clamp(-1, 1)
    rows = torch.linspace(-1, 1, x.shape[2], device=x.device).view(1, 1, -1, 1)
    columns = torch.linspace(-1, 1, x.shape[3], device=x.device).view(1, 1, 1, -1)
    half = (0.3 * size).clamp(min=0)
    return x.masked_fill(((rows - row).abs() < half) & ((columns - column).abs() < half), 0.0)


def convolution(inputs: int, outputs: int, side: int = 3, stride: int = 1) -> list[nn.Module]:
    """Return a convolution and its batch normalisation."""
    pad = side // 2 if stride == 1 else 0
    return [nn.Conv2d(inputs, outputs, side, stride, pad, bias=False), nn.BatchNorm2d(outputs)]


def _initial_compatibility(classes: int) -> Tensor:
    """Return (2, K, K): the same cost for all pairs of different classes, for both kernels."""
    return (CRF_START * (1 - torch.eye(classes))).repeat(2, 1, 1)


def _uniform(x: Tensor, n: int, generator: torch.Generator) -> Tensor:
    """Return n numbers in [-1, 1] for each of the images x: (n, B, 1, 1, 1)."""
    return 2 * torch.rand(n, len(x), 1, 1, 1, generator=generator, device=x.device) - 1


def _blocks(width: int, count: int) -> nn.Sequential:
    """Return residual blocks that pass what is positive at first."""

    def block() -> Residual:
        layers = [*convolution(width, width), nn.ReLU(inplace=True), *convolution(width, width)]
        nn.init.zeros_(layers[-1].weight)
        return Residual(*layers, activation=F.relu)

    return nn.Sequential(*(block() for _ in range(count)))


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
