"""Sheets, morphs and the X/Y grid below the Generate tab, without a browser."""

from __future__ import annotations

import csv
import io
import shutil
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageSequence

from aigc_demo.errors import BadValue
from aigc_demo.methods.checkpoint import in_all
from aigc_demo.requests import GenerateRequest, GridRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.generate import morph, sheets, xy_grid
from aigc_demo.ui.generate.morph import MorphForm
from aigc_demo.ui.generate.sheets import ClassesForm, CompareForm
from aigc_demo.ui.generate.xy_grid import GridForm
from tests import factories

FLOW, DCGAN, VAE, PLAIN = "shapes-flow", "shapes-dcgan", "shapes-vae", "plain-dcgan"
TEXT = "shapes-text2image"


def test_a_morph_begins_and_ends_with_what_was_asked_for(studio: Studio) -> None:
    form = MorphForm(model=DCGAN, seed=3, to_seed=4, to_label="squares", frames=4)
    shown = morph.morph(studio, form)
    first, last = shown["kept"][0], shown["kept"][-1]
    for frame, label, seed in ((first, "discs", 3), (last, "squares", 4)):
        request = GenerateRequest(model=DCGAN, label=label, seed=seed, count=1)
        (alone,) = studio.generate(request).images
        assert frame.tobytes() == alone.resize((256, 256), Image.Resampling.LANCZOS).tobytes()
    with Image.open(shown["animation"]) as file:
        assert file.format == "WEBP"
    assert shown["still"] is first and shown["frame"].maximum == 4
    assert morph.show_frame(studio, shown["kept"], 9)["still"] is last
    gif = morph.morph(studio, MorphForm(model=PLAIN, frames=4, file_format="GIF"))["animation"]
    with Image.open(gif) as file:
        assert file.format == "GIF"


def test_an_animation_goes_there_and_back_for_ever() -> None:
    frames = [Image.new("RGB", (32, 32), colour) for colour in ("red", "lime", "blue")]
    with Image.open(io.BytesIO(morph.animation(frames, "webp"))) as file:
        colours = [max(frame.convert("RGB").getcolors())[1] for frame in _frames(file)]
        assert file.info["loop"] == 0
    brightest = [max(range(3), key=colour.__getitem__) for colour in colours]
    assert brightest == [0, 1, 2, 1]


def _frames(file: Image.Image) -> list[Image.Image]:
    return [frame.copy() for frame in ImageSequence.Iterator(file)]


def test_classes_by_seeds_are_a_row_a_class(studio: Studio) -> None:
    one, two = (
        sheets.classes_by_seeds(studio, ClassesForm(model=model, columns=3))["sheet"]
        for model in (PLAIN, DCGAN)
    )
    assert one.width == two.width and two.height == one.height + 100


def test_models_of_the_same_data_are_compared(studio: Studio) -> None:
    data = studio.info(DCGAN).data
    here = [m for m in studio.models("generate") if m.data == data]
    shown = sheets.compare(studio, CompareForm(data=data, label="*", seed=1, columns=2))
    assert [row[0] for row in shown["table"]] == [m.title for m in here]
    assert shown["sheet"].height == 4 + 100 * len(here)
    assert [row[3] for row in shown["table"]] == [m.card["images_seen"] for m in here]
    with pytest.raises(BadValue, match="^data: no model has learned"):
        sheets.compare(studio, CompareForm(data="nothing"))


def test_models_of_runs_are_compared_only_if_wanted(trained: Path, tmp_path: Path) -> None:
    for name in ("20261125-011600-shapes-dcgan", "20261125-011601-shapes-dcgan"):
        shutil.copytree(trained / DCGAN, tmp_path / "runs" / name / "model")
        (tmp_path / "runs" / name / "plan.json").write_text(
            factories.plan("dcgan", "shapes").model_dump_json()
        )
    studio = Studio(trained, runs_root=tmp_path / "runs", device="cpu")
    without, wanted = (
        [row[0] for row in sheets.compare(studio, form)["table"]]
        for form in (
            CompareForm(data=studio.info(DCGAN).data, columns=2, with_runs=with_runs)
            for with_runs in (False, True)
        )
    )
    assert not any("★" in title for title in without)
    assert len({title for title in wanted if "★" in title}) == 2
    assert len(wanted) == len(without) + 2
    with pytest.raises(BadValue, match="its run was discarded or has no model yet"):
        studio.info("yours-20261125-011602-shapes-dcgan")


