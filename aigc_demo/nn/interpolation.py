"""Ways between two points of a latent space."""

from __future__ import annotations

import torch
from torch import Tensor


def slerp(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """Interpolate from a to b (…) on a great circle at t (T,): Gaussian noise stays as long as it
    should be.

    Shoemake, "Animating Rotation with Quaternion Curves", 1985. Returns (T, …).
    """
    cosine = torch.dot(a.flatten(), b.flatten()) / (a.norm() * b.norm()).clamp(min=1e-9)
    angle = cosine.clamp(-1, 1).acos()
    t = t.view(-1, *[1] * a.ndim)
    if angle.sin() < 1e-4:
        return torch.lerp(a[None], b[None], t)
    between = (((1 - t) * angle).sin() * a + (t * angle).sin() * b) / angle.sin()
    return torch.where(t == 0, a, torch.where(t == 1, b, between))  # the ends without rounding
