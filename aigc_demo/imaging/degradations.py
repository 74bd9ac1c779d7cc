"""Damage to pictures, named and seeded: what restoration learns to undo, and what a class may try
it on.

Pictures are (B, C, H, W) in [-1, 1]. Noise is added without clipping, as denoisers are measured.
Masks of what is lost are bool (H, W).
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from aigc_demo.imaging import images

WHITE = 2.0  # the distance from black to white


def add_noise(x: Tensor, sigma: Tensor, generator: torch.Generator) -> Tensor:
    """Add Gaussian noise of standard deviation `sigma` (B,), in grey levels of 0 to 255."""
    noise = torch.randn(x.shape, generator=generator, device=x.device)
    return x + noise * sigma.view(-1, 1, 1, 1) * (WHITE / 255)


def add_salt_and_pepper(x: Tensor, share: float, generator: torch.Generator) -> Tensor:
    """Turn `share` of the pixels black or white."""
    b, _, h, w = x.shape
    chance = torch.rand(b, 1, h, w, generator=generator, device=x.device)
    x = torch.where(chance < share / 2, -1.0, x)
    return torch.where(chance > 1 - share / 2, 1.0, x)


def compress(x: Tensor, quality: Tensor) -> Tensor:
    """Write and read each picture as JPEG of its `quality` (B,), 1 to 100."""
    read = []
    for image, q in zip(images.to_pil(x), quality.tolist(), strict=True):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=round(q))
        read.append(images.to_pixels(Image.open(file)))
    return images.from_pixels(torch.stack(read)).to(x.device)


def reduce(x: Tensor, factor: int) -> Tensor:
    """Make pictures `factor` times smaller; sides that do not divide are rounded up."""
    size = [math.ceil(side / factor) for side in x.shape[-2:]]
    return F.interpolate(x, size, mode="bicubic", antialias=True, align_corners=False)


def stretch(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Bring pictures to `size` (height, width) with bicubic interpolation."""
    return F.interpolate(x, size, mode="bicubic", align_corners=False).clamp(-1, 1)


