"""Blocks that methods share: noise, crops, fast convolutions, hole filling, augmentation.

Knows no method, no data set and no file.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def normals(shape: tuple[int, ...], seeds: Iterable[int]) -> Tensor:
    """Return normal noise (len(seeds), *shape), float32 on the CPU: one generator a sample.

    Hence the noise of a seed is the same alone and inside a batch, and on every device.
    """
    return torch.stack(
        [torch.randn(shape, generator=torch.Generator().manual_seed(int(seed))) for seed in seeds]
    )


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Interpolate from a to b (…) on a great circle at t (T,), which keeps the norm of Gaussian
    noise: (T, …).

    Shoemake, "Animating Rotation with Quaternion Curves", 1985.
    """
    cosine = torch.dot(a.flatten(), b.flatten()) / (a.norm() * b.norm()).clamp(min=1e-9)
    angle = cosine.clamp(-1, 1).acos()
    t = t.view(-1, *[1] * a.ndim)
    if angle.sin() < 1e-4:
        return torch.lerp(a[None], b[None], t)
    between = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
    return torch.where(t == 0, a, torch.where(t == 1, b, between))  # the ends without rounding


def frequencies(width: int) -> Tensor:
    """Return width / 2 angular frequencies of an embedding of t in [0, 1], from 1 to 1000,
    geometrically.
    """
    return torch.exp(torch.linspace(0, math.log(1000), width // 2))


def zero(convolution: nn.Conv2d) -> nn.Conv2d:
    """Return `convolution` with weights of 0, so that a branch that ends with it adds nothing."""
    nn.init.zeros_(convolution.weight)
    if convolution.bias is not None:
        nn.init.zeros_(convolution.bias)
    return convolution


class Residual(nn.Module):
    """x + f(x), with f a sequence of layers, and then perhaps an activation."""

    def __init__(
        self, *layers: nn.Module, activation: Callable[[Tensor], Tensor] | None = None
    ) -> None:
        super().__init__()
        self.inner = nn.Sequential(*layers)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        y = x + self.inner(x)
        return y if self.activation is None else self.activation(y)


def random_crop(
    x: Tensor, side: int, generator: torch.Generator, *, symmetries: bool = True
) -> Tensor:
    """Return the same random `side` × `side` crop of all images x (B, C, H, W), under one of the
    eight symmetries of the square unless `symmetries` is off; smaller images as they are.
    """
    top, left, turn = (
        int(torch.randint(0, n, (), generator=generator, device=generator.device))
        for n in (max(1, x.shape[-2] - side + 1), max(1, x.shape[-1] - side + 1), 8)
    )
    x = x[..., top : top + side, left : left + side]
    if symmetries and turn & 1:
        x = x.flip(-1)
    if symmetries and turn & 2:
        x = x.flip(-2)
    if symmetries and turn & 4:
        x = x.transpose(-1, -2)
    return x.contiguous(memory_format=torch.channels_last)


def zoom_about_centre(x: Tensor, log_factors: Tensor) -> Tensor:
    """Scale images (B, C, H, W) about their centre by exp(`log_factors`) (2,), across and down;
    white comes in from outside.

    Convolutions alone cannot learn that one domain draws things smaller than the other.
    """
    matrix = torch.diag_embed(torch.exp(-log_factors).expand(len(x), 2))
    theta = torch.cat([matrix, matrix.new_zeros(len(x), 2, 1)], dim=2)
    grid = F.affine_grid(theta, list(x.shape), align_corners=False)
    return F.grid_sample(x - 1, grid, padding_mode="zeros", align_corners=False) + 1


def drop_channels(x: Tensor, p: float, generator: torch.Generator | None) -> Tensor:
    """Drop channels of x (B, C, H, W) with probability p; none without a generator."""
    if not p or generator is None:
        return x
    keep = torch.rand(x.shape[:2], generator=generator, device=x.device) >= p
    return x * (keep / (1 - p))[:, :, None, None].to(x.dtype)


# --- Fast 4×4 convolutions with stride 2 ---------------------------------------------------------
#
# The convolution that halves an image and the transposed one that doubles it are each other's
# gradient and share the gradient of the weights. All three are computed in the form that is
# fastest on a CPU in the channels-last layout, and are exact for every order of derivative.
# Measured in bfloat16 on two Zen 4 cores: torch's own doubling to three channels takes three times
# as long; its gradient of the weights half again as long for 4×4 results, and fifty times as long
# while another program uses a core, because its threads wait by spinning.

FEW_CHANNELS = 16  # up to which torch's own doubling is slow


def halve(x: Tensor, w: Tensor) -> Tensor:
    """Convolve x (B, I, 2H, 2W) with w (O, I, 4, 4), stride 2 and padding 1, into (B, O, H, W)."""
    return _Halve.apply(x, w) if x.device.type == "cpu" else F.conv2d(x, w, None, 2, 1)


def double(h: Tensor, w: Tensor) -> Tensor:
    """Transposed `halve`: spread h (B, O, H, W) with w (O, I, 4, 4) into (B, I, 2H, 2W)."""
    return _Double.apply(h, w) if h.device.type == "cpu" else F.conv_transpose2d(h, w, None, 2, 1)


class _Halve(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(x, w)
        return F.conv2d(x, w, None, 2, 1)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, w = ctx.saved_tensors
        return (
            double(g, w) if ctx.needs_input_grad[0] else None,
            _weight_gradient(x, g) if ctx.needs_input_grad[1] else None,
        )


class _Double(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, h: Tensor, w: Tensor) -> Tensor:
        ctx.save_for_backward(h, w)
        if w.shape[1] > FEW_CHANNELS:
            return F.conv_transpose2d(h, w, None, 2, 1)
        # Fill cells of 2×2 pixels, four times as many numbers at once. Cell (i, j) of the padded
        # result is the sum over a, b in {0, 1} of h[i - a, j - b] · w[2a:2a + 2, 2b:2b + 2].
        o, i = w.shape[:2]
        cells = w.reshape(o, i, 2, 2, 2, 2).permute(1, 3, 5, 0, 2, 4)  # (I, y, x, O, a, b)
        cells = cells.flip(4, 5).reshape(4 * i, o, 2, 2)
        cells = cells.contiguous(memory_format=torch.channels_last)
        return F.pixel_shuffle(F.conv2d(h, cells, None, 1, 1), 2)[:, :, 1:-1, 1:-1]

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, Tensor | None]:
        h, w = ctx.saved_tensors
        return (
            halve(g, w) if ctx.needs_input_grad[0] else None,
            _weight_gradient(g, h) if ctx.needs_input_grad[1] else None,
        )


def _weight_gradient(x: Tensor, g: Tensor) -> Tensor:
    """Correlate x (B, I, 2H, 2W) with g (B, O, H, W) into (O, I, 4, 4)."""
    o, i = g.shape[1], x.shape[1]
    # Multiply the 4×4 patches of x by g: on each thread some images, about 2²⁰ numbers of
    # patches at a time, so that they stay in that core's cache.
    threads = torch.get_num_threads()
    n = threads * max(1, 2**20 // (16 * i * g.shape[2:].numel()))
    exact = torch.promote_types(x.dtype, torch.float32)
    total = torch.zeros((), device=x.device, dtype=exact)
    for x_part, g_part in zip(x.split(n), g.split(n), strict=True):
        k = threads if len(x_part) % threads == 0 else 1
        patches = F.pad(x_part, (1, 1, 1, 1)).unfold(2, 4, 2).unfold(3, 4, 2)
        patches = patches.permute(0, 2, 3, 4, 5, 1)  # (B, I, H, W, 4, 4) -> (B, H, W, 4, 4, I)
        rows = g_part.permute(0, 2, 3, 1).reshape(k, -1, o)  # (B, O, H, W) -> (k, BHW/k, O)
        product = rows.mT @ patches.reshape(k, -1, 16 * i)  # (k, O, 16 I)
        total = total + product.sum(0, dtype=exact)
    return total.to(x.dtype).view(o, 4, 4, i).permute(0, 3, 1, 2)


class Halve(nn.Conv2d):
    """A 4×4 convolution without bias that halves height and width; weights as in Conv2d."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, I, 2H, 2W) to (B, O, H, W)."""
        return halve(*in_working_precision(x, self.weight))


class Double(nn.ConvTranspose2d):
    """A 4×4 transposed convolution without bias that doubles height and width."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(inputs, outputs, 4, 2, 1, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map (B, I, H, W) to (B, O, 2H, 2W)."""
        return double(*in_working_precision(x, self.weight))


class Condense(nn.Conv2d):
    """A convolution without bias whose kernel is as large as its input: a matrix product."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, I, size, size) to (B, O, 1, 1)."""
        x, w = in_working_precision(x, self.weight)
        return (_rows(x) @ _rows(w).T)[:, :, None, None]


class Expand(nn.ConvTranspose2d):
    """A transposed convolution without bias of 1×1 inputs: a matrix product."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Map (B, I, 1, 1) to (B, O, size, size)."""
        x, w = in_working_precision(x, self.weight)
        product = x.flatten(1) @ _rows(w)
        return product.view(-1, *w.shape[2:], w.shape[1]).permute(0, 3, 1, 2)


def in_working_precision(*tensors: Tensor) -> tuple[Tensor, ...]:
    """Cast tensors to the number format of the enclosing autocast, as its own functions do."""
    device = tensors[0].device.type
    if not torch.is_autocast_enabled(device):
        return tensors
    return tuple(t.to(torch.get_autocast_dtype(device)) for t in tensors)


def _rows(x: Tensor) -> Tensor:
    """Flatten (N, C, H, W) to (N, HWC): a view in the channels-last layout."""
    return x.permute(0, 2, 3, 1).flatten(1)


# --- Biharmonic filling --------------------------------------------------------------------------


@torch.no_grad()
def fill_smoothly(x: Tensor, hole: Tensor, *, steps: int = 12) -> Tensor:
    """Return x (B, C, H, W) with `hole` (B, 1, H, W), 1 where pixels are missing, filled by about
    the biharmonic surface: that which minimises ∫ (Δu)².

    Coarse to fine, by `steps` conjugate gradients at each scale. Damelin & Hoang, "On Surface
    Completion and Image Inpainting by Biharmonic Functions", 2018.
    """
    x, hole = x.float(), hole.float()
    known = 1 - hole
    if min(x.shape[-2:]) >= 8 and bool((hole > 0).any()):
        weight = F.avg_pool2d(known, 2, ceil_mode=True, count_include_pad=False)
        mean = F.avg_pool2d(x * known, 2, ceil_mode=True, count_include_pad=False)
        missing = (weight < 0.5).float()
        coarse = fill_smoothly(mean / weight.clamp(min=1e-6), missing, steps=steps)
        start = F.interpolate(coarse, x.shape[-2:], mode="bilinear", align_corners=False)
    else:
        start = (x * known).sum((2, 3), keepdim=True) / known.sum((2, 3), keepdim=True).clamp(1)
    u = torch.where(hole > 0, start, x)
    r = -hole * _laplace(_laplace(u))
    p, old = r, r.square().sum((2, 3), keepdim=True)
    for _ in range(steps):
        q = hole * _laplace(_laplace(p))
        a = old / (p * q).sum((2, 3), keepdim=True).clamp(min=1e-12)
        u, r = u + a * p, r - a * q
        new = r.square().sum((2, 3), keepdim=True)
        p, old = r + new / old.clamp(min=1e-12) * p, new
    low, high = (
        f(x.masked_fill(hole > 0, 0), (2, 3), keepdim=True) for f in (torch.amin, torch.amax)
    )
    return torch.where(hole > 0, u.clamp(low, high), x)


def _laplace(u: Tensor) -> Tensor:
    """Return the sum of the differences to the four neighbours; nothing lies beyond the edge."""
    down, right = u[..., 1:, :] - u[..., :-1, :], u[..., 1:] - u[..., :-1]
    vertical = F.pad(down, (0, 0, 0, 1)) - F.pad(down, (0, 0, 1, 0))
    return vertical + F.pad(right, (0, 1)) - F.pad(right, (1, 0))


# --- Differentiable augmentation -----------------------------------------------------------------
#
# Zhao et al., "Differentiable Augmentation for Data-Efficient GAN Training", 2020,
# https://arxiv.org/abs/2006.10738: real and generated images pass through the same random
# transforms before the discriminator sees them, and gradients pass through to the generator.
# Nothing leaks into the samples.


def jitter_colour(x: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """Shift brightness and scale saturation and contrast of each image of x (B, C, H, W)."""
    brightness, saturation, contrast = _uniform(x, 3, generator)
    x = x + (brightness - 0.5)
    mean = x.mean(dim=1, keepdim=True)
    x = (x - mean) * (2 * saturation) + mean
    mean = x.mean(dim=(1, 2, 3), keepdim=True)
    return (x - mean) * (contrast + 0.5) + mean


def translate(x: Tensor, generator: torch.Generator | None = None, share: float = 0.125) -> Tensor:
    """Shift each image of x (B, C, H, W) by up to `share` of its size; -1 moves in."""
    b, _, h, w = x.shape
    dy, dx = (int(h * share + 0.5), int(w * share + 0.5))
    padded = F.pad(x, (dx, dx, dy, dy), value=-1.0)
    top = torch.randint(0, 2 * dy + 1, (b, 1, 1), generator=generator, device=x.device)
    left = torch.randint(0, 2 * dx + 1, (b, 1, 1), generator=generator, device=x.device)
    rows = top + torch.arange(h, device=x.device).view(1, h, 1)
    columns = left + torch.arange(w, device=x.device).view(1, 1, w)
    batch = torch.arange(b, device=x.device).view(b, 1, 1)
    return padded.permute(0, 2, 3, 1)[batch, rows, columns].permute(0, 3, 1, 2)


def cut_out(x: Tensor, generator: torch.Generator | None = None, share: float = 0.5) -> Tensor:
    """Blank a random square of `share` of the side of each image of x (B, C, H, W) with 0."""
    b, _, h, w = x.shape
    top, left = _uniform(x, 2, generator)
    rows = torch.arange(h, device=x.device).view(1, 1, h, 1)
    columns = torch.arange(w, device=x.device).view(1, 1, 1, w)
    size_h, size_w = h * share, w * share
    top, left = top * h - size_h / 2, left * w - size_w / 2
    inside = (rows >= top) & (rows < top + size_h) & (columns >= left) & (columns < left + size_w)
    return x.masked_fill(inside, 0.0)


def _uniform(x: Tensor, n: int, generator: torch.Generator | None) -> Tensor:
    return torch.rand(n, x.shape[0], 1, 1, 1, generator=generator, device=x.device, dtype=x.dtype)


DIFF_AUGMENTS: dict[str, Callable[..., Tensor]] = {
    "colour": jitter_colour,
    "translation": translate,
    "cutout": cut_out,
}


def diff_augment(
    x: Tensor, policy: tuple[str, ...], generator: torch.Generator | None = None
) -> Tensor:
    """Apply the named transforms of `policy` in order to x (B, C, H, W) in [-1, 1]."""
    for name in policy:
        x = DIFF_AUGMENTS[name](x, generator)
    return x
