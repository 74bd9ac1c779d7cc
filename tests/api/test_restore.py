"""Restoration through the running app, as a program asks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from skimage import data

from aigc_demo.requests import RestoreRequest
from aigc_demo.studio import Studio
from tests.app_server import ROOT


def save(path: Path, image: Image.Image) -> Any:
    image.save(path)
    return handle_file(str(path))


def photo() -> Image.Image:
    return Image.fromarray(data.chelsea()[40:120, 60:191])


def mask() -> Image.Image:
    image = Image.new("L", (131, 80))
    image.paste(255, (40, 30, 60, 50))
    return image


def test_it_returns_what_the_studio_restores(client: Client, tmp_path: Path) -> None:
    path, details = client.predict(
        image=save(tmp_path / "photo.png", photo()),
        mask=save(tmp_path / "mask.png", mask()),
        method="inpaint",
        api_name="/restore",
    )
    expected = Studio(ROOT / "checkpoints").restore(RestoreRequest(image=photo(), mask=mask()))
    result = Image.open(path)
    assert result.tobytes() == expected.image.tobytes()
    outside = np.asarray(mask()) == 0
    assert np.array_equal(np.asarray(result)[outside], np.asarray(photo())[outside])
    assert details["method"] == "inpaint" and details["seconds"] > 0


def test_noise_is_estimated_and_removed(client: Client, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).normal(0, 25, (80, 131, 3))
    noisy = Image.fromarray((np.asarray(photo()) + noise).clip(0, 255).astype(np.uint8))
    path, details = client.predict(
        image=save(tmp_path / "noisy.png", noisy), mask=None, method="denoise", api_name="/restore"
    )
    truth = np.asarray(photo(), float)
    before, after = (
        np.square(np.asarray(x, float) - truth).mean() for x in (noisy, Image.open(path))
    )
    assert details["sigma"] == pytest.approx(25, rel=0.15)
    assert after < before / 4


def test_what_cannot_be_done_is_told(client: Client, tmp_path: Path) -> None:
    picture = save(tmp_path / "photo.png", photo())
    (tmp_path / "no.png").write_text("no picture")
    text = handle_file(str(tmp_path / "no.png"))
    for fields, problem in (
        ({"method": "magic"}, "method: there is no method"),
        ({"method": "inpaint"}, "mask: inpaint fills what a mask marks"),
        ({"method": "denoise", "sigma": -3}, "sigma: -3"),
        ({"method": "upscale", "factor": 3}, "factor: 3"),
        ({"image": None}, "image: no file has arrived"),
        ({"image": text, "method": "median"}, "not a picture that can be read"),
    ):
        with pytest.raises(AppError, match=problem) as told:
            client.predict(**{"image": picture, "mask": None} | fields, api_name="/restore")
        assert "Traceback" not in str(told.value) and str(tmp_path) not in str(told.value)
