"""The mask of an object from two scribbles: one on the object, one on its background.

After Rother, Kolmogorov & Blake, "GrabCut: Interactive Foreground Extraction using Iterated Graph
Cuts", 2004: mixtures of Gaussians for the colours of object and background, fitted to their
scribbles, give the unary potentials; a CRF (fully connected here, in place of their grid) yields a
mask along the edges; and the mixtures are fitted again to that mask, a few times over. Besides,
the unary potentials favour the side whose scribble is nearer, for colours alone cannot tell a red
hat from a red car.
"""

from __future__ import annotations

import functools
import time
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from aigc_demo.crf.colour_quantisation import k_means
from aigc_demo.crf.inference import infer, pairwise_of
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images, masks
from aigc_demo.requests import MaskRequest

COMPONENTS = 5  # Gaussians of a side
ROUNDS = 3  # of colours → mask → colours
UNIFORM_SHARE = 0.05  # of the density of a side's colours
DISTANCE_WEIGHT = 2.0  # unary potential of the side whose scribble is far away
BORDER = 2  # pixels
MAX_COLOUR_UNARY = 6.0
SAMPLE = 4000  # pixels that a mixture is fitted to
MIN_DEVIATION = 0.03  # of a colour within a component, where the range is 1

Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class MaskResult:
    """A mask, white on the object; the free energy per pixel in the last round."""

    mask: Image.Image
    energies: tuple[float, ...]
    seconds: float


@dataclass(frozen=True)
class ColourModel:
    """A mixture of Gaussians: weights (P,), means (P, 3), inverse roots of covariances, and a
    share of a uniform density.
    """

    weights: Tensor
    means: Tensor
    roots: Tensor

    def cost(self, rgb: Tensor) -> Tensor:
        """Return -log of the density at colours (N, 3) in [0, 1]."""
        difference = rgb[None] - self.means[:, None]  # (P, N, 3)
        squares = (difference @ self.roots).square().sum(-1)
        norms = self.roots.diagonal(dim1=1, dim2=2).log().sum(1) - 1.5 * np.log(2 * np.pi)
        logs = (self.weights.log() + norms)[:, None] - squares / 2
        return -((1 - UNIFORM_SHARE) * logs.logsumexp(0).exp() + UNIFORM_SHARE).log()


def segment(request: MaskRequest, device: torch.device) -> MaskResult:
    """Return the mask of the object that is marked; raises BadValue where nothing is, and BadImage
    where the sizes differ.
    """
    start = time.perf_counter()
    image = images.flatten(images.upright(request.image), "RGB", 255)
    thing, background = scribbled(request, image.size)
    x = images.from_pixels(images.to_pixels(image))[None].to(device)
    scribbles = torch.from_numpy(np.where(thing, 1, np.where(background, 0, -1))).to(device)
    near = torch.from_numpy(nearness(thing, background))[None, None].to(device)
    values = torch.cat([(x + 1) / 2, near], dim=1)
    # At first the colours of the border count as background, too: a scribble meets few of them.
    border = torch.from_numpy(_border(image.size, BORDER)).to(device)
    sides, energies = (scribbles == 1, (scribbles == 0) | border & (scribbles < 0)), torch.zeros(0)
    for _ in range(ROUNDS if request.smooth or request.appearance else 1):
        models = [fit(values[0, :3, side].T) for side in sides]
        labels, energies = infer(
            values,
            x,
            functools.partial(_unary, models),
            pairwise_of(request),
            scribbles=scribbles,
            iterations=request.iterations,
        )
        on = torch.from_numpy(connected(labels.cpu().numpy() == 1, thing)).to(device)
        sides = (on, ~on)
    mask = np.where(sides[0].cpu().numpy(), 255, 0).astype(np.uint8)
    mask = masks.feather(masks.grow(mask, request.grow), request.feather)
    seconds = time.perf_counter() - start
    return MaskResult(masks.to_image(mask), tuple(energies.tolist()), seconds)


def _unary(models: list[ColourModel], values: Tensor) -> Tensor:
    """Return the unary potentials (1, 2, H, W) of background and object for colours and nearness
    (1, 4, H, W).
    """
    rows = values[0, :3].flatten(1).T
    on, off = (model.cost(rows).view(values.shape[2:]) for model in models)
    cost = (on - off).clamp(-MAX_COLOUR_UNARY, MAX_COLOUR_UNARY) - DISTANCE_WEIGHT * values[0, 3]
    return torch.stack([-cost / 2, cost / 2])[None]


def _border(size: tuple[int, int], width: int) -> Flags:
    """Return which pixels (H, W) of an image of `size` are in its border."""
    flags = np.ones(size[::-1], bool)
    flags[width:-width, width:-width] = False
    return flags


def scribbled(request: MaskRequest, size: tuple[int, int]) -> tuple[Flags, Flags]:
    """Return which pixels (H, W) are marked as the object and as its background."""
    found = []
    for name in ("thing", "background"):
        image = getattr(request, name)
        if image is None:
            found.append(_border(size, 1))
            continue
        image = images.upright(image)
        images.check_size(name, image, size)
        found.append(masks.read(image) > 0)
        if not found[-1].any():
            raise BadValue(f"{name}: nothing is marked; paint a stroke on it.")
    thing, background = found
    background = background & ~thing
    if not background.any():
        raise BadValue("background: all of it is marked as the object; leave some out.")
    return thing, background


def nearness(thing: Flags, background: Flags) -> NDArray[np.float32]:
    """Return 1 at the object's scribble, -1 at the background's, 0 halfway (H, W)."""
    to_thing, to_background = (
        cv2.distanceTransform((~flags).astype(np.uint8), cv2.DIST_L2, 5)
        for flags in (thing, background)
    )
    return (to_background - to_thing) / np.maximum(to_background + to_thing, 1e-6)


def connected(mask: Flags, thing: Flags) -> Flags:
    """Return the connected components of a mask that a scribble on the object touches."""
    _, components = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.isin(components, np.unique(components[thing & mask])) & mask


def fit(rgb: Tensor) -> ColourModel:
    """Fit a mixture of Gaussians to colours (N, 3) in [0, 1]: k-means, then the covariance of each
    cluster.
    """
    rgb = rgb[:: max(1, len(rgb) // SAMPLE)]
    generator = torch.Generator().manual_seed(0)
    centres, _ = k_means(rgb.cpu(), min(COMPONENTS, len(rgb)), generator)
    nearest = torch.cdist(rgb, centres.to(rgb)).argmin(1)
    weights, means, roots = [], [], []
    for component in range(len(centres)):
        members = rgb[nearest == component]
        if not len(members):
            continue
        difference = members - members.mean(0)
        covariance = difference.T @ difference / len(members)
        covariance = covariance + MIN_DEVIATION**2 * torch.eye(3).to(rgb)
        weights.append(len(members) / len(rgb))
        means.append(members.mean(0))
        # L Lᵀ = S⁻¹, so that |(c - m) L|² is the squared Mahalanobis distance.
        roots.append(torch.linalg.cholesky(torch.linalg.inv(covariance)))
    return ColourModel(torch.tensor(weights).to(rgb), torch.stack(means), torch.stack(roots))
