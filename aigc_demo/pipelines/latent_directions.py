"""Directions in the latents of a model: the principal components of its first layer's features.

Härkönen et al., "GANSpace: Discovering Interpretable GAN Controls", 2020,
https://arxiv.org/abs/2004.02546, take the principal components of the features of an early layer
at drawn latents, and the latents that move along them. Here that layer is linear and latents are
(about) Gaussian, so there is nothing to draw: with features A z and z = m + L e, e ~ N(0, I),

    A L = U S Vᵀ        the features' components are U, their variances S²
    d_i = L v_i         moves feature component i by one standard deviation, and no other

For a GAN (L = I) that is the closed form of Shen & Zhou, "Closed-Form Factorization of Latent
Semantics in GANs", 2021, https://arxiv.org/abs/2007.06600. For a VAE, L Lᵀ is the covariance of
its codes; components of the codes alone would be led astray by numbers that the decoder ignores.

They are found once for a file of weights: kept beside the card by ``python -m aigc_demo
directions``, else in the tensor cache.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from aigc_demo.errors import BadValue
from aigc_demo.methods import checkpoint, tensor_cache
from aigc_demo.requests import MAX_DIRECTIONS, DirectionRequest

FILE = "directions.safetensors"
REACH = 3.0  # standard deviations that a strip goes to each side


@runtime_checkable
class Steerable(Protocol):
    """A model whose latents are vectors that enter by a matrix."""

    def entry(self) -> tuple[Tensor, Tensor]:
        """Return the matrix (F, L) by which latents enter and their covariance (L, L)."""


@dataclass(frozen=True)
class Directions:
    """`ways` (K, L): steps of one standard deviation, the strongest first; `shares` (K,): of the
    features' variance. float32, on the CPU.
    """

    ways: Tensor
    shares: Tensor


@torch.no_grad()
def find(model: Steerable, count: int = MAX_DIRECTIONS) -> Directions:
    """Return the `count` strongest directions of `model`, or as many as its latents have numbers.

    Of each and its opposite, the one is taken whose largest number is positive.
    """
    matrix, covariance = (t.double().cpu() for t in model.entry())
    variances, axes = torch.linalg.eigh(covariance)
    spread = axes * variances.clamp(min=0).sqrt()  # L, with L Lᵀ = the covariance
    # The squares of a matrix with many rows are quicker taken apart than itself.
    reached = matrix @ spread
    strengths, e = torch.linalg.eigh(reached.T @ reached)
    strengths, e = strengths.flip(0).clamp(min=0), e.flip(1)
    ways = (spread @ e[:, :count]).T  # (L, K) -> (K, L)
    largest = ways.gather(1, ways.abs().argmax(1, keepdim=True))
    ways = ways * torch.where(largest < 0, -1.0, 1.0)
    shares = strengths / strengths.sum().clamp(min=1e-12)
    return Directions(ways.float(), shares[:count].float())


def move(latents: Tensor, ways: Tensor, offsets: Tensor) -> Tensor:
    """Move latents (B, L) by offsets (B, K) along `ways` (K, L); offsets of 0 leave them exactly
    as they are.
    """
    given = offsets[:, : len(ways), None]
    return latents + (given * ways[: given.shape[1]]).sum(1)


def offsets_of(request: DirectionRequest, steerable: bool) -> Tensor:
    """Return the offsets (B, K) of each picture that is asked for.

    Raises BadValue where the model has no directions.
    """
    if not steerable:
        raise BadValue(
            f"model: {request.model} has no directions to be moved along; choose a GAN or a VAE."
        )
    given = [*request.offsets, *[0.0] * (MAX_DIRECTIONS - len(request.offsets))]
    if request.component is None:
        return torch.tensor([given])
    rows = torch.tensor([given]).repeat(request.frames, 1)
    rows[:, request.component - 1] = torch.linspace(-REACH, REACH, request.frames)
    return rows


def of(folder: Path, model: Any) -> Directions:
    """Return the directions of the `model` in `folder`: those that are kept for these weights, or
    found now and kept in the cache folder.
    """
    weights = _hash(folder)
    if found := _read(folder / FILE, weights):
        return found
    key = f"directions/{weights}"
    if entry := tensor_cache.read(key, ("ways", "shares")):
        return Directions(**entry.tensors)
    found = find(model)
    tensor_cache.write(key, {"ways": found.ways, "shares": found.shares})
    return found


def keep(folder: Path, found: Directions) -> None:
    """Write the directions of the model in `folder` beside its card."""
    tensors = {"ways": found.ways.contiguous(), "shares": found.shares.contiguous()}
    checkpoint.write_tensors(folder / FILE, tensors, {"weights": _hash(folder)})


def _hash(folder: Path) -> str:
    """Return what names the weights of the model in `folder`."""
    return hashlib.sha256((folder / checkpoint.WEIGHTS).read_bytes()).hexdigest()


def _read(path: Path, weights: str) -> Directions | None:
    """Return what `path` holds, or None where it is not there, damaged, or of other weights."""
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("weights") != weights:
                return None
            return Directions(file.get_tensor("ways"), file.get_tensor("shares"))
    except (OSError, SafetensorError, KeyError):
        return None
