"""Flow matching: classifier-free guidance and temperature, by their equations."""

from __future__ import annotations

import torch

from aigc_demo.methods.flow import Flow
from tests import factories


def test_guidance_goes_from_the_unconditional_to_the_conditional_velocity_and_beyond() -> None:
    model = factories.model("flow")
    assert isinstance(model, Flow)
    x, classes = model.noise([1, 2]), model.one_hot(torch.tensor([0, 1]))
    conditional = model.velocity(x, 0.3, classes, 1.0)
    unconditional = model.velocity(x, 0.3, torch.zeros_like(classes), 1.0)
    assert not torch.allclose(conditional, unconditional, atol=1e-3)
    for w in (0.0, 1.5, 4.0):
        expected = unconditional + w * (conditional - unconditional)
        guided = model.velocity(x, 0.3, classes, w)
        torch.testing.assert_close(guided, expected, rtol=1e-3, atol=1e-4)


def test_the_same_picture_comes_of_noise_and_of_twice_the_noise_at_half_the_temperature() -> None:
    model = factories.model("flow")
    noise, condition = model.noise([3, 4]), model.one_hot(torch.tensor([0, 1]))
    plain = model.decode(noise, condition, temperature=1.0)
    assert torch.equal(model.decode(2 * noise, condition, temperature=0.5), plain)
    assert not torch.allclose(model.decode(noise, condition, temperature=0.5), plain, atol=1e-2)
