"""A folder is translated; one bad file does not stop the rest."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from aigc_demo.cli import translate
from tests import factories
from tests.pipelines.test_translation import write


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    base = tmp_path_factory.mktemp("checkpoints")
    write(base / "cycle", "cyclegan", ("summer", "winter"))
    write(base / "styles", "pix2pix", ("noto", "twemoji"), classes=2)
    return base


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    source = tmp_path / "in"
    source.mkdir()
    factories.draw(0, 1).save(source / "disc.png")
    factories.draw(1, 1).convert("RGB").save(source / "square.jpg")
    (source / "bad.png").write_text("no picture")
    return source


def test_good_pictures_are_made_and_bad_ones_told(
    models: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = ["--model", "cycle", "--direction", "BtoA", "--checkpoints", str(models)]
    status = translate.main([*flags, str(folder), str(tmp_path / "out")])
    printed = capsys.readouterr()
    assert status == 1 and "2 of 3 translated" in printed.out
    assert "bad.png: The file is not a picture" in printed.err
    made = {p.name: Image.open(p) for p in (tmp_path / "out").iterdir()}
    assert sorted(made) == ["disc.png", "square.png"]
    assert all(image.size == (32, 32) for image in made.values())
    assert made["disc.png"].tobytes() != Image.open(folder / "disc.png").tobytes()


def test_styles_and_strength_reach_the_request(models: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "bad.png").unlink()
    base = ["--model", "styles", "--checkpoints", str(models), str(folder)]
    for style in ("noto", "twemoji"):
        assert translate.main([*base, str(tmp_path / style), "--style", style]) == 0
    a, b = (Image.open(tmp_path / s / "disc.png").tobytes() for s in ("noto", "twemoji"))
    assert a != b
    same = tmp_path / "same"
    assert translate.main([*base, str(same), "--style", "noto", "--strength", "0"]) == 0
    assert Image.open(same / "disc.png").tobytes() == Image.open(folder / "disc.png").tobytes()


def test_inputs_of_one_name_have_a_result_each(models: Path, folder: Path, tmp_path: Path) -> None:
    (folder / "bad.png").unlink()
    factories.draw(1, 2).save(folder / "square.webp")
    flags = ["--model", "cycle", "--checkpoints", str(models), str(folder), str(tmp_path / "out")]
    assert translate.main(flags) == 0
    made = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert made == ["disc.png", "square-jpg.png", "square-webp.png"]


def test_a_wrong_argument_is_told(
    models: Path, folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = str(tmp_path / "out")
    for flags, named in (
        (["--model", "nothing", str(folder), out], "model"),
        (["--model", "cycle", str(folder), str(folder)], "out"),
        (["--model", "cycle", str(tmp_path / "none"), out], "in"),
        (["--model", "cycle", "--style", "x", str(folder), out], "style"),
    ):
        assert translate.main(["--checkpoints", str(models), *flags]) == 2
        assert f"{named}: " in capsys.readouterr().err
