"""Gaussian filtering in few dimensions, in time linear in the points: the permutohedral lattice.

Adams, Baek & Davis, "Fast High-Dimensional Filtering Using the Permutohedral Lattice", 2010. For
points f in d dimensions, whose unit is the standard deviation, `Lattice` is about the matrix

    K_ij = exp(-|f_i - f_j|² / 2)

Splat: each point adds its value to the d + 1 vertices of its enclosing simplex, weighted by its
barycentric coordinates. Blur: along each of the d + 1 directions of the lattice with
(1/4, 1/2, 1/4). Slice: each point is interpolated from its simplex. With N points and M vertices
in use that is O(d N + d² M) in place of O(N²). Splatting and slicing are weighted sums of rows,
which `embedding_bag` computes fast on any device, with gradients for the values and the points.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from aigc_demo.errors import BadValue


class Lattice:
    """The lattice of B independent sets of points (B, N, d). `diagonal` (B, N) is at least that of
    the matrix. Raises BadValue where the points are too far apart to index the vertices.
    """

    def __init__(self, points: Tensor) -> None:
        b, n, d = points.shape
        lowest, ranks, self.weights = _simplices(points.reshape(-1, d))
        keys, strides = _keys(lowest, ranks, b)
        # Index the vertices in use, and list the points that splat to each side by side.
        ordered, self.order = keys.flatten().sort(stable=True)
        new = torch.ones_like(ordered, dtype=torch.bool)
        new[1:] = ordered[1:] != ordered[:-1]
        self.starts = new.nonzero()[:, 0]
        vertices = ordered[self.starts]
        indices = torch.empty_like(ordered).scatter(0, self.order, new.cumsum(0) - 1)
        self.indices = indices.view(-1, d + 1)
        self.sources = self.order // (d + 1)
        self.blurs = [_blur(vertices, strides, axis, points.dtype) for axis in range(d + 1)]
        # The volume of a vertex's cell, by which sums over points become integrals.
        self.scale = (2 * math.pi / 1.5) ** (d / 2) * math.sqrt(d + 1)
        self.diagonal = self.scale * _diagonal(self.weights, d).view(b, n)

    def __call__(self, values: Tensor) -> Tensor:
        """Return about Σ_j K_ij values_j, for values (B, N, C) of the type of the points."""
        rows = values.reshape(-1, values.shape[-1])
        weights = self.weights.flatten()[self.order]
        h = F.embedding_bag(
            self.sources, rows, self.starts, mode="sum", per_sample_weights=weights
        )
        # Where vertices are missing the order of the axes matters; the mean is symmetric.
        h = (_blurred(h, self.blurs) + _blurred(h, self.blurs[::-1])) * (self.scale / 2)
        h = F.embedding_bag(self.indices, h, mode="sum", per_sample_weights=self.weights)
        return h.view(values.shape)


def _blurred(h: Tensor, blurs: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Blur the vertices' values (M, C) along each axis."""
    for rows, weights in blurs:
        h = F.embedding_bag(rows, h, mode="sum", per_sample_weights=weights)
    return h


