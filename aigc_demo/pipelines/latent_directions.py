"""Directions in the latents of a model: the principal components of its first layer's features.

Härkönen et al., "GANSpace: Discovering Interpretable GAN Controls", 2020,
https://arxiv.org/abs/2004.02546, take the principal components of the features of an early layer
at sampled latents, and the latents that move along them. Here that layer is linear and latents are
(about) Gaussian, so no sampling is needed: with features A z and z = m + L e, e ~ N(0, I),

    A L = U S Vᵀ        the features' components are U, their variances S²
    d_i = L v_i         moves feature component i by one standard deviation, and no other

For a GAN (L = I) that is the closed form of Shen & Zhou, "Closed-Form Factorization of Latent
Semantics in GANs", 2021, https://arxiv.org/abs/2007.06600. For a VAE, L Lᵀ is the covariance of
its codes; components of the codes alone would be misled by numbers that the decoder ignores.

They are computed once for a file of weights: stored beside the card by ``python -m aigc_demo
directions``, else in the tensor cache.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor

from aigc_demo.methods import checkpoint, tensor_cache
from aigc_demo.requests import MAX_DIRECTIONS, DirectionRequest

FILE = "directions.safetensors"
MAX_OFFSET = 3.0  # standard deviations to each side of a strip


@runtime_checkable
class LinearLatents(Protocol):
    """A model whose latents are vectors and whose first layer is linear."""

    def first_layer(self) -> tuple[Tensor, Tensor]:
        """Return the matrix (F, L) by which latents enter and their covariance (L, L)."""


@dataclass(frozen=True)
class Directions:
    """`vectors` (K, L): steps of one standard deviation, the strongest first; the share of the
    features' variance that each explains (K,). float32, on the CPU.
    """

    vectors: Tensor
    explained_variance: Tensor


@torch.no_grad()
def compute(model: LinearLatents, count: int = MAX_DIRECTIONS) -> Directions:
    """Return the `count` strongest directions of `model`, at most as many as latent dimensions.

    The largest component of each is positive.
    """
    matrix, covariance = (t.double().cpu() for t in model.first_layer())
    variances, axes = torch.linalg.eigh(covariance)
    root = axes * variances.clamp(min=0).sqrt()  # L, with L Lᵀ = the covariance
    # The matrix has many rows: its Gram matrix is quicker to decompose than itself.
    features = matrix @ root
    strengths, v = torch.linalg.eigh(features.T @ features)
    strengths, v = strengths.flip(0).clamp(min=0), v.flip(1)
    vectors = (root @ v[:, :count]).T  # (L, K) -> (K, L)
    largest = vectors.gather(1, vectors.abs().argmax(1, keepdim=True))
    vectors = vectors * torch.where(largest < 0, -1.0, 1.0)
    explained = strengths / strengths.sum().clamp(min=1e-12)
    return Directions(vectors.float(), explained[:count].float())


def move(latents: Tensor, vectors: Tensor, offsets: Tensor) -> Tensor:
    """Move latents (B, L) by offsets (B, K) along `vectors` (K, L); offsets of 0 leave them
    exactly as they are.
    """
    offsets = offsets[:, : len(vectors), None]
    return latents + (offsets * vectors[: offsets.shape[1]]).sum(1)


def offsets_of(request: DirectionRequest) -> Tensor:
    """Return the offsets (B, K) of each image of a request."""
    offsets = [*request.offsets, *[0.0] * (MAX_DIRECTIONS - len(request.offsets))]
    if request.component is None:
        return torch.tensor([offsets])
    rows = torch.tensor([offsets]).repeat(request.frames, 1)
    rows[:, request.component - 1] = torch.linspace(-MAX_OFFSET, MAX_OFFSET, request.frames)
    return rows


def load_or_compute(folder: Path, model: LinearLatents) -> Directions:
    """Return the directions of the `model` in `folder`: those stored for these weights, else
    computed and stored in the cache folder.
    """
    weights = _hash(folder)
    if directions := _read(folder / FILE, weights):
        return directions
    key = f"directions/{weights}"
    if entry := tensor_cache.read(key, ("ways", "shares")):
        return Directions(entry.tensors["ways"], entry.tensors["shares"])
    directions = compute(model)
    tensor_cache.write(key, _tensors(directions))
    return directions


def save(folder: Path, directions: Directions) -> None:
    """Write the directions of the model in `folder` beside its card."""
    checkpoint.write_tensors(folder / FILE, _tensors(directions), {"weights": _hash(folder)})


def _hash(folder: Path) -> str:
    """Return the hash of the weights in `folder`."""
    return hashlib.sha256((folder / checkpoint.WEIGHTS).read_bytes()).hexdigest()


def _tensors(directions: Directions) -> dict[str, Tensor]:
    """Return tensors by the names that shipped files have."""
    return {
        "ways": directions.vectors.contiguous(),
        "shares": directions.explained_variance.contiguous(),
    }


def _read(path: Path, weights: str) -> Directions | None:
    """Return the directions in `path`; None where it is missing, damaged, or of other weights."""
    try:
        with safe_open(path, framework="pt") as file:
            if (file.metadata() or {}).get("weights") != weights:
                return None
            return Directions(file.get_tensor("ways"), file.get_tensor("shares"))
    except (OSError, SafetensorError, KeyError):
        return None
