"""What the page does with random fields, without a browser."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aigc_demo.errors import BadImage, BadValue
from aigc_demo.methods import checkpoint
from aigc_demo.studio import Studio
from aigc_demo.ui.components import crf_callbacks
from aigc_demo.ui.components.crf_callbacks import Form
from tests import factories

pytestmark = pytest.mark.usefixtures("one_thread")
SIZE = (40, 32)


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("checkpoints")
    for name, method in (("facades-segment", "segment"), ("facades-pix2pix", "pix2pix")):
        model = factories.model(method, classes=0)
        card = factories.card(model, method, data="facades", domains=("plan", "photo"))
        checkpoint.save(folder / name, model, card)
    return Studio(folder, device="cpu")


def sun() -> Image.Image:
    image = Image.new("RGB", SIZE, (40, 90, 160))
    ImageDraw.Draw(image).ellipse((10, 8, 26, 24), fill=(250, 200, 40))
    noise = np.random.default_rng(0).normal(0, 8, (32, 40, 3))
    return Image.fromarray((np.asarray(image) + noise).clip(0, 255).astype(np.uint8))


def editor(tmp_path: Path, *strokes: tuple[tuple[int, ...], tuple[int, ...]]) -> dict[str, Any]:
    """Return an editor's value with lines in colours, as the browser sends it."""
    sun().convert("RGBA").save(tmp_path / "background.png")
    layer = Image.new("RGBA", SIZE)
    for points, colour in strokes:
        ImageDraw.Draw(layer).line(points, fill=colour, width=2)
    layer.save(tmp_path / "layer.png")
    return {
        "background": str(tmp_path / "background.png"),
        "layers": [str(tmp_path / "layer.png")],
        "composite": None,
    }


RED, BLUE = (225, 29, 72, 200), (37, 99, 235, 200)


def test_a_picture_is_cleaned_up_and_all_about_it_is_told(studio: Studio, tmp_path: Path) -> None:
    form = Form(editor(tmp_path), colours=2)
    (before, after), file, chips, told, table = crf_callbacks.clean_up(studio, form)
    assert file == after and Image.open(before).size == Image.open(after).size == SIZE
    assert len(Image.open(after).getcolors()) == 2
    assert told.startswith("40×32 px · 2 colours · ") and chips.count("<i ") == 2
    assert list(table["update"]) == list(range(9))
    assert (np.diff(table["energy"]) <= 1e-3).all()


def test_scribbles_count(studio: Studio, tmp_path: Path) -> None:
    green = (20, 160, 60, 255)
    form = Form(editor(tmp_path, ((2, 2, 12, 2), green)), palette="#285aa0 #fac828")
    _, file, *_ = crf_callbacks.clean_up(studio, form)
    assert Image.open(file).getpixel((6, 2)) == green[:3]


@pytest.mark.parametrize(
    ("fields", "message"),
    [({"editor": None}, "^picture: "), ({"editor": {}}, "^picture: "),
     ({"colours": 1}, "^colours: 1"), ({"colours": float("nan")}, "^colours: nan"),
     ({"colours": None}, "^colours: None"), ({"palette": "#112233"}, "^palette"),
     ({"palette": "red, blue"}, "^palette"), ({"palette": "x" * 10_000}, "^palette"),
     ({"palette": 7}, "^palette"), ({"smooth": -1.0}, "^smooth: -1"),
     ({"radius": float("inf")}, "^radius: inf"), ({"likeness": True}, "^likeness: True"),
     ({"iterations": 3.7}, "^iterations: 3.7"), ({"tolerance": "8"}, "^tolerance: '8'")], ids=str,
)  # fmt: skip
def test_what_cannot_be_used_is_told(
    studio: Studio, tmp_path: Path, fields: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadValue, match=message):
        crf_callbacks.clean_up(studio, Form(**{"editor": editor(tmp_path)} | fields))


def test_strokes_of_another_picture_are_refused(studio: Studio, tmp_path: Path) -> None:
    value = editor(tmp_path)
    Image.new("RGBA", (7, 7)).save(value["layers"][0])
    for act in (lambda: crf_callbacks.clean_up(studio, Form(value)),
                lambda: crf_callbacks.smart_mask(studio, value)):  # fmt: skip
        with pytest.raises(BadImage, match="a layer has 7×7 pixels and the picture 40×32"):
            act()


def test_a_red_and_a_blue_stroke_become_a_mask(studio: Studio, tmp_path: Path) -> None:
    value = editor(tmp_path, ((15, 15, 20, 17), RED), ((2, 3, 36, 3), BLUE))
    picture, mask, shown = crf_callbacks.smart_mask(studio, value)
    assert Image.open(picture).tobytes() == sun().tobytes()
    marked, there = np.asarray(Image.open(mask)) > 127, Image.new("1", SIZE)
    ImageDraw.Draw(there).ellipse((10, 8, 26, 24), fill=1)
    truth = np.asarray(there)
    assert (marked & truth).sum() / (marked | truth).sum() > 0.9
    assert Image.open(shown).size == SIZE


def test_a_blue_stroke_alone_marks_nothing(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="^thing: nothing is marked; paint a red stroke"):
        crf_callbacks.smart_mask(studio, editor(tmp_path, ((2, 3, 36, 3), BLUE)))


def test_files_are_cleaned_and_outlined_for_programs(studio: Studio, tmp_path: Path) -> None:
    sun().save(tmp_path / "sun.png")
    thing = Image.new("L", SIZE)
    ImageDraw.Draw(thing).line((15, 15, 20, 17), fill=255)
    thing.save(tmp_path / "thing.png")
    flat, told = crf_callbacks.clean_file(studio, str(tmp_path / "sun.png"), 2.0)
    assert len(Image.open(flat).getcolors()) == len(told["palette"]) == 2
    mask, found = crf_callbacks.outline_file(
        studio, str(tmp_path / "sun.png"), str(tmp_path / "thing.png"), None, 1.0, 0.0
    )
    assert 0.15 < found["share"] < 0.3 and Image.open(mask).mode == "L"
    assert json.dumps([told, found])
    for act in (lambda: crf_callbacks.clean_file(studio, ""),
                lambda: crf_callbacks.outline_file(studio, "", "")):  # fmt: skip
        with pytest.raises(BadValue, match="^image"):
            act()