def _simplices(points: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return, of the simplex around each point (N, d): its first vertex (N, d + 1), multiples of
    d + 1; the ranks (N, d + 1) of the remainders of the coordinates, 0 the largest; and the
    barycentric coordinates (N, d + 1).

    Vertex k adds k to each coordinate, less d + 1 where the rank is above d - k.
    """
    n, d = points.shape
    # Embed the points in the hyperplane of d + 1 coordinates whose sum is 0.
    steps = torch.arange(1, d + 1, device=points.device, dtype=points.dtype)
    scaled = points * ((d + 1) * math.sqrt(2 / 3)) / (steps * (steps + 1)).sqrt()
    after = scaled.flip(1).cumsum(1).flip(1)  # Σ of this coordinate and those behind it
    rest = torch.cat([after, after.new_zeros(n, 1)], dim=1)
    high = torch.cat([rest[:, :1], rest[:, 1:] - steps * scaled], dim=1)  # (N, d + 1)
    # Find the nearest vertex whose coordinates are multiples of d + 1, in the hyperplane.
    vertex = (high.detach() / (d + 1)).round()
    order = (high.detach() - vertex * (d + 1)).argsort(dim=1, descending=True, stable=True)
    numbers = torch.arange(d + 1, device=points.device).expand(n, -1)
    ranks = torch.empty_like(order).scatter(1, order, numbers) + vertex.sum(1, keepdim=True).long()
    wrap = (ranks < 0).long() - (ranks > d).long()
    vertex, ranks = vertex + wrap, ranks + (d + 1) * wrap
    # The differences of sorted coordinates are the barycentric ones.
    remainders = high / (d + 1) - vertex
    ordered = torch.empty_like(remainders).scatter(1, ranks, remainders)  # the largest first
    first = 1 + ordered[:, -1:] - ordered[:, :1]
    weights = torch.cat([first, (ordered[:, :-1] - ordered[:, 1:]).flip(1)], dim=1)
    return vertex.long() * (d + 1), ranks, weights


def _keys(lowest: Tensor, ranks: Tensor, sets: int) -> tuple[Tensor, Tensor]:
    """Return a key for each vertex of each simplex (N, d + 1), and the strides of the coordinates
    in it (d + 1,): that of the last one is 0, since it follows from the others.
    """
    n, d = len(lowest), lowest.shape[1] - 1
    low = lowest.amin(0)[:d] - 2 * (d + 1)
    span = (lowest.amax(0)[:d] + 2 * (d + 1) - low + 1).tolist()  # with room for neighbours
    if math.prod(span) * sets >= 2**62:
        raise BadValue("radius: the picture is too large for such small radii; give larger ones.")
    strides = torch.tensor([*(math.prod(span[i + 1 :]) for i in range(d)), 0]).to(lowest.device)
    first = ((lowest[:, :d] - low) * strides[:d]).sum(1)
    offsets = torch.arange(sets, device=first.device) * math.prod(span)
    first = first + offsets.repeat_interleave(n // sets)
    # Vertex k subtracts the strides of its k highest ranks.
    less = torch.empty_like(ranks).scatter(1, ranks, strides.expand(n, -1)).flip(1).cumsum(1)
    less = (d + 1) * torch.cat([torch.zeros_like(less[:, :1]), less[:, :-1]], dim=1)
    k = torch.arange(d + 1, device=first.device)
    return first[:, None] + k * strides.sum() - less, strides


def _blur(keys: Tensor, strides: Tensor, axis: int, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Return, for each vertex, the indices of itself and its two neighbours along an axis (M, 3)
    and their weights; a vertex that is not in use has weight 0.
    """
    step = strides.sum() - len(strides) * strides[axis]
    indices = [torch.arange(len(keys), device=keys.device)]
    weights = [torch.full((len(keys),), 0.5, dtype=dtype, device=keys.device)]
    for neighbour in (keys - step, keys + step):
        index = torch.searchsorted(keys, neighbour).clamp(max=len(keys) - 1)
        indices.append(index)
        weights.append((keys[index] == neighbour).to(dtype) / 4)
    return torch.stack(indices, dim=1), torch.stack(weights, dim=1)


def _diagonal(weights: Tensor, d: int) -> Tensor:
    """Return what each point slices of a 1 that it splats (N,), if no vertex is missing: between
    vertices that are m steps apart the blur goes along m directions, or back along all the others.
    """
    m = torch.arange(d + 1, dtype=weights.dtype, device=weights.device)
    steps = (m[:, None] - m).abs()
    blur = 0.25**steps * 0.5 ** (d + 1 - steps) + 0.5**steps * 0.25 ** (d + 1 - steps)
    blur = blur + torch.eye(d + 1, dtype=blur.dtype, device=blur.device) * 0.25 ** (d + 1)
    return (weights @ blur * weights).sum(1)
