"""Every method that restores keeps the same promises."""

from __future__ import annotations

from typing import Any, get_args

import pytest
import torch
from pydantic import ValidationError

from aigc_demo.methods import METHODS, repair
from aigc_demo.methods.base import Batch, Model, Trainer
from aigc_demo.nn.layers import fill_smoothly
from tests import factories

pytestmark = pytest.mark.usefixtures("one_thread")
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    **{f"repair-{kind}": ("repair", {"damage": kind}) for kind in get_args(repair.Kind)},
    "inpaint": ("inpaint", {"guessed": 0.5}),
    "inpaint-adversarial": ("inpaint", {"adversarial": 0.1}),
}
every_case = pytest.mark.parametrize("case", CASES)


def build(case: str, *, ema: float = 0.05) -> tuple[Model, Trainer]:
    method, config = CASES[case]
    torch.manual_seed(0)
    model = METHODS[method].build(factories.CONFIGS[method] | config)
    return model, model.trainer(lr=METHODS[method].lr, ema=ema, seed=0)


@every_case
def test_a_few_dozen_steps_bring_results_nearer_to_the_truth(case: str) -> None:
    model, trainer = build(case, ema=0.0)
    x = torch.zeros(8 if case.startswith("repair") else 4, 3, 32, 32)
    x[:, :, :, 8:16] = 0.9
    x[:, :, :, 24:] = -0.6

    def error() -> float:
        _, restored, truth = model.preview_rows(Batch(x))
        return float((restored - truth).abs().mean())

    before, steps = error(), 120 if case.startswith("repair") else 60
    for i in range(steps):
        trainer.schedule(1 - i / steps)
        trainer.training_step(Batch(x))
    assert error() < 0.97 * before


def test_an_untrained_network_returns_what_it_was_given() -> None:
    x, hole = factories.batch(2, classes=0).images, torch.zeros(2, 1, 32, 32)
    hole[..., 8:16, 8:16] = 1
    model, _ = build("repair-noise")
    assert torch.equal(model(x, torch.rand(2)), x)
    model, _ = build("inpaint")
    guess = torch.full_like(x, 0.3)
    assert torch.equal(model(x, hole, guess), torch.where(hole > 0, guess, x))
    assert torch.equal(model(x, hole), fill_smoothly(x, hole))


@pytest.mark.parametrize("case", ["repair-noise", "inpaint"])
def test_nothing_outside_the_receptive_field_changes_a_pixel(case: str) -> None:
    """Tiles are cut with this margin: if the network saw further, there would be seams."""
    method, config = CASES[case]
    torch.manual_seed(0)
    model = METHODS[method].build(config | ({"widths": [8] * 4} if method == "inpaint" else {}))
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.2)
    side = 2 * model.receptive_radius + 64
    x = torch.zeros(1, 3, 16, side, requires_grad=True)
    if method == "repair":
        y = model(x, torch.ones(1))
    else:
        y = model(x, torch.zeros(1, 1, 16, side), None) + model(x, torch.ones(1, 1, 16, side), x)
    (gradient,) = torch.autograd.grad(y[..., side // 2].sum(), x)
    seen = gradient.abs().sum((0, 1, 2)).nonzero().flatten()
    furthest = int((seen - side // 2).abs().max())
    assert model.receptive_radius / 4 < furthest <= model.receptive_radius


@pytest.mark.parametrize("case", ["repair-jpeg", "repair-resolution", "inpaint"])
def test_rows_show_degradation_result_and_truth(case: str) -> None:
    model, _ = build(case)
    batch = factories.batch(8, classes=0)
    damaged, restored, truth = model.preview_rows(batch)
    assert damaged.shape == restored.shape == truth.shape == batch.images.shape
    assert torch.equal(truth, batch.images) and not torch.equal(damaged, truth)


def test_a_network_is_not_told_what_nobody_knows() -> None:
    x = factories.batch(1, classes=0).images
    for kind, told in (("noise", True), ("jpeg", False), ("blur", False), ("resolution", True)):
        model = factories.model("repair", classes=0, config={"damage": kind})
        weak, strong = (model(x, torch.tensor([s])) for s in (0.1, 0.9))
        assert torch.equal(weak, strong) is not told


@pytest.mark.parametrize("method", factories.RESTORE)
def test_a_wrong_setting_is_refused(method: str) -> None:
    for wrong in ({"classes": 2}, {"channels": 1}, {"crop": 256}, {"crop": 33}, {"widths": [8]}):
        with pytest.raises(ValidationError):
            METHODS[method].build(wrong)
