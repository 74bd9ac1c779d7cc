"""A network that draws plans: its classes are exact colours, its chances sum to one, it learns."""

from __future__ import annotations

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor

from aigc_demo.imaging import facade_labels, images
from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Batch
from aigc_demo.methods.segment import Segment, augment_colour, augment_geometry
from tests import factories

pytestmark = pytest.mark.usefixtures("one_thread")


def model(**config: object) -> Segment:
    built = factories.model("segment", classes=0, config=config)
    assert isinstance(built, Segment)
    return built


def halves(count: int = 8) -> Batch:
    """Return plans of sky above wall, each with its own horizon, and photographs of them."""
    numbers = torch.zeros(count, 32, 32, dtype=torch.int64)
    for i in range(count):
        numbers[i, 8 + 2 * i :] = 1
    photos = torch.where(numbers[:, None] == 1, 0.5, -0.5).expand(-1, 3, -1, -1).clone()
    return Batch(model().to_label_map(numbers), None, photos)


def test_the_colours_of_facades_are_the_classes_in_their_order() -> None:
    plan = images.from_pixels(images.to_pixels(facade_labels.example()))[None]
    net = model()
    numbers = net.to_class_indices(plan)
    assert torch.equal(net.to_label_map(numbers), plan)
    assert sorted(numbers.unique().tolist()) == sorted(
        list(facade_labels.CLASSES).index(name)
        for name in (
            "background",
            "wall",
            "window",
            "window head",
            "sill",
            "balcony",
            "cornice",
            "column",
            "door",
            "entrance",
        )
    )


def test_the_chances_of_a_pixel_sum_to_one_and_mirror_with_the_picture() -> None:
    net, x = model(), torch.rand(2, 3, 32, 48) * 2 - 1
    p = net.probabilities(x)
    assert p.shape == (2, 12, 32, 48) and p.min() >= 0
    assert torch.allclose(p.sum(1), torch.ones(2, 32, 48), atol=1e-5)
    assert torch.allclose(net.probabilities(x.flip(-1)), p.flip(-1), atol=1e-5)
    assert torch.equal(net.translate(x), net.to_label_map(p.argmax(1)))


def test_it_learns_to_tell_sky_from_wall() -> None:
    torch.manual_seed(0)
    net = METHODS["segment"].build(factories.CONFIGS["segment"] | {"dropout": 0.0, "light": 0.0})
    trainer, batch = net.trainer(lr=5e-3, ema=0.0, seed=0), halves()
    for _ in range(60):
        trainer.training_step(batch)
    assert batch.targets is not None
    right = net.translate(batch.targets).sub(batch.images).abs().amax(1) < 1e-6
    assert right.float().mean() > 0.95


def test_the_field_learns_which_classes_go_together() -> None:
    """Chances that are noise but for the sky above and the wall below become right by it."""
    net = METHODS["segment"].build(factories.CONFIGS["segment"] | {"light": 0.0, "field": 40})
    trainer, batch = net.trainer(lr=1e-3, ema=0.0, seed=0), halves()
    for _ in range(12):
        trainer.training_step(batch)
    before = net.compatibility.clone()
    trainer.finish([batch] * 40, thorough=False)
    assert torch.equal(net.compatibility, before)
    trainer.finish([batch] * 40)
    mu, photos = net.compatibility, batch.targets
    assert photos is not None and not mu.requires_grad and torch.equal(mu, mu.mT)
    assert (mu[:, 0, 1] > mu[:, 0, 0]).all()
    p, truth = net.probabilities(photos), net.to_class_indices(batch.images)
    alone, settled = (
        q.gather(1, truth[:, None]).log().mean() for q in (p, net.refine_with_crf(p, photos))
    )
    assert settled > alone + 0.1


def test_picture_and_plan_move_together_and_the_plan_keeps_its_classes() -> None:
    numbers = torch.zeros(4, 64, 64, dtype=torch.int64)
    numbers[:, 16:48, 20:40] = 7
    x = torch.where(numbers[:, None] == 7, 1.0, -1.0).expand(-1, 3, -1, -1)
    generator = torch.Generator().manual_seed(0)
    y, there = augment_geometry(x, numbers, 1.0, generator)
    assert set(there.unique().tolist()) == {0, 7} and not torch.equal(there, numbers)
    assert ((y[:, 0] > 0) == (there == 7)).float().mean() > 0.98
    same, still = augment_geometry(x, numbers, 0.0, generator)
    assert torch.allclose(same, x, atol=1e-5) and torch.equal(still, numbers)


def test_light_changes_each_picture_in_its_own_way_and_only_its_colours() -> None:
    x = torch.rand(1, 3, 32, 32).expand(4, -1, -1, -1) * 2 - 1
    y = augment_colour(x, 1.0, torch.Generator().manual_seed(0))
    assert y.min() >= -1 and y.max() <= 1
    assert len({tuple(p.flatten()[:8].tolist()) for p in y}) == 4
    assert torch.allclose(augment_colour(x, 0.0, torch.Generator()), x, atol=1e-6)


def test_a_wrong_setting_is_refused() -> None:
    wrong: list[dict[str, object]] = [
        {"colours": ["#000000"]},
        {"colours": ["red", "blue"]},
        {"colours": ["#00000G", "#ffffff"]},
        {"size": 72, "widths": [8] * 5},
        {"classes": 3},
    ]
    for setting in wrong:
        with pytest.raises(ValidationError):
            METHODS["segment"].build(setting)


def test_other_plans_have_other_colours() -> None:
    net = model(colours=["#000000", "#ff0000", "#ffffff"])
    x: Tensor = torch.rand(1, 3, 32, 32) * 2 - 1
    assert net.probabilities(x).shape == (1, 3, 32, 32)
    shown = images.to_pil(net.translate(x))[0]
    assert {c for _, c in shown.getcolors()} <= {(0, 0, 0), (255, 0, 0), (255, 255, 255)}
