"""Generation as other programs see it."""

from __future__ import annotations

import base64
import io
import json
import re
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from aigc_demo.imaging import images
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.generate.forms import FIRST
from tests.app_server import ROOT

FAST, TEXT = "fashion_mnist-dcgan", "emoji-text2image"


def generate(client: Client, **fields: Any) -> tuple[list[bytes], int, dict[str, Any]]:
    """Return the PNG files, the seed and the settings of an answer."""
    pictures, _, seed, settings = client.predict(
        **{"model": FAST, "label": "Bag", "count": 4, "seed": 7} | fields, api_name="/generate"
    )
    files = [base64.b64decode(p["png"].removeprefix("data:image/png;base64,")) for p in pictures]
    return files, seed, json.loads(settings)


def from_prompt(client: Client, prompt: str) -> tuple[list[bytes], dict[str, Any]]:
    fields = {"model": TEXT, "label": "*", "count": 2, "evaluations": 2}
    files, _, settings = generate(client, **fields, prompt=prompt)
    return files, settings


def pixels(file: bytes) -> bytes:
    return Image.open(io.BytesIO(file)).tobytes()


def test_it_returns_what_the_studio_generates(client: Client) -> None:
    studio = Studio(ROOT / "checkpoints")
    files, seed, _ = generate(client)
    expected = studio.generate(GenerateRequest(model=FAST, label="Bag", count=4, seed=7))
    assert seed == 7
    assert [pixels(f) for f in files] == [p.tobytes() for p in expected.images]

    files, settings = from_prompt(client, "dolphin, twemoji style")
    assert settings["prompt"] == "dolphin, twemoji style"
    expected = studio.generate(GenerateRequest(**settings))
    assert [pixels(f) for f in files] == [p.tobytes() for p in expected.images]
    assert images.read_settings(files[1])["prompt"] == settings["prompt"]


def test_each_picture_carries_settings_that_repeat_it(client: Client) -> None:
    files, _, settings = generate(client, label="*", count=12)
    found = images.read_settings(files[3])
    assert {k: found[k] for k in settings} == settings
    again, *_ = generate(client, label=found["picture_label"], seed=found["picture_seed"], count=1)
    assert pixels(again[0]) == pixels(files[3])


def test_settings_stay_out_of_the_file_when_asked(client: Client) -> None:
    files, *_ = generate(client, embed=False)
    assert images.SETTINGS_KEY not in Image.open(io.BytesIO(files[0])).info


def test_a_random_seed_is_returned(client: Client) -> None:
    first, second = (generate(client, random_seed=True, count=1) for _ in range(2))
    assert first[1] != second[1]
    again, *_ = generate(client, seed=first[1], count=1)
    assert pixels(again[0]) == pixels(first[0][0])


def test_bad_input_is_refused_with_a_sentence(client: Client) -> None:
    for fields, named in (
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"count": 0}, "^count: 0 cannot be used"),
        ({"count": 3.7}, "^count: 3.7 cannot be used"),
        ({"count": True}, "^count: True cannot be used"),
        ({"seed": "7"}, "^seed: '7' cannot be used"),
        ({"truncation": 9}, "^truncation: 9.* cannot be used"),
        ({"embed": "yes"}, "^embed: 'yes' cannot be used"),
        ({"label": "Spaceship"}, "^label: "),
        ({"model": "nothing"}, "^model: there is no model “nothing”"),
        ({"model": "denoise"}, "^model: denoise does not generate"),
        ({"label": "airplane"}, "label"),
        ({"prompt": "bag"}, f"prompt: {FAST} is not conditioned on text"),
        ({"model": TEXT, "label": "*", "prompt": "x" * 10_000}, "prompt: "),
        ({"model": TEXT, "label": "*", "prompt": "a\0b"}, "prompt: "),
    ):
        with pytest.raises((AppError, ValueError)) as problem:
            generate(client, **fields)
        text = str(problem.value).strip("'\"")
        assert re.search(named, text), (fields, text)
        assert "Traceback" not in text and "/aigc_demo/" not in text and len(text) < 400
        assert "repair" not in text and "compact" not in text  # which generate nothing


def test_without_a_model_it_is_that_of_the_page(client: Client) -> None:
    pictures, _, _, settings = client.predict(count=1, evaluations=2, api_name="/generate")
    assert len(pictures) == 1 and json.loads(settings)["model"] == FIRST


def test_options_that_are_left_out_are_those_of_the_model(client: Client) -> None:
    *_, settings = client.predict(model=FAST, count=1, api_name="/generate")
    assert json.loads(settings).keys() == {"model", "count", "seed"}


def test_any_words_are_a_prompt(client: Client) -> None:
    prompts = ("", "🐬🏳️‍🌈", "דולפין כחול", "海豚" * 60, "../../etc/passwd", "<script>")
    first = set()
    for prompt in prompts:
        files, settings = from_prompt(client, prompt)
        assert len(files) == 2 and settings.get("prompt", "") == prompt
        first.add(pixels(files[0]))
    assert len(first) > 1


def test_only_the_documented_endpoints_are_shown(client: Client) -> None:
    shown = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    pictures = {"/generate", "/restore", "/translate", "/augment", "/clean_up", "/smart_mask"}
    assert set(shown) == pictures | {"/train", "/runs", "/steer"}
    names = [p["parameter_name"] for p in shown["/generate"]["parameters"]]
    assert names == [
        *("model", "label", "count", "seed", "random_seed", "guidance", "evaluations"),
        *("truncation", "temperature", "embed", "prompt"),
    ]
    labels = [r["label"] for shown_as in shown.values() for r in shown_as["returns"]]
    assert all(isinstance(label, str) and "i18n" not in label for label in labels)
    assert [r["label"] for r in shown["/generate"]["returns"]] == [
        *("pictures", "details", "seed", "settings"),
    ]
