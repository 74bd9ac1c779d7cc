"""An orthogonal step, and who moves which weights."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from aigc_demo.nn.optim import Muon, muon_and_adam, orthogonal


@pytest.mark.parametrize("shape", [(8, 40), (40, 8), (16, 16)])
def test_a_direction_keeps_its_singular_vectors_and_evens_their_lengths(shape) -> None:
    matrix = torch.randn(shape, generator=torch.Generator().manual_seed(0))
    u, _, v = torch.linalg.svd(matrix, full_matrices=False)
    turned = u.T @ orthogonal(matrix) @ v.T
    lengths = turned.diagonal()
    assert lengths.min() > 0.6 and lengths.max() < 1.3
    assert (turned - torch.diag(lengths)).abs().max() < 0.02


def test_the_step_does_not_depend_on_the_size_of_the_gradient() -> None:
    weights = []
    for scale in (1e-4, 1e4):
        p = nn.Parameter(torch.zeros(4, 2, 3, 3))
        p.grad = scale * torch.randn(p.shape, generator=torch.Generator().manual_seed(1))
        Muon([p], lr=0.1).step()
        weights.append(p.detach())
    torch.testing.assert_close(*weights, rtol=1e-3, atol=1e-4)
    assert weights[0].abs().max() > 0.01


def test_inner_convolutions_are_moved_by_muon_and_all_else_by_adam() -> None:
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Sequential(nn.Conv2d(8, 8, 3)), nn.Conv2d(8, 3, 3))
    found = muon_and_adam(net, [net[1]], lr=0.1)
    moved = {
        name: {id(p) for group in optimizer.param_groups for p in group["params"]}
        for name, optimizer in found.items()
    }
    assert moved["hidden"] == {id(net[1][0].weight)}
    assert moved["rest"] == {id(p) for p in net.parameters()} - moved["hidden"]
