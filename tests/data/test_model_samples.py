"""Pictures that models paint are a data set like any other."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import torch

from aigc_demo import data
from aigc_demo.data import model_samples
from aigc_demo.errors import BadData, BadValue
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from tests import factories


@pytest.fixture(autouse=True)
def places(trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Paint with the tiny models, and keep what is painted in a folder of this test."""
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(trained))
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.mark.parametrize("method", ["dcgan", "vae"])
def test_they_are_what_the_studio_paints_to_the_byte(method: str, trained: Path) -> None:
    found = data.load(f"generated:shapes-{method}?n=19&seed=5")
    request = GenerateRequest(model=f"shapes-{method}", count=19, seed=5)
    result = Studio(trained, device="cpu").generate(request)
    for ours, theirs in zip(found.images, result.images, strict=True):
        assert torch.equal(ours, images.to_pixels(theirs))
    assert [found.classes[i] for i in found.labels] == result.labels


def test_classes_can_be_chosen_and_renumbered() -> None:
    every = data.load("generated:shapes-dcgan?n=16")
    some = data.load("generated:shapes-dcgan?n=16&classes=squares")
    assert every.classes == factories.SHAPES and some.classes == ("squares",)
    assert every.labels.tolist() == [0, 1] * 8 and some.labels.tolist() == [0] * 16
    assert torch.equal(every.images[1::2], some.images[1::2])
    assert not torch.equal(every.images[0], some.images[0])


def test_a_model_without_classes_paints_a_set_without_classes() -> None:
    found = data.load("generated:plain-dcgan?n=4")
    assert found.classes == () and found.labels.tolist() == [0] * 4


def test_seed_and_split_decide_what_is_painted() -> None:
    name = "generated:shapes-dcgan?n=80"
    train, test = (data.load(name, split) for split in ("train", "test"))
    other = data.load(name + "&seed=1")
    assert len(test) == 10
    pixels = torch.cat([train.images, test.images]).flatten(1)
    assert len(pixels.unique(dim=0)) == 90
    assert not torch.equal(train.images[0], other.images[0])
    few = data.load("generated:shapes-dcgan?n=9")
    assert torch.equal(few.images, train.images[:9])


def test_they_come_at_the_size_that_is_asked_for() -> None:
    assert data.load("generated:shapes-flow?n=2", size=64).images.shape == (2, 3, 64, 64)


def test_what_was_painted_is_kept_until_the_weights_change(
    places: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(checkpoints))
    name = "generated:shapes-vae?n=10"
    first = data.load(name)
    (kept,) = places.rglob("generated-shapes-vae-*.safetensors")
    monkeypatch.setattr(model_samples, "_sample", None)
    assert torch.equal(data.load(name).images, first.images)
    monkeypatch.undo()
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(checkpoints))
    monkeypatch.setenv("AIGC_CACHE", str(places))
    factories.save(checkpoints / "shapes-vae", "vae", seed=3)
    assert not torch.equal(data.load(name).images, first.images)
    kept.write_bytes(b"damaged")
    assert len(data.load(name)) == 10


NAMES = {
    "nothing": "",
    "an unknown model": "nowhere",
    "a path": "../trained/shapes-vae",
    "an absolute path": "/etc",
    "NUL": "shapes-vae\0",
    "300 characters": "a" * 300,
    "n of one": "shapes-vae?n=1",
    "n of a million": "shapes-vae?n=1000000",
    "n of words": "shapes-vae?n=many",
    "n in other digits": "shapes-vae?n=٣٣",
    "n twice": "shapes-vae?n=4&n=5",
    "a seed below zero": "shapes-vae?seed=-1",
    "a seed too large": f"shapes-vae?seed={2**64}",
    "an unknown class": "shapes-vae?classes=discs,love",
    "a class twice": "shapes-vae?classes=discs,discs",
    "a class of a model without": "plain-dcgan?classes=discs",
    "an unknown key": "shapes-vae?colour=red",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_means_nothing_is_told(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadValue, match=r"^data: .*\.$") as caught:
        data.load("generated:" + NAMES[name])
    assert str(tmp_path) not in str(caught.value)


@pytest.mark.parametrize("fault", ["no weights", "truncated", "another model's"])
def test_a_model_that_cannot_paint_is_told(
    fault: str, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(checkpoints))
    weights = checkpoints / "shapes-vae" / checkpoint.WEIGHTS
    if fault == "no weights":
        weights.unlink()
    elif fault == "truncated":
        weights.write_bytes(weights.read_bytes()[:100])
    else:
        shutil.copy(checkpoints / "shapes-flow" / checkpoint.WEIGHTS, weights)
    with pytest.raises(BadData, match="^data: there can be no samples"):
        data.load("generated:shapes-vae?n=4")


def test_what_makes_no_pictures_from_noise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.save(tmp_path / "models" / "mender", "repair", classes=0)
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(tmp_path / "models"))
    with pytest.raises(BadValue, match="^data: mender does not make pictures from noise"):
        data.load("generated:mender")


def test_painters_are_listed_the_quick_ones_first(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(checkpoints))
    factories.save(checkpoints / "mender", "repair", classes=0)
    (checkpoints / "broken").mkdir()
    names = [p.name.removeprefix("generated:") for p in data.sample_models()]
    assert names == ["plain-dcgan", "shapes-dcgan", "shapes-vae", "shapes-flow"]


def test_a_set_that_is_not_here_has_a_stand_in(
    tmp_path: Path, checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(checkpoints))
    card = checkpoint.read_card(checkpoints / "shapes-vae").model_copy(update={"data": "mnist"})
    checkpoint.write_text(checkpoints / "shapes-vae" / "card.json", card.model_dump_json())
    nowhere = tmp_path / "nowhere"
    assert data.fallback("mnist", nowhere) == "generated:shapes-vae"
    assert data.fallback("scenes", nowhere) == "shapes"
    assert data.fallback("facades", nowhere) == "outlines"
    assert data.fallback("mnist", factories.write_mnist(tmp_path / "root")) == "mnist"
    for name in ("shapes", "generated:shapes-dcgan?n=5"):
        assert data.fallback(name, nowhere) == name


def test_the_shipped_models_stand_in_for_the_sets_of_the_presets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIGC_CHECKPOINTS")
    stands = [data.fallback(n, tmp_path) for n in ("fashion_mnist", "mnist", "quickdraw")]
    assert stands == [
        *("generated:fashion_mnist-dcgan", "generated:mnist-vae", "generated:quickdraw-dcgan")
    ]
