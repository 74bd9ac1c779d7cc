"""The Translate tab in a real browser."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page
from skimage import data as photographs

from tests.e2e import waiting
from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]
PHONE = {"viewport": {"width": 375, "height": 812}, "color_scheme": "dark", "locale": "zh-CN"}


def open_tab(page: Page) -> None:
    page.get_by_role("tab").nth(2).click()
    page.wait_for_selector("#translate_go", state="visible")
    settle(page)  # an editor that is not ready yet takes no picture


def choose(page: Page, title: str) -> None:
    page.locator("#translate_model input").click()
    page.get_by_role("option").filter(has_text=title).click()
    settle(page)


def translated(page: Page, word: str, before: str = "") -> str:
    page.click("#translate_go")
    return waiting.line(page, "translate_details", word, before)


def draw(page: Page, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Draw on the board from one place to another, given as shares of its side."""
    box = page.locator("#plan canvas").bounding_box()
    assert box
    (x0, y0), (x1, y1) = (
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=6)
    page.mouse.up()


def colour(page: Page, x: int, y: int) -> list[int]:
    """Return the colour of a pixel of the board."""
    return page.evaluate(
        "([x, y]) => Array.from(document.querySelector('#plan canvas').getContext('2d')"
        ".getImageData(x, y, 1, 1).data)",
        [x, y],
    )


def test_pictures_are_sent_here_translated_there_and_back_and_sent_on(
    open_page: Callable[..., Page], shoot: Shoot, tmp_path: Path
) -> None:
    page = open_page("/?model=fashion_mnist-dcgan&seed=5&count=16")
    page.click("#go")
    waiting.thumbnails(page, "gallery", 16)
    page.click("#send_gallery_translate")
    page.wait_for_selector("#translate_picture canvas", state="visible")
    settle(page)
    first = translated(page, "photo → Monet")
    assert "there and back" in first
    waiting.thumbnails(page, "cycle", 4)
    before = page.locator("#translate_pair img[src$='before.png']").first
    original = waiting.picture(page, before.evaluate("shown => shown.src"))
    made = Image.open(io.BytesIO(waiting.download(page, "translate_file")))
    assert made.size == original.size
    assert 1 < np.abs(np.asarray(made, float) - np.asarray(original, float)).mean() < 120
    shoot(page, "translate-desktop")

    # The other direction is another picture.
    page.locator("#way label").first.click()
    settle(page)
    translated(page, "Monet → photo", first)

    # So are several files at once.
    for name in ("one", "two"):
        Image.fromarray(photographs.chelsea()[:44, :48]).save(tmp_path / f"{name}.png")
    page.locator("#batch_more > button").click()
    page.locator("#batch_files input[type=file]").set_input_files(
        [tmp_path / "one.png", tmp_path / "two.png"]
    )
    page.locator("#batch_files").get_by_text("two").first.wait_for()
    page.click("#batch_go")
    page.get_by_text("2 of 2 translated").wait_for()
    with zipfile.ZipFile(io.BytesIO(waiting.download(page, "batch_zip"))) as archive:
        assert sorted(archive.namelist()) == ["one.png", "two.png"]

    page.click("#send_cycle")
    page.wait_for_selector("#restore_picture canvas", state="visible")


def test_a_label_map_is_drawn_and_becomes_a_building(
    open_page: Callable[..., Page], shoot: Shoot
) -> None:
    page = open_page()
    open_tab(page)
    choose(page, "pix2pix · 128")
    page.wait_for_selector("#plan canvas", state="visible")
    assert page.locator("#translate_picture").is_hidden()
    page.click("#plan_blank")
    blank = waiting.result(page, "translate_pair")
    page.locator("#plan .chip[title=window]").click()
    draw(page, (0.3, 0.3), (0.5, 0.6))
    one = waiting.result(page, "translate_pair", blank)

    # A rectangle has the exact colour of its class, and the picture follows.
    page.locator("#plan .chip[title=door]").click()
    draw(page, (0.6, 0.6), (0.8, 0.95))
    assert colour(page, 90, 100) == [172, 1, 4, 255]
    two = waiting.result(page, "translate_pair", one)
    waiting.line(page, "translate_details", "plan → photo")
    a, b = (np.asarray(waiting.picture(page, address), float) for address in (one, two))
    assert a.shape == b.shape == (128, 128, 3)
    difference = np.abs(a - b).mean(axis=2)
    assert difference[80:120, 80:100].mean() > difference[10:30, 10:30].mean()

    # Undo takes the door away; the brush and the bucket paint, too.
    page.locator("#plan .undo").click()
    page.locator("#plan .tool[data-tool=fill]").click()
    draw(page, (0.7, 0.8), (0.7, 0.8))
    page.locator("#plan .tool[data-tool=brush]").click()
    page.locator("#plan .chip[title=balcony]").click()
    draw(page, (0.2, 0.75), (0.8, 0.75))
    assert colour(page, 70, 96) == [192, 254, 66, 255]
    assert colour(page, 90, 100) == [172, 1, 4, 255]
    settle(page)  # buildings that are on their way come
    drawn = waiting.result(page, "translate_pair", two)
    page.click("#plan_example")
    waiting.result(page, "translate_pair", drawn)
    shoot(page, "translate-plan")


def test_emoji_in_all_styles_on_a_phone(open_page: Callable[..., Page], shoot: Shoot) -> None:
    page = open_page(**PHONE)
    open_tab(page)
    assert page.locator("#all_styles").is_hidden()
    choose(page, "Emoji in any style")
    page.click("#emoji_go")
    page.wait_for_selector("#translate_picture canvas")
    settle(page)
    page.click("#all_styles")
    waiting.line(page, "translate_details", "4 styles")
    waiting.thumbnails(page, "cycle", 5)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    shoot(page, "translate-phone-dark-chinese")


def test_a_translator_is_trained_and_opened_here(
    open_page: Callable[..., Page], shoot: Shoot
) -> None:
    page = open_page()
    page.get_by_role("tab").nth(4).click()
    page.wait_for_selector("#start", state="visible")
    page.locator("#preset input").click()
    page.get_by_role("option", name="pix2pix: plan").click()
    page.wait_for_function("document.querySelector('#minutes input').value === '10'")
    page.locator("#steps input").fill("6")
    page.locator("#start").click()
    # The worker is a process of its own, which a busy machine takes long to start.
    page.get_by_text("Rows: what is given").wait_for(timeout=240_000)
    page.wait_for_selector("#use_translate", state="visible")
    page.wait_for_function("document.querySelector('#status').innerText.includes('Done')")
    shoot(page, "train-pix2pix")
    page.click("#use_translate")
    page.wait_for_selector("#plan canvas", state="visible")
    assert "yours-" in translated(page, "plan → photo")
