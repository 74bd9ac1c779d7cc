"""What README and docs/ print can be typed as it is."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageDraw
from skimage import data

import train
from aigc_demo.__main__ import main
from tests.app_server import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


def snippets(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", page.read_text(), re.M | re.S)


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, with the pictures that the snippets open."""
    photo = Image.fromarray(data.chelsea()).resize((151, 101))
    photo.save(tmp_path / "photo.png")
    for name, place in (("mask", 50), ("on_it", 40), ("beside_it", 3)):
        drawn = Image.new("L", photo.size)
        ImageDraw.Draw(drawn).line((place, 20, place + 9, 40), fill=255, width=5)
        drawn.save(tmp_path / f"{name}.png")
    os.symlink(ROOT / "checkpoints", tmp_path / "checkpoints")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_snippets_of_python_run_one_after_the_other(photographs: Path, address: str) -> None:
    for page in PAGES:
        names: dict[str, Any] = {}
        for snippet in snippets(page, "python"):
            snippet = snippet.replace("http://127.0.0.1:7860", address)
            exec(snippet.replace("minutes=3", "minutes=0.05"), names)
    written = {path.name for path in photographs.glob("*.png")}
    assert written >= {"bag.png", "filled.png", "painting.png", "variant.png", "flat.png"}


def test_the_commands_are_taken_with_their_flags(capsys: pytest.CaptureFixture[str]) -> None:
    taken = 0
    for page in PAGES:
        lines = "".join(snippets(page, "sh")).replace("\\\n", "").splitlines()
        for words in (shlex.split(line, comments=True) for line in lines):
            if words[:2] == ["python", "train.py"]:
                arguments = train.parser().parse_args(words[2:])
                train.check_flags(arguments)
                if arguments.method:
                    train.plan(arguments)
                taken += 1
            elif words[:3] == ["python", "-m", "aigc_demo"]:
                with pytest.raises(SystemExit):
                    main([words[3], "--help"])
                described = capsys.readouterr().out
                for flag in (word for word in words[4:] if word.startswith("-")):
                    assert f"{flag} " in described, (page.name, words[3], flag)
                taken += 1
    assert taken > 15


def test_folders_of_pictures_go_through_the_commands_as_printed(
    photographs: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (photographs / "in").mkdir()
    os.link(photographs / "photo.png", photographs / "in" / "photo.png")
    (photographs / "pipeline.json").write_text('[{"name": "rotate", "degrees": 15}]')
    lines = "".join(s for page in PAGES for s in snippets(page, "sh")).splitlines()
    commands = [shlex.split(line, comments=True) for line in lines if " in/ out/" in line]
    assert len(commands) >= 4
    for words in commands:
        assert main(words[3:]) == 0, capsys.readouterr().err
