"""Directions move what the first layer of a network sees, one component each, and nothing else."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from aigc_demo.cli import directions
from aigc_demo.errors import BadValue
from aigc_demo.methods import checkpoint
from aigc_demo.pipelines import latent_directions
from aigc_demo.pipelines.latent_directions import FILE, Directions, LinearLatents
from aigc_demo.requests import DirectionRequest, GenerateRequest
from aigc_demo.studio import GenerateResult, Studio
from tests import factories
from tests.app_server import ROOT

DCGAN, VAE, PLAIN = "shapes-dcgan", "shapes-vae", "plain-dcgan"
LINEAR = [DCGAN, VAE, PLAIN]
SHIPPED = ["fashion_mnist-dcgan", "fashion_mnist-vae", "mnist-vae", "quickdraw-dcgan"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def ask(model: str, **fields: Any) -> DirectionRequest:
    return DirectionRequest(model=model, seed=4, **fields)


def pixels(result: GenerateResult) -> list[bytes]:
    return [image.tobytes() for image in result.images]


def model_of(method: str) -> Any:
    model = factories.model(method, config={"latent": 12})
    if method == "vae":  # codes that are neither centred nor round
        generator = torch.Generator().manual_seed(1)
        model.mixture_means.normal_(generator=generator)
        model.mixture_factors.normal_(generator=generator).tril_()
    return model


# --- The mathematics ---


@pytest.mark.parametrize("method", ["dcgan", "vae"])
def test_directions_are_orthonormal_where_latents_are_round(method: str) -> None:
    model = model_of(method)
    found = latent_directions.compute(model)
    assert found.vectors.shape == (6, 12) and found.vectors.dtype == torch.float32
    _, covariance = model.first_layer()
    ways = found.vectors.double()
    gram = ways @ torch.linalg.inv(covariance.double()) @ ways.T
    assert torch.allclose(gram, torch.eye(6, dtype=torch.float64), atol=1e-4)


@pytest.mark.parametrize("method", ["dcgan", "vae"])
def test_they_move_features_at_right_angles_and_the_strongest_first(method: str) -> None:
    model = model_of(method)
    matrix, _ = model.first_layer()
    found = latent_directions.compute(model, 12)
    moved = found.vectors.double() @ matrix.double().T  # (K, F)
    gram = moved @ moved.T
    strengths = gram.diagonal()
    assert (gram - strengths.diag()).abs().max() < 1e-4 * strengths.max()
    assert (strengths.diff() <= 1e-6 * strengths.max()).all()
    assert torch.allclose(
        strengths / strengths.sum(), found.explained_variance.double(), atol=1e-5
    )
    assert float(found.explained_variance.sum()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("method", ["dcgan", "vae"])
def test_they_are_the_principal_components_of_features_that_are_drawn(method: str) -> None:
    """As GANSpace finds them: draw latents, look at the features of the first layer."""
    model = model_of(method)
    matrix, covariance = model.first_layer()
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(20_000, 12, generator=generator, dtype=torch.float64)
    features = noise @ torch.linalg.cholesky(covariance.double()).T @ matrix.double().T
    drawn = torch.cov(features.T)  # (F, F)
    moved = latent_directions.compute(model).vectors.double() @ matrix.double().T
    strengths = torch.linalg.eigvalsh(drawn).flip(0)[:6].sqrt()
    assert torch.allclose(moved.norm(dim=1), strengths, rtol=0.05)
    along = moved / moved.norm(dim=1, keepdim=True)
    turned = along @ drawn @ along.T  # the covariance of the coordinates along them
    assert torch.allclose(turned, strengths.square().diag(), atol=0.05 * float(turned.max()))


def test_the_covariance_of_codes_is_that_of_drawn_ones() -> None:
    model = model_of("vae")
    labels = torch.arange(40_000) % 2
    codes = model.latents(model.noise(range(40_000)), labels).double()
    drawn = sum(torch.cov(codes[labels == k].T) for k in (0, 1)) / 2
    _, covariance = model.first_layer()
    assert (drawn - covariance).norm() < 0.05 * drawn.norm()


def test_the_first_layer_of_a_gan_is_linear_in_what_enters() -> None:
    model = model_of("dcgan")
    matrix, _ = model.first_layer()
    z = model.noise([1, 2])
    classes = model.one_hot(torch.tensor([0, 0]))
    first = model.main[1](model.main[0](torch.cat([z, classes], 1)[:, :, None, None]))
    assert torch.allclose((first[0] - first[1]).flatten(), matrix @ (z[0] - z[1]), atol=1e-4)


def test_there_are_no_more_directions_than_numbers() -> None:
    assert latent_directions.compute(factories.model("vae")).vectors.shape == (3, 3)


def test_a_direction_never_changes_its_sign() -> None:
    model = model_of("dcgan")
    ways = latent_directions.compute(model).vectors
    assert torch.equal(latent_directions.compute(model).vectors, ways)
    assert (ways.gather(1, ways.abs().argmax(1, keepdim=True)) > 0).all()


# --- Pictures ---


def test_without_offsets_it_is_the_plain_image(studio: Studio) -> None:
    for model in LINEAR:
        plain = pixels(studio.generate(GenerateRequest(model=model, seed=4, count=1)))
        for offsets in ((), (0.0,), (0.0,) * 6):
            assert pixels(studio.traverse(ask(model, offsets=offsets))) == plain


def test_class_and_options_are_those_of_generate(studio: Studio) -> None:
    fields = {"label": "squares", "temperature": 0.5}
    plain = studio.generate(GenerateRequest(model=VAE, seed=4, count=1, **fields))
    moved = studio.traverse(ask(VAE, **fields))
    assert (pixels(moved), moved.labels, moved.seeds) == (pixels(plain), ["squares"], [4])


def test_an_offset_changes_the_image_and_repeats(studio: Studio) -> None:
    for model in LINEAR:
        none, first, second, again = (
            pixels(studio.traverse(ask(model, offsets=o)))
            for o in ((), (2.5,), (0.0, 2.5), (2.5,))
        )
        assert first == again
        assert none != first != second != none


@pytest.mark.parametrize(("model", "frames"), [(DCGAN, 2), (VAE, 9), (PLAIN, 20)])
def test_an_image_of_a_strip_is_the_same_alone(studio: Studio, model: str, frames: int) -> None:
    strip = studio.traverse(ask(model, offsets=(0.5, -1.0, 0.25), component=2, frames=frames))
    offsets = torch.linspace(-3, 3, frames)
    assert len(strip.images) == frames
    for i in {0, frames // 2, frames - 1}:
        alone = studio.traverse(ask(model, offsets=(0.5, float(offsets[i]), 0.25)))
        assert pixels(alone)[0] == pixels(strip)[i]


def test_a_component_beyond_the_latents_stands_still(studio: Studio) -> None:
    plain = GenerateRequest(model=VAE, seed=4, count=1)
    strip = studio.traverse(ask(VAE, component=6, frames=3))
    assert set(pixels(strip)) == set(pixels(studio.generate(plain)))


def test_a_model_without_directions_is_refused(studio: Studio) -> None:
    for model in ("shapes-flow", "shapes-text2image"):
        assert not studio.info(model).has_latent_directions
        with pytest.raises(BadValue, match=f"^model: {model} has no latent directions"):
            studio.traverse(ask(model))


def test_an_unknown_label_is_refused(studio: Studio) -> None:
    with pytest.raises(BadValue, match="^label: .*“cubes”"):
        studio.traverse(ask(DCGAN, label="cubes"))


# --- Computed once, and stored ---


@pytest.fixture
def folder(trained: Path, tmp_path: Path) -> Path:
    return shutil.copytree(trained / DCGAN, tmp_path / "models" / DCGAN)


def test_they_are_found_once(
    folder: Path, own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = checkpoint.load(folder)
    found = latent_directions.load_or_compute(folder, model)
    assert len(list(own_cache.rglob("*.safetensors"))) == 1
    monkeypatch.setattr(
        latent_directions, "compute", lambda *a: pytest.fail("they were found again")
    )
    assert torch.equal(latent_directions.load_or_compute(folder, model).vectors, found.vectors)
    assert not (folder / FILE).exists()  # reading a model writes nothing beside it


def test_the_command_keeps_them_beside_the_card(
    folder: Path, own_cache: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    directions.main(["--model", DCGAN, "--checkpoints", str(folder.parent)])
    assert f"{DCGAN}: 6 directions" in capsys.readouterr().out
    model, _ = checkpoint.load(folder)
    kept = latent_directions.load_or_compute(folder, model)
    assert torch.equal(kept.vectors, latent_directions.compute(model).vectors)
    assert not own_cache.exists()


def test_a_damaged_file_is_computed_anew(folder: Path) -> None:
    model, _ = checkpoint.load(folder)
    expected = latent_directions.compute(model).vectors
    for content in (b"", b"{}", b"\xff" * 100):
        (folder / FILE).write_bytes(content)
        assert torch.equal(latent_directions.load_or_compute(folder, model).vectors, expected)


def test_those_of_other_weights_are_not_used(folder: Path) -> None:
    directions.main(["--model", DCGAN, "--checkpoints", str(folder.parent)])
    studio = Studio(folder.parent, device="cpu")
    before = pixels(studio.traverse(ask(DCGAN, offsets=(2.0,))))
    other = factories.save(folder, "dcgan", seed=5)
    assert torch.equal(
        latent_directions.load_or_compute(folder, other).vectors,
        latent_directions.compute(other).vectors,
    )
    after = pixels(studio.traverse(ask(DCGAN, offsets=(2.0,))))
    assert before != after == pixels(Studio(folder.parent, device="cpu").traverse(
        ask(DCGAN, offsets=(2.0,))))  # fmt: skip


def test_a_cache_that_cannot_be_written_does_no_harm(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("AIGC_CACHE", str(tmp_path / "file"))
    model, _ = checkpoint.load(folder)
    assert isinstance(latent_directions.load_or_compute(folder, model), Directions)


@pytest.mark.parametrize("name", ["nothing", "shapes-flow", "../checkpoints/shapes-vae"])
def test_the_command_refuses_what_has_none(
    name: str, trained: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert directions.main(["--model", name, "--checkpoints", str(trained)]) == 2
    told = capsys.readouterr().err
    assert told.startswith("directions: model: ") and name in told


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_directions_are_those_of_the_shipped_weights(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, _ = checkpoint.load(ROOT / "checkpoints" / name)
    assert isinstance(model, LinearLatents)
    again = latent_directions.compute(model)
    monkeypatch.setattr(
        latent_directions, "compute", lambda *a: pytest.fail("they are not shipped")
    )
    kept = latent_directions.load_or_compute(ROOT / "checkpoints" / name, model)
    assert torch.allclose(kept.vectors, again.vectors, atol=1e-3)
