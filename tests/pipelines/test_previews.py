"""What the page opens with is what the models make, and can be made again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aigc_demo.cli import previews as command
from aigc_demo.pipelines import previews
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from tests.app_server import ROOT


def test_a_preview_holds_the_samples_that_its_settings_make_again(
    checkpoints: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    studio = Studio(checkpoints, device="cpu")
    for name in ("shapes-dcgan", "shapes-text2image"):
        assert command.main(["--checkpoints", str(checkpoints), "--model", name]) == 0
        kept = studio.preview(name)
        assert kept is not None and f"{name}: " in capsys.readouterr().out
        again = studio.generate(GenerateRequest(**kept.settings)).images
        assert len(kept.samples()) == len(again) == previews.COUNT
        for sample, image in zip(kept.samples(), again, strict=True):
            near = np.subtract(sample, image.convert("RGB"), dtype=np.float32, casting="unsafe")
            assert sample.size == image.size and np.abs(near).mean() < 12


def test_a_crisp_preview_is_exact(checkpoints: Path, tmp_path: Path) -> None:
    studio = Studio(checkpoints, device="cpu")
    info = studio.info("shapes-dcgan")
    made = command.make(studio, info, previews.settings_of(info) or {})
    previews.save(tmp_path, made, crisp=True)
    kept = previews.load(tmp_path)
    assert kept is not None and kept.image.tobytes() == made.image.convert("RGB").tobytes()
    assert kept.settings == made.settings


@pytest.mark.parametrize("content", [None, b"", b"no picture"])
def test_what_cannot_be_read_is_no_preview(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / previews.FILE).write_bytes(content)
    assert previews.load(tmp_path) is None


def test_shipped_models_have_small_previews_that_are_up_to_date() -> None:
    studio = Studio(ROOT / "checkpoints", device="cpu")
    for info in studio.models():
        kept, settings = studio.preview(info.name), previews.settings_of(info)
        assert (kept and kept.settings) == settings, f"{info.name}: make previews"
        if kept:
            size = (studio.checkpoints / info.name / previews.FILE).stat().st_size
            assert size <= previews.MAX_BYTES
