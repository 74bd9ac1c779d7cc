"""What methods that translate promise."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from pydantic import ValidationError

from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Batch, Translator
from aigc_demo.nn.generators import GRAIN_RADIUS, grain
from aigc_demo.nn.layers import zoom_about_centre
from aigc_demo.nn.patchgan import ADVERSARIAL_LOSSES, ImagePool, PatchDiscriminator
from tests import factories

pytestmark = pytest.mark.usefixtures("one_thread")
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "light": ("cyclegan", {}),
    "light-grain": ("cyclegan", {"grain": True}),
    "light-2": ("cyclegan", {"fold": 2, "blocks": 2}),
    "reference": ("cyclegan", {"network": "reference", "norm": "instance"}),
    "pix2pix": ("pix2pix", {}),
    "pix2pix-domains": ("pix2pix", {"classes": 2}),
    "segment": ("segment", {"direction": "AtoB"}),
}
every_case = pytest.mark.parametrize("case", CASES)


def build(case: str) -> Translator:
    method, config = CASES[case]
    model = factories.model(method, classes=0, config=config)
    assert isinstance(model, Translator)
    return model


@every_case
def test_translations_are_pictures_in_range_for_each_direction(case: str) -> None:
    model = build(case)
    x = torch.rand(2, 3, 32, 48) * 2 - 1
    for direction in model.directions:
        labels = torch.tensor([0, 1]) if model.config.classes else None
        y = model.translate(x, direction, labels)
        assert y.shape == x.shape and y.dtype == torch.float32 and not y.requires_grad
        assert y.min() >= -1 and y.max() <= 1 and not torch.equal(y, x)
        assert torch.equal(y, model.translate(x, direction, labels))


def test_both_directions_of_a_cyclegan_are_networks_of_their_own() -> None:
    model = build("light")
    x = torch.rand(1, 3, 32, 32)
    assert not torch.equal(model.translate(x, "AtoB"), model.translate(x, "BtoA"))


def test_the_domain_that_is_named_decides() -> None:
    model = build("pix2pix-domains")
    x = torch.rand(1, 3, 32, 32)
    a, b = (model.translate(x, "AtoB", torch.tensor([k])) for k in (0, 1))
    assert not torch.equal(a, b)


def test_a_zoom_scales_about_the_middle() -> None:
    x = torch.ones(1, 3, 64, 64)
    x[..., 16:48, 16:48] = -1
    assert torch.allclose(zoom_about_centre(x, torch.zeros(2)), x, atol=1e-5)
    half = zoom_about_centre(x, torch.tensor([0.5, 1.0]).log())[0, 0]
    assert int((half[32] < 0).sum()) == 16 and int((half[:, 32] < 0).sum()) == 32
    assert half[0, 0] == 1
    model = factories.model("cyclegan", classes=0, config={"zoom": True})
    assert model.whole_image and not model.tileable


def test_how_large_things_are_drawn_is_learnt_without_pairs() -> None:
    torch.manual_seed(0)

    def discs(radius: float) -> torch.Tensor:
        middle = 16 + 3 * torch.randn(8, 2, 1, 1)
        rows, columns = torch.arange(32.0).view(1, 32, 1), torch.arange(32.0).view(1, 1, 32)
        far = ((rows - middle[:, 0]) ** 2 + (columns - middle[:, 1]) ** 2).sqrt()
        return (far - radius).clamp(-1, 1)[:, None].expand(-1, 3, -1, -1)

    config = {"zoom": True, "crop": 32, "d_width": 16, "d_layers": 2, "d_norm": "none"}
    model = METHODS["cyclegan"].build(factories.CONFIGS["cyclegan"] | config)
    trainer = model.trainer(lr=4e-3, ema=0.0, seed=0)
    for _ in range(120):
        trainer.training_step(Batch(discs(10), None, discs(5)))
    forth, back = (float(model.generators[w].zoom.mean()) for w in ("AtoB", "BtoA"))
    assert forth < -0.1 < 0.1 < back


def test_grain_is_noise_that_the_pixels_decide() -> None:
    levels = torch.arange(96).view(1, 1, 1, 96) // 3 + torch.arange(80).view(1, 1, 80, 1) // 2
    smooth = (levels.expand(1, 3, 80, 96) / 127.5 - 1).float()  # a sky
    noise = grain(smooth)
    assert noise.shape == (1, 1, 80, 96) and noise.abs().max() <= 1
    assert abs(float(noise.mean())) < 0.05 and 0.5 < float(noise.std()) < 0.65
    for ahead in (1, 2, 3, 8):
        for a, b in ((noise[..., ahead:], noise[..., :-ahead]), (noise, noise.roll(ahead, -2))):
            assert abs(float((a * b).mean())) < 0.1  # a third if they were the same

    # The same wherever a tile begins; far from a pixel that changes, nothing does.
    inner = slice(GRAIN_RADIUS, -GRAIN_RADIUS)
    tile = grain(smooth[..., 10:50, 20:70])
    assert torch.equal(tile[..., inner, inner], noise[..., 10:50, 20:70][..., inner, inner])
    other = smooth.clone()
    other[..., 40, 50] += 2 / 255
    changed = (grain(other) != noise)[0, 0].nonzero()
    side = 2 * GRAIN_RADIUS + 1
    assert len(changed) == side * side
    assert int((changed - torch.tensor([40, 50])).abs().max()) == GRAIN_RADIUS


def test_discriminators_see_parts_of_the_windows_that_lie_anywhere() -> None:
    """Their strides would else always lie alike on what the generator folds: it learnt stripes."""
    config = {"crop": 32, "d_shift": 8, "d_width": 8, "d_layers": 2}
    model = METHODS["cyclegan"].build(factories.CONFIGS["cyclegan"] | config)
    trainer = model.trainer(lr=0.0, ema=0.0, seed=0)
    seen: list[torch.Tensor] = []
    trainer.discriminators["B"].register_forward_pre_hook(
        lambda _, given: seen.append(given[0].detach())
    )
    ramp = (torch.arange(32).view(1, 1, 32, 1) + 32 * torch.arange(32).view(1, 1, 1, 32)) / 1024
    batch = Batch(ramp.expand(2, 3, 32, 32), None, ramp.expand(2, 3, 32, 32))
    for _ in range(8):
        trainer.training_step(batch)
    assert {x.shape[-2:] for x in seen} == {(24, 24)}
    assert all(torch.equal(x[0], x[-1]) for x in seen)  # real and made lie alike
    corners = {round(float(x[0, 0, 0, 0]) * 1024) for x in seen}
    assert len({c % 32 for c in corners}) > 2 < len({c // 32 for c in corners})


def test_an_untrained_light_generator_returns_the_picture() -> None:
    torch.manual_seed(0)
    model = METHODS["cyclegan"].build(factories.CONFIGS["cyclegan"])
    x = torch.rand(2, 3, 32, 32) * 2 - 1
    for way in model.directions:
        assert torch.equal(model.translate(x, way), x)


@pytest.mark.parametrize("config", [{}, {"fold": 2, "blocks": 3}], ids=str)
def test_nothing_outside_the_receptive_field_changes_a_pixel(config: dict[str, Any]) -> None:
    """Tiles are cut with this margin: if the network saw further, there would be seams."""
    model = METHODS["cyclegan"].build({"width": 8} | config)
    for p in model.parameters():
        torch.nn.init.normal_(p, std=0.3)
    side = (2 * model.receptive_radius + 64) // 4 * 4
    x = torch.zeros(1, 3, 16, side, requires_grad=True)
    (gradient,) = torch.autograd.grad(model(x, "AtoB")[..., side // 2].sum(), x)
    seen = gradient.abs().sum((0, 1, 2)).nonzero().flatten()
    furthest = int((seen - side // 2).abs().max())
    assert model.receptive_radius / 3 < furthest <= model.receptive_radius


@every_case
def test_rows_show_pictures_and_what_becomes_of_them(case: str) -> None:
    model = build(case)
    batch = factories.batch(4, classes=model.config.classes)
    rows = model.preview_rows(batch)
    assert all(row.shape == batch.images.shape for row in rows)
    assert len(rows) == (6 if len(model.directions) == 2 and not model.config.classes else 3)
    assert torch.equal(rows[0], batch.images) and not torch.equal(rows[1], rows[0])
    last = batch.targets if CASES[case][0] != "cyclegan" else model.translate(rows[4], "AtoB")
    assert torch.equal(rows[-1], last)


def test_a_pix2pix_of_the_other_direction_starts_at_the_other_end() -> None:
    batch = factories.batch(2, classes=0)
    model = factories.model("pix2pix", classes=0, config={"direction": "BtoA"})
    start, _, truth = model.preview_rows(batch)
    assert torch.equal(start, batch.targets) and torch.equal(truth, batch.images)
    assert model.directions == ("BtoA",)


def test_pairs_are_learnt() -> None:
    """A network that sees a disc's colour must give the square beside it that colour."""
    torch.manual_seed(0)
    x = torch.rand(8, 3, 1, 1).expand(-1, -1, 32, 32) * 2 - 1
    model = METHODS["pix2pix"].build(factories.CONFIGS["pix2pix"])
    trainer = model.trainer(lr=3e-3, ema=0.0, seed=0)
    before = float((model.translate(x) + x).abs().mean())
    for _ in range(60):
        trainer.training_step(Batch(x, None, -x))
    assert float((model.translate(x) + x).abs().mean()) < 0.6 * before


