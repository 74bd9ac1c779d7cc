"""The shared blocks do what their equations say."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from aigc_demo.nn import layers as blocks, optim
from aigc_demo.nn.layers import DIFF_AUGMENTS, diff_augment
from aigc_demo.nn.optim import PowerEMA, step


def weights_of_the_past(spread: float, steps: int) -> Tensor:
    """Return the weight of the value of each step 1, 2, … in the average after `steps`."""
    source, target = nn.Linear(steps, 1, bias=False), nn.Linear(steps, 1, bias=False)
    ema = PowerEMA(spread)
    for t in range(1, steps + 1):
        with torch.no_grad():
            source.weight.zero_()[0, t - 1] = 1
        ema.update(target, source, t)
    return target.weight.detach()[0].double()


def test_gamma_solves_the_papers_relation() -> None:
    for spread in (0.02, 0.05, 0.1, 0.2):
        gamma = optim._gamma(spread)
        assert gamma > 0
        assert (gamma + 1) / ((gamma + 2) ** 2 * (gamma + 3)) == pytest.approx(spread**2)


@pytest.mark.parametrize("spread", [0.05, 0.2])
def test_the_average_spans_the_promised_share_of_the_run(spread: float) -> None:
    steps = 1000
    weights = weights_of_the_past(spread, steps)
    gamma, share = optim._gamma(spread), torch.arange(1, steps + 1) / steps
    mean = (weights * share).sum()
    assert mean == pytest.approx((gamma + 1) / (gamma + 2), rel=0.01)
    assert (weights * (share - mean) ** 2).sum().sqrt() == pytest.approx(spread, rel=0.01)


def test_the_weights_of_the_past_follow_the_power_profile() -> None:
    weights = weights_of_the_past(0.1, 500)
    gamma = torch.tensor(optim._gamma(0.1), dtype=torch.float64)
    # The product of (u - 1) / (u + gamma) over u = s + 1 … t, times (1 + gamma) / (s + gamma).
    s = torch.arange(1, 501, dtype=torch.float64)
    log = torch.lgamma(s + gamma) - torch.lgamma(s) - torch.lgamma(500 + 1 + gamma)
    expected = (1 + gamma) * torch.exp(log + torch.lgamma(torch.tensor(500.0).double()))
    torch.testing.assert_close(weights, expected, rtol=1e-3, atol=1e-7)
    assert weights.sum() == pytest.approx(1, abs=1e-5)


def test_no_spread_is_a_plain_copy() -> None:
    assert weights_of_the_past(0, 20).tolist() == [0] * 19 + [1]


def test_the_average_of_a_constant_is_the_constant() -> None:
    for spread in (0, 0.05):
        source, target = nn.BatchNorm2d(3), nn.BatchNorm2d(3)
        nn.init.constant_(source.weight, 0.3)
        source.num_batches_tracked.fill_(7)
        ema = PowerEMA(spread)
        for t in range(1, 50):
            ema.update(target, source, t)
        for name, value in source.state_dict().items():
            torch.testing.assert_close(target.state_dict()[name], value)


def test_noise_of_a_seed_does_not_depend_on_the_others() -> None:
    for shape in ((1,), (3, 4, 4)):
        together = blocks.normals(shape, [5, 9, 2**53 - 1])
        assert together.shape == (3, *shape)
        for i, seed in enumerate([5, 9, 2**53 - 1]):
            assert torch.equal(together[i : i + 1], blocks.normals(shape, [seed]))


def test_noise_is_standard_normal() -> None:
    noise = blocks.normals((1000,), range(50))
    assert noise.mean().abs() < 0.02
    assert noise.std() == pytest.approx(1, abs=0.02)


def test_noise_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    blocks.normals((3,), [1])
    assert torch.equal(before, torch.get_rng_state())


POLICIES = [*((name,) for name in DIFF_AUGMENTS), tuple(DIFF_AUGMENTS), ()]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("policy", POLICIES, ids="-".join)
def test_augmentation_keeps_the_shape_and_repeats_for_a_generator(policy: tuple[str, ...]) -> None:
    for channels in (1, 3):
        x = torch.rand(6, channels, 16, 16)
        one, again = (diff_augment(x, policy, generator()) for _ in range(2))
        assert one.shape == x.shape and one.dtype == x.dtype
        assert torch.equal(one, again)
        assert torch.equal(one, diff_augment(x, policy, generator(1))) is not bool(policy)


@pytest.mark.parametrize("policy", POLICIES, ids="-".join)
def test_augmentation_is_differentiable(policy: tuple[str, ...]) -> None:
    x = torch.rand(2, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda x: diff_augment(x, policy, generator()), (x,))


def test_each_image_has_its_own_draw() -> None:
    x = torch.rand(1, 3, 16, 16).expand(16, -1, -1, -1)
    for name in DIFF_AUGMENTS:
        assert len(diff_augment(x, (name,), generator()).flatten(1).unique(dim=0)) > 4


def test_equal_draws_transform_two_batches_alike() -> None:
    real, fake = torch.rand(2, 4, 3, 16, 16).unbind()
    one = DIFF_AUGMENTS["translation"](real, generator())
    other = DIFF_AUGMENTS["translation"](fake, generator())
    both = DIFF_AUGMENTS["translation"]((real + fake) / 2, generator())
    torch.testing.assert_close((one + other) / 2, both)


def test_translation_shifts_by_at_most_an_eighth_and_fills_with_black() -> None:
    x = torch.ones(64, 1, 16, 16)
    shifted = DIFF_AUGMENTS["translation"](x, generator())
    assert set(shifted.unique().tolist()) == {-1, 1}
    assert shifted[:, :, 2:-2, 2:-2].eq(1).all()
    assert shifted[:, :, 0].eq(-1).any() and shifted[:, :, -1].eq(-1).any()


def test_cutout_blanks_at_most_a_square_of_half_the_side() -> None:
    cut = DIFF_AUGMENTS["cutout"](torch.ones(64, 2, 16, 16), generator())
    blank = (cut == 0).flatten(1).float().mean(1)
    assert blank.min() > 0 and blank.max() <= 0.26


@pytest.mark.parametrize(("clip", "moved"), [(0.0, 1000.0), (1.0, 1.0), (5000.0, 1000.0)])
def test_a_step_clips_the_gradient_and_returns_its_norm(clip: float, moved: float) -> None:
    w = nn.Parameter(torch.tensor([3.0, 4.0]))
    w.grad = torch.full((2,), 99.0)  # of an earlier step
    norm = step((w * torch.tensor([600.0, 800.0])).sum(), torch.optim.SGD([w], lr=1.0), clip=clip)
    assert norm == pytest.approx(1000) and not norm.requires_grad
    torch.testing.assert_close(
        w.detach(), torch.tensor([3 - 0.6 * moved, 4 - 0.8 * moved]), rtol=1e-4, atol=1e-4
    )


# --- Smooth filling ---


def holed(side: int = 40) -> torch.Tensor:
    hole = torch.zeros(1, 1, side, side)
    hole[..., 12:24, 15:30] = 1
    return hole


def test_a_plane_is_continued_and_the_rest_is_untouched() -> None:
    rows = torch.linspace(-0.8, 0.8, 40)
    plane = (0.6 * rows[:, None] + 0.4 * rows[None, :]).expand(1, 3, 40, 40)
    filled = blocks.fill_smoothly(torch.where(holed() > 0, 9.0, plane), holed(), steps=60)
    assert (filled - plane).abs().max() < 0.02
    assert torch.equal(
        filled[holed().expand_as(filled) == 0], plane[holed().expand_as(plane) == 0]
    )


def test_more_steps_bend_less() -> None:
    x = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def bending(steps: int) -> float:
        filled = blocks.fill_smoothly(x, holed(), steps=steps)
        return float(blocks._laplace(filled).square().sum())

    assert bending(40) < bending(10) < bending(0) < float(blocks._laplace(x).square().sum())


@pytest.mark.parametrize("lost", ["nothing", "everything", "half"])
def test_any_hole_is_filled_with_finite_values_in_range(lost: str) -> None:
    for shape in ((1, 1), (1, 50), (5, 3), (33, 47)):
        x = torch.rand(2, 3, *shape) * 2 - 1
        hole = torch.full((2, 1, *shape), float(lost == "everything"))
        if lost == "half":
            hole[..., : shape[1] // 2] = 1
        filled = blocks.fill_smoothly(x, hole)
        assert filled.isfinite().all() and filled.abs().max() <= 1
        if lost == "nothing":
            assert torch.equal(filled, x)


def test_a_picture_is_filled_alike_alone_and_in_a_batch() -> None:
    x = torch.rand(3, 3, 24, 24, generator=torch.Generator().manual_seed(0))
    hole = (torch.rand(3, 1, 24, 24, generator=torch.Generator().manual_seed(1)) < 0.4).float()
    together = blocks.fill_smoothly(x, hole)
    for i in range(3):
        alone = blocks.fill_smoothly(x[i : i + 1], hole[i : i + 1])
        torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-5)


def test_the_noise_of_a_seed_is_that_of_the_same_number_of_numpy() -> None:
    seeds = [7, 2**40]
    assert torch.equal(blocks.normals((3,), seeds), blocks.normals((3,), np.array(seeds)))
