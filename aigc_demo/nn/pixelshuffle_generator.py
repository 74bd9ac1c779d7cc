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

from aigc_demo.nn.layers import zero, zoomed
from aigc_demo.nn.patchgan import Norm, norm_of

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
    levels = ((x.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.int64)
    h = (levels[:, :1] << 16) + (levels[:, 1:2] << 8) + levels[:, 2:]
    h = _mixed(_weighed(_weighed(h, -1), -2))
    return (h & 0xFFFF).to(x.dtype) / 32_767.5 - 1


def _weighed(h: Tensor, dim: int) -> Tensor:
    """Return hashes (B, 1, H, W), each of the `GRAIN` before and after it along `dim`, too."""
    n = h.shape[dim]
    places = torch.arange(-GRAIN, n + GRAIN, device=h.device).clamp(0, n - 1)
    around, total = _mixed(h).index_select(dim, places), torch.zeros_like(h)
    for i in range(2 * GRAIN + 1):
        total += (2 * i + 1) * around.narrow(dim, i, n)
    return total


def _mixed(h: Tensor) -> Tensor:
    """Return 32 bits (int64) that all depend on all bits of h."""
    for odd, by in ((1_597_334_677, 15), (2_019_204_679, 13)):  # products stay below 2⁶³
        h = ((h & 0xFFFFFFFF) * odd) & 0xFFFFFFFF
        h = h ^ (h >> by)
    return h


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
