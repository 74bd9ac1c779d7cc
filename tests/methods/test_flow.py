"""Flow matching: classifier-free guidance and temperature, by their equations."""

from __future__ import annotations

import torch

from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Batch
from aigc_demo.methods.flow import DistillingTrainer, Flow
from aigc_demo.nn.sampler import heun
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


def distilling(steps: int = 3, guided: float = 1.7) -> DistillingTrainer:
    """Return a trainer that begins with a model whose weights are all different from 0."""
    config = factories.CONFIGS["flow"] | {"distilled": steps, "guided": guided}
    model = factories.model("flow", config=config).requires_grad_()
    trainer = model.trainer(lr=1e-3, ema=0.0, seed=0)
    assert isinstance(trainer, DistillingTrainer)
    return trainer


def test_what_a_distilled_flow_learns_leads_where_its_teacher_gets_with_guidance() -> None:
    trainer, n = distilling(), 3
    x, labels = trainer.model.noise(range(4)), torch.tensor([0, 1, 0, 1])
    classes = trainer.model.one_hot(labels)
    *_, expected = heun(
        lambda x, t: trainer.teacher.velocity(x, t, classes, 1.7), x, 2 * n * trainer.SMALL
    )
    for k in range(n):
        x = trainer._ahead(x, torch.full((4,), k), classes)
    torch.testing.assert_close(x.clamp(-1, 1), expected, rtol=1e-3, atol=1e-3)


def test_a_distilled_flow_learns_from_its_teacher_and_not_from_the_pictures() -> None:
    trainer = distilling()
    before = [p.clone() for p in trainer.teacher.parameters()]
    batch = Batch(torch.rand(8, 3, 32, 32) * 2 - 1, torch.arange(8) % 2)
    losses = [float(trainer.training_step(batch)["loss"]) for _ in range(60)]
    assert sum(losses[-10:]) < 0.7 * sum(losses[:10])
    assert all(map(torch.equal, before, trainer.teacher.parameters()))


def test_a_distilled_flow_offers_what_is_left_to_choose_and_takes_its_own_steps() -> None:
    model, asked = distilling().model, []
    options = METHODS["flow"].network.options_for(model.config.model_dump())
    assert [option.name for option in options] == ["temperature"]
    model.velocity = lambda x, t, *given: asked.append(t) or x  # type: ignore[method-assign]
    steps = list(model.decode_steps(model.noise([1]), None, guidance=3.0, evaluations=16))
    assert len(steps) == 3 and asked == [0, 1 / 3, 2 / 3]
