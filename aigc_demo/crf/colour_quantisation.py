"""Images in a few flat colours: a palette by k-means, a label for each pixel by a CRF.

    from aigc_demo.requests import CrfRequest

    result = Studio("checkpoints").quantise_colours(CrfRequest(image=sprite, colours=6))

The unary potential of a colour is the squared distance to it in CIELAB. Scribbles fix the colours
of their pixels.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from aigc_demo.crf.inference import infer, pairwise_of
from aigc_demo.imaging import images
from aigc_demo.requests import CrfRequest

SAMPLE = 20_000  # pixels that a palette is extracted from
SAME_COLOUR = 12.0  # ΔE up to which a scribbled colour is one of the palette
MAX_ADDED = 8  # colours that scribbles may add
RESTARTS = 4  # of k-means

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class CrfResult:
    """The image in the colours of `palette` (#rrggbb, the most frequent first); the free energy
    per pixel before and after each mean-field update.
    """

    image: Image.Image
    palette: tuple[str, ...]
    energies: tuple[float, ...]
    seconds: float


def quantise(request: CrfRequest, device: torch.device) -> CrfResult:
    """Return the image in few colours, in regions that follow its edges."""
    start = time.perf_counter()
    image = images.flatten(images.upright(request.image), "RGB", 255)
    rgb = np.array(image)
    chosen = [_rgb(c) for c in request.palette] if request.palette else None
    colours, scribbles = _add_scribbled(
        request.hints, image.size, chosen or extract(rgb, request.colours)
    )
    palette = torch.from_numpy(_lab(np.array(colours, np.uint8)[None])[0]).to(device)  # (K, 3)

    def unary_of(lab: Tensor) -> Tensor:
        difference = lab[:, None] - palette[None, :, :, None, None]  # (1, K, 3, H, W)
        return difference.square().sum(2) / (2 * request.tolerance**2)

    labels, energies = infer(
        torch.from_numpy(_lab(rgb)).permute(2, 0, 1)[None].to(device),
        images.from_pixels(images.to_pixels(image))[None].to(device),
        unary_of,
        pairwise_of(request),
        scribbles=None if scribbles is None else scribbles.to(device),
        iterations=request.iterations,
    )
    numbers = labels.cpu().numpy()
    counts = np.bincount(numbers.ravel(), minlength=len(colours))
    used = sorted(np.flatnonzero(counts), key=lambda k: -counts[k])
    if chosen is None:  # the median of a region, rather than the mean of its cluster
        for k in used:
            if scribbles is None or not bool((scribbles == k).any()):
                colours[k] = tuple(np.median(rgb[numbers == k], axis=0).astype(int).tolist())
    return CrfResult(
        Image.fromarray(np.array(colours, np.uint8)[numbers]),
        tuple(dict.fromkeys("#{:02x}{:02x}{:02x}".format(*colours[k]) for k in used)),
        tuple(energies.tolist()),
        time.perf_counter() - start,
    )


def extract(rgb: NDArray[np.uint8], count: int) -> list[Colour]:
    """Return a palette of at most `count` colours of an image (H, W, 3): the best of a few seeded
    runs of k-means in CIELAB; fewer where the image has fewer.
    """
    pixels = rgb.reshape(-1, 3)
    pixels = pixels[:: max(1, len(pixels) // SAMPLE)]
    distinct = np.unique(pixels, axis=0)
    if len(distinct) <= count:
        return [tuple(int(v) for v in c) for c in distinct]
    lab = torch.from_numpy(_lab(pixels[None])[0])
    generator = torch.Generator().manual_seed(0)
    runs = [k_means(lab, count, generator) for _ in range(RESTARTS)]
    centres, _ = min(runs, key=lambda run: run[1])
    back = cv2.cvtColor(centres.numpy()[None], cv2.COLOR_Lab2RGB)[0]
    return [tuple(int(v) for v in c) for c in np.rint(back.clip(0, 1) * 255)]


def k_means(
    points: Tensor, count: int, generator: torch.Generator, *, iterations: int = 12
) -> tuple[Tensor, float]:
    """Return `count` cluster centres of points (N, D) and the mean squared distance to them.

    Arthur & Vassilvitskii, "k-means++: The Advantages of Careful Seeding", 2007.
    """
    first = torch.randint(len(points), (1,), generator=generator)
    centres = points[first]
    while len(centres) < count:
        distance = torch.cdist(points, centres).amin(1).square()
        if not bool((distance > 0).any()):
            break
        centres = torch.cat([centres, points[distance.multinomial(1, generator=generator)]])
    for _ in range(iterations):
        nearest = torch.cdist(points, centres).argmin(1)
        counts = torch.bincount(nearest, minlength=len(centres))[:, None]
        sums = torch.zeros_like(centres).index_add_(0, nearest, points)
        centres = torch.where(counts == 0, centres, sums / counts.clamp(min=1))
    return centres, float(torch.cdist(points, centres).amin(1).square().mean())


def _add_scribbled(
    image: Image.Image | None, size: tuple[int, int], palette: list[Colour]
) -> tuple[list[Colour], Tensor | None]:
    """Return the palette with the colours of scribbles that it lacks, and the label of each
    scribbled pixel (H, W), -1 elsewhere; raises BadImage where the sizes differ.
    """
    if image is None:
        return palette, None
    image = images.upright(image)
    images.check_size("hints", image, size)
    pixels = np.array(image.convert("RGBA"))
    marked = pixels[..., 3] >= 128
    if not marked.any():
        return palette, None
    colours, which, counts = np.unique(
        pixels[marked][:, :3], axis=0, return_inverse=True, return_counts=True
    )
    extended, labels = list(palette), np.zeros(len(colours), int)
    for i in np.argsort(-counts):
        known = _lab(np.array(extended, np.uint8)[None])[0]
        distance = np.linalg.norm(known - _lab(colours[i][None, None])[0, 0], axis=1)
        labels[i] = int(distance.argmin())
        if distance.min() > SAME_COLOUR and len(extended) < len(palette) + MAX_ADDED:
            labels[i] = len(extended)
            extended.append(tuple(int(v) for v in colours[i]))
    scribbles = np.full(marked.shape, -1)
    scribbles[marked] = labels[which.ravel()]
    return extended, torch.from_numpy(scribbles)


def _lab(rgb: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return colours (…, …, 3) in CIELAB."""
    return cv2.cvtColor(np.ascontiguousarray(rgb, np.float32) / 255, cv2.COLOR_RGB2Lab)


def _rgb(colour: str) -> Colour:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue
