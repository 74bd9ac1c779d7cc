"""The two generators of `cyclegan`: a quick one, and the one whose weights its authors published.

`PixelShuffleGenerator` works at a fraction of the image's size, so that it is quick without a GPU:
space-to-depth (Shi et al., "Real-Time Single Image and Video Super-Resolution", 2016,
https://arxiv.org/abs/1609.05158), residual blocks that find what to *add* to the image, and
resize-convolutions back (Odena et al., "Deconvolution and Checkerboard Artifacts", 2016,
https://distill.pub/2016/deconv-checkerboard). It normalises nothing over the image, so a large one
can be computed in tiles.

`ResNetGenerator` is that of Johnson et al., "Perceptual Losses for Real-Time Style Transfer",
2016, https://arxiv.org/abs/1603.08155, as in Zhu et al., "Unpaired Image-to-Image Translation
using Cycle-Consistent Adversarial Networks", 2017, https://arxiv.org/abs/1703.10593.

Knows no method and no file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_demo.nn.layers import Residual, zero, zoom_about_centre
from aigc_demo.nn.patchgan import Norm, norm_of

GRAIN_RADIUS = 3  # pixels around one that its noise depends on
UNUSED = ("running_mean", "running_var", "num_batches_tracked")  # by instance normalisation


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    """Return a 3×3 convolution with reflection padding: zeros would leave stripes at the rim."""
    return nn.Conv2d(inputs, outputs, 3, padding=1, padding_mode="reflect")


def grain(x: Tensor) -> Tensor:
    """Return noise (B, 1, H, W) in [-1, 1] that is a function of images (B, 3, H, W).

    It hashes the 8 bits of a pixel and of its 7×7 neighbours (multiplicative hashing, Knuth, "The
    Art of Computer Programming", vol. 3, 6.4): any sky that is not quite flat gets another number
    at each pixel, so that a network can turn it into texture that does not repeat.
    """
    levels = ((x.detach().float() + 1) * 127.5).round().clamp(0, 255).to(torch.int64)
    h = (levels[:, :1] << 16) + (levels[:, 1:2] << 8) + levels[:, 2:]
    h = _mix_bits(_add_neighbours(_add_neighbours(h, -1), -2))
    return (h & 0xFFFF).to(x.dtype) / 32_767.5 - 1


def _add_neighbours(h: Tensor, dim: int) -> Tensor:
    """Return a weighted sum of hashes (B, 1, H, W) and their neighbours along `dim`."""
    n = h.shape[dim]
    index = torch.arange(-GRAIN_RADIUS, n + GRAIN_RADIUS, device=h.device).clamp(0, n - 1)
    padded, total = _mix_bits(h).index_select(dim, index), torch.zeros_like(h)
    for i in range(2 * GRAIN_RADIUS + 1):
        total += (2 * i + 1) * padded.narrow(dim, i, n)
    return total


def _mix_bits(h: Tensor) -> Tensor:
    """Return 32 bits (int64) that all depend on all bits of h."""
    for factor, shift in ((1_597_334_677, 15), (2_019_204_679, 13)):  # products stay below 2⁶³
        h = ((h & 0xFFFFFFFF) * factor) & 0xFFFFFFFF
        h = h ^ (h >> shift)
    return h


class PixelShuffleGenerator(nn.Module):
    """x + f(x): f unshuffles the image, passes it through residual blocks and upsamples.

    `fold` is the unshuffle factor, `zoom` learns a scale of the image, and `grainy` adds `grain`
    to the input channels.
    """

    def __init__(
        self, width: int, blocks: int, *, fold: int, norm: Norm, zoom: bool, grainy: bool
    ) -> None:
        super().__init__()
        self.fold, self.grainy = fold, grainy
        self.head = _convolution((3 + grainy) * fold**2, width)
        self.body = nn.Sequential(*(_residual_block(width, norm) for _ in range(blocks)))
        self.up = nn.ModuleList()
        for _ in range({2: 1, 4: 2}[fold]):
            self.up.append(_convolution(width, width // 2))
            width //= 2
        self.tail = zero(_convolution(width + 3, 3))
        self.zoom = nn.Parameter(torch.zeros(2)) if zoom else None

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, H, W) to the same shape; H and W divide by the fold."""
        if self.zoom is not None:
            x = zoom_about_centre(x.float(), self.zoom.float())
        x = x.contiguous(memory_format=torch.channels_last)
        inputs = torch.cat([x, grain(x)], dim=1) if self.grainy else x
        h = self.body(self.head(F.pixel_unshuffle(inputs, self.fold)))
        for convolution in self.up:
            h = F.relu(convolution(F.interpolate(h, scale_factor=2.0, mode="nearest")))
        return x + self.tail(torch.cat([h, x.to(h.dtype)], dim=1)).float()


def _residual_block(width: int, norm: Norm) -> Residual:
    """Return a block that is the identity at first if it has no normalisation."""
    second, first = (_convolution(width, width) for _ in range(2))
    if norm == "none":
        zero(second)
    return Residual(
        first, norm_of(norm, width), nn.ReLU(inplace=True), second, norm_of(norm, width)
    )


class ResNetGenerator(nn.Module):
    """Two convolutions down, `blocks` residual ones of 4 × `width` channels, two up.

    Layers lie in ``model`` in the order of the authors' implementation.
    """

    def __init__(self, width: int = 64, blocks: int = 9, norm: Norm = "instance") -> None:
        super().__init__()
        w = width
        layers: list[nn.Module] = [nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7)]
        layers += [norm_of(norm, w), nn.ReLU(inplace=True)]
        for i in (1, 2):
            layers += [nn.Conv2d(w * i, w * i * 2, 3, 2, 1), norm_of(norm, w * i * 2)]
            layers += [nn.ReLU(inplace=True)]
        layers += [ReflectedResidual(4 * w, norm) for _ in range(blocks)]
        for i in (2, 1):
            layers += [nn.ConvTranspose2d(w * i * 2, w * i, 3, 2, 1, output_padding=1)]
            layers += [norm_of(norm, w * i), nn.ReLU(inplace=True)]
        layers += [nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh()]
        self.model = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, 3, H, W) to the same shape; H and W divide by 4."""
        weight = self.model[1].weight
        layout = torch.contiguous_format if weight.is_contiguous() else torch.channels_last
        return self.model(x.contiguous(memory_format=layout)).float()


class ReflectedResidual(nn.Module):
    """x + f(x), with f two convolutions of the reflection-padded input."""

    def __init__(self, width: int, norm: Norm) -> None:
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            norm_of(norm, width),
            nn.ReLU(inplace=True),
            nn.ReflectionPad2d(1),
            nn.Conv2d(width, width, 3),
            norm_of(norm, width),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        return x + self.conv_block(x)


def rename_weights(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return the authors' published weights under the names of `ResNetGenerator`.

    Those saved from several GPUs have ``module.`` before each name; old ones hold statistics that
    instance normalisation does not use; blocks with dropout count one layer more.
    """
    return {
        re.sub(r"conv_block\.6\.", "conv_block.5.", name.removeprefix("module.")): value
        for name, value in published.items()
        if name.rsplit(".", 1)[-1] not in UNUSED
    }


def width_and_blocks(weights: Mapping[str, Tensor]) -> tuple[int, int]:
    """Return the width and number of blocks of renamed weights; raises KeyError for weights of
    another network.
    """
    blocks = {name.split(".")[1] for name in weights if ".conv_block." in name}
    return weights["model.1.weight"].shape[0], len(blocks)
