"""A mask from two strokes: one on the thing, one on what it is not.

After Rother, Kolmogorov & Blake, "GrabCut: Interactive Foreground Extraction using Iterated Graph
Cuts", 2004: a mixture of Gaussians for the colours of either side, learnt from its stroke, says
what each pixel costs; a random field (`crf`, fully connected here, in place of their grid) settles
it along the edges; and the colours are learnt anew from what came out, a few times over. Besides,
a pixel is rather of the side whose stroke is nearer, for colours alone cannot tell a red hat from
a red car.
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

from aigc_demo.crf.colour_quantisation import means, settle, weights_of
from aigc_demo.errors import BadImage, BadValue
from aigc_demo.imaging import images, masks
from aigc_demo.requests import MaskRequest

PARTS = 5  # Gaussians of a side
ROUNDS = 3  # of colours → mask → colours
ANYTHING = 0.05  # share of a side's colours that may be any
NEAR = 2.0  # what it costs to be of the side whose stroke is far away
RIM = 2  # pixels
SURELY = 6.0  # the most that a colour can cost
SAMPLE = 4000  # pixels that a side's colours are learnt from
SPREAD = 0.03  # of a colour within a part, at the least, where the range is 1

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class MaskResult:
    """A mask, white on the thing; the free energy per pixel in the last round."""

    mask: Image.Image
    energies: tuple[float, ...]
    seconds: float


@dataclass(frozen=True)
class Colours:
    """A mixture of Gaussians: shares (P,), middles (P, 3), inverse roots of covariances."""

    shares: Tensor
    middles: Tensor
    roots: Tensor

    def cost(self, rgb: Tensor) -> Tensor:
        """Return -log of the density at colours (N, 3) in [0, 1], any colour being possible."""
        apart = rgb[None] - self.middles[:, None]  # (P, N, 3)
        squares = (apart @ self.roots).square().sum(-1)
        sizes = self.roots.diagonal(dim1=1, dim2=2).log().sum(1) - 1.5 * np.log(2 * np.pi)
        logs = (self.shares.log() + sizes)[:, None] - squares / 2
        density = (1 - ANYTHING) * logs.logsumexp(0).exp() + ANYTHING
        return -density.log()


def outline(request: MaskRequest, device: torch.device) -> MaskResult:
    """Return the mask of what is marked; raises BadValue where nothing is, and BadImage where the
    sizes differ.
    """
    start = time.perf_counter()
    image = images.flatten(images.upright(request.image), "RGB", 255)
    thing, background = marks(request, image.size)
    x = images.from_pixels(images.to_pixels(image))[None].to(device)
    hints = torch.from_numpy(np.where(thing, 1, np.where(background, 0, -1))).to(device)
    near = torch.from_numpy(nearness(thing, background))[None, None].to(device)
    values = torch.cat([(x + 1) / 2, near], dim=1)
    # At first the colours of the rim count as background, too: a stroke meets few of them.
    rim = torch.zeros_like(hints, dtype=torch.bool)
    rim[:RIM], rim[-RIM:], rim[:, :RIM], rim[:, -RIM:] = True, True, True, True
    chosen, energies = (hints == 1, (hints == 0) | rim & (hints < 0)), torch.zeros(0)
    for _ in range(ROUNDS if request.smooth or request.appearance else 1):
        sides = [learn(values[0, :3, flags].T) for flags in chosen]

        def costs(part: Tensor, sides: list[Colours] = sides) -> Tensor:
            rows = part[0, :3].flatten(1).T
            on, off = (side.cost(rows).view(part.shape[2:]) for side in sides)
            told = (on - off).clamp(-SURELY, SURELY) - NEAR * part[0, 3]
            return torch.stack([-told / 2, told / 2])[None]

        labels, energies = settle(
            values, x, costs, weights_of(request), hints=hints, iterations=request.iterations
        )
        on = torch.from_numpy(held(labels.cpu().numpy() == 1, thing)).to(device)
        chosen = (on, ~on)
    mask = np.where(chosen[0].cpu().numpy(), 255, 0).astype(np.uint8)
    mask = masks.feather(masks.grow(mask, request.grow), request.feather)
    seconds = time.perf_counter() - start
    return MaskResult(masks.to_image(mask), tuple(energies.tolist()), seconds)


def marks(request: MaskRequest, size: tuple[int, int]) -> tuple[Flags, Flags]:
    """Return what is marked as the thing and as its background (H, W)."""
    found = []
    for name in ("thing", "background"):
        image = getattr(request, name)
        if image is None:
            rim = np.ones(size[::-1], bool)
            rim[1:-1, 1:-1] = False
            found.append(rim)
            continue
        if image.size != size:
            raise BadImage(
                f"{name}: it has {image.width}×{image.height} pixels and the picture "
                f"{size[0]}×{size[1]}; make them the same."
            )
        found.append(masks.read(image) >= 128)
        if not found[-1].any():
            raise BadValue(f"{name}: nothing is marked; paint a stroke on it.")
    thing, background = found
    background = background & ~thing
    if not background.any():
        raise BadValue("background: all of it is marked as the thing; leave some out.")
    return thing, background


def nearness(thing: Flags, background: Flags) -> NDArray[np.float32]:
    """Return 1 at the thing's stroke, -1 at the background's, 0 halfway (H, W)."""
    to_thing, to_background = (
        cv2.distanceTransform((~flags).astype(np.uint8), cv2.DIST_L2, 5)
        for flags in (thing, background)
    )
    return (to_background - to_thing) / np.maximum(to_background + to_thing, 1e-6)


def held(mask: Flags, thing: Flags) -> Flags:
    """Return the parts of a mask that a stroke on the thing touches."""
    _, parts = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.isin(parts, np.unique(parts[thing & mask])) & mask


def learn(rgb: Tensor) -> Colours:
    """Return a mixture of Gaussians for colours (N, 3) in [0, 1]: k-means, then each part's own
    covariance.
    """
    rgb = rgb[:: max(1, len(rgb) // SAMPLE)]
    generator = torch.Generator().manual_seed(0)
    middles, _ = means(rgb.cpu(), min(PARTS, len(rgb)), generator)
    own = torch.cdist(rgb, middles.to(rgb)).argmin(1)
    shares, centres, roots = [], [], []
    for part in range(len(middles)):
        members = rgb[own == part]
        if not len(members):
            continue
        apart = members - members.mean(0)
        spread = apart.T @ apart / len(members) + SPREAD**2 * torch.eye(3).to(rgb)
        shares.append(len(members) / len(rgb))
        centres.append(members.mean(0))
        # L Lᵀ = S⁻¹, so that |(c - m) L|² is the squared Mahalanobis distance.
        roots.append(torch.linalg.cholesky(torch.linalg.inv(spread)))
    return Colours(torch.tensor(shares).to(rgb), torch.stack(centres), torch.stack(roots))
