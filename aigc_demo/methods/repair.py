"""A small residual U-Net that removes a known kind of degradation: noise, JPEG artefacts, low
resolution, blur.

Zhang et al., "FFDNet: Toward a Fast and Flexible Solution for CNN based Image Denoising", 2018,
https://arxiv.org/abs/1710.04026: the image is unshuffled so that the network works at half of its
size, the strength of the degradation is a constant channel, and the network predicts a residual.
In place of FFDNet's chain of convolutions there are two resolutions, as in Ronneberger et al.,
"U-Net", 2015, https://arxiv.org/abs/1505.04597: four times the receptive field for a third of the
work.

    restored = degraded + f(degraded, strength)         loss = E |restored - original|

One network removes one kind of degradation at every strength, in colour and in grey; it does not
know of other kinds. It sees tensors only.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from aigc_demo import device as devices
from aigc_demo.imaging.degradations import DEGRADATIONS, Corruption
from aigc_demo.methods.base import Batch, CropConfig, Method, Model, Trainer
from aigc_demo.nn.layers import Residual, random_crop, zero
from aigc_demo.nn.optim import muon_and_adam, step

Width = Annotated[int, Field(ge=8, le=512)]
Blocks = Annotated[int, Field(ge=0, le=32)]
Kind = Literal["noise", "jpeg", "resolution", "blur"]


class RepairConfig(CropConfig):
    """Network and training settings of `Repair`."""

    damage: Kind = Field("noise", description="noise, jpeg, resolution or blur")
    widths: tuple[Width, Width] = Field((48, 96), description="channels at the two resolutions")
    blocks: tuple[Blocks, Blocks] = Field((2, 4), description="residual blocks there")
    crop: int = Field(48, ge=16, le=512, multiple_of=4, description="side of the training crops")
    grey: float = Field(0.1, ge=0, le=1, description="share of grey images in training")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")


class Repair(Model):
    """Maps a degraded image and the strength of its degradation to the restored image.

    For JPEG artefacts and blur it is not conditioned on the strength: in use nobody knows it.
    """

    config: RepairConfig
    multiple = 4  # sides must be multiples of it

    def __init__(self, config: RepairConfig) -> None:
        super().__init__(config)
        (wide, wider), (outer, inner) = config.widths, config.blocks
        self.head = nn.Conv2d(4 * 3 + 1, wide, 3, padding=1)
        self.encoder = _blocks(wide, outer)
        self.down = nn.Conv2d(wide, wider, 2, 2)
        self.middle = _blocks(wider, inner)
        self.up = nn.Sequential(nn.Conv2d(wider, 4 * wide, 1), nn.PixelShuffle(2))
        self.decoder = _blocks(wide, outer)
        self.tail = zero(nn.Conv2d(wide, 4 * 3, 3, padding=1))

    @property
    def degradation(self) -> Corruption:
        """What the network removes."""
        return DEGRADATIONS[self.config.damage]

    @property
    def receptive_radius(self) -> int:
        """Largest distance in pixels at which an input can change an output: each convolution adds
        its radius, at the scale of its stage, and the corners of the cells one cell more.
        """
        outer, inner = self.config.blocks
        return 2 * (2 + 4 * outer) + 4 * 2 * inner + 4

    def forward(self, x: Tensor, strength: Tensor) -> Tensor:
        """Map degraded images (B, 3, H, W) and strengths (B,) in [0, 1] to restored images, about
        in [-1, 1]; H and W divide by `multiple`.
        """
        h = nn.functional.pixel_unshuffle(x, 2)
        if self.degradation.blind:
            strength = torch.zeros_like(strength)
        channel = strength.view(-1, 1, 1, 1).expand(-1, -1, *h.shape[-2:]).to(h.dtype)
        h = torch.cat([h, channel], dim=1).contiguous(memory_format=torch.channels_last)
        h = self.encoder(self.head(h))
        h = self.decoder(h + self.up(self.middle(self.down(h))))
        return x + nn.functional.pixel_shuffle(self.tail(h), 2).float()

    @torch.no_grad()
    def preview_rows(self, batch: Batch) -> list[Tensor]:
        """Return the images degraded, restored and as they were."""
        generator = torch.Generator(batch.images.device).manual_seed(0)
        strength = torch.linspace(0.2, 1, len(batch.images), device=batch.images.device)
        degraded = self.degradation.apply(batch.images, strength, generator)
        return [degraded, self(degraded, strength), batch.images]

    def trainer(self, *, lr: float, ema: float, seed: int) -> RepairTrainer:
        return RepairTrainer(self, lr=lr, ema=ema, seed=seed)


class RepairTrainer(Trainer):
    """Minimises the distance between restored and original crops."""

    def __init__(self, model: Repair, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        net = self.network
        self.optimizers = muon_and_adam(net, (net.encoder, net.middle, net.decoder), lr)

    def update(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        config, g = self.model.config, self.generator

        # Degrade random crops, of which some are grey.
        x = random_crop(batch.images, config.crop, g)
        grey = torch.rand(len(x), 1, 1, 1, generator=g, device=x.device) < config.grey
        x = torch.where(grey, x.mean(dim=1, keepdim=True), x)
        strength = torch.rand(len(x), generator=g, device=x.device)
        degraded = self.model.degradation.apply(x, strength, g)
        degraded = torch.where(grey, degraded[:, :1], degraded)  # noise of grey images is grey

        # Restore them.
        with devices.autocast(self.device):
            restored = self.network(degraded, strength)
        loss = (restored - x).abs().mean()
        norm = step(loss, *self.optimizers.values(), clip=config.clip)
        error = (restored.detach().clamp(-1, 1) - x).div(2).square().mean()
        psnr = -10 * error.clamp(min=1e-10).log10()
        return {"loss": loss.detach(), "psnr": psnr, "grad_norm": norm}


def _blocks(width: int, count: int) -> nn.Sequential:
    """Return residual blocks that are the identity at first."""

    def block() -> Residual:
        first, second = (nn.Conv2d(width, width, 3, padding=1) for _ in range(2))
        return Residual(first, nn.ReLU(inplace=True), zero(second))

    return nn.Sequential(*(block() for _ in range(count)))


METHOD = Method(
    name="repair",
    title="Repair",
    task="restore",
    condition="image",
    config=RepairConfig,
    network=Repair,
    lr=2e-3,
    batch=16,
    ema=0.05,
    classes=False,
)
