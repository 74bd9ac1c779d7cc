"""Every method keeps the same promises: a matrix over ``METHODS``, classes and channels."""

from __future__ import annotations

from collections.abc import Iterator
from statistics import fmean

import pytest
import torch
from pydantic import ValidationError

from aigc_demo.imaging import images
from aigc_demo.methods import METHODS
from aigc_demo.methods.base import Batch, Generative, Trainer
from aigc_demo.metrics.sampling import sample_images
from aigc_demo.nn import byte_tokenizer
from tests import factories

pytestmark = pytest.mark.usefixtures("one_thread")
CPU = torch.device("cpu")
every_method = pytest.mark.parametrize("method", factories.GENERATE)
every_shape = pytest.mark.parametrize(
    ("method", "classes", "channels"),
    [
        *((name, 0, 1) for name in factories.LABELLED),
        *((name, 2, 3) for name in factories.LABELLED),
        *(("text2image", 0, channels) for channels in (1, 3)),
    ],
)


def trainer_of(model: Generative, method: str, *, lr: float | None = None) -> Trainer:
    model.requires_grad_(True)
    return model.trainer(lr=lr or METHODS[method].lr, ema=METHODS[method].ema, seed=0)


def build(method: str, classes: int = 2, channels: int = 3) -> tuple[Generative, Trainer]:
    model = factories.model(method, classes=classes, channels=channels)
    return model, trainer_of(model, method)


def copies(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in model.state_dict().items()}


@every_shape
@pytest.mark.usefixtures("each_number_format")
def test_samples_are_pictures_in_range_without_a_gradient(
    method: str, classes: int, channels: int
) -> None:
    model, trainer = build(method, classes, channels)
    trainer.training_step(factories.batch(classes=classes, channels=channels))
    labels = torch.tensor([0, 1, 0]) if classes else None
    x = model.sample(model.noise([1, 2, 3]), labels)
    assert x.shape == (3, channels, 32, 32) and x.dtype == torch.float32
    assert x.min() >= -1 and x.max() <= 1
    assert not x.requires_grad
    assert torch.equal(x, model.sample(model.noise([1, 2, 3]), labels))


@every_shape
@pytest.mark.usefixtures("each_number_format")
def test_the_models_state_is_what_sampling_needs_and_nothing_else(
    method: str, classes: int, channels: int
) -> None:
    model, trainer = build(method, classes, channels)
    trainer.training_step(factories.batch(classes=classes, channels=channels))
    fresh = factories.model(method, classes=classes, channels=channels)
    assert model.state_dict().keys() == fresh.state_dict().keys()
    words = ("discriminator", "optim", "moment", "exp_avg")
    assert not [k for k in model.state_dict() if any(word in k for word in words)]
    fresh.load_state_dict(model.state_dict())
    labels = torch.tensor([1]) if classes else None
    assert torch.equal(
        fresh.sample(model.noise([5]), labels), model.sample(model.noise([5]), labels)
    )


@every_shape
def test_sampling_leaves_training_as_it_is(method: str, classes: int, channels: int) -> None:
    results = []
    for sampling in (False, True):
        model, trainer = build(method, classes, channels)
        for i in range(3):
            trainer.training_step(factories.batch(classes=classes, channels=channels, seed=i))
            if sampling:
                labels = torch.tensor([1]) if classes else None
                model.sample(model.noise([1]), labels)
        results.append(copies(model))
    for key, value in results[0].items():
        assert torch.equal(value, results[1][key]), key


@pytest.mark.parametrize("method", factories.LABELLED)
def test_soft_classes_are_accepted_and_lie_between(method: str) -> None:
    model, trainer = build(method)
    trainer.training_step(factories.batch())
    latents = model.latents(model.noise([1]), torch.tensor([0])).expand(
        3, *[-1] * len(model.noise([1])[0].shape)
    )
    weights = torch.tensor([[1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    first, middle, last = model.decode(latents, weights)
    assert middle.isfinite().all()
    assert not torch.equal(first, middle) and not torch.equal(middle, last)


@pytest.mark.parametrize("method", [m for m in factories.GENERATE if m not in factories.LABELLED])
def test_a_blend_of_texts_lies_between_them(method: str) -> None:
    model, trainer = build(method)
    trainer.training_step(factories.batch())
    ends = model.encode_prompts(byte_tokenizer.encode(["discs", "squares"]))
    blend = torch.stack([ends[0], ends.mean(0), ends[1]])
    first, middle, last = model.decode(model.noise([1]).expand(3, -1, -1, -1), blend)
    assert middle.isfinite().all()
    assert not torch.equal(first, middle) and not torch.equal(middle, last)


@pytest.mark.parametrize(
    "method", [m for m in factories.GENERATE if METHODS[m].network.text_conditional]
)
def test_pictures_to_be_scored_are_drawn_from_their_captions(method: str) -> None:
    model, trainer = build(method)
    trainer.training_step(factories.batch())
    captions = byte_tokenizer.encode(["discs", "squares", "discs", ""])
    pixels, labels = sample_images(model, 4, captions=captions, batch=3, evaluations=2)
    assert labels is None and pixels.dtype == torch.uint8
    for i in range(4):
        (alone,) = model.sample(model.noise([i]), captions=captions[i : i + 1], evaluations=2)
        assert (images.quantise(alone).int() - pixels[i].int()).abs().max() <= 1
    assert not torch.equal(*sample_images(model, 2, captions=captions[:2], evaluations=2)[0])


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
    model = METHODS[method].build(factories.CONFIGS[method] | {"classes": 2})
    trainer, batches = trainer_of(model, method, lr=3e-3), plain_batches()
    measured = [trainer.training_step(next(batches)) for _ in range(50)]
    totals = [sum(float(losses[name]) for name in names) for losses in measured]
    first, last = fmean(totals[:5]), fmean(totals[-5:])
    assert last < first - 0.3 * abs(first)


@every_method
def test_a_wrong_setting_is_refused(method: str) -> None:
    wrong = [
        {"unknown": 1},
        {"channels": 0},
        {"classes": -1},
        {"size": 33},
        {"width": "wide"},
        {"width": 3.7},
        {"clip": float("nan")},
    ]
    for setting in wrong:
        with pytest.raises(ValidationError):
            METHODS[method].build(setting)
