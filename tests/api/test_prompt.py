"""Prompts as other programs send them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from aigc_demo.imaging import images
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from tests.app_server import TEXT_MODEL, serve, write_checkpoints


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of models, one of which reads."""
    return write_checkpoints(tmp_path_factory.mktemp("text") / "checkpoints")


@pytest.fixture(scope="module")
def reading(models: Path) -> Iterator[Client]:
    """Return a client of an app with a model that reads."""
    places = {"AIGC_CHECKPOINTS": str(models), "AIGC_RUNS": str(models.parent / "runs")}
    with serve(models.parent / "log.txt", **places) as address:
        yield Client(address, verbose=False, httpx_kwargs={"timeout": 300})


def ask(client: Client, **fields: Any) -> tuple[list[bytes], dict[str, Any]]:
    """Return the PNG files and the settings of an answer."""
    given = {"model": TEXT_MODEL, "label": "*", "count": 2, "seed": 7, "evaluations": 2} | fields
    pictures, _, _, settings = client.predict(**given, api_name="/generate")
    files = [base64.b64decode(p["png"].removeprefix("data:image/png;base64,")) for p in pictures]
    return files, json.loads(settings)


def pixels(file: bytes) -> bytes:
    return Image.open(io.BytesIO(file)).tobytes()


def test_a_prompt_makes_what_the_studio_paints(reading: Client, models: Path) -> None:
    files, settings = ask(reading, prompt="dolphin, twemoji style")
    fields = {k: v for k, v in settings.items() if k != "model"}
    expected = Studio(models).generate(GenerateRequest(model=TEXT_MODEL, **fields))
    assert settings["prompt"] == "dolphin, twemoji style"
    assert [pixels(f) for f in files] == [p.tobytes() for p in expected.images]
    assert images.read_settings(files[1])["prompt"] == settings["prompt"]


def test_other_words_are_another_picture_and_no_words_are_allowed(reading: Client) -> None:
    made = [ask(reading, prompt=p)[0][0] for p in ("discs", "squares", "")]
    assert len({pixels(file) for file in made}) == 3


@pytest.mark.parametrize(
    "prompt", ["🐬🏳️‍🌈", "דולפין כחול", "海豚" * 60, "../../etc/passwd", "<script>"]
)
def test_any_words_are_words(reading: Client, prompt: str) -> None:
    files, settings = ask(reading, prompt=prompt)
    assert len(files) == 2 and settings["prompt"] == prompt


@pytest.mark.parametrize("prompt", ["x" * 10_000, "x" * 201, "a\0b"], ids=["10,000", "201", "NUL"])
def test_words_that_cannot_be_read_are_refused_by_name(reading: Client, prompt: str) -> None:
    with pytest.raises(AppError, match="prompt: ") as caught:
        ask(reading, prompt=prompt)
    assert len(str(caught.value)) < 400 and "Traceback" not in str(caught.value)


def test_a_model_that_does_not_read_says_so(reading: Client) -> None:
    with pytest.raises(AppError, match="prompt: fashion_mnist-dcgan is not conditioned on text"):
        ask(reading, model="fashion_mnist-dcgan", prompt="bag")
    assert ask(reading, model="fashion_mnist-dcgan", label="Bag")[0]


def test_two_people_get_what_each_asked_for(reading: Client) -> None:
    prompts = ["discs", "squares", "dolphin"] * 3
    alone = {p: ask(reading, prompt=p)[0] for p in prompts}
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(lambda p: ask(reading, prompt=p)[0], prompts))
    assert together == [alone[p] for p in prompts]
