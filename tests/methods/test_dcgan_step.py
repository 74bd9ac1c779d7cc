"""The DCGAN's fast step is the plain one: same weights, same convolutions, same gradients."""

from __future__ import annotations

from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aigc_demo.methods.base import Batch
from aigc_demo.methods.dcgan import (
    METHOD,
    DCGANTrainer,
    Loss,
    discriminator_loss,
    generator_loss,
    separation,
)
from aigc_demo.nn.layers import Condense, Expand, double, halve


def seed_generator() -> nn.Module:
    """Return the generator as the seed project wrote it: a Sequential called main."""
    main = nn.Sequential(
        nn.ConvTranspose2d(100, 256, 4, 1, 0, bias=False),
        nn.BatchNorm2d(256),
        nn.ReLU(True),
        nn.ConvTranspose2d(256, 128, 4, 2, 1, bias=False),
        nn.BatchNorm2d(128),
        nn.ReLU(True),
        nn.ConvTranspose2d(128, 64, 4, 2, 1, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(True),
        nn.ConvTranspose2d(64, 3, 4, 2, 1, bias=False),
        nn.Tanh(),
    )
    return nn.Sequential(OrderedDict(main=main))


def trainer(**config: object) -> DCGANTrainer:
    torch.manual_seed(3)
    model = METHOD.build(config).to(memory_format=torch.channels_last)
    return model.trainer(lr=2e-4, ema=0.05, seed=4)


def images(count: int = 8, channels: int = 3) -> Tensor:
    return torch.rand(count, channels, 32, 32, generator=torch.Generator().manual_seed(5)) * 2 - 1


def test_a_state_dict_of_the_seed_gives_the_seed_s_images() -> None:
    torch.manual_seed(0)
    seed = seed_generator()
    seed(torch.randn(16, 100, 1, 1))  # batch norms learn statistics other than 0 and 1
    seed.eval()
    model = METHOD.build({}).eval()
    model.load_state_dict(seed.state_dict())
    z = torch.randn(4, 100)
    with torch.no_grad():
        expected = seed.main(z[:, :, None, None])
        assert torch.allclose(model(z), expected, atol=1e-5)
        model = model.to(memory_format=torch.channels_last)
        assert torch.allclose(model(z), expected, atol=1e-5)


def test_halving_is_a_plain_convolution_and_doubling_its_transpose() -> None:
    """Few and many channels, images of one pixel a side and more, and both derivatives."""
    torch.manual_seed(0)
    for inputs, outputs, size in ((3, 8, 4), (13, 8, 16), (24, 32, 12)):
        w = torch.randn(outputs, inputs, 4, 4, dtype=torch.float64, requires_grad=True)
        x = torch.randn(3, inputs, size, size, dtype=torch.float64, requires_grad=True)
        h = torch.randn(3, outputs, size // 2, size // 2, dtype=torch.float64, requires_grad=True)
        for ours, theirs, given in (
            (halve(x, w), F.conv2d(x, w, None, 2, 1), x),
            (double(h, w), F.conv_transpose2d(h, w, None, 2, 1), h),
        ):
            torch.testing.assert_close(ours, theirs)
            direction = torch.randn_like(theirs)
            torch.testing.assert_close(
                torch.autograd.grad(ours, (given, w), direction),
                torch.autograd.grad(theirs, (given, w), direction),
            )


@pytest.mark.parametrize("inputs", [2, 17])
def test_halving_and_doubling_have_second_derivatives(inputs: int) -> None:
    torch.manual_seed(0)
    w = torch.randn(2, inputs, 4, 4, dtype=torch.float64, requires_grad=True)
    x = torch.randn(1, inputs, 4, 4, dtype=torch.float64, requires_grad=True)
    h = torch.randn(1, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradgradcheck(halve, (x, w), fast_mode=True)
    assert torch.autograd.gradgradcheck(double, (h, w), fast_mode=True)


def test_the_outermost_layers_are_the_convolutions_they_replace() -> None:
    torch.manual_seed(0)
    expand, condense = Expand(10, 6, 4).double(), Condense(6, 2, 4).double()
    z = torch.randn(3, 10, 1, 1, dtype=torch.float64)
    h = expand(z)
    torch.testing.assert_close(h, F.conv_transpose2d(z, expand.weight))
    torch.testing.assert_close(condense(h), F.conv2d(h, condense.weight))


@pytest.mark.parametrize("loss", ["bce", "hinge", "relativistic"])
def test_one_backward_pass_gives_both_networks_their_own_gradients(
    loss: Loss, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_DTYPE", "float32")
    ours, plain, x = trainer(loss=loss), trainer(loss=loss), images()
    ours.update(Batch(x))
    fakes = plain.network(torch.randn(len(x), 100, generator=plain.generator))
    real, fake = plain.discriminator(x), plain.discriminator(fakes)
    for net, own, value in (
        (plain.discriminator, ours.discriminator, discriminator_loss(loss, real, fake)),
        (plain.network, ours.network, generator_loss(loss, real.detach(), fake)),
    ):
        expected = torch.autograd.grad(value, list(net.parameters()), retain_graph=True)
        for parameter, gradient in zip(own.parameters(), expected, strict=True):
            tolerance = 1e-4 * gradient.abs().max().item()
            torch.testing.assert_close(parameter.grad, gradient, atol=tolerance, rtol=1e-3)


def test_one_augmentation_may_be_named_without_a_list() -> None:
    assert METHOD.config(diffaugment="translation").diffaugment == ("translation",)


def test_losses_are_those_of_the_papers() -> None:
    real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    expected: dict[Loss, tuple[float, float]] = {
        "bce": (0.126928 + 0.474077, 0.974077),
        "hinge": (0.0 + 0.5, 0.5),
        "relativistic": (0.078889, 2.578889),
    }
    for loss, (d, g) in expected.items():
        assert float(discriminator_loss(loss, real, fake)) == pytest.approx(d, abs=1e-5)
        assert float(generator_loss(loss, real, fake)) == pytest.approx(g, abs=1e-5)


def test_networks_that_know_nothing_begin_at_the_losses_that_the_lesson_names() -> None:
    """2 log 2 and log 2 of the non-saturating loss; of the minimax one it would be -log 2."""
    first = trainer().training_step(Batch(images()))
    assert float(first["discriminator"]) == pytest.approx(1.386, abs=0.1)
    assert float(first["generator"]) == pytest.approx(0.693, abs=0.1)


def test_separation_is_the_share_of_real_images_that_are_ranked_above_generated_ones() -> None:
    real = torch.tensor([3.0, 1.0, -2.0, 0.0])
    assert float(separation(real, real - 1)) == 1
    assert float(separation(real, real)) == 0.5
    assert float(separation(real, torch.tensor([2.0, 2.0, 2.0, 0.0]))) == 0.375
    both = trainer().training_step(Batch(images()))
    assert 0 <= float(both["separation"]) <= 1


def test_the_gradient_penalty_is_the_squared_slope_and_comes_every_few_steps() -> None:
    net, w = trainer(r1=2.0, r1_every=2), torch.randn(3, 32, 32)
    first, second = net.training_step(Batch(images())), net.training_step(Batch(images()))
    assert "r1" in first and "r1" not in second
    net.discriminator.forward = lambda x, classes: (w * x).sum((1, 2, 3))
    penalty = net.gradient_penalty(images(), None)
    assert float(penalty) == pytest.approx(float(w.square().sum()), rel=1e-5)
