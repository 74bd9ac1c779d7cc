"""The app as other programs see it."""

from __future__ import annotations

import base64
import io
import json
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from aigc_demo.imaging import images
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from tests.app_server import ROOT

FAST = "fashion_mnist-dcgan"


def generate(client: Client, **fields: Any) -> tuple[list[bytes], int, dict[str, Any]]:
    """Return the PNG files, the seed and the settings of an answer."""
    pictures, _, seed, settings = client.predict(
        **{"model": FAST, "label": "Bag", "count": 4, "seed": 7} | fields, api_name="/generate"
    )
    files = [base64.b64decode(p["png"].removeprefix("data:image/png;base64,")) for p in pictures]
    return files, seed, json.loads(settings)


def pixels(file: bytes) -> bytes:
    return Image.open(io.BytesIO(file)).tobytes()


def test_it_returns_what_the_studio_paints(client: Client) -> None:
    files, seed, _ = generate(client)
    expected = Studio(ROOT / "checkpoints").generate(
        GenerateRequest(model=FAST, label="Bag", count=4, seed=7)
    )
    assert seed == 7
    assert [pixels(f) for f in files] == [p.tobytes() for p in expected.images]


def test_each_picture_carries_settings_that_repeat_it(client: Client) -> None:
    files, _, settings = generate(client, label="*", count=12)
    found = images.read_settings(files[3])
    assert {k: found[k] for k in settings} == settings
    again, *_ = generate(client, label=found["picture_label"], seed=found["picture_seed"], count=1)
    assert pixels(again[0]) == pixels(files[3])


def test_settings_stay_out_of_the_file_when_asked(client: Client) -> None:
    files, *_ = generate(client, embed=False)
    assert images.SETTINGS_KEY not in Image.open(io.BytesIO(files[0])).info


def test_a_random_seed_is_told(client: Client) -> None:
    first, second = (generate(client, random_seed=True, count=1) for _ in range(2))
    assert first[1] != second[1]
    again, *_ = generate(client, seed=first[1], count=1)
    assert pixels(again[0]) == pixels(first[0][0])


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"seed": -1}, "seed"),
        ({"seed": 2**64}, "seed"),
        ({"count": 0}, "count|Pictures|value"),
        ({"count": 3.7}, "count"),
        ({"count": True}, "count"),
        ({"truncation": float("inf")}, "truncation|Truncation|value"),
        ({"label": "Spaceship"}, "label|choices"),
        ({"model": "nothing"}, "model|choices"),
        ({"label": "airplane"}, "label"),
    ],
    ids=str,
)
def test_bad_input_is_refused_with_a_sentence(
    client: Client, fields: dict[str, Any], named: str
) -> None:
    with pytest.raises((AppError, ValueError)) as problem:
        generate(client, **fields)
    text = str(problem.value)
    assert re.search(named, text)
    assert "Traceback" not in text and "/aigc_demo/" not in text


def test_two_people_at_once_get_their_own_pictures(address: str, client: Client) -> None:
    labels = ["Bag", "Trouser", "Sneaker", "Dress"] * 5
    alone = {label: generate(client, label=label)[0] for label in set(labels)}
    with ThreadPoolExecutor(5) as pool:
        people = [Client(address, verbose=False) for _ in labels]
        answers = pool.map(lambda own, label: generate(own, label=label)[0], people, labels)
        for label, files in zip(labels, answers, strict=True):
            assert [pixels(f) for f in files] == [pixels(f) for f in alone[label]]


def test_only_the_documented_endpoint_is_shown(client: Client) -> None:
    shown = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    pictures = {"/generate", "/restore", "/translate", "/augment", "/clean_up", "/smart_mask"}
    assert set(shown) == pictures | {"/train", "/runs"}
    names = [p["parameter_name"] for p in shown["/generate"]["parameters"]]
    assert names[:4] == ["model", "label", "count", "seed"]
