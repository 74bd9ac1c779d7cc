"""A small residual U-Net that undoes damage of a known kind and strength: noise, JPEG artefacts,
low resolution, blur.

Zhang et al., "FFDNet: Toward a Fast and Flexible Solution for CNN based Image Denoising", 2018,
https://arxiv.org/abs/1710.04026: the picture is folded so that the network works at half of its
size, the strength of the damage is a plane beside the colours, and the network finds what to add
to the damaged picture. In place of FFDNet's chain of convolutions there are two resolutions, as in
Ronneberger et al., "U-Net", 2015, https://arxiv.org/abs/1505.04597: at a third of the work it sees
four times as far.

    restored = damaged + f(damaged, strength)         loss = E |restored - original|

One network undoes one kind of damage at every strength, in colour and in grey. Knows tensors only.
"""

from __future__ import annotations

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from aigc_demo import device as devices
from aigc_demo.imaging.degradations import DEGRADATIONS, Corruption
from aigc_demo.methods.base import Batch, Method, Model, Trainer, WindowConfig
from aigc_demo.nn.layers import window, zero
from aigc_demo.nn.optim import muon_and_adam, step

Width = Annotated[int, Field(ge=8, le=512)]
Damage = Literal["noise", "jpeg", "resolution", "blur"]


class RepairConfig(WindowConfig):
    """Network and training settings of `Repair`."""

    damage: Damage = Field("noise", description="noise, jpeg, resolution or blur")
    widths: tuple[Width, Width] = Field((48, 96), description="channels at the two resolutions")
    blocks: tuple[int, int] = Field((2, 4), description="residual blocks there")
    crop: int = Field(
        48, ge=16, le=512, multiple_of=4, description="side of the windows of a step"
    )
    grey: float = Field(0.1, ge=0, le=1, description="share of grey pictures in training")
    clip: float = Field(1.0, ge=0, description="largest gradient norm; 0: do not clip")


class Residual(nn.Module):
    """x + f(x), with f two convolutions; f is zero at first."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=1),
            nn.ReLU(inplace=True),
            zero(nn.Conv2d(width, width, 3, padding=1)),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return x + self.inner(x)


class Repair(Model):
    """Maps a degraded picture and the strength of its degradation to the restored picture.

    For JPEG artefacts and blur it is not conditioned on the strength: in use nobody knows it.
    """

    config: RepairConfig
    multiple = 4  # sides must divide by it

    def __init__(self, config: RepairConfig) -> None:
        super().__init__(config)
        (wide, wider), (outer, inner) = config.widths, config.blocks
        self.head = nn.Conv2d(4 * 3 + 1, wide, 3, padding=1)
        self.encoder = nn.Sequential(*(Residual(wide) for _ in range(outer)))
        self.down = nn.Conv2d(wide, wider, 2, 2)
        self.middle = nn.Sequential(*(Residual(wider) for _ in range(inner)))
        self.up = nn.Sequential(nn.Conv2d(wider, 4 * wide, 1), nn.PixelShuffle(2))
        self.decoder = nn.Sequential(*(Residual(wide) for _ in range(outer)))
        self.tail = zero(nn.Conv2d(wide, 4 * 3, 3, padding=1))

    @property
    def degradation(self) -> Corruption:
        """What the network undoes."""
        return DEGRADATIONS[self.config.damage]

    @property
    def reach(self) -> int:
        """Pixels around a place that can change it: each convolution adds its radius, at the
        scale of its stage, and the corners of the cells one cell more.
        """
        outer, inner = self.config.blocks
        return 2 * (2 + 4 * outer) + 4 * 2 * inner + 4

    def forward(self, x: Tensor, strength: Tensor) -> Tensor:
        """Map damaged pictures (B, 3, H, W) and strengths (B,) in [0, 1] to restored pictures,
        about in [-1, 1]; H and W divide by `multiple`.
        """
        h = nn.functional.pixel_unshuffle(x, 2)
        if self.degradation.blind:
            strength = torch.zeros_like(strength)
        plane = strength.view(-1, 1, 1, 1).expand(-1, -1, *h.shape[-2:]).to(h.dtype)
        h = torch.cat([h, plane], dim=1).contiguous(memory_format=torch.channels_last)
        h = self.encoder(self.head(h))
        h = self.decoder(h + self.up(self.middle(self.down(h))))
        return x + nn.functional.pixel_shuffle(self.tail(h), 2).float()

    def rows(self, batch: Batch) -> list[Tensor]:
        """Return the pictures damaged, restored and as they were."""
        generator = torch.Generator(batch.images.device).manual_seed(0)
        strength = torch.linspace(0.2, 1, len(batch.images), device=batch.images.device)
        damaged = self.degradation.apply(batch.images, strength, generator)
        with torch.no_grad():
            return [damaged, self(damaged, strength), batch.images]

    def trainer(self, *, lr: float, ema: float, seed: int) -> RepairTrainer:
        """Return a trainer that moves this model's weights."""
        return RepairTrainer(self, lr=lr, ema=ema, seed=seed)


class RepairTrainer(Trainer):
    """Minimises the distance between restored and undamaged windows of pictures."""

    def __init__(self, model: Repair, *, lr: float, ema: float, seed: int) -> None:
        super().__init__(model, lr=lr, ema=ema, seed=seed)
        net = self.network
        self.moved = muon_and_adam(net, (net.encoder, net.middle, net.decoder), lr)

    def optimizers(self) -> dict[str, torch.optim.Optimizer]:
        return self.moved

    def losses(self, batch: Batch, only: str | None = None) -> dict[str, Tensor]:
        config = self.model.config
        x = window(batch.images, config.crop, self.generator)
        grey = torch.rand(len(x), 1, 1, 1, generator=self.generator, device=x.device) < config.grey
        x = torch.where(grey, x.mean(dim=1, keepdim=True), x)
        strength = torch.rand(len(x), generator=self.generator, device=x.device)
        damaged = self.model.degradation.apply(x, strength, self.generator)
        # In a grey picture the damage is grey, too.
        damaged = torch.where(grey, damaged[:, :1], damaged)
        with devices.autocast(self.device):
            restored = self.network(damaged, strength)
        loss = (restored - x).abs().mean()
        norm = step(loss, *self.moved.values(), clip=config.clip)
        error = (restored.detach().clamp(-1, 1) - x).div(2).square().mean()
        return {
            "loss": loss.detach(),
            "psnr": -10 * error.clamp(min=1e-10).log10(),
            "grad_norm": norm,
        }


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
