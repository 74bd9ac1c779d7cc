"""Gaussian filtering in few dimensions, in time linear in the points: the permutohedral lattice.

Adams, Baek & Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice", 2010. For
points f in d dimensions, whose unit is the standard deviation, `Lattice` is about the matrix

    K_ij = exp(-|f_i - f_j|² / 2)

Each point gives its value to the d + 1 corners of the simplex that holds it, in parts that are its
barycentric coordinates; the corners are blurred along the d + 1 directions of the lattice with
(1/4, 1/2, 1/4); and each point reads its own simplex. With N points and M corners in use that is
O(d N + d² M) in place of O(N²). The two ends are weighted sums of rows, which `embedding_bag` does
fast on any device and knows the gradients of, with respect to the values and to the points.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from aigc_demo.errors import BadValue


class Lattice:
    """The lattice of points (B, N, d), sets b of which do not see each other. `diagonal` (B, N) is
    at least that of the matrix. Raises BadValue where the points are too far apart to be numbered.
    """

    def __init__(self, points: Tensor) -> None:
        b, n, d = points.shape
        lowest, ranks, self.weights = _simplices(points.reshape(-1, d))
        keys, strides = _numbered(lowest, ranks, b)
        # Give each corner in use a place, and list the points that give to it side by side.
        ordered, self.order = keys.flatten().sort(stable=True)
        new = torch.ones_like(ordered, dtype=torch.bool)
        new[1:] = ordered[1:] != ordered[:-1]
        self.starts = new.nonzero()[:, 0]
        names = ordered[self.starts]
        places = torch.empty_like(ordered).scatter(0, self.order, new.cumsum(0) - 1)
        self.places = places.view(-1, d + 1)
        self.givers = self.order // (d + 1)
        self.blurs = [_blur(names, strides, axis, points.dtype) for axis in range(d + 1)]
        # The volume of a corner's cell, by which sums over points become integrals.
        self.scale = (2 * math.pi / 1.5) ** (d / 2) * math.sqrt(d + 1)
        self.diagonal = self.scale * _own(self.weights, d).view(b, n)

    def __call__(self, values: Tensor) -> Tensor:
        """Return about Σ_j K_ij values_j, for values (B, N, C) of the type of the points."""
        rows = values.reshape(-1, values.shape[-1])
        given = self.weights.flatten()[self.order]
        h = F.embedding_bag(self.givers, rows, self.starts, mode="sum", per_sample_weights=given)
        # Where corners are missing the order of the axes matters; the mean is symmetric.
        h = (_blurred(h, self.blurs) + _blurred(h, self.blurs[::-1])) * (self.scale / 2)
        h = F.embedding_bag(self.places, h, mode="sum", per_sample_weights=self.weights)
        return h.view(values.shape)


def _blurred(h: Tensor, blurs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Blur the corners' values (M, C) along each axis."""
    for rows, weights in blurs:
        h = F.embedding_bag(rows, h, mode="sum", per_sample_weights=weights)
    return h


def _simplices(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return, of the simplex around each point (N, d): its first corner (N, d + 1), whole numbers
    that divide by d + 1; the ranks (N, d + 1) of what is left of the coordinates, 0 the largest;
    and the barycentric coordinates (N, d + 1).

    Corner k adds k to each coordinate, less d + 1 where the rank is above d - k.
    """
    n, d = points.shape
    # Lay the points into the plane of d + 1 coordinates whose sum is 0.
    steps = torch.arange(1, d + 1, device=points.device, dtype=points.dtype)
    scaled = points * ((d + 1) * math.sqrt(2 / 3)) / (steps * (steps + 1)).sqrt()
    after = scaled.flip(1).cumsum(1).flip(1)  # Σ of this coordinate and those behind it
    rest = torch.cat([after, after.new_zeros(n, 1)], dim=1)
    high = torch.cat([rest[:, :1], rest[:, 1:] - steps * scaled], dim=1)  # (N, d + 1)
    # Find the nearest corner whose coordinates are multiples of d + 1, and stay in the plane.
    corner = (high.detach() / (d + 1)).round()
    order = (high.detach() - corner * (d + 1)).argsort(dim=1, descending=True, stable=True)
    places = torch.arange(d + 1, device=points.device).expand(n, -1)
    ranks = torch.empty_like(order).scatter(1, order, places) + corner.sum(1, keepdim=True).long()
    wrap = (ranks < 0).long() - (ranks > d).long()
    corner, ranks = corner + wrap, ranks + (d + 1) * wrap
    # The differences of sorted coordinates are the barycentric ones.
    left = high / (d + 1) - corner
    ordered = torch.empty_like(left).scatter(1, ranks, left)  # the largest first
    first = 1 + ordered[:, -1:] - ordered[:, :1]
    weights = torch.cat([first, (ordered[:, :-1] - ordered[:, 1:]).flip(1)], dim=1)
    return corner.long() * (d + 1), ranks, weights


def _numbered(lowest: Tensor, ranks: Tensor, sets: int) -> tuple[Tensor, Tensor]:
    """Return one number for each corner of each simplex (N, d + 1), and how much each coordinate
    counts in it: the last one nothing, since it follows from the others.
    """
    n, d = len(lowest), lowest.shape[1] - 1
    low = lowest.amin(0)[:d] - 2 * (d + 1)
    span = (lowest.amax(0)[:d] + 2 * (d + 1) - low + 1).tolist()  # with room for neighbours
    if math.prod(span) * sets >= 2**62:
        raise BadValue("radius: the picture is too large for such small radii; give larger ones.")
    strides = torch.tensor([*(math.prod(span[i + 1 :]) for i in range(d)), 0]).to(lowest.device)
    first = ((lowest[:, :d] - low) * strides[:d]).sum(1)
    first = first + torch.arange(sets, device=first.device).repeat_interleave(
        n // sets
    ) * math.prod(span)
    # What corner k takes away: the strides of its k highest ranks.
    taken = torch.empty_like(ranks).scatter(1, ranks, strides.expand(n, -1)).flip(1).cumsum(1)
    taken = (d + 1) * torch.cat([torch.zeros_like(taken[:, :1]), taken[:, :-1]], dim=1)
    k = torch.arange(d + 1, device=first.device)
    return first[:, None] + k * strides.sum() - taken, strides


def _blur(names: Tensor, strides: Tensor, axis: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return, for each corner, the places of itself and its two neighbours along an axis (M, 3)
    and how much they count; a corner that nobody uses has nothing to give.
    """
    step = strides.sum() - len(strides) * strides[axis]
    places = [torch.arange(len(names), device=names.device)]
    weights = [torch.full((len(names),), 0.5, dtype=dtype, device=names.device)]
    for wanted in (names - step, names + step):
        place = torch.searchsorted(names, wanted).clamp(max=len(names) - 1)
        places.append(place)
        weights.append((names[place] == wanted).to(dtype) / 4)
    return torch.stack(places, dim=1), torch.stack(weights, dim=1)


def _own(weights: Tensor, d: int) -> Tensor:
    """Return what each point reads of a 1 that it gives (N,), if no corner is missing: between
    corners that are m steps apart the blur goes along m directions, or back along all the others.
    """
    m = torch.arange(d + 1, dtype=weights.dtype, device=weights.device)
    apart = (m[:, None] - m).abs()
    blur = 0.25**apart * 0.5 ** (d + 1 - apart) + 0.5**apart * 0.25 ** (d + 1 - apart)
    blur = blur + torch.eye(d + 1, dtype=blur.dtype, device=blur.device) * 0.25 ** (d + 1)
    return (weights @ blur * weights).sum(1)