def test_unpaired_domains_are_learnt() -> None:
    """Dark pictures become light, light ones dark, and come back."""
    torch.manual_seed(0)
    noise = torch.rand(2, 8, 3, 16, 16) * 0.4
    dark, light = noise[0] - 0.8, noise[1] + 0.4
    model = METHODS["cyclegan"].build(factories.CONFIGS["cyclegan"] | {"d_width": 16, "size": 16})
    trainer = model.trainer(lr=4e-3, ema=0.0, seed=0)
    for i in range(120):
        trainer.schedule(1 - i / 120)
        trainer.training_step(Batch(dark, None, light))
    lit, dimmed = model.translate(dark, "AtoB"), model.translate(light, "BtoA")
    assert float(lit.mean()) > float(dark.mean()) + 0.5
    assert float(dimmed.mean()) < float(light.mean()) - 0.5
    back = model.translate(lit, "BtoA")
    assert float((back - dark).abs().mean()) < float((lit - dark).abs().mean()) / 2


def test_terms_that_come_rarely_weigh_more() -> None:
    """The k-th step has k times the weight, so that the gradient is the same in the mean."""
    batch = factories.batch(2, classes=0)
    settings = {"cycle": 5.0, "identity": 0.5}
    norms = []
    for every in (1, 4):
        config = settings | {"cycle_every": every, "identity_every": every}
        model = factories.model("cyclegan", classes=0, config=config).requires_grad_(True)
        trainer = model.trainer(lr=1e-6, ema=0.0, seed=0)
        losses = [trainer.training_step(batch) for _ in range(4)]
        norms.append([float(x["grad_norm"]) for x in losses])
        told = [{"cycle", "identity"} <= set(x) for x in losses]
        assert told == ([True] * 4 if every == 1 else [True, False, False, False])
    assert norms[1][0] > 2 * norms[0][0] > 2 * norms[1][1]


