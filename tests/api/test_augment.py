"""Augmentation through the running app, as a program asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from PIL import Image
from skimage import data

from aigc_demo.requests import AugmentRequest
from aigc_demo.studio import Studio
from tests.app_server import ROOT

STEPS = [{"name": "rotate", "degrees": 40, "p": 0.9}, {"name": "colour_jitter"}]


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    Image.fromarray(data.chelsea()[40:120, 60:191]).save(tmp_path / "cat.png")
    return tmp_path / "cat.png"


def test_it_returns_what_the_studio_draws(client: Client, picture: Path) -> None:
    files, told = client.predict(
        image=handle_file(str(picture)), pipeline=json.dumps(STEPS), n=3, seed=11,
        api_name="/augment",
    )  # fmt: skip
    request = AugmentRequest(image=Image.open(picture), pipeline=STEPS, n=3, seed=11)
    expected = Studio(ROOT / "checkpoints").augment(request)
    for file, image in zip(files, expected.images, strict=True):
        assert Image.open(file).tobytes() == image.tobytes()
    assert told == [
        {"seed": s, "drawn": [step.description for step in sampled]}
        for s, sampled in zip(expected.seeds, expected.sampled, strict=True)
    ]


def test_what_cannot_be_used_is_told_in_a_sentence(client: Client, picture: Path) -> None:
    for pipeline, n, problem in (
        ('[{"name": "spin"}]', 2, "pipeline.0.name: there is no step “spin”"),
        ("{", 2, "pipeline: it is not JSON"),
        ("[]", 0, "n: 0 cannot be used"),
        ("[]", 1000, "n: 1000 cannot be used"),
    ):
        asked = {"image": handle_file(str(picture)), "pipeline": pipeline, "n": n, "seed": 0}
        with pytest.raises(AppError, match=problem):
            client.predict(**asked, api_name="/augment")
