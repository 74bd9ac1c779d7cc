"""What the buttons around the gallery do, without a browser."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from aigc_demo.cli import previews
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.requests import GenerateRequest, RestoreRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.generate import callbacks, tab
from aigc_demo.ui.generate.forms import GenerateForm
from tests import factories

DCGAN, FLOW, TEXT = "shapes-dcgan", "shapes-flow", "shapes-text2image"
SETTINGS = json.dumps({"model": DCGAN, "count": 3, "seed": 5})


@pytest.fixture
def enlarging(trained: Path, tmp_path: Path) -> Studio:
    folder = shutil.copytree(trained, tmp_path / "checkpoints")
    factories.save(folder / "upscale", "repair", classes=0, config={"damage": "resolution"})
    return Studio(folder, device="cpu")


def test_options_that_the_model_does_not_have_are_left_out(studio: Studio) -> None:
    form = GenerateForm(
        model=DCGAN, seed=3.0, count=2.0, guidance=2, evaluations=8, truncation=0.5, temperature=1
    )
    request = callbacks.request_of(studio, form)
    assert request == GenerateRequest(model=DCGAN, seed=3, count=2, truncation=0.5)


def test_a_random_seed_takes_the_place_of_the_one_that_is_shown(studio: Studio) -> None:
    form = GenerateForm(model=DCGAN, seed=3, random_seed=True)
    assert len({callbacks.request_of(studio, form).seed for _ in range(5)}) > 1


def test_pictures_form_where_the_model_has_steps_and_somebody_watches(studio: Studio) -> None:
    def stages(model: str, *, watch: bool) -> list[list[str]]:
        form = GenerateForm(model=model, count=2, evaluations=4, watch=watch)
        return [sorted(updates) for updates in callbacks.generate_live(studio, form)]

    last = ["details", "forming", "gallery", "sampled_seed", "settings"]
    assert stages(FLOW, watch=True)[:1] == [["forming", "gallery"]]
    assert stages(FLOW, watch=True)[-1] == last
    assert stages(FLOW, watch=False) == stages(DCGAN, watch=True) == [last]


def test_programs_and_the_page_get_the_same_pictures(studio: Studio, tmp_path: Path) -> None:
    pictures, _, seed, settings = callbacks.generate(studio, DCGAN, "discs", 2, 7)
    form = GenerateForm(model=DCGAN, label="discs", count=2, seed=7)
    *_, shown = callbacks.generate_live(studio, form)
    assert (shown["sampled_seed"], shown["settings"]) == (seed, settings) == (7, settings)
    captions = [image["caption"] for image in shown["gallery"].value]
    assert (
        captions == ["discs · 7", "discs · 8"] == [f"{p['label']} · {p['seed']}" for p in pictures]
    )


def test_the_zip_holds_each_picture_with_its_settings(studio: Studio, tmp_path: Path) -> None:
    archive = zipfile.ZipFile(callbacks.make_zip(studio, SETTINGS)["file"])
    made = studio.generate(GenerateRequest(model=DCGAN, count=3, seed=5))
    assert len(archive.namelist()) == 3
    for name, image, seed in zip(archive.namelist(), made.images, made.seeds, strict=True):
        path = Path(archive.extract(name, tmp_path))
        assert images.open_image(path).tobytes() == image.tobytes()
        settings = images.read_settings(path)
        assert settings["picture_seed"] == seed and settings["model"] == DCGAN
        assert callbacks.from_png(studio, str(path)) == callbacks.from_json(SETTINGS)


def test_the_same_pictures_come_larger(enlarging: Studio) -> None:
    shown = callbacks.enlarge(enlarging, SETTINGS, 4)
    made = enlarging.generate(GenerateRequest(model=DCGAN, count=3, seed=5)).images
    for (path, _), image in zip(shown["gallery"], made, strict=True):
        larger = images.open_image(path)
        assert larger.size == (128, 128)
        request = RestoreRequest(image=image, method="upscale", factor=4)
        assert larger.tobytes() == enlarging.restore(request).image.tobytes()
    assert "128×128 px · 3 in " in shown["details"]


def test_enlarging_is_offered_where_its_model_is_here(enlarging: Studio, studio: Studio) -> None:
    assert tab.enlarges(enlarging) and not tab.enlarges(studio)


def test_settings_come_back_from_json_and_from_an_address(studio: Studio) -> None:
    request = GenerateRequest(
        model=TEXT, count=2, seed=2**53 - 1, guidance=1.5, prompt="discs & squares = 100 %?"
    )
    settings = callbacks.to_json(request)
    assert callbacks.from_json(settings) == request
    query = dict(parse_qsl(callbacks.to_query(studio, settings)["query"]))
    assert callbacks.from_query(studio, query) == request


def test_what_is_no_settings_is_refused_in_words(studio: Studio) -> None:
    wrong: list[tuple[Any, ...]] = [
        (callbacks.from_json, "", "settings: there is nothing to repeat yet"),
        (callbacks.from_json, "[1]", "settings: these are no settings"),
        (callbacks.from_json, '{"model": "m", "count": 99}', "count: 99 cannot be used"),
    ]
    for read, value, message in wrong:
        with pytest.raises(BadValue, match=f"^{message}"):
            read(value)
    with pytest.raises(BadValue, match="^seed: the link holds “one”"):
        callbacks.from_query(studio, {"model": DCGAN, "seed": "one"})
    with pytest.raises(BadValue, match="^picture: no file has arrived"):
        callbacks.from_png(studio, None)
    assert callbacks.from_query(studio, {"__theme": "dark"}) is None


def test_a_long_prompt_makes_a_short_file_name(studio: Studio) -> None:
    pictures, *_ = callbacks.generate(studio, TEXT, count=1, prompt="é/" * 100)
    assert pictures[0]["label"] == "é/" * 100
    assert len(callbacks.file_name(3, "é/" * 100).encode()) < 120


def test_a_request_sets_every_control_that_its_model_has(studio: Studio) -> None:
    request = GenerateRequest(model=FLOW, label="discs", count=3, seed=9, guidance=1.5)
    updates = tab.restore(studio, request)
    assert (updates["count"], updates["seed"], updates["random_seed"]) == (3, 9, False)
    assert (updates["model"].value, updates["label"].value) == (FLOW, "discs")
    assert updates["guidance"].value == 1.5 and updates["guidance"].visible
    assert not updates["truncation"].visible and not updates["group"].visible
    assert updates["how_flow"].visible and not updates["how_dcgan"].visible


# --- The first view ------------------------------------------------------------------------------


@pytest.fixture
def previewed(checkpoints: Path) -> Studio:
    """Return a studio in which two models have previews."""
    for name in (DCGAN, FLOW):
        previews.main(["--checkpoints", str(checkpoints), "--model", name])
    return Studio(checkpoints, device="cpu")


def test_a_preview_is_shown_as_if_it_had_just_been_generated(previewed: Studio) -> None:
    shown = callbacks.show_preview(previewed, previewed.info(DCGAN))
    request = callbacks.from_json(shown["settings"])
    result = previewed.generate(request)
    captions = [picture["caption"] for picture in shown["gallery"].value]
    assert captions == [f"{lab} · {s}" for s, lab in zip(result.seeds, result.labels, strict=True)]
    assert shown["sampled_seed"] == request.seed
    assert callbacks.make_zip(previewed, shown["settings"])["file"]


def test_another_model_shows_its_preview_until_somebody_has_pictures_of_their_own(
    previewed: Studio,
) -> None:
    first = callbacks.show_preview(previewed, previewed.info(DCGAN))["settings"]
    for settings in ("", first):
        assert callbacks.from_json(tab.fit(previewed, FLOW, settings)["settings"]).model == FLOW
    assert "gallery" not in tab.fit(previewed, FLOW, SETTINGS)
    assert "gallery" not in tab.fit(previewed, "shapes-vae", first), "it has no preview"
