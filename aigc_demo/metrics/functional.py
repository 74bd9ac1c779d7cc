"""How far two sets of features are apart: pure functions of tensors, in float64.

* FID: Heusel et al., "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash
  Equilibrium", 2017, https://arxiv.org/abs/1706.08500:
  ``|mu_a - mu_b|² + tr A + tr B - 2 tr (A B)^(1/2)``.
* KID: Bińkowski et al., "Demystifying MMD GANs", 2018, https://arxiv.org/abs/1801.01401:
  the unbiased squared MMD of the kernel ``(x·y / F + 1)³``.
* Inception Score: Salimans et al., "Improved Techniques for Training GANs", 2016,
  https://arxiv.org/abs/1606.03498: ``exp E KL(p(c|x) ‖ p(c))``.
* Precision and recall: Kynkäänniemi et al., "Improved Precision and Recall Metric for Assessing
  Generative Models", 2019, https://arxiv.org/abs/1904.06991.
* Memorisation rate: Meehan et al., "A Non-Parametric Test to Detect Data-Copying in Generative
  Models", 2020, https://arxiv.org/abs/2004.05675.

The tests compare these functions with torchmetrics and torch-fidelity. Both take the eigenvalues
of the product A B, which is not symmetric: rounding makes some of them negative or complex, and
their root loses half of the digits. With ``A = U Uᵀ`` and ``B = V Vᵀ`` the trace is the sum of the
singular values of ``Uᵀ V``: real, never negative, exact.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from aigc_demo.errors import BadValue

CELLS = 10_000_000  # of a distance matrix that is in memory at a time


class Moments:
    """The mean and covariance of rows that come in batches.

    The sums are about the mean (Chan, Golub and LeVeque, "Updating Formulae and a Pairwise
    Algorithm for Computing Sample Variances", 1979), so that neither a large mean nor the order or
    size of the batches costs digits.
    """

    def __init__(self, n: int = 0, mean: Tensor | None = None, scatter: Tensor | None = None):
        self.n = n
        self.mean = mean  # (F,), None before the first row
        self.scatter = scatter  # (F, F), the sum of (x - mean)(x - mean)ᵀ

    @classmethod
    def of(cls, features: Tensor) -> Moments:
        """Return the moments of the rows of (N, F)."""
        moments = cls()
        moments.update(features)
        return moments

    def update(self, features: Tensor) -> None:
        """Add the rows of (M, F)."""
        m = len(features)
        if not m:
            return
        rows = features.double()
        mean = rows.mean(0)
        scatter = (rows - mean).T @ (rows - mean)
        if self.mean is None or self.scatter is None:
            self.n, self.mean, self.scatter = m, mean, scatter
            return
        apart, total = mean - self.mean, self.n + m
        self.scatter = self.scatter + scatter + torch.outer(apart, apart) * (self.n * m / total)
        self.mean = self.mean + apart * (m / total)
        self.n = total

    @property
    def cov(self) -> Tensor:
        """The unbiased covariance (F, F); raises BadValue below two rows."""
        if self.n < 2 or self.scatter is None:
            raise BadValue(f"n: {self.n} pictures have no covariance; give at least 2.")
        return self.scatter / (self.n - 1)


def frechet_distance(a: Moments, b: Moments) -> float:
    """Return the squared Fréchet distance of two Gaussians, >= 0; raises BadValue for n < 2."""
    cross = torch.linalg.svdvals(_root(a.cov).T @ _root(b.cov)).sum()
    apart = (a.mean - b.mean).square().sum()
    return max(0.0, (apart + a.cov.trace() + b.cov.trace() - 2 * cross).item())


def _root(cov: Tensor) -> Tensor:
    """Return U (F, F) with U Uᵀ = cov; rounding below zero is cut off."""
    values, vectors = torch.linalg.eigh(cov)
    return vectors * values.clamp(min=0).sqrt()


def kernel_distance(
    real: Tensor, fake: Tensor, *, subsets: int = 100, subset_size: int = 1000, seed: int = 0
) -> tuple[float, float]:
    """Return mean and standard deviation of the unbiased squared MMD over random subsets of
    (N, F) and (M, F); it may be negative where the sets are alike.

    A subset has at most as many rows as the smaller set; where it holds all of both, one is
    enough. Raises BadValue for n < 2.
    """
    _check_counts(real, fake)
    size = min(subset_size, len(real), len(fake))
    if size == len(real) == len(fake):
        subsets = 1
    generator = torch.Generator().manual_seed(int(seed))
    values = []
    for _ in range(subsets):
        x, y = (s[torch.randperm(len(s), generator=generator)[:size]] for s in (real, fake))
        values.append(_mmd(x.double(), y.double()))
    found = torch.tensor(values, dtype=torch.float64)
    return found.mean().item(), found.std(correction=0).item()


def _mmd(x: Tensor, y: Tensor) -> float:
    """Return the unbiased squared MMD of (m, F) and (m, F)."""
    m = len(x)
    xx, yy, xy = ((a @ b.T / a.shape[1] + 1) ** 3 for a, b in ((x, x), (y, y), (x, y)))
    within = xx.sum() - xx.trace() + yy.sum() - yy.trace()
    return (within / (m * (m - 1)) - 2 * xy.mean()).item()


def inception_score(
    probabilities: Tensor, *, splits: int = 10, seed: int = 0
) -> tuple[float, float]:
    """Return mean and standard deviation over `splits` of the score, within [1, K], of class
    probabilities (N, K), which are shuffled.

    Raises BadValue for n < 2.
    """
    _check_counts(probabilities)
    generator = torch.Generator().manual_seed(int(seed))
    p = probabilities.double()[torch.randperm(len(probabilities), generator=generator)]
    scores = []
    for part in p.tensor_split(min(splits, len(p))):
        marginal = part.mean(0, keepdim=True)
        divergence = (torch.xlogy(part, part) - torch.xlogy(part, marginal)).sum(1)
        scores.append(divergence.mean().exp())
    found = torch.stack(scores)
    return found.mean().item(), found.std(correction=0).item()


def precision_recall(real: Tensor, fake: Tensor, *, k: int = 3) -> tuple[float, float]:
    """Return the share of fake rows within the manifold of the real ones, and of real rows within
    that of the fake ones.

    A set's manifold is the union of balls about its rows (N, F), each as wide as the distance to
    the k-th nearest other one. Raises BadValue for n < 2.
    """
    _check_counts(real, fake)
    return _within(fake, real, k), _within(real, fake, k)


def _within(rows: Tensor, manifold: Tensor, k: int) -> float:
    """Return the share of `rows` (N, F) within the manifold of (M, F)."""
    k = min(k + 1, len(manifold))  # the nearest is the row itself
    radii = [d.kthvalue(k, dim=1).values for d in _distances(manifold, manifold)]
    inside = [(d <= torch.cat(radii)).any(1) for d in _distances(rows, manifold)]
    return torch.cat(inside).double().mean().item()


def nearest_neighbours(rows: Tensor, others: Tensor) -> tuple[Tensor, Tensor]:
    """Return for each row of (N, F) the distance (N,) to the nearest of (M, F), and its place."""
    found = [d.min(1) for d in _distances(rows, others)]
    return torch.cat([f.values for f in found]), torch.cat([f.indices for f in found])


def mann_whitney(a: Tensor, b: Tensor) -> float:
    """Return the share of pairs of (N,) and (M,) in which that of `a` is smaller; a tie is half.

    This is the statistic of Mann and Whitney: 0.5 where both are alike.
    """
    ordered = b.sort().values.contiguous()
    larger = len(b) - torch.searchsorted(ordered, a.contiguous(), right=True)
    ties = len(b) - torch.searchsorted(ordered, a.contiguous()) - larger
    return ((larger + ties / 2).double().mean() / len(b)).item()


def _distances(rows: Tensor, others: Tensor) -> Iterator[Tensor]:
    """Yield the distances of (N, F) to (M, F) some rows at a time, float64."""
    others = others.double()
    for part in rows.split(max(1, CELLS // len(others))):
        yield torch.cdist(part.double(), others)


def _check_counts(*sets: Tensor) -> None:
    for rows in sets:
        if len(rows) < 2:
            raise BadValue(f"n: {len(rows)} pictures cannot be compared; give at least 2.")
