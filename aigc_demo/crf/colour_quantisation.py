"""What a random field makes of a picture: flat colours. And how it is settled at any size.

    from aigc_demo.requests import CrfRequest

    result = Studio("checkpoints").clean_up(CrfRequest(image=sprite, colours=6))

Whoever asks says what every label costs at every pixel, and lets `crf` settle it: on a copy of at
most `SIDE` pixels. What the other pixels said is then enlarged and put beside the costs at each
pixel of the picture, so that edges are as sharp as those of the picture itself.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from aigc_demo.crf import dense_crf
from aigc_demo.errors import BadImage
from aigc_demo.imaging import images
from aigc_demo.requests import CrfRequest, MaskRequest

SIDE = 256  # pixels of the longer side at which the field is settled
STRIP = 2**20  # pixels whose costs are held at once
SAMPLE = 20_000  # pixels that a palette is extracted from
ALIKE = 12.0  # ΔE up to which a scribbled colour is one of the palette
MAX_HINTS = 8  # colours that scribbles may add
TRIES = 4  # starts of k-means

Costs = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class CrfResult:
    """The picture in the colours of `palette` (#rrggbb, the most frequent first); the field's free
    energy per pixel before and after each update.
    """

    image: Image.Image
    palette: tuple[str, ...]
    energies: tuple[float, ...]
    seconds: float


@torch.no_grad()
def settle(
    values: Tensor,
    x: Tensor,
    costs: Costs,
    weights: dense_crf.Weights,
    *,
    hints: Tensor | None = None,
    iterations: int = 5,
) -> tuple[Tensor, Tensor]:
    """Return the labels (H, W) of a picture x (1, 3, H, W) in [-1, 1], and the free energies.

    `costs` maps a part of `values` (1, C, …, …), which are as large as x, to what each of K labels
    costs there (1, K, …, …). Where `hints` (H, W) is not -1 it is the label.
    """
    height, width = x.shape[-2:]
    factor = min(1.0, SIDE / max(height, width))
    size = (max(1, round(height * factor)), max(1, round(width * factor)))
    small = F.interpolate(values, size, mode="area") if factor < 1 else values
    unary = costs(small)
    if hints is not None:
        unary = dense_crf.hinted(unary, reduced(hints, unary.shape[1], size)[None])
    seen = F.interpolate(x, size, mode="area") if factor < 1 else x
    found = dense_crf.mean_field(
        unary, dense_crf.kernels(seen, weights), iterations=iterations, traced=True
    )
    assert found.energies is not None
    energies = found.energies[:, 0] / (size[0] * size[1])
    if factor == 1:
        return found.q[0].argmax(0), energies
    told = -found.q.clamp(min=1e-8).log() - unary.clamp(max=20)
    rows = max(1, STRIP // width)
    labels = []
    for top in range(0, height, rows):
        part = values[:, :, top : top + rows]
        beside = _enlarged(told, top, part.shape[2], (height, width))
        labels.append((costs(part) + beside)[0].argmin(0))
    chosen = torch.cat(labels)
    return (chosen if hints is None else torch.where(hints >= 0, hints, chosen)), energies


def reduced(hints: Tensor, labels: int, size: tuple[int, int]) -> Tensor:
    """Return hints (H, W) at a smaller size: no stroke is too thin to be kept."""
    planes = torch.stack([hints == k for k in range(labels)])[None].float()
    there = F.adaptive_max_pool2d(planes, size)[0]
    return torch.where(there.amax(0) > 0, there.argmax(0), -1)


def _enlarged(told: Tensor, top: int, rows: int, size: tuple[int, int]) -> Tensor:
    """Return the rows from `top` of what `told` (1, K, h, w) is at `size`."""
    height, width = size
    down = (torch.arange(top, top + rows, device=told.device) + 0.5) * 2 / height - 1
    across = (torch.arange(width, device=told.device) + 0.5) * 2 / width - 1
    grid = torch.stack(torch.meshgrid(down, across, indexing="ij")[::-1], dim=-1)
    return F.grid_sample(
        told, grid[None].to(told.dtype), padding_mode="border", align_corners=False
    )


# --- Flat colours --------------------------------------------------------------------------------


def flatten(request: CrfRequest, device: torch.device) -> CrfResult:
    """Return the picture in few colours, in regions that follow its edges."""
    start = time.perf_counter()
    image = images.flatten(images.upright(request.image), "RGB", 255)
    rgb = np.array(image)
    lab = _lab(rgb)
    known = request.palette is not None
    colours = [_rgb(c) for c in request.palette] if known else extract(rgb, request.colours)
    colours, hints = _scribbled(request.hints, image.size, colours)
    palette = torch.from_numpy(_lab(np.array(colours, np.uint8)[None])[0]).to(device)  # (K, 3)

    def costs(values: Tensor) -> Tensor:
        apart = values[:, None] - palette[None, :, :, None, None]  # (1, K, 3, H, W)
        return apart.square().sum(2) / (2 * request.tolerance**2)

    x = images.from_pixels(images.to_pixels(image))[None].to(device)
    labels, energies = settle(
        torch.from_numpy(lab).permute(2, 0, 1)[None].to(device),
        x,
        costs,
        weights_of(request),
        hints=None if hints is None else hints.to(device),
        iterations=request.iterations,
    )
    numbers = labels.cpu().numpy()
    counts = np.bincount(numbers.ravel(), minlength=len(colours))
    if not known:  # what a region is made of, rather than what it was thought to be made of
        for k in range(len(colours)):
            if counts[k] and (hints is None or not bool((hints == k).any())):
                colours[k] = tuple(np.median(rgb[numbers == k], axis=0).astype(int).tolist())
    flat = np.array(colours, np.uint8)[numbers]
    used = sorted((k for k in range(len(colours)) if counts[k]), key=lambda k: -counts[k])
    return CrfResult(
        Image.fromarray(flat),
        tuple(dict.fromkeys("#{:02x}{:02x}{:02x}".format(*colours[k]) for k in used)),
        tuple(energies.tolist()),
        time.perf_counter() - start,
    )


def extract(rgb: NDArray[np.uint8], count: int) -> list[tuple[int, int, int]]:
    """Return at most `count` colours (0 … 255) that stand for those of a picture (H, W, 3): the
    best of a few runs of k-means in CIELAB, seeded; fewer where the picture has fewer.
    """
    pixels = rgb.reshape(-1, 3)
    pixels = pixels[:: max(1, len(pixels) // SAMPLE)]
    there = np.unique(pixels, axis=0)
    if len(there) <= count:
        return [tuple(int(v) for v in c) for c in there]
    lab = torch.from_numpy(_lab(pixels[None])[0])
    generator = torch.Generator().manual_seed(0)
    best, middles = np.inf, lab[:count]
    for _ in range(TRIES):
        found, rest = means(lab, count, generator)
        if rest < best:
            best, middles = rest, found
    back = cv2.cvtColor(middles.numpy()[None], cv2.COLOR_Lab2RGB)[0]
    return [tuple(int(v) for v in c) for c in np.rint(back.clip(0, 1) * 255)]


def means(
    points: Tensor, count: int, generator: torch.Generator, *, steps: int = 12
) -> tuple[Tensor, float]:
    """Return `count` middles of points (N, D) and the mean squared distance to them.

    Arthur & Vassilvitskii, "k-means++: The Advantages of Careful Seeding", 2007.
    """
    first = torch.randint(len(points), (1,), generator=generator)
    middles = points[first]
    while len(middles) < count:
        distance = torch.cdist(points, middles).amin(1).square()
        if not bool((distance > 0).any()):
            break
        middles = torch.cat([middles, points[distance.multinomial(1, generator=generator)]])
    for _ in range(steps):
        own = torch.cdist(points, middles).argmin(1)
        counts = torch.bincount(own, minlength=len(middles)).clamp(min=1)[:, None]
        sums = torch.zeros_like(middles).index_add_(0, own, points)
        empty = torch.bincount(own, minlength=len(middles))[:, None] == 0
        middles = torch.where(empty, middles, sums / counts)
    return middles, float(torch.cdist(points, middles).amin(1).square().mean())


def _scribbled(
    image: Image.Image | None, size: tuple[int, int], colours: list[tuple[int, int, int]]
) -> tuple[list[tuple[int, int, int]], Tensor | None]:
    """Return the palette with the colours of scribbles that it lacks, and what each scribbled
    pixel is to be (H, W), -1 where nothing is; raises BadImage where the sizes differ.
    """
    if image is None:
        return colours, None
    if image.size != size:
        raise BadImage(
            f"hints: they have {image.width}×{image.height} pixels and the picture "
            f"{size[0]}×{size[1]}; make them the same."
        )
    pixels = np.array(image.convert("RGBA"))
    there = pixels[..., 3] >= 128
    if not there.any():
        return colours, None
    strokes, which, counts = np.unique(
        pixels[there][:, :3], axis=0, return_inverse=True, return_counts=True
    )
    colours, added, place = list(colours), 0, np.zeros(len(strokes), int)
    for i in np.argsort(-counts):
        known = _lab(np.array(colours, np.uint8)[None])[0]
        apart = np.linalg.norm(known - _lab(strokes[i][None, None])[0, 0], axis=1)
        if apart.min() > ALIKE and added < MAX_HINTS:
            colours.append(tuple(int(v) for v in strokes[i]))
            added += 1
            place[i] = len(colours) - 1
        else:
            place[i] = int(apart.argmin())
    hints = np.full(there.shape, -1)
    hints[there] = place[which.ravel()]
    return colours, torch.from_numpy(hints)


def _lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return colours (…, …, 3) in CIELAB."""
    return cv2.cvtColor(np.ascontiguousarray(rgb, np.float32) / 255, cv2.COLOR_RGB2Lab)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue


def weights_of(request: CrfRequest | MaskRequest) -> dense_crf.Weights:
    """Return the weights of the field that a request asks for."""
    return dense_crf.Weights(
        request.smooth, request.smooth_radius, request.appearance, request.radius, request.likeness
    )
