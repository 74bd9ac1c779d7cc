"""Every method learns in the same way: a matrix over ``METHODS`` and what they can be set to."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple, get_args

import pytest
import torch

from aigc_demo.methods import METHODS, checkpoint, repair
from aigc_demo.methods.base import Batch, Model, Trainer
from tests import factories

pytestmark = pytest.mark.usefixtures("one_thread")


class Case(NamedTuple):
    """A method, the shape of its data and what else it is set to."""

    method: str
    classes: int = 0
    channels: int = 3
    config: dict[str, Any] = {}

    def model(self) -> Model:
        built = factories.model(
            self.method, classes=self.classes, channels=self.channels, config=self.config
        )
        return built.to(memory_format=torch.channels_last).requires_grad_(True)

    def build(self) -> tuple[Model, Trainer]:
        model, method = self.model(), METHODS[self.method]
        return model, model.trainer(lr=method.lr, ema=method.ema, seed=0)

    def batch(self, size: int = 4, seed: int = 0) -> Batch:
        return factories.batch(size, classes=self.classes, channels=self.channels, seed=seed)


EVERYTHING = {"loss": "hinge", "r1": 1.0, "diffaugment": ["colour", "translation", "cutout"]}
CASES: dict[str, Case] = {
    "dcgan-grey": Case("dcgan", channels=1),
    "dcgan-labels": Case("dcgan", classes=2),
    "dcgan-relativistic": Case("dcgan", config={"loss": "relativistic"}),
    "dcgan-everything": Case("dcgan", classes=2, config=EVERYTHING | {"clip": 1.0}),
    "vae-grey": Case("vae", channels=1),
    "vae-labels": Case("vae", classes=2),
    "flow-grey-labels": Case("flow", classes=2, channels=1),
    "flow": Case("flow"),
    "text2image-grey": Case("text2image", channels=1),
    "text2image": Case("text2image"),
    "classifier": Case("classifier", classes=2),
    **{
        f"repair-{kind}": Case("repair", config={"damage": kind}) for kind in get_args(repair.Kind)
    },
    "inpaint": Case("inpaint", config={"guessed": 0.5}),
    "inpaint-adversarial": Case("inpaint", config={"adversarial": 0.1}),
    "cyclegan": Case("cyclegan"),
    "cyclegan-least-squares": Case(
        "cyclegan", config={"game": "least_squares", "grain": True, "d_shift": 4}
    ),
    "cyclegan-relativistic": Case("cyclegan", config={"game": "relativistic", "zoom": True}),
    "cyclegan-reference": Case(
        "cyclegan", config={"network": "reference", "norm": "instance", "d_norm": "instance"}
    ),
    "cyclegan-fold-2": Case("cyclegan", config={"fold": 2, "pool": 0, "cycle_every": 1}),
    "pix2pix-dropout": Case("pix2pix", config={"dropout": 0.5, "direction": "BtoA"}),
    "pix2pix-least-squares": Case("pix2pix", config={"game": "least_squares"}),
    "pix2pix-domains": Case(
        "pix2pix", classes=2, config={"game": "relativistic", "residual": True}
    ),
    "pix2pix-alone": Case("pix2pix", config={"adversarial": 0.0, "matching": 0.0}),
    "segment": Case("segment"),
    "segment-still": Case("segment", config={"dropout": 0.0, "move": 0.0, "light": 0.0}),
}
every_case = pytest.mark.parametrize("case", CASES.values(), ids=CASES)


FORMATS = ("float32", "bfloat16")
# One of each method, and those whose trainers hold something of their own.
RESUMED = (
    "dcgan-everything",
    "vae-labels",
    "flow-grey-labels",
    "text2image",
    "classifier",
    "repair-noise",
    "inpaint-adversarial",
    "cyclegan-least-squares",
    "cyclegan-reference",
    "pix2pix-dropout",
    "pix2pix-alone",
    "segment",
)


def copies(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in module.state_dict().items()}


def test_every_method_has_a_case() -> None:
    assert {case.method for case in CASES.values()} == set(METHODS)
    assert {CASES[name].method for name in RESUMED} == set(METHODS)


@every_case
def test_steps_move_all_weights_and_return_finite_detached_scalars(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    for dtype in FORMATS:
        monkeypatch.setenv("AIGC_DTYPE", dtype)
        model, trainer = case.build()
        raw = {n: copies(m) for n, m in trainer.modules.items()}
        averaged = copies(model)
        for i in range(3):
            losses = trainer.training_step(case.batch(seed=i))
            for name, value in losses.items():
                assert value.shape == () and value.isfinite() and not value.requires_grad, name
        assert trainer.steps == 3 and len(losses) >= 2
        for name, module in trainer.modules.items():
            for key, parameter in module.named_parameters():
                # Most adversarial losses compare logits: a shift of all may have no gradient.
                if key.endswith("last.bias") and case.config.get("game") != "least_squares":
                    continue
                assert not torch.equal(parameter, raw[name][key]), f"{dtype}: {name}.{key}"
        for key, parameter in model.named_parameters():
            assert not torch.equal(parameter, averaged[key]), f"{dtype}: {key}"


@every_case
def test_low_precision_and_full_precision_lose_about_the_same(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for dtype in FORMATS:
        monkeypatch.setenv("AIGC_DTYPE", dtype)
        _, trainer = case.build()
        found[dtype] = trainer.training_step(case.batch(16))
    for name, full in found["float32"].items():
        low = found["bfloat16"][name]
        assert low.dtype == torch.float32, name
        assert float(low) == pytest.approx(float(full), rel=0.1, abs=0.05), name


@pytest.mark.parametrize("name", RESUMED)
def test_a_trainer_resumes_exactly_from_its_saved_state(tmp_path: Path, name: str) -> None:
    case = CASES[name]
    batches = [case.batch(seed=i) for i in range(4)]
    model, trainer = case.build()
    for batch in batches[:2]:
        trainer.training_step(batch)
    state = {"trainer": trainer.state_dict(), "model": model.state_dict()}
    checkpoint.save_state(tmp_path / "s", state)
    other, resumed = case.build()
    kept = checkpoint.load_state(tmp_path / "s")
    resumed.load_state_dict(kept["trainer"])
    other.load_state_dict(kept["model"])
    for batch in batches[2:]:
        assert trainer.training_step(batch) == resumed.training_step(batch)
    for key, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


def test_moments_have_the_strides_of_their_weights(tmp_path: Path) -> None:
    """A fused optimiser pairs them by address: a resumed run with other strides learns wrongly."""
    for method in METHODS:
        _, trainer = Case(method, classes=2).build()
        trainer.training_step(Case(method, classes=2).batch())
        checkpoint.save_state(tmp_path / "s", trainer.state_dict())
        _, resumed = Case(method, classes=2).build()
        resumed.load_state_dict(checkpoint.load_state(tmp_path / "s"))
        for optimizer in resumed.optimizers.values():
            for p, moments in optimizer.state.items():
                for value in moments.values():
                    assert value.shape != p.shape or value.stride() == p.stride()


def test_a_scheduled_rate_is_a_share_of_the_initial_one() -> None:
    for method in METHODS:
        _, trainer = Case(method, classes=2).build()
        first = [g["lr"] for o in trainer.optimizers.values() for g in o.param_groups]
        for factor in (0.5, 0.1, 1.0):
            trainer.schedule(factor)
            now = [g["lr"] for o in trainer.optimizers.values() for g in o.param_groups]
            assert now == [rate * factor for rate in first]


@pytest.mark.parametrize("method", [m for m, found in METHODS.items() if found.parts])
def test_one_part_alone_can_take_a_step(method: str) -> None:
    """The other network stays as it is, to the bit."""
    for part in METHODS[method].parts:
        _, trainer = Case(method).build()
        raw = {n: copies(m) for n, m in trainer.modules.items()}
        for i in range(2):
            trainer.training_step(factories.batch(classes=0, seed=i), part)
        moved = {
            name: any(not torch.equal(p, raw[name][key]) for key, p in module.named_parameters())
            for name, module in trainer.modules.items()
            if name != "pools"
        }
        assert moved == {n: (n == "network") == (part == "generator") for n in moved}


def test_logits_are_those_of_real_and_generated_images() -> None:
    for name in ("dcgan-labels", "cyclegan", "pix2pix-dropout"):
        _, trainer = CASES[name].build()
        trainer.training_step(CASES[name].batch())
        logits = trainer.discriminator_logits(CASES[name].batch())
        assert list(logits) == ["real", "fake"]
        assert all(v.ndim == 1 and len(v) >= 4 and not v.requires_grad for v in logits.values())
    _, trainer = CASES["pix2pix-alone"].build()
    assert trainer.discriminator_logits(CASES["pix2pix-alone"].batch()) == {}