def blur(x: Tensor, sigma: float) -> Tensor:
    """Blur with a Gaussian of `sigma` pixels."""
    radius = math.ceil(3 * sigma)
    steps = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
    kernel = torch.exp(-(steps**2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    x = F.pad(x, (radius, radius, radius, radius), mode="replicate")
    x = F.conv2d(x, kernel[:, :, None, :], groups=x.shape[1])
    return F.conv2d(x, kernel[:, :, :, None], groups=x.shape[1])


# --- Masks ---------------------------------------------------------------------------------------


def brush_mask(height: int, width: int, share: float, generator: torch.Generator) -> Tensor:
    """Return brush strokes that cover `share` of the picture.

    A stroke is a bent line of two to eight pieces, as thick as 4 to 14 % of the shorter side.
    """
    return _strokes(height, width, share, generator, thickness=(0.04, 0.14), length=(0.04, 0.16))


def scratch_mask(height: int, width: int, share: float, generator: torch.Generator) -> Tensor:
    """Return long thin scratches that cover `share` of the picture."""
    return _strokes(height, width, share, generator, thickness=(0.004, 0.012), length=(0.1, 0.3))


def block_mask(height: int, width: int, share: float, generator: torch.Generator) -> Tensor:
    """Return lost 16×16 blocks, as of a damaged transmission, that cover `share`."""
    rows, columns = math.ceil(height / 16), math.ceil(width / 16)
    lost = torch.zeros(height, width, dtype=torch.bool)
    for block in torch.randperm(rows * columns, generator=generator).tolist():
        top, left = 16 * (block // columns), 16 * (block % columns)
        lost[top : top + 16, left : left + 16] = True
        if lost.float().mean() >= share:
            break
    return lost


def text_mask(height: int, width: int, share: float, generator: torch.Generator) -> Tensor:
    """Return lines of writing that cover `share` of the picture, or as much as there is room."""
    side = min(height, width)
    letters = "the quick brown fox jumps over the lazy dog "
    mask = Image.new("L", (width, height))
    draw = ImageDraw.Draw(mask)
    font = ImageFont.load_default(max(8, side // 14))
    line, y = max(10, side // 10), float(torch.rand((), generator=generator)) * side / 14
    while y < height:
        start = int(torch.randint(0, len(letters), (), generator=generator))
        draw.text((-side * 0.1, y), (letters * 8)[start : start + 200], fill=255, font=font)
        y += line
        if (np.asarray(mask) > 0).mean() >= share:
            break
    return torch.from_numpy(np.asarray(mask) > 0)


def _strokes(
    height: int,
    width: int,
    share: float,
    generator: torch.Generator,
    *,
    thickness: tuple[float, float],
    length: tuple[float, float],
) -> Tensor:
    """Draw bent lines until they cover `share`; thickness and length are shares of the side."""
    mask = Image.new("L", (width, height))
    draw, side = ImageDraw.Draw(mask), min(height, width)

    def uniform(low: float, high: float) -> float:
        return low + (high - low) * float(torch.rand((), generator=generator))

    while True:
        x, y, heading = uniform(0, width), uniform(0, height), uniform(0, 2 * math.pi)
        thick = max(1.0, side * uniform(*thickness))
        for _ in range(int(uniform(2, 9))):
            heading += uniform(-1.0, 1.0)
            reach = side * uniform(*length)
            end = (x + reach * math.cos(heading), y + reach * math.sin(heading))
            draw.line([(x, y), end], fill=255, width=round(thick))
            for a, b in ((x, y), end):
                r = thick / 2
                draw.ellipse((a - r, b - r, a + r, b + r), fill=255)
            x, y = end
            covered = np.asarray(mask) > 0
            if covered.mean() >= share:
                return torch.from_numpy(covered)


MASKS: dict[str, Callable[[int, int, float, torch.Generator], Tensor]] = {
    "scratches": scratch_mask,
    "text": text_mask,
    "blocks": block_mask,
    "strokes": brush_mask,
}


# --- Whole pictures ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Damaged:
    """A damaged picture, what it was before, the mask of what is lost (white) or None, and what
    was done, in words.
    """

    image: Image.Image
    truth: Image.Image
    mask: Image.Image | None
    what: str


KINDS = ("scratches", "text", "blocks", "noise", "salt_and_pepper", "jpeg", "blur", "resolution")


def spoil(image: Image.Image, kind: str, *, strength: float, seed: int) -> Damaged:
    """Damage a picture of any mode; `strength` is in (0, 1], `kind` one of KINDS.

    The truth is the picture itself, but for ``resolution``: there it is cut to a multiple of how
    much smaller the damaged one is.
    """
    generator = torch.Generator().manual_seed(seed)
    planes = images.split(image)
    if kind == "resolution":
        factor = 2 if strength <= 0.5 else 4
        height, width = (max(1, side // factor) * factor for side in planes.colour.shape[:2])
        alpha = None if planes.alpha is None else planes.alpha[:height, :width]
        planes = images.Planes(planes.colour[:height, :width], alpha)
    truth = images.join(planes)
    x = torch.from_numpy(planes.floats().transpose(2, 0, 1))[None] * WHITE - 1
    height, width = x.shape[-2:]
    if kind in MASKS:
        share = 0.02 + 0.28 * strength if kind != "blocks" else 0.02 + 0.48 * strength
        lost = MASKS[kind](height, width, share, generator)
        mask = Image.fromarray(lost.numpy().astype(np.uint8) * 255)
        what = f"{kind}, {float(lost.float().mean()):.0%} of the pixels"
        return Damaged(_picture(x.masked_fill(lost, 1.0), planes), truth, mask, what)
    if kind == "noise":
        sigma = 55 * strength
        noisy = add_noise(x, torch.tensor([sigma]), generator)
        return Damaged(_picture(noisy, planes), truth, None, f"Gaussian noise, σ = {sigma:.0f}")
    if kind == "salt_and_pepper":
        share = 0.3 * strength
        what = f"{share:.0%} of the pixels black or white"
        return Damaged(
            _picture(add_salt_and_pepper(x, share, generator), planes), truth, None, what
        )
    if kind == "jpeg":
        quality = round(100 - 95 * strength)
        squeezed = compress(x, torch.tensor([max(1, quality)]))
        return Damaged(_picture(squeezed, planes), truth, None, f"JPEG, quality {quality}")
    if kind == "blur":
        sigma = 3 * strength
        blurred = blur(x, max(0.05, sigma))
        return Damaged(_picture(blurred, planes), truth, None, f"blur, σ = {sigma:.1f} pixels")
    if kind == "resolution":
        alpha = None if planes.alpha is None else planes.alpha[::factor, ::factor]
        smaller = images.Planes(planes.colour[::factor, ::factor], alpha)
        what = f"{factor} times smaller"
        return Damaged(_picture(reduce(x, factor), smaller), truth, None, what)
    raise ValueError(kind)


def _picture(x: Tensor, like: images.Planes) -> Image.Image:
    """Return x (1, 3, H, W) as a picture of the mode of `like`."""
    values = x[0].permute(1, 2, 0).add(1).div(WHITE).clamp(0, 1).numpy()
    return images.join(images.Planes(like.integers(values), like.alpha))
