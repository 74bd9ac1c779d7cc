"""The residual generator of CycleGAN's authors, and how their published weights are named here.

Johnson et al., "Perceptual Losses for Real-Time Style Transfer", 2016, and Zhu et al., "Unpaired
Image-to-Image Translation using Cycle-Consistent Adversarial Networks", 2017. Knows no method and
no file.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from aigc_demo.nn.patchgan import Norm, norm_of

STATISTICS = ("running_mean", "running_var", "num_batches_tracked")


class ReferenceGenerator(nn.Module):
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
    """x + f(x), with f two convolutions of the picture reflected at its edges."""

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


def renamed(published: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return published weights under the names of `ReferenceGenerator`.

    Those saved from several GPUs have ``module.`` before each name; old ones hold statistics that
    instance normalisation does not use; blocks with dropout count one layer more.
    """
    found = {}
    for name, value in published.items():
        if name.rsplit(".", 1)[-1] in STATISTICS:
            continue
        name = re.sub(r"conv_block\.6\.", "conv_block.5.", name.removeprefix("module."))
        found[name] = value
    return found


def shape_of(weights: Mapping[str, Tensor]) -> tuple[int, int]:
    """Return the width and the number of blocks of renamed weights; raises KeyError where they are
    of another network.
    """
    blocks = {name.split(".")[1] for name in weights if ".conv_block." in name}
    return weights["model.1.weight"].shape[0], len(blocks)
