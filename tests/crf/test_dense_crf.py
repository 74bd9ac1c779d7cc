"""Dense CRFs: their marginals, free energies, fast kernels and gradients."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from aigc_demo.crf import dense_crf
from aigc_demo.crf.dense_crf import (
    BilateralKernel,
    DenseKernel,
    NormalisedKernel,
    PairwisePotentials,
    SpatialKernel,
)
from aigc_demo.crf.permutohedral_lattice import Lattice
from aigc_demo.errors import BadValue

pytestmark = pytest.mark.usefixtures("one_thread")


def numbers(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def picture(side: int, *, seed: int = 0, count: int = 1) -> Tensor:
    """Return pictures of a light square on dark ground with some noise."""
    x = torch.full((count, 3, side, side), -0.6, dtype=torch.float64)
    x[..., side // 4 : -side // 4, side // 4 : -side // 4] = 0.4
    noise = torch.randn(x.shape, generator=numbers(seed), dtype=torch.float64)
    return (x + 0.1 * noise).clamp(-1, 1)


def costs(shape: tuple[int, ...], seed: int = 0) -> Tensor:
    return torch.randn(shape, generator=numbers(seed), dtype=torch.float64)


def pairs_of(x: Tensor, weights: PairwisePotentials) -> Tensor:
    """Return Σ w k (N, N) of one picture, without the diagonal."""
    eye = torch.eye(x[0, 0].numel(), dtype=x.dtype).view(1, -1, *x.shape[2:])
    matrix = sum(kernel(eye) for kernel in dense_crf.kernels(x, weights, exact=True))
    assert isinstance(matrix, Tensor)
    return matrix[0].flatten(1) * (1 - torch.eye(len(matrix[0]), dtype=x.dtype))


def enumerated(unary: Tensor, k: Tensor, mu: Tensor) -> tuple[Tensor, Tensor]:
    """Return the exact marginals (K, N) and log Z of a field with costs (K, N)."""
    labels = torch.tensor(list(itertools.product(range(len(unary)), repeat=unary.shape[1])))
    energy = unary.T[torch.arange(unary.shape[1]), labels].sum(1)
    energy = energy + (mu[labels[:, :, None], labels[:, None]] * k).sum((1, 2)) / 2
    p = (-energy).softmax(0)
    found = torch.stack([(p[:, None] * (labels == i)).sum(0) for i in range(len(unary))])
    return found, (-energy).logsumexp(0)


@pytest.mark.parametrize(("labels", "general"), [(2, False), (3, True)], ids=["potts", "general"])
def test_marginals_of_weak_potentials_are_those_of_enumeration(labels: int, general: bool) -> None:
    """The exact marginals of all labellings of 3×3 pixels lie within 0.01."""
    weights = PairwisePotentials(
        smooth=0.15, smooth_radius=1.0, appearance=0.2, radius=2.0, colour=60.0
    )
    distance = (torch.arange(labels)[:, None] - torch.arange(labels)).abs().double()
    mu = distance if general else (distance > 0).double()
    x, unary = picture(3), costs((1, labels, 3, 3))
    found = dense_crf.mean_field(
        unary,
        dense_crf.kernels(x, weights, exact=True),
        compatibility=mu if general else None,
        iterations=50,
        with_energies=True,
    )
    exact, log_z = enumerated(unary[0].flatten(1), pairs_of(x, weights), mu)
    alone = (-unary).softmax(1)[0].flatten(1)
    error = (found.q[0].flatten(1) - exact).abs().max()
    assert error < 0.01 and error < (alone - exact).abs().max() / 5
    # F is KL(q | p) - log Z, and no KL is below 0.
    assert found.energies is not None
    assert -log_z <= found.energies[-1, 0] < -log_z + 0.05


def test_without_neighbours_the_marginals_are_exact() -> None:
    unary = costs((2, 4, 5, 6))
    none = PairwisePotentials(smooth=0, appearance=0)
    found = dense_crf.mean_field(
        unary, dense_crf.kernels(picture(6)[:, :, :5].expand(2, -1, -1, -1), none)
    )
    assert torch.allclose(found.q, (-unary).softmax(1), atol=1e-12)


@pytest.mark.parametrize("damped", [False, True])
def test_the_fixed_point_solves_the_mean_field_equations(damped: bool) -> None:
    weights = PairwisePotentials(smooth=1.0, appearance=1.0, radius=3.0, colour=40.0)
    x, unary = picture(6), costs((1, 3, 6, 6))
    field = dense_crf.kernels(x, weights, exact=True)
    q = dense_crf.mean_field(unary, field, iterations=400, damped=damped).q
    assert (q.sum(1) - 1).abs().max() < 1e-12
    others = torch.einsum("ij,kj->ki", pairs_of(x, weights), q[0].flatten(1))
    mu = 1 - torch.eye(3, dtype=torch.float64)
    expected = (-(unary[0].flatten(1) + mu @ others)).softmax(0)
    assert torch.allclose(q[0].flatten(1), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("strength", "exact"), [(1.0, False), (10.0, True), (100.0, True), (100.0, False)]
)
def test_no_update_raises_the_free_energy(strength: float, exact: bool) -> None:
    weights = PairwisePotentials(strength, 1.0, strength, 4.0, 20.0)
    x, unary = picture(16, count=2), costs((2, 3, 16, 16))
    field = dense_crf.kernels(x, weights, exact=exact)
    energies = dense_crf.mean_field(unary, field, iterations=25, with_energies=True).energies
    assert energies is not None and energies.shape == (26, 2)
    assert energies[-1].lt(energies[0]).all()
    assert (energies[1:] <= energies[:-1] + 1e-9).all()


def test_undamped_updates_oscillate_where_damped_ones_do_not() -> None:
    """Two pixels that attract each other, each beginning as the other: they swap labels."""
    field = [DenseKernel(torch.full((1, 2, 2), 8.0), (1, 2))]
    unary = torch.tensor([[[[0.0, 1.0]], [[1.0, 0.0]]]])
    risen = []
    for damped in (False, True):
        energies = dense_crf.mean_field(
            unary, field, iterations=12, damped=damped, with_energies=True
        ).energies
        assert energies is not None
        risen.append(bool((energies[1:] > energies[:-1] + 1e-4).any()))
    assert risen == [True, False]


def test_a_general_compatibility_lowers_the_energy_too() -> None:
    mu = (torch.arange(4.0)[:, None] - torch.arange(4.0)).abs().double()
    field = dense_crf.kernels(
        picture(12), PairwisePotentials(5.0, 2.0, 5.0, 4.0, 20.0), exact=True
    )
    energies = dense_crf.mean_field(
        costs((1, 4, 12, 12)), field, compatibility=mu, iterations=25, with_energies=True
    ).energies
    assert energies is not None
    assert (energies[1:] <= energies[:-1] + 1e-9).all() and energies[-1, 0] < energies[0, 0] - 1


def test_each_kernel_may_have_its_own_compatibility() -> None:
    x, unary = picture(8), costs((1, 3, 8, 8))
    field = dense_crf.kernels(x, PairwisePotentials(2.0, 2.0, 3.0, 4.0, 20.0), exact=True)
    potts = 1 - torch.eye(3, dtype=torch.float64)
    together, each, one = (
        dense_crf.mean_field(unary, kernels, compatibility=mu).q
        for kernels, mu in (
            (field, None),
            (field, torch.stack([potts, potts])),
            (field, torch.stack([potts, 0 * potts])),
        )
    )
    assert torch.allclose(together, each, atol=1e-12)
    assert torch.allclose(one, dense_crf.mean_field(unary, field[:1]).q, atol=0.02)


def test_the_smooth_kernel_is_the_direct_one() -> None:
    x = picture(16)[:, :, :12]
    places = dense_crf.features(x, 3.0, 1.0)[:, :2]
    q = costs((1, 5, 12, 16))
    direct = DenseKernel(dense_crf.gaussian_matrix(places), (12, 16))(q)
    assert torch.allclose(SpatialKernel((12, 16), 3.0, x)(q), direct, atol=1e-10)


@pytest.mark.parametrize(
    ("radius", "colour", "share"), [(8.0, 20.0, 0.08), (40.0, 15.0, 0.08), (3.0, 10.0, 0.25)]
)
def test_the_fast_kernel_is_near_to_the_direct_one(
    radius: float, colour: float, share: float
) -> None:
    """The messages of 12 labels on 16×16 pixels differ by at most 8 % of their norm; 25 % where
    the noise of the image is larger than the kernel, so that points are alone in their cells.
    """
    x = picture(16, seed=3)
    labels = torch.randint(0, 12, (1, 4, 4), generator=numbers(0))
    q = torch.nn.functional.one_hot(labels, 12).permute(0, 3, 1, 2).double()
    q = torch.nn.functional.interpolate(q, scale_factor=4.0, mode="nearest")
    f = dense_crf.features(x, radius, colour)
    fast, direct = (
        NormalisedKernel(k, 1.0, x)(q)
        for k in (BilateralKernel(f), DenseKernel(dense_crf.gaussian_matrix(f), (16, 16)))
    )
    assert (fast - direct).norm() < share * direct.norm()


def test_the_fast_kernel_is_symmetric_and_knows_its_diagonal() -> None:
    points = torch.randn(1, 60, 5, generator=numbers(0), dtype=torch.float64)
    lattice = Lattice(points)
    matrix = lattice(torch.eye(60, dtype=torch.float64)[None])[0]
    assert torch.allclose(matrix, matrix.T, atol=1e-12) and matrix.min() >= 0
    assert (matrix.diagonal() <= lattice.diagonal[0] + 1e-12).all()
    dense = Lattice(0.05 * points)  # all corners are there: nothing is lost on the way
    own = dense(torch.eye(60, dtype=torch.float64)[None])[0].diagonal()
    assert torch.allclose(own, dense.diagonal[0], rtol=0.2)


def test_far_points_do_not_interact() -> None:
    points = torch.tensor([[[0.0] * 5, [100.0] * 5]])
    matrix = Lattice(points)(torch.eye(2)[None])[0]
    assert matrix[0, 1] == matrix[1, 0] == 0 and matrix[0, 0] > 0.3


def test_points_too_many_cells_apart_are_refused() -> None:
    with pytest.raises(BadValue, match="give larger ones"):
        Lattice(torch.tensor([[[0.0] * 6, [1e7] * 6]]))


def test_a_picture_is_the_same_alone_and_among_others() -> None:
    x, unary = picture(16, count=3).float(), costs((3, 3, 16, 16)).float()
    x[1] = -x[1]
    together = dense_crf.mean_field(unary, dense_crf.kernels(x, PairwisePotentials())).q
    for i in range(3):
        alone = dense_crf.mean_field(
            unary[i : i + 1], dense_crf.kernels(x[i : i + 1], PairwisePotentials())
        ).q
        assert torch.allclose(together[i], alone[0], atol=1e-5)


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "fast"])
def test_gradients_with_respect_to_costs_and_weights_are_right(exact: bool) -> None:
    x = picture(5, seed=1)

    def found(unary: Tensor, weights: Tensor, mu: Tensor) -> Tensor:
        field = dense_crf.kernels(
            x, PairwisePotentials(weights[0], 1.5, weights[1], 3.0, 30.0), exact=exact
        )
        return dense_crf.mean_field(unary, field, compatibility=mu + mu.T, iterations=3).q

    given = (costs((1, 3, 5, 5)), torch.tensor([0.7, 1.3], dtype=torch.float64), costs((3, 3)))
    assert torch.autograd.gradcheck(found, [v.requires_grad_(True) for v in given])


def test_gradients_with_respect_to_the_picture_and_radii_are_right() -> None:
    unary = costs((1, 2, 4, 4))

    def found(x: Tensor, radii: Tensor) -> Tensor:
        field = dense_crf.kernels(x, PairwisePotentials(1.0, radii[0], 1.0, radii[1], radii[2]))
        return dense_crf.mean_field(unary, field, iterations=2).q

    radii = torch.tensor([1.5, 3.1, 30.0], dtype=torch.float64)
    assert torch.autograd.gradcheck(
        found, (picture(4, seed=2).requires_grad_(True), radii.requires_grad_(True))
    )


def test_a_noisy_square_becomes_clean_along_its_edge() -> None:
    x = picture(32, seed=4).float()
    truth = (x.mean(1) > -0.1).long()
    says = torch.nn.functional.one_hot(truth, 2).permute(0, 3, 1, 2) * 2.0 - 1
    unary = -(says + 2.0 * torch.randn(says.shape, generator=numbers(5)))
    before = (unary.argmin(1) == truth).float().mean()
    q = dense_crf.mean_field(unary, dense_crf.kernels(x, PairwisePotentials())).q
    assert before < 0.85 and (q.argmax(1) == truth).float().mean() > 0.995


def test_constrained_pixels_keep_their_labels() -> None:
    unary = costs((1, 3, 8, 8))
    hints = torch.full((1, 8, 8), -1)
    hints[0, 2, 2:6], hints[0, 6, 6] = 1, 2
    told = dense_crf.constrained(unary, hints)
    assert torch.equal(told[:, :, 0], unary[:, :, 0])
    q = dense_crf.mean_field(
        told, dense_crf.kernels(picture(8), PairwisePotentials(50.0, 3.0, 50.0, 9.0, 200.0))
    ).q
    assert torch.equal(q.argmax(1)[hints >= 0], hints[hints >= 0])


@pytest.mark.parametrize("exact", [True, False], ids=["exact", "fast"])
def test_the_marginals_are_those_of_pydensecrf2(exact: bool) -> None:
    """`pydensecrf2.npz` holds what version 1.1 of that package says (five updates, symmetric
    normalisation). It comes as source and needs a compiler; hence its answer, not itself:

        crf = DenseCRF2D(32, 24, 3); crf.setUnaryEnergy(unary.reshape(3, -1))
        crf.addPairwiseGaussian(sxy=2, compat=2.0, …)
        crf.addPairwiseBilateral(sxy=10, srgb=20, rgbim=image, compat=4.0, …)

    It keeps the diagonal of the kernels, which are approximations too.
    """
    with np.load(Path(__file__).with_name("pydensecrf2.npz")) as kept:
        found = {name: torch.from_numpy(kept[name].astype("float32")) for name in kept}
    x = found["image"].permute(2, 0, 1)[None] / 127.5 - 1
    field = dense_crf.kernels(x, PairwisePotentials(2.0, 2.0, 4.0, 10.0, 20.0), exact=exact)
    q = dense_crf.mean_field(found["unary"][None], field, iterations=5, damped=False).q[0]
    theirs = found["marginals"]
    assert (q - theirs).abs().mean() < 0.01
    assert (q.argmax(0) == theirs.argmax(0)).float().mean() > 0.98
    assert (found["unary"].argmin(0) == theirs.argmax(0)).float().mean() < 0.8  # it did much
