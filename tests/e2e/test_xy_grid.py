"""A visitor sets two settings against each other, stops, and takes the grid home."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from aigc_demo.imaging.labelled_grid import GAP
from aigc_demo.requests import GenerateRequest
from aigc_demo.studio import Studio
from tests.app_server import ROOT
from tests.e2e.controls import choose, picture, set_number, text_box
from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser
Shooter = Callable[[Page, str], None]

GAN, FLOW = "Fashion-MNIST · GAN", "Fashion-MNIST · Flow"


def open_grid(page: Page, model: str) -> None:
    """Choose a model and show the grid, with the values that are suggested for it."""
    page.get_by_role("tab", name="Morph").click()
    choose(page, "model", model)
    page.get_by_role("tab", name="X/Y grid").click()
    settle(page)  # both have suggested values; a late answer would overwrite what is typed
    expect(page.locator("#grid_x input")).to_have_value("Class")


def set_axis(page: Page, place: str, axis: str, suggested: str, values: str) -> None:
    """Choose an axis, wait for the values that are suggested, and write others."""
    if page.locator(f"#grid_{place} input").input_value() != axis:
        choose(page, f"grid_{place}", axis)
    box = text_box(page, f"grid_{place}_values")
    expect(box).to_have_value(re.compile(f"^{suggested}"))
    settle(page)
    box.fill(values)


def test_two_settings_make_a_grid_that_can_be_taken_home(page: Page, shoot: Shooter) -> None:
    open_grid(page, GAN)
    set_axis(page, "x", "Truncation", "0.1", "0.3, 1")
    set_axis(page, "y", "Class", "T-shirt/top", "Bag\nAnkle boot\nDress")
    page.locator("#grid_go").click()
    expect(picture(page, "grid")).to_be_visible()
    expect(text_box(page, "grid_progress")).to_have_value(re.compile("^6 of 6"))
    expect(page.locator("#grid_go")).to_be_visible()
    shoot(page, "grid-desktop")

    with page.expect_download() as download:
        page.locator("#grid_csv").click()
    assert download.value.suggested_filename.endswith(".csv")
    with open(download.value.path(), encoding="utf-8-sig") as file:
        lines = list(csv.DictReader(file))
    assert [(x["label"], x["truncation"]) for x in lines] == [
        (label, t) for label in ("Bag", "Ankle boot", "Dress") for t in ("0.3", "1.0")
    ]

    # The last cell of the downloaded picture is what its line of the table says.
    with page.expect_download() as download:
        page.locator("#grid_png").click()
    last = lines[-1]
    request = GenerateRequest(
        model=last["model"],
        label=last["label"],
        seed=int(last["seed"]),
        count=1,
        truncation=float(last["truncation"]),
    )
    (alone,) = Studio(ROOT / "checkpoints").generate(request).images
    with Image.open(download.value.path()) as sheet:
        x, y = sheet.width - GAP - 128, sheet.height - GAP - 128
        cell = sheet.crop((x, y, x + 128, y + 128))
    expected = alone.convert("RGB").resize((128, 128), Image.Resampling.LANCZOS)
    assert cell.tobytes() == expected.tobytes()


def test_a_grid_can_be_stopped_and_made_anew(page: Page) -> None:
    open_grid(page, FLOW)
    set_axis(page, "x", "Class", "T-shirt/top", "Bag")
    set_axis(page, "y", "Evaluations", "4", "50 52 54 56 58 60 62 64")
    page.locator("#grid_go").click()
    page.locator("#grid_stop").click()
    expect(page.locator("#grid_stop")).not_to_be_visible()
    settle(page)  # the cell that was being sampled is done, and changes nothing
    expect(text_box(page, "grid_progress")).to_have_value(re.compile("^Stopped"))
    text_box(page, "grid_y_values").fill("2")
    page.locator("#grid_go").click()
    expect(text_box(page, "grid_progress")).to_have_value(re.compile("^1 of 1"))
    expect(page.locator("#grid_stop")).not_to_be_visible()


def test_a_value_that_cannot_be_used_is_refused_with_its_axis(page: Page) -> None:
    open_grid(page, GAN)
    text_box(page, "grid_x_values").fill("Bag\nCube")
    page.locator("#grid_go").click()
    expect(page.get_by_text("x: label:")).to_be_visible()
    expect(page.locator("#grid_stop")).not_to_be_visible()


def test_a_slider_moves_the_picture_and_reset_brings_it_back(page: Page, shoot: Shooter) -> None:
    choose(page, "model", FLOW)
    page.get_by_role("tab", name="Directions").click()
    expect(page.locator("#no_directions")).to_be_visible()
    expect(page.locator("#direction_1")).not_to_be_visible()

    choose(page, "model", GAN)
    expect(picture(page, "steered")).to_be_visible()
    settle(page)
    plain = picture(page, "steered").get_attribute("src") or ""
    set_number(page, "direction_1", 2.5)
    expect(picture(page, "steered")).not_to_have_attribute("src", plain)
    page.locator("#strip_go").click()
    expect(picture(page, "direction_strip")).to_be_visible()
    shoot(page, "directions-desktop")
    page.locator("#directions_reset").click()
    expect(page.locator("#direction_1 input[type=number]")).to_have_value("0")
    expect(picture(page, "steered")).to_have_attribute("src", plain)
