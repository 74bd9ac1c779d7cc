"""The command line augments a folder."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from aigc_demo.cli import augment as cli
from aigc_demo.pipelines import augmentation
from aigc_demo.requests import AugmentRequest
from tests import factories

STEPS = [{"name": "flip_horizontal"}, {"name": "rotate", "degrees": 30}, {"name": "colour_jitter"}]


def test_a_folder_is_augmented_and_bad_files_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    for i in range(2):
        factories.draw(i, 1).save(source / f"{i}.png")
    (source / "bad.png").write_text("no picture")
    steps = tmp_path / "steps.json"
    steps.write_text(json.dumps(STEPS))
    flags = ["--pipeline", str(steps), "-n", "3", "--seed", "9"]
    assert cli.main([*flags, str(source), str(tmp_path / "out")]) == 1
    printed = capsys.readouterr()
    assert "2 of 3 pictures augmented" in printed.out and "bad.png: The file" in printed.err
    names = sorted(p.name for p in (tmp_path / "out").iterdir())
    assert names == [f"{i}-{k}.png" for i in range(2) for k in range(3)]
    request = AugmentRequest(image=factories.draw(0, 1), pipeline=STEPS, n=3, seed=9)
    expected = augmentation.run(request).images[2]
    assert Image.open(tmp_path / "out" / "0-2.png").tobytes() == expected.tobytes()


def test_a_pipeline_that_is_none_ends_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latin.json").write_bytes(b"[\xff]")
    for given in ("[", '[{"name": "spin"}]', "missing.json", str(tmp_path / "latin.json")):
        assert cli.main(["--pipeline", given, str(tmp_path), str(tmp_path / "out")]) == 2
        told = capsys.readouterr().err
        assert told.startswith("augment: pipeline")
        assert ("there is no file missing.json" in told) == (given == "missing.json")


def test_variants_of_inputs_of_one_name_are_all_there(tmp_path: Path) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    for i, name in enumerate(("holiday.jpg", "holiday.png", "holiday.webp")):
        factories.draw(0, i).save(source / name)
    flags = ["--pipeline", json.dumps(STEPS), "-n", "2", str(source), str(target)]
    assert cli.main(flags) == cli.main(flags) == 0
    made = [f"holiday-{end}-{k}" for end in ("jpg", "png", "webp") for k in range(2)]
    names = sorted(p.name for p in target.iterdir())
    assert names == sorted([f"{m}{n}.png" for m in made for n in ("", "-2")])


def test_seeds_and_counts_that_cannot_be_used_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = tmp_path / "in"
    source.mkdir()
    factories.draw(0, 1).save(source / "a.png")
    for flag, value in (("seed", "-1"), ("seed", str(2**53)), ("n", "0"), ("n", "65")):
        given = [f"-{flag}" if flag == "n" else f"--{flag}", value]
        assert cli.main(["--pipeline", "[]", *given, str(source), str(tmp_path / "out")]) == 2
        assert f"augment: a.png: {flag}: {value} cannot be used" in capsys.readouterr().err


def test_a_partner_that_nothing_mixes_with_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    factories.draw(0, 1).save(tmp_path / "a.png")
    given = ["--pipeline", json.dumps(STEPS), "--partner", str(tmp_path / "gone.png")]
    assert cli.main([*given, str(tmp_path), str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("augment: partner: there is no such file")
    given = ["--pipeline", json.dumps(STEPS), "--partner", str(tmp_path / "a.png")]
    assert cli.main([*given, str(tmp_path), str(tmp_path / "out")]) == 2
    assert capsys.readouterr().err.startswith("augment: partner: no step of the pipeline mixes")
