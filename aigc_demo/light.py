"""A generator that is quick without a GPU: it changes a picture at a part of its size.

It works on the folded picture (Shi et al., "Real-Time Single Image and Video Super-Resolution",
2016), finds what to *add* to the picture, and grows back by resize-convolutions (Odena et al.,
"Deconvolution and Checkerboard Artifacts", 2016); without statistics over the picture, so that a
large one can be computed in pieces. Knows tensors only.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_demo.adversarial import Norm, norm_of
from aigc_demo.nn import zero, zoomed

GRAIN = 3  # pixels around one that its noise depends on


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a 3×3 convolution of the reflected picture: zeros would leave stripes at its rim."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")


class Residual(nn.Module):
    """x + f(x), with f two convolutions; f is zero at first where it has no normalisation."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        second = _convolution(width, width)
        self.inner = nn.Sequential(
            _convolution(width, width),
            norm_of(norm, width),
            nn.ReLU(inplace=True),
            zero(second) if norm == "none" else second,
            norm_of(norm, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return x + self.inner(x)


def grain(x: Tensor) -> Tensor:
    """Return noise (B, 1, H, W) in [-1, 1] for pictures (B, 3, H, W), the same for the same
    pixels.

    It hashes the 8 bits of a pixel and of its 7×7 neighbours (multiplicative hashing, Knuth, "The
    Art of Computer Programming", vol. 3, 6.4): any sky that is not quite flat gets another number
    at each pixel, so that a network can paint texture on it that does not repeat.
    """
    levels = ((x.detach().double() + 1) * 127.5).round().clamp(0, 255)
    around = F.pad(levels, (GRAIN,) * 4, mode="replicate")
    side = 2 * GRAIN + 1
    primes = torch.arange(1, 3 * side * side + 1, device=x.device, dtype=torch.float64)
    weights = (primes * 7919 % 65_521).view(1, 3, side, side)
    h = F.conv2d(around, weights).to(torch.int64)  # whole numbers below 2⁵³: exact
    h = (h * 2_654_435_761) & 0xFFFFFFFF
    h = ((h ^ (h >> 15)) * 2_246_822_519) & 0xFFFFFFFF
    return ((h ^ (h >> 13)) & 0xFFFF).to(x.dtype) / 32_767.5 - 1


class Light(nn.Module):
    """x + f(x): f folds the picture, passes it through residual blocks and grows it back."""

    def __init__(
        self, width: int, blocks: int, *, fold: int, norm: Norm, zoom: bool, grainy: bool
    ) -> None:
        super().__init__()
        self.fold, self.grainy = fold, grainy
        self.head = _convolution((3 + grainy) * fold**2, width)
        self.body = nn.Sequential(*(Residual(width, norm) for _ in range(blocks)))
        self.up = nn.ModuleList()
        for _ in range({2: 1, 4: 2}[fold]):
            self.up.append(_convolution(width, width // 2))
            width //= 2
        self.tail = zero(_convolution(width + 3, 3))
        self.zoom = nn.Parameter(torch.zeros(2)) if zoom else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, H, W) to the same shape; H and W divide by the fold."""
        if self.zoom is not None:
            x = zoomed(x.float(), self.zoom.float())
        x = x.contiguous(memory_format=torch.channels_last)
        seen = torch.cat([x, grain(x)], dim=1) if self.grainy else x
        h = self.body(self.head(F.pixel_unshuffle(seen, self.fold)))
        for convolution in self.up:
            h = F.relu(convolution(F.interpolate(h, scale_factor=2.0, mode="nearest")))
        return x + self.tail(torch.cat([h, x.to(h.dtype)], dim=1)).float()
