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

from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]
PAINTER = "/?model=fashion_mnist-dcgan&seed=5&count=16"
PHONE = {"viewport": {"width": 375, "height": 812}, "color_scheme": "dark", "locale": "zh-CN"}


def photo(side: int = 200) -> Image.Image:
    return Image.fromarray(photographs.chelsea()).crop((100, 40, 100 + side, 40 + side - 20))


def translate_page(open_page: Callable[..., Page], **settings: object) -> Page:
    page = open_page(**settings)
    page.get_by_role("tab").nth(2).click()
    page.wait_for_selector("#translate_go", state="visible")
    settle(page)  # an editor that is not ready yet takes no picture
    return page


def choose(page: Page, number: int) -> None:
    """Choose a pair by its place in the list."""
    page.locator("#translate_model input").click()
    page.get_by_role("option").nth(number).click()
    settle(page)


def details(page: Page) -> str:
    return page.locator("#translate_details").locator("textarea, input").first.input_value()


def wait_for(page: Page, word: str, before: str = "") -> str:
    page.wait_for_function(
        "([word, before]) => { const told = document.querySelector('#translate_details')"
        ".querySelector('textarea, input').value; return told.includes(word) && told !== before }",
        arg=[word, before],
    )
    return details(page)


def result_of(page: Page, button: str = "translate_file") -> bytes:
    with page.expect_download() as download:
        page.click(f"#{button}")
    return Path(download.value.path()).read_bytes()


def changed(page: Page, before: bytes) -> bytes:
    """Return the result once it is another one than before; each stroke makes its own."""
    page.wait_for_selector("#translate_file:visible")
    for _ in range(200):
        now = result_of(page)
        if now != before:
            return now
        page.wait_for_timeout(200)
    raise AssertionError("The result stays the same.")


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


def test_a_picture_is_translated_taken_back_and_sent_to_restore(
    open_page: Callable[..., Page], shoot: Shoot, tmp_path: Path
) -> None:
    page = translate_page(open_page)
    photo().save(tmp_path / "photo.png")
    page.locator("#translate_picture input[type=file]").first.set_input_files(
        tmp_path / "photo.png"
    )
    page.wait_for_selector("#translate_picture canvas")
    settle(page)
    page.click("#translate_go")
    told = wait_for(page, "px")
    assert "photo → Monet · 200×180 px" in told and "there and back" in told
    made = Image.open(io.BytesIO(result_of(page)))
    assert made.size == (200, 180)
    changed = np.abs(np.asarray(made, float) - np.asarray(photo(), float)).mean()
    assert 1 < changed < 80
    page.wait_for_function(
        "document.querySelectorAll('#cycle .grid-container button').length == 4"
    )
    shoot(page, "translate-desktop")

    # The other direction is another picture.
    page.locator("#way label").first.click()
    settle(page)
    page.click("#translate_go")
    wait_for(page, "Monet → photo", told)

    page.click("#send_cycle")
    page.wait_for_selector("#restore_picture canvas", state="visible")


def test_a_plan_is_drawn_and_becomes_a_building(
    open_page: Callable[..., Page], shoot: Shoot
) -> None:
    page = translate_page(open_page)
    choose(page, 2)
    page.wait_for_selector("#plan canvas", state="visible")
    assert page.locator("#translate_picture").is_hidden()

    page.click("#plan_blank")
    blank = changed(page, b"")
    page.locator("#plan .chip[title=window]").click()
    draw(page, (0.3, 0.3), (0.5, 0.6))
    one = changed(page, blank)

    # A rectangle has the exact colour of its class, and the picture follows.
    page.locator("#plan .chip[title=door]").click()
    draw(page, (0.6, 0.6), (0.8, 0.95))
    pixel = page.evaluate(
        "Array.from(document.querySelector('#plan canvas').getContext('2d')"
        ".getImageData(90, 100, 1, 1).data)"
    )
    assert pixel == [172, 1, 4, 255]
    two = changed(page, one)
    assert "plan → photo" in details(page)
    a, b = (np.asarray(Image.open(io.BytesIO(x)), float) for x in (one, two))
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
    colours = page.evaluate(
        "[[70, 96], [90, 100]].map(([x, y]) => Array.from(document.querySelector('#plan canvas')"
        ".getContext('2d').getImageData(x, y, 1, 1).data).join())"
    )
    assert colours == ["192,254,66,255", "172,1,4,255"]
    page.click("#plan_example")
    settle(page)
    page.click("#translate_go")
    settle(page)
    shoot(page, "translate-plan")


def test_emoji_in_all_styles_on_a_phone(open_page: Callable[..., Page], shoot: Shoot) -> None:
    page = translate_page(open_page, **PHONE)
    count = 0
    for number in range(3, 5):  # the emoji models stand behind the others
        choose(page, number)
        if page.locator("#all_styles").is_visible():
            count += 1
            page.click("#emoji_go")
            page.wait_for_selector("#translate_picture canvas")
            settle(page)
            page.click("#all_styles")
            wait_for(page, "4 styles")
            page.wait_for_function(
                "document.querySelectorAll('#cycle .grid-container button').length == 5"
            )
    assert count == 1
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    shoot(page, "translate-phone-dark-chinese")


def test_many_files_come_back_as_a_zip(open_page: Callable[..., Page], tmp_path: Path) -> None:
    page = translate_page(open_page)
    for name in ("one", "two"):
        photo(64).save(tmp_path / f"{name}.png")
    page.locator("#batch_more > button").click()
    page.locator("#batch_files input[type=file]").set_input_files(
        [tmp_path / "one.png", tmp_path / "two.png"]
    )
    page.locator("#batch_files").get_by_text("two").first.wait_for()
    page.click("#batch_go")
    page.get_by_text("2 of 2 translated").wait_for()
    with zipfile.ZipFile(io.BytesIO(result_of(page, "batch_zip"))) as archive:
        assert sorted(archive.namelist()) == ["one.png", "two.png"]


def test_a_picture_of_the_gallery_is_sent_here(open_page: Callable[..., Page]) -> None:
    page = open_page(PAINTER)
    page.click("#go")
    page.wait_for_function(
        "document.querySelectorAll('#gallery .grid-container button').length >= 16"
    )
    page.click("#send_gallery_translate")
    page.wait_for_selector("#translate_picture canvas", state="visible")
    settle(page)
    page.click("#translate_go")
    wait_for(page, "px")


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
    page.get_by_text("Rows: what is given").wait_for()
    page.wait_for_selector("#use_translate", state="visible")
    page.wait_for_function("document.querySelector('#status').innerText.includes('Done')")
    shoot(page, "train-pix2pix")
    page.click("#use_translate")
    page.wait_for_selector("#plan canvas", state="visible")
    page.click("#translate_go")
    assert "yours-" in wait_for(page, "plan → photo")
