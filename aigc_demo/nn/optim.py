"""The training step, Muon, and the running average of weights.

Knows no method, no data set and no file.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
import torch.distributed as dist
from torch import Tensor, nn


def step(loss: Tensor, *optimizers: torch.optim.Optimizer, clip: float = 0.0) -> Tensor:
    """Minimise `loss` by one step of each of `optimizers`, which share a network's weights; return
    the gradient norm, a detached scalar.

    Under ``torchrun`` the gradients are averaged over the processes; methods need not know of it.
    """
    for optimizer in optimizers:
        optimizer.zero_grad(set_to_none=True)
    loss.backward()
    return apply_gradients(*optimizers, clip=clip)


def apply_gradients(*optimizers: torch.optim.Optimizer, clip: float = 0.0) -> Tensor:
    """Average the gradients over processes, clip their norm to `clip` (0: do not) and step.

    Returns the norm before clipping, a detached scalar.
    """
    groups = [group for optimizer in optimizers for group in optimizer.param_groups]
    parameters = [p for group in groups for p in group["params"] if p.grad is not None]
    if dist.is_available() and dist.is_initialized():
        for p in parameters:
            dist.all_reduce(p.grad)
            p.grad.div_(dist.get_world_size())
    gradients = [p.grad for p in parameters]
    if clip:
        norm = nn.utils.clip_grad_norm_(parameters, clip)
    else:
        norm = torch.stack(torch._foreach_norm(gradients)).norm()
    for optimizer in optimizers:
        optimizer.step()
    return norm.detach()


class PowerEMA:
    """Average of a network's weights whose horizon grows with the run.

    After step t the weight of the newest value is (1 + gamma) / (t + gamma), so the average always
    spans the same share of the run, whatever its length. `spread` is that share's standard
    deviation.

    Karras et al., "Analyzing and Improving the Training Dynamics of Diffusion Models", 2024,
    section 3.1, https://arxiv.org/abs/2312.02696. With ``spread=0`` the target is a plain copy.
    """

    def __init__(self, spread: float) -> None:
        self.gamma = _gamma(spread) if spread > 0 else None

    @torch.no_grad()
    def update(self, target: nn.Module, source: nn.Module, step: int) -> None:
        """Move `target` towards `source` after `step` (1, 2, …): weights, batch statistics."""
        newest = 1.0 if self.gamma is None else min(1.0, (1 + self.gamma) / (step + self.gamma))
        mean, raw = target.state_dict(), source.state_dict()
        averaged = [name for name, value in mean.items() if value.is_floating_point()]
        torch._foreach_lerp_([mean[n] for n in averaged], [raw[n] for n in averaged], newest)
        for name in mean.keys() - set(averaged):
            mean[name].copy_(raw[name])


def _gamma(spread: float) -> float:
    """Solve (gamma + 1) / ((gamma + 2)² (gamma + 3)) = spread² by bisection."""
    low, high = -0.5, 1e4
    for _ in range(100):
        middle = (low + high) / 2
        wider = (middle + 1) / ((middle + 2) ** 2 * (middle + 3)) > spread**2
        low, high = (middle, high) if wider else (low, middle)
    return low


class Muon(torch.optim.Optimizer):
    """Momentum with orthogonalised steps: all singular values of a matrix's step are about equal.

    Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024,
    https://kellerjordan.github.io/posts/muon/. The kernels of a convolution (O, I, k, k) are taken
    as a matrix (O, I k k). It is for matrices and convolutions inside a network: not for its first
    and last, nor for biases.
    """

    def __init__(self, parameters: Iterable[Tensor], lr: float, momentum: float = 0.95) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:
        """Move the weights by one step against their gradients."""
        for group in self.param_groups:
            for p in group["params"]:
                if p.grad is None:
                    continue
                mean = self.state[p].setdefault("momentum", torch.zeros_like(p))
                mean.mul_(group["momentum"]).add_(p.grad)
                direction = p.grad.add(mean, alpha=group["momentum"]).flatten(1)
                scale = max(1.0, direction.shape[0] / direction.shape[1]) ** 0.5
                p.add_(orthogonal(direction).reshape(p.shape), alpha=-group["lr"] * scale)


def orthogonal(matrix: Tensor) -> Tensor:
    """Return about U Vᵀ for `matrix` = U S Vᵀ, by five steps of a Newton-Schulz iteration; its
    singular values are between 0.7 and 1.2.
    """
    x = matrix / (matrix.norm() + 1e-7)
    if x.shape[0] > x.shape[1]:
        return orthogonal(matrix.T).T
    for _ in range(5):
        gram = x @ x.T
        x = 3.4445 * x + (2.0315 * gram @ gram - 4.775 * gram) @ x
    return x


def muon_and_adam(
    network: nn.Module, inner: Iterable[nn.Module], lr: float
) -> dict[str, torch.optim.Optimizer]:
    """Share the weights of `network` between `Muon`, at ten times `lr` for the convolutions within
    the modules `inner`, and Adam, at half of `lr` for the rest.
    """
    hidden = {p: None for part in inner for p in part.parameters() if p.ndim == 4}
    rest = [p for p in network.parameters() if p not in hidden]
    return {
        "hidden": Muon(hidden, lr=10 * lr),
        "rest": torch.optim.Adam(rest, lr=lr / 2, betas=(0.9, 0.99), fused=True),
    }
