"""Published CycleGAN weights become a model folder."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
import torch
from torch import Tensor

from aigc_demo.cli import convert
from aigc_demo.methods import checkpoint
from aigc_demo.methods.base import Translator
from aigc_demo.nn.generators import ResNetGenerator
from aigc_demo.requests import TranslateRequest
from aigc_demo.studio import Studio
from tests import factories


def published(width: int = 64, blocks: int = 9, *, dropout: bool = False) -> dict[str, Tensor]:
    """Return weights as the authors' implementation names them, with the statistics of old ones.

    The layout is written down here from its definition, not taken from our network.
    """
    generator = torch.Generator().manual_seed(0)
    found: dict[str, Tensor] = {}

    def convolution(name: str, *shape: int, outputs: int) -> None:
        found[f"{name}.weight"] = 0.05 * torch.randn(shape, generator=generator)
        found[f"{name}.bias"] = 0.05 * torch.randn(outputs, generator=generator)

    def statistics(name: str, channels: int) -> None:
        found[f"{name}.running_mean"] = torch.zeros(channels)
        found[f"{name}.running_var"] = torch.ones(channels)
        found[f"{name}.num_batches_tracked"] = torch.zeros((), dtype=torch.int64)

    w = width
    convolution("model.1", w, 3, 7, 7, outputs=w)
    statistics("model.2", w)
    convolution("model.4", 2 * w, w, 3, 3, outputs=2 * w)
    convolution("model.7", 4 * w, 2 * w, 3, 3, outputs=4 * w)
    for i in range(blocks):
        block = f"model.{10 + i}.conv_block"
        convolution(f"{block}.1", 4 * w, 4 * w, 3, 3, outputs=4 * w)
        convolution(f"{block}.{6 if dropout else 5}", 4 * w, 4 * w, 3, 3, outputs=4 * w)
    convolution(f"model.{10 + blocks}", 4 * w, 2 * w, 3, 3, outputs=2 * w)
    convolution(f"model.{13 + blocks}", 2 * w, w, 3, 3, outputs=w)
    convolution(f"model.{17 + blocks}", 3, w, 7, 7, outputs=3)
    return found


def save(path: Path, state: object) -> str:
    torch.save(state, path)
    return str(path)


def test_published_names_find_their_places_in_a_network_of_the_published_size() -> None:
    generator = ResNetGenerator(8, 9)
    for prefix, dropout in (("", False), ("", True), ("module.", False)):
        state = {prefix + name: value for name, value in published(8, 9, dropout=dropout).items()}
        weights = convert.rename_weights(state)
        assert weights.keys() == generator.state_dict().keys()
        generator.load_state_dict(weights)
        assert convert.width_and_blocks(weights) == (8, 9)
    parameters = sum(p.numel() for p in ResNetGenerator().parameters())
    assert parameters == 11_378_179


def test_converted_weights_become_a_model_that_translates(tmp_path: Path) -> None:
    forth = save(tmp_path / "latest_net_G_A.pth", published(8, 2))
    flags = ["--name", "horse2zebra-cyclegan", "--domains", "horse", "zebra"]
    folder = ["--checkpoints", str(tmp_path / "models")]
    assert convert.main([forth, *flags, *folder]) == 0
    studio = Studio(tmp_path / "models", device="cpu")
    (info,) = studio.models("translate")
    assert (info.problem, info.domains, info.directions) == ("", ("horse", "zebra"), ("AtoB",))
    result = studio.translate(
        TranslateRequest(image=factories.draw(0, 1), model="horse2zebra-cyclegan")
    )
    assert result.image.size == (32, 32) and result.direction == "horse → zebra"

    model, _ = checkpoint.load(tmp_path / "models" / "horse2zebra-cyclegan")
    assert isinstance(model, Translator)
    direct = ResNetGenerator(8, 2)
    direct.load_state_dict(
        {k: v.half().float() for k, v in convert.rename_weights(published(8, 2)).items()}
    )
    x = torch.rand(1, 3, 32, 32) * 2 - 1
    assert torch.allclose(model.translate(x, "AtoB"), direct(x), atol=1e-4)
    assert convert.main([forth, *flags, *folder]) == 2  # the name is taken


def test_both_directions_can_be_converted(tmp_path: Path) -> None:
    files = [save(tmp_path / f"{d}.pth", published(8, 1)) for d in "AB"]
    convert.convert(tmp_path / "both", [Path(f) for f in files], ("a", "b"))
    model, _ = checkpoint.load(tmp_path / "both")
    assert model.directions == ("AtoB", "BtoA")


class Trap:
    def __reduce__(self) -> tuple[object, ...]:
        return (Path.touch, (Path("/tmp/aigc-trap"),))


def test_what_is_not_a_generators_weights_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.pth").write_text("no weights")
    (tmp_path / "trap.pth").write_bytes(pickle.dumps(Trap()))
    save(tmp_path / "other.pth", {"layer.weight": torch.zeros(3, 3)})
    save(tmp_path / "more.pth", {"epoch": 3, "model.1.weight": torch.zeros(8, 3, 7, 7)})
    cut = published(8, 1)
    del cut["model.4.bias"]
    save(tmp_path / "cut.pth", cut)
    for name in ("text", "trap", "other", "more", "cut", "missing"):
        status = convert.main(
            [str(tmp_path / f"{name}.pth"), "--name", name, "--checkpoints", str(tmp_path / "m")]
        )
        told = capsys.readouterr().err
        assert status == 2 and told.startswith("convert: ") and "Traceback" not in told, name
    assert told.startswith("convert: missing.pth: there is no such file; name one")
    assert not Path("/tmp/aigc-trap").exists()
    assert not list((tmp_path / "m").glob("*")) if (tmp_path / "m").exists() else True


def test_a_model_is_written_into_the_folder_of_models_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forth = save(tmp_path / "g.pth", published(8, 1))
    before = sorted(tmp_path.rglob("*"))
    for name in ("../x", "..", "", str(tmp_path / "y"), "a/b", ".hidden", "x" * 300):
        arguments = [forth, "--name", name, "--checkpoints", str(tmp_path / "models" / "here")]
        assert convert.main(arguments) == 2
        assert capsys.readouterr().err.startswith("convert: name: ")
    assert sorted(tmp_path.rglob("*")) == before


def test_flags_that_do_not_fit_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    forth = save(tmp_path / "g.pth", published(8, 1))
    where = ["--checkpoints", str(tmp_path / "models"), "--name", "a"]
    for flags, field in (
        (["--size", "7"], "size"),
        (["--size", "9999"], "size"),
        (["--domains", "x" * 300, "b"], "domains.0"),
        (["--domains", "a", " "], "domains.1"),
        (["--back", str(tmp_path / "gone.pth")], "gone.pth"),
        (["--checkpoints", forth], "checkpoints"),
    ):
        assert convert.main([forth, *where, *flags]) == 2
        assert capsys.readouterr().err.startswith(f"convert: {field}: "), flags
    assert convert.main([forth, *where, "--size", "50"]) == 0
