"""The Generate tab's pictures, enlarged by a network."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.requests import GenerateRequest, RestoreRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.generate import callbacks as painting, tab as generate
from tests import factories

SETTINGS = json.dumps({"model": "shapes-dcgan", "count": 3, "seed": 5})


@pytest.fixture
def enlarging(trained: Path, tmp_path: Path) -> Studio:
    folder = shutil.copytree(trained, tmp_path / "checkpoints")
    factories.save(folder / "upscale", "repair", classes=0, config={"damage": "resolution"})
    return Studio(folder, device="cpu")


@pytest.mark.parametrize("factor", [2, 4])
def test_the_same_pictures_come_larger(enlarging: Studio, factor: int) -> None:
    gallery, line = painting.enlarge(enlarging, SETTINGS, factor)
    made = enlarging.generate(GenerateRequest(model="shapes-dcgan", count=3, seed=5)).images
    for (path, _), image in zip(gallery, made, strict=True):
        larger = images.open_image(path)
        assert larger.size == (32 * factor, 32 * factor)
        request = RestoreRequest(image=image, method="upscale", factor=factor)
        assert larger.tobytes() == enlarging.restore(request).image.tobytes()
    assert f"{32 * factor}×{32 * factor} px · 3 in " in line


def test_there_must_be_pictures_first(enlarging: Studio) -> None:
    with pytest.raises(BadValue, match="there is nothing to repeat yet"):
        painting.enlarge(enlarging, "", 2)


def test_it_is_offered_where_the_model_is_here(enlarging: Studio, studio: Studio) -> None:
    assert generate.enlarges(enlarging) and not generate.enlarges(studio)
