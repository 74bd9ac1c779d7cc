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

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
Shooter = Callable[[Page, str], None]

PROGRESS = "#grid_progress textarea, #grid_progress input"
PATIENCE = 60_000  # milliseconds; a cell that is being painted is finished after a stop
GAN, FLOW = "Fashion-MNIST · GAN", "Fashion-MNIST · Flow"


def choose(page: Page, dropdown: str, text: str) -> None:
    page.locator(f"#{dropdown} input").click()
    page.get_by_role("option", name=text, exact=dropdown != "model").first.click()


def open_grid(page: Page, model: str) -> None:
    choose(page, "model", model)
    page.get_by_role("tab", name="X/Y grid").click()
    expect(page.locator("#grid_x input")).to_have_value("Class")
    expect(page.locator("#grid_y_values textarea")).not_to_have_value("")


def set_axis(page: Page, place: str, axis: str, suggested: str, values: str) -> None:
    """Choose an axis, wait for the values that are suggested, and write others."""
    if page.locator(f"#grid_{place} input").input_value() != axis:
        choose(page, f"grid_{place}", axis)
    box = page.locator(f"#grid_{place}_values textarea")
    expect(box).to_have_value(re.compile(f"^{suggested}"))
    box.fill(values)


def test_two_settings_make_a_grid_that_can_be_taken_home(
    open_page: Opener, shoot: Shooter
) -> None:
    page = open_page()
    open_grid(page, GAN)
    set_axis(page, "x", "Truncation", "0.1", "0.3, 1")
    set_axis(page, "y", "Class", "T-shirt/top", "Bag\nAnkle boot\nDress")
    page.locator("#grid_go").click()
    expect(page.locator("#grid img").first).to_be_visible()
    expect(page.locator(PROGRESS)).to_have_value(re.compile("^6 of 6"), timeout=PATIENCE)
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
        model=last["model"], label=last["label"], seed=int(last["seed"]), count=1,
        truncation=float(last["truncation"]),
    )  # fmt: skip
    (picture,) = Studio(ROOT / "checkpoints").generate(request).images
    with Image.open(download.value.path()) as sheet:
        x, y = sheet.width - GAP - 128, sheet.height - GAP - 128
        cell = sheet.crop((x, y, x + 128, y + 128))
    expected = picture.convert("RGB").resize((128, 128), Image.Resampling.LANCZOS)
    assert cell.tobytes() == expected.tobytes()


def test_a_grid_can_be_stopped_and_made_anew(open_page: Opener) -> None:
    page = open_page()
    open_grid(page, FLOW)
    set_axis(page, "x", "Class", "T-shirt/top", "Bag")
    set_axis(page, "y", "Evaluations", "4", "50 52 54 56 58 60 62 64")
    page.locator("#grid_go").click()
    page.locator("#grid_stop").click()
    expect(page.locator("#grid_stop")).not_to_be_visible()
    expect(page.locator(PROGRESS)).to_have_value(re.compile("^Stopped"))
    page.wait_for_timeout(3000)
    expect(page.locator(PROGRESS)).to_have_value(re.compile("^Stopped"))
    page.locator("#grid_y_values textarea").fill("2")
    page.locator("#grid_go").click()
    expect(page.locator(PROGRESS)).to_have_value(re.compile("^1 of 1"), timeout=PATIENCE)
    expect(page.locator("#grid_stop")).not_to_be_visible()


def test_a_value_that_cannot_be_used_is_told_its_axis(open_page: Opener) -> None:
    page = open_page()
    open_grid(page, GAN)
    page.locator("#grid_x_values textarea").fill("Bag\nCube")
    page.locator("#grid_go").click()
    expect(page.get_by_text("x: label:")).to_be_visible()
    expect(page.locator("#grid_stop")).not_to_be_visible()


def test_a_slider_changes_the_picture_and_reset_brings_it_back(
    open_page: Opener, shoot: Shooter
) -> None:
    page = open_page()
    choose(page, "model", GAN)
    page.get_by_role("tab", name="Directions").click()
    picture = page.locator("#steered img").first
    expect(picture).to_be_visible()
    plain = picture.get_attribute("src") or ""
    number = page.locator("#direction_1 input[type=number]")
    number.fill("2.5")
    number.press("Enter")
    expect(picture).not_to_have_attribute("src", plain)
    page.locator("#strip_go").click()
    expect(page.locator("#direction_strip img").first).to_be_visible()
    shoot(page, "directions-desktop")
    page.locator("#directions_reset").click()
    expect(number).to_have_value("0")
    expect(picture).to_have_attribute("src", plain)


def test_a_model_without_directions_says_so(open_page: Opener) -> None:
    page = open_page()
    choose(page, "model", FLOW)
    page.get_by_role("tab", name="Directions").click()
    expect(page.locator("#no_directions")).to_be_visible()
    expect(page.locator("#direction_1")).not_to_be_visible()
