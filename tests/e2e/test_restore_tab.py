"""The Restore tab in a real browser."""

from __future__ import annotations

import io
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


def photo(side: int = 200) -> Image.Image:
    return Image.fromarray(photographs.chelsea()).crop((100, 40, 100 + side, 40 + side - 20))


def restore_page(open_page: Callable[..., Page], **settings: object) -> Page:
    page = open_page(**settings)
    page.get_by_role("tab").nth(1).click()
    page.wait_for_selector("#restore_picture")
    settle(page)  # an editor that is not ready yet takes no picture
    return page


def upload(page: Page, path: Path) -> None:
    page.locator("#restore_picture input[type=file]").first.set_input_files(path)
    page.wait_for_selector("#restore_picture canvas")
    settle(page)


def stroke(page: Page) -> None:
    """Paint a line through the middle with the mouse."""
    box = page.locator("#restore_picture canvas").first.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 30, y - 10)
    page.mouse.down()
    page.mouse.move(x + 30, y + 10, steps=10)
    page.mouse.up()
    settle(page)


def details(page: Page) -> str:
    return page.locator("#restore_details").locator("textarea, input").first.input_value()


def press_and_wait(page: Page, button: str, word: str) -> str:
    page.click(f"#{button}")
    page.wait_for_function(
        "word => document.querySelector('#restore_details').querySelector('textarea, input')"
        ".value.includes(word)",
        arg=word,
    )
    return details(page)


def result_of(page: Page) -> Image.Image:
    with page.expect_download() as download:
        page.click("#result_file")
    return Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))


def test_upload_paint_restore_compare_and_go_on(
    open_page: Callable[..., Page], shoot: Shoot, tmp_path: Path
) -> None:
    page = restore_page(open_page)
    original = photo()
    original.save(tmp_path / "photo.png")
    upload(page, tmp_path / "photo.png")
    stroke(page)
    told = press_and_wait(page, "restore_go", "px")
    assert told.startswith("inpaint · 200×180 px")
    result = result_of(page)
    assert result.size == original.size and result.mode == "RGB"
    changed = (np.asarray(result) != np.asarray(original)).any(axis=2)
    assert 0 < changed.mean() < 0.3

    # Only what was painted over has changed: all that did lies around the middle.
    rows, columns = np.nonzero(changed)
    assert rows.min() > 40 and rows.max() < 140 and columns.min() > 30 and columns.max() < 170

    page.click("#compare_all")
    page.wait_for_function(
        "document.querySelectorAll('#compared .grid-container button').length >= 5"
    )
    page.wait_for_function("document.querySelector('#compared_table').innerText.includes('telea')")
    shoot(page, "restore-desktop")
    page.click("#go_on")
    settle(page)
    page.locator("#mask_more > button").click()
    page.click("#show_mask")
    page.get_by_text("nothing is marked yet").wait_for()


def test_damage_is_undone_and_scored(open_page: Callable[..., Page], shoot: Shoot) -> None:
    page = restore_page(
        open_page, viewport={"width": 375, "height": 812}, color_scheme="dark", locale="zh-CN"
    )
    page.click("#example_Coffee")
    settle(page)
    page.locator("#damage_more > button").click()
    page.locator("#damage_kind input").click()
    page.get_by_role("option", name="高斯噪声").click()
    assert "σ = 22" in press_and_wait(page, "damage_go", "σ = 22")
    settle(page)
    told = press_and_wait(page, "restore_go", "PSNR")
    assert told.startswith("denoise") and "SSIM" in told and "estimated" in told
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= 375
    shoot(page, "restore-phone-dark-chinese")


def test_a_picture_of_the_gallery_is_sent_here_and_back(open_page: Callable[..., Page]) -> None:
    page = open_page(PAINTER)
    page.click("#go")
    page.wait_for_function(
        "document.querySelectorAll('#gallery .grid-container button').length >= 16"
    )
    page.click("#send_gallery")
    page.wait_for_selector("#restore_picture canvas", state="visible")
    settle(page)
    stroke(page)
    press_and_wait(page, "restore_go", "px")
    page.click("#send_generate")
    page.wait_for_function(
        "document.querySelectorAll('#gallery .grid-container button').length >= 17"
    )