def test_adversarial_losses_are_those_of_the_papers() -> None:
    real, fake = torch.tensor([2.0]), torch.tensor([-0.5])
    expected = {
        "least_squares": ((1.0 + 0.25) / 2, 2.25),
        "hinge": ((0.0 + 0.5) / 2, 0.5),
        "relativistic": (0.078889, 2.578889),
    }
    assert set(expected) == set(ADVERSARIAL_LOSSES)
    for name, losses in expected.items():
        found = [float(loss(real, fake)) for loss in ADVERSARIAL_LOSSES[name]]
        assert found == pytest.approx(losses, abs=1e-5)


def test_patches_have_the_sizes_of_the_paper() -> None:
    for layers, patch in ((3, 70), (2, 34), (1, 16)):
        net = PatchDiscriminator(3, width=8, layers=layers, norm="none")
        x = torch.zeros(1, 3, 128, 128, requires_grad=True)
        logits = net(x)
        middle = logits.shape[-1] // 2
        (gradient,) = torch.autograd.grad(logits[0, 0, middle, middle], x)
        seen = gradient.abs().sum((0, 1)).sum(0).nonzero()
        assert int(seen.max() - seen.min()) + 1 == patch


def test_the_pool_returns_old_pictures_and_takes_new_ones() -> None:
    pool, generator = ImagePool(4, (1, 1, 1)), torch.Generator().manual_seed(0)
    first = pool.swap(torch.arange(4.0).view(4, 1, 1, 1), generator)
    assert first.flatten().tolist() == [0, 1, 2, 3]
    shown = [pool.swap(torch.full((1, 1, 1, 1), 10.0 + i), generator).item() for i in range(60)]
    old = sum(value < 10 + i for i, value in enumerate(shown)) / 60
    assert 0.3 < old < 0.7
    empty = ImagePool(0, (1, 1, 1))
    assert empty.swap(torch.ones(1, 1, 1, 1), generator).item() == 1


@pytest.mark.parametrize("method", factories.TRANSLATE)
def test_a_wrong_setting_is_refused(method: str) -> None:
    for wrong in ({"channels": 1}, {"size": 500_000}, {"clip": float("nan")}, {"unknown": 1}):
        with pytest.raises(ValidationError):
            METHODS[method].build(wrong)


def test_settings_that_do_not_fit_together_are_refused() -> None:
    wrong: list[tuple[str, dict[str, object]]] = [
        ("cyclegan", {"classes": 2}),
        ("cyclegan", {"crop": 256}),
        ("cyclegan", {"directions": []}),
        ("cyclegan", {"norm": "spectral"}),
        ("cyclegan", {"grain": True, "network": "reference"}),
        ("cyclegan", {"crop": 16, "d_shift": 9}),
        ("pix2pix", {"classes": 1}),
        ("pix2pix", {"size": 72}),
        ("pix2pix", {"widths": [8]}),
    ]
    for method, setting in wrong:
        with pytest.raises(ValidationError):
            METHODS[method].build(setting)


def test_one_generator_alone_cannot_be_trained() -> None:
    model = factories.model("cyclegan", classes=0, config={"directions": ["AtoB"]})
    with pytest.raises(ValueError, match="directions"):
        model.trainer(lr=1e-3, ema=0.0, seed=0)
