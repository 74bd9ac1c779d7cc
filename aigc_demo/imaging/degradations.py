"""``DEGRADATIONS``: what restoration undoes, by name, and how networks are trained to undo it.

Pictures are (B, C, H, W) in [-1, 1]. Noise is added without clipping, as denoisers are measured.
Masks of lost pixels are bool (H, W), True where lost.
"""

from __future__ import annotations

import io
import math
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from aigc_demo.imaging import images

WHITE = 2.0  # the distance from black to white


def compress(x: Tensor, quality: Tensor) -> Tensor:
    """Encode each picture as JPEG of its `quality` (B,), 1 to 100, and decode it."""
    read = []
    for image, q in zip(images.to_pil(x), quality.tolist(), strict=True):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=round(q))
        read.append(images.to_pixels(Image.open(file)))
    return images.from_pixels(torch.stack(read)).to(x.device)


def downsample(x: Tensor, factor: int) -> Tensor:
    """Downsample by `factor` with anti-aliasing; sides that do not divide are rounded up."""
    size = [math.ceil(side / factor) for side in x.shape[-2:]]
    return F.interpolate(x, size, mode="bicubic", antialias=True, align_corners=False)


def resize(x: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize to `size` (height, width) with bicubic interpolation."""
    return F.interpolate(x, size, mode="bicubic", align_corners=False).clamp(-1, 1)


# --- Masks ---------------------------------------------------------------------------------------


def brush_mask(height: int, width: int, share: float, generator: torch.Generator) -> Tensor:
    """Return brush strokes that cover `share` of the picture, 4 to 14 % of the shorter side thick.

    A stroke is a bent line of two to eight segments.
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
    """Return lines of text that cover `share` of the picture, or as much as there is room for."""
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
    """Draw bent lines until they cover `share`; `thickness` and `length` are in shorter sides."""
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


# --- The registry --------------------------------------------------------------------------------


@dataclass(frozen=True)
class Degraded:
    """A degraded picture, its ground truth, the mask of what is lost (white) or None, and what was
    done, in words.
    """

    image: Image.Image
    truth: Image.Image
    mask: Image.Image | None
    description: str


@dataclass(frozen=True)
class Degradation(ABC):
    """One degradation; its strength is in (0, 1] and stands for an amount, `base` + `span` ·
    strength, in the unit that `caption` names.
    """

    name: str
    remedy: str  # the method of the Restore tab that undoes it
    span: float
    caption: str
    base: float = 0.0

    def amount(self, strength: float) -> float:
        """Return the amount that a strength stands for."""
        return self.base + self.span * strength

    @abstractmethod
    def degrade(self, image: Image.Image, *, strength: float, seed: int) -> Degraded:
        """Degrade a picture of any mode; only ``resolution`` changes its size."""


@dataclass(frozen=True)
class LostPixels(Degradation):
    """Pixels that a random mask turns white; the amount is the share that it is to cover."""

    caption: str = "{name}, {amount:.0%} of the pixels"
    base: float = 0.02
    draw: Callable[[int, int, float, torch.Generator], Tensor] = field(kw_only=True)

    def degrade(self, image: Image.Image, *, strength: float, seed: int) -> Degraded:
        planes = images.split(image)
        generator = torch.Generator().manual_seed(int(seed))
        lost = self.draw(*planes.colour.shape[:2], self.amount(strength), generator)
        mask = Image.fromarray(lost.numpy().astype(np.uint8) * 255)
        words = self.caption.format(name=self.name, amount=float(lost.float().mean()))
        white = _to_image(_to_batch(planes).masked_fill(lost, 1.0), planes)
        return Degraded(white, images.join(planes), mask, words)


@dataclass(frozen=True)
class Corruption(Degradation):
    """A change of all pixels; networks of `methods.repair` learn to undo it at every strength."""

    blind: bool = False  # nobody knows the strength in use: the network is not conditioned on it

    @abstractmethod
    def apply(self, x: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
        """Corrupt (B, C, H, W) at strengths (B,), as in training; the shape stays."""

    def degrade(self, image: Image.Image, *, strength: float, seed: int) -> Degraded:
        planes = images.split(image)
        generator = torch.Generator().manual_seed(int(seed))
        exact = torch.tensor([strength], dtype=torch.float64)
        corrupted = _to_image(self.apply(_to_batch(planes), exact, generator), planes)
        words = self.caption.format(amount=self.amount(strength))
        return Degraded(corrupted, images.join(planes), None, words)


class Noise(Corruption):
    """Gaussian noise; the amount is its standard deviation in grey levels of 0 to 255."""

    def apply(self, x: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
        sigma = self.amount(strength).to(x.dtype).view(-1, 1, 1, 1)
        noise = torch.randn(x.shape, generator=generator, device=x.device)
        return x + noise * sigma * (WHITE / 255)


class SaltAndPepper(Corruption):
    """Black and white pixels; the amount is their share."""

    def apply(self, x: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
        half = self.amount(strength).view(-1, 1, 1, 1) / 2
        chance = torch.rand(x[:, :1].shape, generator=generator, device=x.device)
        x = torch.where(chance < half.to(x.dtype), -1.0, x)
        return torch.where(chance > (1 - half).to(x.dtype), 1.0, x)


class Jpeg(Corruption):
    """JPEG artefacts; the amount is the quality."""

    def apply(self, x: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
        return compress(x, self.amount(strength))


class Blur(Corruption):
    """Gaussian blur; the amount is σ in pixels."""

    def apply(self, x: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
        sigmas = [max(0.05, self.amount(s)) for s in strength.tolist()]
        return torch.cat([self._one(p[None], s) for p, s in zip(x, sigmas, strict=True)])

    @staticmethod
    def _one(x: Tensor, sigma: float) -> Tensor:
        radius = math.ceil(3 * sigma)
        steps = torch.arange(-radius, radius + 1, device=x.device, dtype=x.dtype)
        kernel = torch.exp(-(steps**2) / (2 * sigma**2))
        kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
        x = F.pad(x, (radius, radius, radius, radius), mode="replicate")
        x = F.conv2d(x, kernel[:, :, None, :], groups=x.shape[1])
        return F.conv2d(x, kernel[:, :, :, None], groups=x.shape[1])


class LowResolution(Corruption):
    """Fewer pixels; the amount is how many times smaller the sides are, 2 or 4.

    In training the pictures are brought back to their size; a picture stays small, and its truth
    is cut to a multiple of the amount.
    """

    def amount(self, strength: float) -> int:
        return 2 if strength <= 0.5 else 4

    def apply(self, x: Tensor, strength: Tensor, generator: torch.Generator) -> Tensor:
        factors = [self.amount(s) for s in strength.tolist()]
        small = [downsample(p[None], f) for p, f in zip(x, factors, strict=True)]
        return torch.cat([resize(p, (x.shape[-2], x.shape[-1])) for p in small])

    def degrade(self, image: Image.Image, *, strength: float, seed: int) -> Degraded:
        planes, factor = images.split(image), self.amount(strength)
        height, width = (max(1, side // factor) * factor for side in planes.colour.shape[:2])
        planes = planes[:height, :width]
        smaller = _to_image(downsample(_to_batch(planes), factor), planes[::factor, ::factor])
        return Degraded(smaller, images.join(planes), None, self.caption.format(amount=factor))


def _to_batch(planes: images.Planes) -> Tensor:
    """Return a picture as (1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(planes.floats().transpose(2, 0, 1))[None] * WHITE - 1


def _to_image(x: Tensor, like: images.Planes) -> Image.Image:
    """Return (1, 3, H, W) as a picture of the mode and with the transparency of `like`."""
    values = x[0].permute(1, 2, 0).add(1).div(WHITE).clamp(0, 1).numpy()
    return images.join(replace(like, colour=like.integers(values)))


DEGRADATIONS: dict[str, Degradation] = {
    d.name: d
    for d in (
        LostPixels("scratches", "inpaint", 0.28, draw=scratch_mask),
        LostPixels("text", "inpaint", 0.28, draw=text_mask),
        LostPixels("blocks", "inpaint", 0.48, draw=block_mask),
        Noise("noise", "denoise", 55.0, "Gaussian noise, σ = {amount:.0f}"),
        SaltAndPepper(
            "salt_and_pepper", "median", 0.3, "{amount:.0%} of the pixels black or white"
        ),
        Jpeg("jpeg", "dejpeg", -95.0, "JPEG, quality {amount:.0f}", base=100.0, blind=True),
        Blur("blur", "deblur", 3.0, "blur, σ = {amount:.1f} pixels", blind=True),
        LowResolution("resolution", "upscale", 4.0, "{amount} times smaller"),
    )
}
