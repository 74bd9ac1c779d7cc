"""The app as other programs see it."""

from __future__ import annotations

import json
import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from PIL import Image

from aigc_demo import images
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.painting import SHOWN_SIDE
from tests.server import ROOT

FAST = "fashion_mnist-dcgan"


def generate(client: Client, **fields: Any) -> tuple[list[Path], str, int, dict[str, Any]]:
    gallery, details, seed, settings = client.predict(
        **{"model": FAST, "label": "Bag", "count": 4, "seed": 7} | fields, api_name="/generate"
    )
    return [Path(item["image"]) for item in gallery], details, seed, json.loads(settings)


def test_it_returns_what_the_studio_paints(client: Client) -> None:
    paths, _, seed, _ = generate(client)
    expected = Studio(ROOT / "checkpoints").generate(
        GenerateRequest(model=FAST, label="Bag", count=4, seed=7)
    )
    assert seed == 7
    for path, picture in zip(paths, expected.images, strict=True):
        shown = images.enlarge(picture, SHOWN_SIDE, crisp=False)
        assert Image.open(path).convert("L").tobytes() == shown.tobytes()


def test_each_picture_carries_settings_that_repeat_it(client: Client) -> None:
    paths, _, _, settings = generate(client, label="*", count=12)
    found = images.read_settings(paths[3])
    assert {k: found[k] for k in settings} == settings
    again, *_ = generate(client, label=found["picture_label"], seed=found["picture_seed"], count=1)
    assert Image.open(again[0]).tobytes() == Image.open(paths[3]).tobytes()


def test_settings_stay_out_of_the_file_when_asked(client: Client) -> None:
    paths, *_ = generate(client, embed=False)
    assert images.SETTINGS_KEY not in Image.open(paths[0]).info


def test_a_random_seed_is_told(client: Client) -> None:
    first, second = (generate(client, random_seed=True, count=1) for _ in range(2))
    assert first[2] != second[2]
    again, *_ = generate(client, seed=first[2], count=1)
    assert Image.open(again[0]).tobytes() == Image.open(first[0][0]).tobytes()


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


def test_two_people_at_once_get_their_own_pictures(client: Client) -> None:
    labels = ["Bag", "Trouser", "Sneaker", "Dress"] * 5
    alone = {label: generate(client, label=label)[0] for label in set(labels)}

    def ask(label: str) -> bool:
        paths, *_ = generate(client, label=label)
        pairs = zip(paths, alone[label], strict=True)
        return all(Image.open(a).tobytes() == Image.open(b).tobytes() for a, b in pairs)

    with ThreadPoolExecutor(5) as pool:
        assert all(pool.map(ask, labels))


def test_only_the_documented_endpoint_is_shown(client: Client) -> None:
    shown = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert list(shown) == ["/generate"]
    names = [p["parameter_name"] for p in shown["/generate"]["parameters"]]
    assert names[:4] == ["model", "label", "count", "seed"]
