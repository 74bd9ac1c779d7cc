"""Flat colours and masks by a CRF, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageDraw

from aigc_demo.errors import BadImage, BadValue
from aigc_demo.studio import Studio
from aigc_demo.ui.components import colour_quantisation, scribble_mask
from aigc_demo.ui.components.colour_quantisation import CrfForm
from tests import factories

pytestmark = pytest.mark.usefixtures("one_thread")
SIZE = (40, 32)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    """Return a studio without models: a CRF needs none."""
    return Studio(tmp_path, device="cpu")


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


def test_a_picture_gets_few_colours_and_their_energies_fall(
    studio: Studio, tmp_path: Path
) -> None:
    shown = colour_quantisation.quantise(studio, CrfForm(editor=editor(tmp_path), colours=2))
    before, after = shown["pair"]
    assert Image.open(before).size == Image.open(after).size == SIZE
    assert len(Image.open(after).getcolors()) == 2
    assert shown["details"].startswith("40×32 px · 2 colours · ")
    assert shown["chips"].count("<i ") == 2
    (curve,) = factories.drawn(shown["energies"]).values()
    assert [update for update, _ in curve] == list(range(9))
    assert (np.diff([energy for _, energy in curve]) <= 1e-3).all()


def test_scribbles_decide_the_colour_where_they_are(studio: Studio, tmp_path: Path) -> None:
    green = (20, 160, 60, 255)
    value = editor(tmp_path, ((2, 2, 12, 2), green))
    form = CrfForm(editor=value, palette="#285aa0; #fac828")
    _, file = colour_quantisation.quantise(studio, form)["pair"]
    assert Image.open(file).getpixel((6, 2)) == green[:3]


def test_sliders_do_nothing_until_there_is_a_picture(studio: Studio, tmp_path: Path) -> None:
    assert colour_quantisation.requantise(studio, CrfForm(editor=None)) == {}
    assert "pair" in colour_quantisation.requantise(studio, CrfForm(editor=editor(tmp_path)))


def test_what_cannot_be_used_is_refused_by_its_name(studio: Studio, tmp_path: Path) -> None:
    value = editor(tmp_path)
    wrong: list[tuple[str, Any]] = [
        ("colours", 1), ("colours", float("nan")), ("colours", None), ("palette", "#112233"),
        ("palette", "red, blue"), ("palette", "x" * 10_000), ("palette", 7), ("smooth", -1.0),
        ("radius", float("inf")), ("likeness", True), ("iterations", 3.7), ("tolerance", "8"),
    ]  # fmt: skip
    for field, given in wrong:
        with pytest.raises(BadValue, match=f"^{field}"):
            CrfForm(**{"editor": value, field: given}).request()
    for empty in (None, {}):
        with pytest.raises(BadValue, match="^picture: "):
            CrfForm(editor=empty).request()


def test_strokes_of_another_picture_are_refused(studio: Studio, tmp_path: Path) -> None:
    value = editor(tmp_path)
    Image.new("RGBA", (7, 7)).save(value["layers"][0])
    for act in (CrfForm(editor=value).request, lambda: scribble_mask.segment(studio, value)):
        with pytest.raises(BadImage, match="a layer has 7×7 pixels and the picture 40×32"):
            act()


def test_a_red_and_a_blue_stroke_become_a_mask(studio: Studio, tmp_path: Path) -> None:
    value = editor(tmp_path, ((15, 15, 20, 17), RED), ((2, 3, 36, 3), BLUE))
    shown = scribble_mask.segment(studio, value)
    assert Image.open(shown["editor"]["background"]).tobytes() == sun().tobytes()
    assert shown["editor"]["layers"] == [] and shown["marked"] == "white"
    marked, there = np.asarray(Image.open(shown["mask"])) > 127, Image.new("1", SIZE)
    ImageDraw.Draw(there).ellipse((10, 8, 26, 24), fill=1)
    truth = np.asarray(there)
    assert (marked & truth).sum() / (marked | truth).sum() > 0.9
    assert shown["overlay"].visible


def test_a_blue_stroke_alone_marks_nothing(studio: Studio, tmp_path: Path) -> None:
    with pytest.raises(BadValue, match="^thing: nothing is marked; paint a red stroke"):
        scribble_mask.segment(studio, editor(tmp_path, ((2, 3, 36, 3), BLUE)))
