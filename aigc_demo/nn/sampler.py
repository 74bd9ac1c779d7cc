"""Solving the ordinary differential equation of flow matching, for any network.

    dx/dt = v(x, t),   t from 0 (noise) to 1 (image)

Heun's method, two evaluations a step, as in Karras et al., "Elucidating the Design Space of
Diffusion-Based Generative Models", 2022, algorithm 1, https://arxiv.org/abs/2206.00364.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from torch import Tensor


def heun(
    velocity: Callable[[Tensor, float], Tensor], x: Tensor, evaluations: int
) -> Iterator[Tensor]:
    """Yield the image (B, C, H, W) in [-1, 1] expected after each step from noise x.

    The last step is Euler's: it ends at the image that the network expects, without the grain that
    an evaluation at t = 1, where there is no noise left to see, would add.
    """
    steps = max(1, (evaluations + 1) // 2)
    for i in range(steps):
        t, t_next = i / steps, (i + 1) / steps
        v = velocity(x, t)
        yield (x + (1 - t) * v).clamp(-1, 1)
        if t_next < 1:
            v_next = velocity(x + (t_next - t) * v, t_next)
            x = x + (t_next - t) / 2 * (v + v_next)


def euler(velocity: Callable[[Tensor, float], Tensor], x: Tensor, steps: int) -> Iterator[Tensor]:
    """Yield the image (B, C, H, W) in [-1, 1] expected after each of `steps` evaluations from
    noise x.
    """
    for i in range(steps):
        v = velocity(x, i / steps)
        yield (x + (1 - i / steps) * v).clamp(-1, 1)
        x = x + v / steps