def test_pictures_seen_are_those_of_all_runs_that_led_to_the_weights() -> None:
    card = {"images_seen": 64_000, "started_from": {"images_seen": 39_040, "started_from": {}}}
    assert in_all(card, "images_seen") == 103_040


# --- The X/Y grid --------------------------------------------------------------------------------


def test_axes_and_their_values_suit_the_model(studio: Studio) -> None:
    family = {FLOW, VAE, DCGAN}
    assert xy_grid.axes_of(studio, DCGAN) == ["seed", "label", "truncation", "model"]
    assert xy_grid.axes_of(studio, TEXT)[:2] == ["seed", "prompt"]
    assert "label" not in xy_grid.axes_of(studio, PLAIN)
    assert set(xy_grid.suggest(studio, DCGAN, "model", 0).split()) == family
    assert xy_grid.suggest(studio, DCGAN, "seed", 40).split() == ["40", "41", "42", "43", "44"]
    assert xy_grid.suggest(studio, DCGAN, "seed", None).split()[0] == "0"


def test_what_is_suggested_can_be_made(studio: Studio) -> None:
    for model in (FLOW, VAE, DCGAN, PLAIN, TEXT):
        for axis in xy_grid.axes_of(studio, model)[1:]:
            values = xy_grid.parse("x", axis, xy_grid.suggest(studio, model, axis, 3))
            request = GridRequest(model=model, x=axis, x_values=values, y="seed", y_values=(1,))
            grid = next(studio.grid_steps(request))
            assert len(grid.columns) == len(values) > 0


def test_the_seeds_of_an_axis_follow_the_tab(studio: Studio) -> None:
    form = GridForm(model=DCGAN, seed=40, x="label", y="seed")
    updates = xy_grid.follow_seed(studio, form)
    assert updates == {"y_values": "40\n41\n42\n43\n44"}


def test_numbers_and_words_are_read_as_people_write_them() -> None:
    for text in ("1 2", "1,2", "1，2", " 1;\n2 ", "1\n\n2"):
        assert xy_grid.parse("x", "seed", text) == (1, 2)
        assert xy_grid.parse("x", "guidance", text) == (1.0, 2.0)
    assert xy_grid.parse("x", "prompt", "a, b\n c \n\n") == ("a, b", "c")
    for axis, text in (("seed", "1.5"), ("seed", "a"), ("guidance", "1,x")):
        with pytest.raises(BadValue, match=f"^y: “{text[-1]}?.*{axis}"):
            xy_grid.parse("y", axis, text)


def grid(studio: Studio, **fields: Any) -> list[dict[str, Any]]:
    axes = {"x": "seed", "x_values": "1, 2", "y": "label", "y_values": "discs\nsquares"}
    return list(xy_grid.fill(studio, GridForm(**{"model": DCGAN, "seed": 3} | axes | fields)))


def test_an_axis_without_values_is_refused(studio: Studio) -> None:
    for text in (None, "", " \n ", 7):
        with pytest.raises(BadValue, match="^x_values: "):
            grid(studio, x_values=text)


def test_the_page_gets_a_picture_and_two_files(studio: Studio) -> None:
    for language, progress in (("en", "4 of 4 cells"), ("zh-CN", "4 / 4")):
        *_, full, last = grid(studio, truncation=0.5, language=language)
        assert progress in full["progress"]
    assert full["stop"].visible and last["go"].visible and not last["stop"].visible
    with Image.open(full["png"].value["path"]) as file:
        assert file.tobytes() == full["picture"].tobytes()
    with open(full["csv"].value["path"], encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    assert [(x["seed"], x["label"]) for x in lines] == [
        ("1", "discs"),
        ("2", "discs"),
        ("1", "squares"),
        ("2", "squares"),
    ]
    assert {x["truncation"] for x in lines} == {"0.5"}
