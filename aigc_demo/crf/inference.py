"""CRF inference on images of any size.

Mean field runs on a copy of at most `SIDE` pixels. The pairwise messages that it ends with are
then upsampled and added to the unary potentials at each pixel of the image, so that edges are as
sharp as those of the image itself.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from aigc_demo.crf import dense_crf
from aigc_demo.requests import CrfRequest, MaskRequest

SIDE = 256  # pixels of the longer side at which mean field runs
STRIP = 2**20  # pixels whose unary potentials are in memory at once

UnaryFunction = Callable[[Tensor], Tensor]


@torch.no_grad()
def infer(
    values: Tensor,
    x: Tensor,
    unary_of: UnaryFunction,
    pairwise: dense_crf.PairwisePotentials,
    *,
    scribbles: Tensor | None = None,
    iterations: int = 5,
) -> tuple[Tensor, Tensor]:
    """Return the labels (H, W) of an image x (1, 3, H, W) in [-1, 1], and the free energy per
    pixel before and after each update.

    `unary_of` maps a part of `values` (1, C, …, …), which are as large as x, to unary potentials
    (1, K, …, …). Where `scribbles` (H, W) are not -1 they are the label.
    """
    height, width = x.shape[-2:]
    factor = min(1.0, SIDE / max(height, width))
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    if factor < 1:
        small, small_x = (F.interpolate(v, size, mode="area") for v in (values, x))
    else:
        small, small_x = values, x
    unary = unary_of(small)
    if scribbles is not None:
        unary = dense_crf.constrained(unary, reduced(scribbles, unary.shape[1], size)[None])
    kernels = dense_crf.kernels(small_x, pairwise)
    marginals = dense_crf.mean_field(unary, kernels, iterations=iterations, with_energies=True)
    assert marginals.energies is not None
    energies = marginals.energies[:, 0] / (size[0] * size[1])
    if factor == 1:
        return marginals.q[0].argmax(0), energies
    messages = -marginals.q.clamp(min=1e-8).log() - unary.clamp(max=20)
    labels = _decoded(values, unary_of, messages)
    return labels if scribbles is None else scribbles.where(scribbles >= 0, labels), energies


def _decoded(values: Tensor, unary_of: UnaryFunction, messages: Tensor) -> Tensor:
    """Return the labels (H, W) that minimise the unary potentials plus upsampled messages."""
    height, width = values.shape[-2:]
    rows = max(1, STRIP // width)
    labels = []
    for top in range(0, height, rows):
        strip = values[:, :, top : top + rows]
        message = _upsampled(messages, top, strip.shape[2], (height, width))
        labels.append((unary_of(strip) + message)[0].argmin(0))
    return torch.cat(labels)


def reduced(scribbles: Tensor, labels: int, size: tuple[int, int]) -> Tensor:
    """Return scribbles (H, W) at a smaller size: no stroke is too thin to be kept."""
    planes = torch.stack([scribbles == k for k in range(labels)])[None].float()
    marked = F.adaptive_max_pool2d(planes, size)[0]
    return torch.where(marked.amax(0) > 0, marked.argmax(0), -1)


def _upsampled(messages: Tensor, top: int, rows: int, size: tuple[int, int]) -> Tensor:
    """Return the rows from `top` of the messages (1, K, h, w) at `size`."""
    height, width = size
    down = (torch.arange(top, top + rows, device=messages.device) + 0.5) * 2 / height - 1
    across = (torch.arange(width, device=messages.device) + 0.5) * 2 / width - 1
    grid = torch.stack(torch.meshgrid(down, across, indexing="ij")[::-1], dim=-1)[None]
    grid = grid.to(messages.dtype)
    return F.grid_sample(messages, grid, padding_mode="border", align_corners=False)


def pairwise_of(request: CrfRequest | MaskRequest) -> dense_crf.PairwisePotentials:
    """Return the pairwise potentials that a request asks for."""
    return dense_crf.PairwisePotentials(
        request.smooth, request.smooth_radius, request.appearance, request.radius, request.likeness
    )
