"""Fully connected conditional random fields (dense CRFs): every pair of pixels interacts.

Krähenbühl & Koltun, "Efficient Inference in Fully Connected CRFs with Gaussian Edge Potentials",
2011, https://arxiv.org/abs/1210.5644. A labelling y of the pixels i has the energy

    E(y) = Σ_i u_i(y_i) + Σ_{i<j} μ(y_i, y_j) k_ij,    p(y) = exp(-E(y)) / Z
    k_ij = w_s exp(-|p_i - p_j|² / 2 r_s²) + w_a exp(-|p_i - p_j|² / 2 r_a² - |I_i - I_j|² / 2 c²)

with unary potentials u, compatibility μ, positions p and colours I: a smoothness kernel couples
near pixels, an appearance kernel pixels of similar colour further away. Mean field finds the
product of marginals q that is nearest to p; its fixed points solve

    q_i(l) ∝ exp(-u_i(l) - Σ_l' μ(l, l') Σ_{j≠i} k_ij q_j(l'))

and lower the free energy F(q) = Σ q (u + log q) + ½ Σ q μ Σ k q = KL(q | p) - log Z. All pixels
are updated at once. That can oscillate; with μ = 1 - δ (Potts) and a positive semidefinite K it
does not if the last state of each pixel damps its update with the weight k_ii: then F never
rises (it is concave but for the entropy and Σ k_ii |q_i|² / 2, which that weight bounds; after
Krähenbühl & Koltun, "Parameter Learning and Convergent Inference for Dense Random Fields", 2013).

Kernels are normalised, k_ij / √(n_i n_j) with n = Σ_j k_ij, so that weights mean the same at every
size and radius. Everything is differentiable and in torch alone. Knows no images of labels and no
requests.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from aigc_demo.crf.permutohedral_lattice import Lattice

LEVELS = 127.5  # of 8 bits in the range of 1
FORBIDDEN = 1e4  # unary potential of any other label than the given one


class Kernel(ABC):
    """A symmetric matrix over the pixels of each image; `diagonal` (B, H, W)."""

    diagonal: Tensor

    @abstractmethod
    def __call__(self, q: Tensor) -> Tensor:
        """Return Σ_j k_ij q_j, itself included, for q (B, K, H, W)."""


class DenseKernel(Kernel):
    """Any matrix (B, N, N), N = H · W; small images only."""

    def __init__(self, matrix: Tensor, size: tuple[int, int]) -> None:
        self.matrix = matrix
        self.diagonal = matrix.diagonal(dim1=1, dim2=2).unflatten(1, size)

    def __call__(self, q: Tensor) -> Tensor:
        return (q.flatten(2) @ self.matrix).view(q.shape)


class SpatialKernel(Kernel):
    """A Gaussian of the distance of positions, exactly: one product along each axis."""

    def __init__(self, size: tuple[int, int], radius: float | Tensor, like: Tensor) -> None:
        self.rows, self.columns = (_gaussian(n, radius, like) for n in size)
        self.diagonal = like.new_ones(1, *size)

    def __call__(self, q: Tensor) -> Tensor:
        return self.rows @ q @ self.columns


class BilateralKernel(Kernel):
    """A Gaussian of any features (B, D, H, W), whose unit is the standard deviation, by the
    permutohedral lattice: about 4 % from the exact one once normalised.
    """

    def __init__(self, features: Tensor) -> None:
        self.lattice = Lattice(features.flatten(2).mT)
        self.diagonal = self.lattice.diagonal.unflatten(1, features.shape[2:])

    def __call__(self, q: Tensor) -> Tensor:
        rows = q.flatten(2).mT.contiguous()  # (B, K, H, W) -> (B, N, K)
        return self.lattice(rows).mT.reshape(q.shape)


class NormalisedKernel(Kernel):
    """w k_ij / √(n_i n_j), where n_i = Σ_j k_ij, for images like `like` (B, C, H, W)."""

    def __init__(self, kernel: Kernel, weight: float | Tensor, like: Tensor) -> None:
        self.kernel = kernel
        b, _, h, w = like.shape
        sums = kernel(like.new_ones(b, 1, h, w)).clamp(min=1e-12)
        self.before = sums.rsqrt()
        self.after = weight * self.before
        # A pixel that is alone has the whole of its sum on the diagonal, never more.
        self.diagonal = weight * (kernel.diagonal / sums[:, 0]).clamp(max=1)

    def __call__(self, q: Tensor) -> Tensor:
        return self.after * self.kernel(self.before * q)


@dataclass(frozen=True)
class PairwisePotentials:
    """Weights of the smoothness and the appearance kernel, 0 leaves one out; their radii in
    pixels; the colour deviation in levels of 255.
    """

    smooth: float | Tensor = 2.0
    smooth_radius: float | Tensor = 2.0
    appearance: float | Tensor = 6.0
    radius: float | Tensor = 40.0
    colour: float | Tensor = 15.0


@dataclass(frozen=True)
class Marginals:
    """The marginals of the labels (B, K, H, W), and the free energy (T + 1, B) before and after
    each of T updates where it was asked for.
    """

    q: Tensor
    energies: Tensor | None = None


def kernels(x: Tensor, pairwise: PairwisePotentials, *, exact: bool = False) -> list[Kernel]:
    """Return the smoothness and the appearance kernel of images x (B, C, H, W) in [-1, 1].

    `exact` computes the latter for every pair of pixels.
    """
    found: list[Kernel] = []
    size = (x.shape[-2], x.shape[-1])
    if _nonzero(pairwise.smooth):
        spatial = SpatialKernel(size, pairwise.smooth_radius, x)
        found.append(NormalisedKernel(spatial, pairwise.smooth, x))
    if _nonzero(pairwise.appearance):
        f = features(x, pairwise.radius, pairwise.colour)
        bilateral = DenseKernel(gaussian_matrix(f), size) if exact else BilateralKernel(f)
        found.append(NormalisedKernel(bilateral, pairwise.appearance, x))
    return found


def features(x: Tensor, radius: float | Tensor, colour: float | Tensor) -> Tensor:
    """Return positions over `radius` and colours over `colour` (B, 2 + C, H, W) of images x (B, C,
    H, W) in [-1, 1].
    """
    b, _, h, w = x.shape
    down, across = (torch.arange(n, device=x.device, dtype=x.dtype) for n in (h, w))
    positions = torch.stack(torch.meshgrid(down, across, indexing="ij"))  # (2, H, W)
    return torch.cat([(positions / radius).expand(b, -1, -1, -1), x * LEVELS / colour], dim=1)


def gaussian_matrix(f: Tensor) -> Tensor:
    """Return exp(-|f_i - f_j|² / 2) (B, N, N) for features f (B, D, H, W): O(N²) memory."""
    rows = f.flatten(2).mT  # (B, N, D)
    squares = rows.square().sum(-1)
    distances = squares[:, :, None] + squares[:, None] - 2 * rows @ rows.mT
    return torch.exp(-distances.clamp(min=0) / 2)


def mean_field(
    unary: Tensor,
    kernels: Sequence[Kernel],
    *,
    compatibility: Tensor | None = None,
    iterations: int = 5,
    damped: bool = True,
    with_energies: bool = False,
) -> Marginals:
    """Return the marginals of the CRF with the unary potentials `unary` (B, K, H, W).

    `compatibility` (K, K), symmetric, is μ; None: the Potts model; (T, K, K): one for each of T
    kernels. Updates that are not `damped` are those of 2011.
    """
    zero = unary.new_zeros(unary[:, 0].shape)
    diagonals = [zero + kernel.diagonal for kernel in kernels]
    mus = _per_kernel(compatibility, len(kernels))
    terms = list(zip(kernels, diagonals, mus, strict=True))
    damping = zero[:, None]  # (B, 1, H, W)
    if damped:
        damping = sum((d[:, None] * _curvature(mu) for _, d, mu in terms), damping)
    share = 1 / (1 + damping)
    log_q = (-unary).log_softmax(1)
    energies = []
    for step in range(iterations + 1):
        if step == iterations and not with_energies:
            break
        q = log_q.exp()
        pairwise = torch.zeros_like(q)
        for kernel, diagonal, mu in terms:
            pairwise = pairwise + _compatible(kernel(q) - diagonal[:, None] * q, mu)
        if with_energies:
            energies.append((q * (unary + log_q + pairwise / 2)).sum((1, 2, 3)))
        if step < iterations:
            log_q = ((damping * log_q - unary - pairwise) * share).log_softmax(1)
    return Marginals(log_q.exp(), torch.stack(energies) if with_energies else None)


def _compatible(messages: Tensor, compatibility: Tensor | None) -> Tensor:
    """Return Σ_l' μ(l, l') messages(l') (B, K, H, W): the pairwise cost of each label."""
    if compatibility is None:
        return messages.sum(1, keepdim=True) - messages
    return torch.einsum("kl,blhw->bkhw", compatibility.to(messages.dtype), messages)


def _per_kernel(compatibility: Tensor | None, count: int) -> list[Tensor | None]:
    """Return the compatibility of each of `count` kernels."""
    if compatibility is None or compatibility.ndim == 2:
        return [compatibility] * count
    return list(compatibility)


def _curvature(compatibility: Tensor | None) -> Tensor | float:
    """Return the largest curvature of q μ q between two distributions; Potts: 1."""
    if compatibility is None:
        return 1.0
    k = len(compatibility)
    eye = torch.eye(k, dtype=compatibility.dtype, device=compatibility.device)
    return torch.linalg.matrix_norm((eye - 1 / k) @ compatibility @ (eye - 1 / k), 2)


def constrained(unary: Tensor, labels: Tensor) -> Tensor:
    """Return unary potentials (B, K, H, W) that fix the labels (B, H, W) of pixels; where those
    are -1, the potentials are those of `unary`.
    """
    numbers = torch.arange(unary.shape[1], device=unary.device).view(1, -1, 1, 1)
    other = numbers != labels[:, None]
    return torch.where(labels[:, None] < 0, unary, other * FORBIDDEN)


def _gaussian(n: int, radius: float | Tensor, like: Tensor) -> Tensor:
    position = torch.arange(n, device=like.device, dtype=like.dtype)
    return torch.exp(-((position[:, None] - position) / radius).square() / 2)


def _nonzero(weight: float | Tensor) -> bool:
    return isinstance(weight, Tensor) or weight != 0
