"""Samples of models are a data set like any other."""

from __future__ import annotations

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
    """Sample from the tiny models, and cache the samples in a folder of this test."""
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(trained))
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_they_are_what_the_studio_generates_to_the_byte(trained: Path) -> None:
    for method in ("dcgan", "vae"):
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
    found = data.load("generated:plain-dcgan?n=4")
    assert found.classes == () and found.labels.tolist() == [0] * 4


def test_seed_split_and_size_decide_the_samples() -> None:
    name = "generated:shapes-dcgan?n=80"
    train, test = (data.load(name, split) for split in ("train", "test"))
    other = data.load(name + "&seed=1")
    assert len(test) == 10
    pixels = torch.cat([train.images, test.images]).flatten(1)
    assert len(pixels.unique(dim=0)) == 90
    assert not torch.equal(train.images[0], other.images[0])
    few = data.load("generated:shapes-dcgan?n=9")
    assert torch.equal(few.images, train.images[:9])
    assert data.load("generated:shapes-flow?n=2", size=64).images.shape == (2, 3, 64, 64)


def test_samples_are_cached_until_the_weights_change(
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


def test_a_name_that_means_nothing_is_refused_without_a_path(tmp_path: Path) -> None:
    models = ["", "nowhere", "../trained/shapes-vae", "/etc", "shapes-vae\0", "a" * 300]
    counts = ["n=1", "n=1000000", "n=many", "n=٣٣", "n=4&n=5"]
    others = [
        "seed=-1",
        f"seed={2**64}",
        "classes=discs,love",
        "classes=discs,discs",
        "colour=red",
    ]
    queries = [f"shapes-vae?{query}" for query in (*counts, *others)]
    for name in (*models, *queries, "plain-dcgan?classes=discs"):
        with pytest.raises(BadValue, match=r"^data: .*\.$") as caught:
            data.load("generated:" + name)
        assert str(tmp_path) not in str(caught.value)


def test_a_model_whose_weights_cannot_be_used_is_reported(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(checkpoints))
    weights = checkpoints / "shapes-vae" / checkpoint.WEIGHTS
    foreign = (checkpoints / "shapes-flow" / checkpoint.WEIGHTS).read_bytes()
    for content in (weights.read_bytes()[:100], foreign):
        weights.write_bytes(content)
        with pytest.raises(BadData, match="^data: there can be no samples"):
            data.load("generated:shapes-vae?n=4")
    weights.unlink()
    with pytest.raises(BadData, match="^data: there can be no samples"):
        data.load("generated:shapes-vae?n=4")


def test_what_makes_no_pictures_from_noise_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    factories.save(tmp_path / "models" / "mender", "repair", classes=0)
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(tmp_path / "models"))
    with pytest.raises(BadValue, match="^data: mender does not make pictures from noise"):
        data.load("generated:mender")


def test_models_with_samples_are_listed_quick_ones_first(
    checkpoints: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_CHECKPOINTS", str(checkpoints))
    factories.save(checkpoints / "mender", "repair", classes=0)
    (checkpoints / "broken").mkdir()
    names = [p.name.removeprefix("generated:") for p in data.sample_models()]
    assert names == ["plain-dcgan", "shapes-dcgan", "shapes-vae", "shapes-flow"]


def test_a_set_that_is_not_available_has_a_fallback(
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


def test_the_shipped_models_are_fallbacks_of_the_sets_of_the_presets(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIGC_CHECKPOINTS")
    stands = [data.fallback(n, tmp_path) for n in ("fashion_mnist", "mnist", "quickdraw")]
    assert stands == [
        *("generated:fashion_mnist-dcgan", "generated:mnist-vae", "generated:quickdraw-dcgan")
    ]
