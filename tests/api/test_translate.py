"""Translation through the running app, as a program asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from skimage import data

from aigc_demo.imaging import facade_labels
from aigc_demo.requests import TranslateRequest
from aigc_demo.studio import Studio
from tests.app_server import ROOT


def save(path: Path, image: Image.Image) -> Any:
    image.save(path)
    return handle_file(str(path))


def photo() -> Image.Image:
    return Image.fromarray(data.chelsea()[40:120, 60:191])


def test_it_returns_what_the_studio_translates(client: Client, tmp_path: Path) -> None:
    asked = {"model": "monet2photo-cyclegan", "direction": "BtoA", "strength": 0.8}
    path, details = client.predict(
        image=save(tmp_path / "photo.png", photo()), api_name="/translate", **asked
    )
    expected = Studio(ROOT / "checkpoints").translate(TranslateRequest(image=photo(), **asked))
    assert Image.open(path).tobytes() == expected.image.tobytes()
    assert details["way"] == "photo → Monet" and details["seconds"] > 0
    assert details["cycle_psnr"] == pytest.approx(expected.scores["cycle_psnr"], abs=1e-6)


def test_a_plan_becomes_a_facade(client: Client, tmp_path: Path) -> None:
    path, details = client.predict(
        image=save(tmp_path / "plan.png", facade_labels.example()), model="facades-pix2pix",
        api_name="/translate",
    )  # fmt: skip
    made = Image.open(path)
    assert made.size == (128, 128) and details["way"] == "plan → photo"
    # A photograph has many colours, few of them those of the plan.
    assert made.getcolors(1000) is None


def test_an_emoji_takes_the_style_that_is_named(client: Client, tmp_path: Path) -> None:
    image = Image.new("RGB", (72, 72), "white")
    image.paste((221, 46, 68), (12, 12, 60, 60))
    made = set()
    for style in ("twemoji", "noto", "fluentui", "openmoji"):
        path, _ = client.predict(
            image=save(tmp_path / f"{style}.png", image), model="emoji-pix2pix", style=style,
            api_name="/translate",
        )  # fmt: skip
        made.add(Image.open(path).tobytes())
    assert len(made) == 4


def test_a_mistake_is_told_in_a_sentence(client: Client, tmp_path: Path) -> None:
    picture = save(tmp_path / "photo.png", photo())
    (tmp_path / "x.png").write_text("no picture")
    for fields, problem in (
        ({"model": "nothing"}, "model: "),
        ({"model": "denoise"}, "model: "),
        ({"direction": "up"}, "direction: "),
        ({"strength": 7}, "strength: "),
        ({"style": "noto"}, "style: "),
        ({"image": handle_file(str(tmp_path / "x.png"))}, "not a picture that can be read"),
    ):
        with pytest.raises(AppError, match=problem):
            client.predict(**{"image": picture} | fields, api_name="/translate")
