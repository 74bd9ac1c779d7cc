"""Every method keeps the same promises: a matrix over ``METHODS``, classes and channels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

import pytest
import torch
from pydantic import ValidationError

from aigc_demo import checkpoint, device as devices
from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Batch, Generative, Trainer
from tests import tiny

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
every_method = pytest.mark.parametrize("method", tiny.GENERATE)
every_shape = pytest.mark.parametrize(
    ("classes", "channels"), [(c, k) for c in (0, 2) for k in (1, 3)]
)


def trainer_of(model: Generative, method: str, *, lr: float | None = None) -> Trainer:
    model.requires_grad_(True)
    return model.trainer(lr=lr or METHODS[method].lr, ema=METHODS[method].ema, seed=0)


def build(method: str, classes: int = 2, channels: int = 3) -> tuple[Generative, Trainer]:
    model = tiny.model(method, classes=classes, channels=channels)
    return model, trainer_of(model, method)


def copies(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items()}


@every_method
@every_shape
def test_a_step_moves_all_weights_and_returns_finite_detached_scalars(
    method: str, classes: int, channels: int
) -> None:
    model, trainer = build(method, classes, channels)
    raw = {n: copies(m) for n, m in trainer.modules().items()}
    averaged = copies(model)
    for i in range(2):
        losses = trainer.training_step(tiny.batch(classes=classes, channels=channels, seed=i))
    assert trainer.steps == 2 and len(losses) >= 2
    for name, value in losses.items():
        assert value.shape == () and value.isfinite() and not value.requires_grad, name
    for name, module in trainer.modules().items():
        for key, parameter in module.named_parameters():
            assert not torch.equal(parameter, raw[name][key]), f"{name}.{key}"
    for key, parameter in model.named_parameters():
        assert not torch.equal(parameter, averaged[key]), key


@every_method
@every_shape
def test_samples_are_pictures_in_range_without_a_gradient(
    method: str, classes: int, channels: int
) -> None:
    model, trainer = build(method, classes, channels)
    trainer.training_step(tiny.batch(classes=classes, channels=channels))
    labels = torch.tensor([0, 1, 0]) if classes else None
    x = model.sample(model.noise([1, 2, 3]), labels)
    assert x.shape == (3, channels, 32, 32) and x.dtype == torch.float32
    assert x.min() >= -1 and x.max() <= 1
    assert not x.requires_grad
    assert torch.equal(x, model.sample(model.noise([1, 2, 3]), labels))


@every_method
@every_shape
def test_the_models_state_is_what_sampling_needs_and_nothing_else(
    method: str, classes: int, channels: int
) -> None:
    model, trainer = build(method, classes, channels)
    trainer.training_step(tiny.batch(classes=classes, channels=channels))
    fresh = tiny.model(method, classes=classes, channels=channels)
    assert model.state_dict().keys() == fresh.state_dict().keys()
    words = ("discriminator", "optim", "moment", "exp_avg")
    assert not [k for k in model.state_dict() if any(word in k for word in words)]
    fresh.load_state_dict(model.state_dict())
    labels = torch.tensor([1]) if classes else None
    assert torch.equal(
        fresh.sample(model.noise([5]), labels), model.sample(model.noise([5]), labels)
    )


@every_method
@every_shape
def test_sampling_leaves_training_as_it_is(method: str, classes: int, channels: int) -> None:
    results = []
    for sampling in (False, True):
        model, trainer = build(method, classes, channels)
        for i in range(3):
            trainer.training_step(tiny.batch(classes=classes, channels=channels, seed=i))
            if sampling:
                labels = torch.tensor([1]) if classes else None
                model.sample(model.noise([1]), labels)
        results.append(copies(model))
    for key, value in results[0].items():
        assert torch.equal(value, results[1][key]), key


@every_method
def test_soft_classes_are_accepted_and_lie_between(method: str) -> None:
    model, trainer = build(method)
    trainer.training_step(tiny.batch())
    latents = model.latents(model.noise([1]), torch.tensor([0])).expand(
        3, *[-1] * len(model.noise([1])[0].shape)
    )
    weights = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    first, middle, last = model.decode(latents, weights)
    assert middle.isfinite().all()
    assert not torch.equal(first, middle) and not torch.equal(middle, last)


@every_method
def test_the_last_step_of_decoding_is_the_picture(method: str) -> None:
    model, _ = build(method)
    latents = model.latents(model.noise([1]), torch.tensor([0]))
    steps = list(model.decode_steps(latents, model.one_hot(torch.tensor([0]))))
    assert steps
    assert torch.equal(steps[-1], model.sample(model.noise([1]), torch.tensor([0])))
    assert all(x.min() >= -1 and x.max() <= 1 for x in steps)


@every_method
def test_options_are_what_decoding_takes(method: str) -> None:
    model, _ = build(method)
    for option in model.options:
        assert option.minimum <= option.default <= option.maximum
        for value in (option.minimum, option.maximum):
            x = model.sample(model.noise([1]), torch.tensor([0]), **{option.name: value})
            assert x.isfinite().all()


def plain_batches(size: int = 16) -> Iterator[Batch]:
    """Yield pictures that are trivial to learn: each class is one grey, with a light edge."""
    labels = torch.arange(size) % 2
    x = (labels * 1.0 - 0.5)[:, None, None, None].expand(-1, 3, 32, 32).clone()
    x[..., :2] = 0.9
    while True:
        yield Batch(x, labels)


@pytest.mark.parametrize(
    ("method", "names"), [("flow", ["loss"]), ("vae", ["reconstruction", "divergence"])]
)
def test_a_few_dozen_steps_lower_the_loss(method: str, names: list[str]) -> None:
    torch.manual_seed(0)
    model = METHODS[method].build(tiny.CONFIGS[method] | {"classes": 2})
    trainer, batches = trainer_of(model, method, lr=3e-3), plain_batches()
    measured = [trainer.training_step(next(batches)) for _ in range(50)]
    totals = [sum(float(losses[name]) for name in names) for losses in measured]
    first, last = fmean(totals[:5]), fmean(totals[-5:])
    assert last < first - 0.3 * abs(first)


@every_method
def test_low_precision_and_full_precision_lose_about_the_same(
    method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = {}
    for dtype in (None, torch.bfloat16):
        monkeypatch.setattr(devices, "low_precision", lambda _, dtype=dtype: dtype)
        _, trainer = build(method)
        found[dtype] = trainer.training_step(tiny.batch(16))
    for name, full in found[None].items():
        low = found[torch.bfloat16][name]
        assert low.dtype == torch.float32, name
        assert float(low) == pytest.approx(float(full), rel=0.1, abs=0.05), name


@every_method
@pytest.mark.parametrize("classes", [0, 2])
def test_a_trainer_goes_on_exactly_from_its_saved_state(
    tmp_path: Path, method: str, classes: int
) -> None:
    batches = [tiny.batch(classes=classes, seed=i) for i in range(4)]
    model, trainer = build(method, classes)
    for batch in batches[:2]:
        trainer.training_step(batch)
    checkpoint.save_state(
        tmp_path / "s", {"trainer": trainer.state_dict(), "model": model.state_dict()}
    )
    other, resumed = build(method, classes)
    state = checkpoint.load_state(tmp_path / "s")
    resumed.load_state_dict(state["trainer"])
    other.load_state_dict(state["model"])
    for batch in batches[2:]:
        ours, theirs = trainer.training_step(batch), resumed.training_step(batch)
        assert ours == theirs
    for key, value in model.state_dict().items():
        assert torch.equal(value, other.state_dict()[key]), key


@every_method
def test_moments_lie_in_memory_as_their_weights_do(tmp_path: Path, method: str) -> None:
    """A fused optimiser pairs them by place: a resumed run with other strides learns wrongly."""
    model = tiny.model(method).to(memory_format=torch.channels_last)
    trainer = trainer_of(model, method)
    trainer.training_step(tiny.batch())
    checkpoint.save_state(tmp_path / "s", trainer.state_dict())
    resumed = trainer_of(tiny.model(method).to(memory_format=torch.channels_last), method)
    resumed.load_state_dict(checkpoint.load_state(tmp_path / "s"))
    for optimizer in resumed.optimizers().values():
        for p, moments in optimizer.state.items():
            assert moments["exp_avg"].stride() == p.stride()


@every_method
def test_the_rate_is_a_share_of_the_first_one(method: str) -> None:
    _, trainer = build(method)
    for factor in (0.5, 0.1, 1.0):
        trainer.schedule(factor)
        for optimizer in trainer.optimizers().values():
            rates = {group["lr"] for group in optimizer.param_groups}
            assert rates == {METHODS[method].lr * factor}


@every_method
def test_a_method_is_registered_by_its_name(method: str) -> None:
    found = METHODS[method]
    assert found.name == method and found.title and found.task == "generate"
    defaults = found.config()
    assert found.config.model_validate_json(defaults.model_dump_json()) == defaults


@every_method
@pytest.mark.parametrize(
    "wrong", [{"unknown": 1}, {"channels": 0}, {"classes": -1}, {"size": 33}, {"width": "wide"},
              {"width": 3.7}, {"clip": float("nan")}, {"classes": 2**64}], ids=str,
)  # fmt: skip
def test_a_wrong_setting_is_refused(method: str, wrong: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        METHODS[method].build(wrong)
