"""Flat colours, masks and plans by a CRF, as other programs see them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image, ImageDraw

from aigc_demo.requests import CrfRequest, MaskRequest, TranslateRequest
from aigc_demo.studio import Studio
from tests.app_server import ROOT

SIZE = (64, 48)


def sun() -> Image.Image:
    image = Image.new("RGB", SIZE, (40, 90, 160))
    ImageDraw.Draw(image).ellipse((16, 8, 46, 38), fill=(250, 200, 40))
    noise = np.random.default_rng(0).normal(0, 8, (48, 64, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def stroke(*points: tuple[int, int]) -> Image.Image:
    image = Image.new("L", SIZE)
    ImageDraw.Draw(image).line(points, fill=255, width=2)
    return image


def save(path: Path, image: Image.Image) -> Any:
    image.save(path)
    return handle_file(str(path))


def test_a_picture_comes_back_in_the_colours_that_the_studio_finds(
    client: Client, tmp_path: Path
) -> None:
    path, details = client.predict(
        image=save(tmp_path / "sun.png", sun()), colours=2, hints=None, api_name="/clean_up"
    )
    expected = Studio(ROOT / "checkpoints").quantise_colours(CrfRequest(image=sun(), colours=2))
    assert Image.open(path).tobytes() == expected.image.tobytes()
    assert details["palette"] == list(expected.palette) and len(details["energies"]) == 9


def test_two_strokes_come_back_as_a_mask(client: Client, tmp_path: Path) -> None:
    thing, rest = stroke((26, 20), (36, 26)), stroke((4, 4), (60, 5))
    path, details = client.predict(
        image=save(tmp_path / "sun.png", sun()),
        thing=save(tmp_path / "thing.png", thing),
        background=save(tmp_path / "rest.png", rest),
        grow=1,
        api_name="/smart_mask",
    )
    request = MaskRequest(image=sun(), thing=thing, background=rest, grow=1)
    expected = Studio(ROOT / "checkpoints").segment_scribbles(request)
    assert Image.open(path).tobytes() == expected.mask.tobytes()
    assert 0.2 < details["share"] < 0.3


def test_what_cannot_be_used_is_refused_by_its_name(client: Client, tmp_path: Path) -> None:
    image = save(tmp_path / "sun.png", sun())
    thing = save(tmp_path / "thing.png", stroke((26, 20), (36, 26)))
    files = {
        "clean_up": {"image": image, "hints": None},
        "smart_mask": {"image": image, "thing": thing, "background": None},
    }
    wrong: list[tuple[str, dict[str, Any], str]] = [
        ("clean_up", {"colours": 99}, "colours: 99"),
        ("clean_up", {"smooth": -1}, "smooth: -1"),
        ("clean_up", {"palette": "red"}, "palette"),
        ("clean_up", {"image": None}, "image: no file"),
        ("smart_mask", {"thing": None}, "a file is missing"),
        ("smart_mask", {"feather": 1e9}, "feather: 1000000000"),
    ]
    for endpoint, fields, message in wrong:
        with pytest.raises(AppError, match=message) as problem:
            client.predict(**files[endpoint] | fields, api_name=f"/{endpoint}")
        assert "Traceback" not in str(problem.value) and str(tmp_path) not in str(problem.value)


def test_a_photograph_comes_back_as_a_plan(client: Client, tmp_path: Path) -> None:
    path, details = client.predict(
        image=save(tmp_path / "sun.png", sun()),
        model="facades-segment",
        direction="BtoA",
        field=0.5,
        api_name="/translate",
    )
    request = TranslateRequest(image=sun(), model="facades-segment", direction="BtoA", field=0.5)
    expected = Studio(ROOT / "checkpoints").translate(request)
    assert Image.open(path).tobytes() == expected.image.tobytes()
    assert details["way"] == "photo → plan"
