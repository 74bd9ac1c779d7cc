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

from aigc_demo.imaging import images
from tests.e2e import waiting
from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]
PHONE = {"viewport": {"width": 375, "height": 812}, "color_scheme": "dark", "locale": "zh-CN"}


def open_tab(page: Page) -> None:
    page.get_by_role("tab").nth(1).click()
    page.wait_for_selector("#restore_picture")
    settle(page)  # an editor that is not ready yet takes no picture


def bring(page: Page, file: Path) -> None:
    """Choose a file in the editor, and wait until that has got the server's picture of it."""
    with page.expect_response(lambda answer: answer.url.endswith(f"/{file.name}")):
        page.locator("#restore_picture input[type=file]").first.set_input_files(file)
    page.wait_for_selector("#restore_picture canvas")
    settle(page)


def stroke(page: Page) -> None:
    """Paint a line through the middle with the mouse."""
    canvas = page.locator("#restore_picture canvas").first
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 30, y - 10)
    page.mouse.down()
    page.mouse.move(x + 30, y + 10, steps=10)
    page.mouse.up()
    settle(page)


def restored(page: Page, word: str, before: str = "") -> str:
    page.click("#restore_go")
    return waiting.line(page, "restore_details", word, before)


def test_a_picture_is_painted_restored_compared_and_sent_there_and_back(
    open_page: Callable[..., Page], shoot: Shoot, tmp_path: Path
) -> None:
    page = open_page("/?model=fashion_mnist-dcgan&seed=5&count=16")
    page.click("#go")
    waiting.thumbnails(page, "gallery", 16)
    open_tab(page)
    original = Image.fromarray(photographs.chelsea()).crop((100, 40, 240, 160))
    original.save(tmp_path / "photo.png")
    bring(page, tmp_path / "photo.png")
    stroke(page)
    first = restored(page, "px")
    assert first.startswith("inpaint · 140×120 px")
    result = Image.open(io.BytesIO(waiting.download(page, "result_file")))
    assert result.size == original.size and result.mode == "RGB"
    changed = (np.asarray(result) != np.asarray(original)).any(axis=2)
    assert 0 < changed.mean() < 0.3
    # Only what was painted over has changed: all that did lies around the middle.
    rows, columns = np.nonzero(changed)
    assert rows.min() > 25 and rows.max() < 95 and columns.min() > 20 and columns.max() < 120

    page.click("#compare_all")
    waiting.thumbnails(page, "compared", 5)
    page.wait_for_function("document.querySelector('#compared_table').innerText.includes('telea')")
    shoot(page, "restore-desktop")

    # The result goes to the other pictures, and one of those comes here.
    page.click("#send_generate")
    waiting.thumbnails(page, "gallery", 17)
    page.click("#send_gallery")
    page.wait_for_selector("#restore_picture canvas", state="visible")
    settle(page)
    assert page.evaluate("scrollY") == 0  # it arrives where one sees it
    stroke(page)
    assert "140×120" not in restored(page, "px", first)
    page.click("#go_on")
    settle(page)
    page.locator("#mask_more > button").click()
    page.click("#show_mask")
    page.get_by_text("nothing is marked yet").wait_for()


def test_outside_of_a_stroke_each_file_comes_back_bit_by_bit(
    open_page: Callable[..., Page], tmp_path: Path
) -> None:
    """Also the second one, brought when there are strokes in the editor."""
    page = open_page()
    open_tab(page)
    noise = np.random.default_rng(0).integers(0, 65536, (120, 150, 3)).astype(np.uint16)
    alpha = (np.arange(120 * 150).reshape(120, 150) % 256).astype(np.uint8)
    translucent = images.Planes((noise >> 8).astype(np.uint8), alpha)
    for width, planes in ((140, images.Planes(noise[:, :140])), (150, translucent)):
        (tmp_path / f"{width}.png").write_bytes(images.encode_png(images.join(planes)))
        bring(page, tmp_path / f"{width}.png")
        stroke(page)
        restored(page, f"{width}×120 px")
        result = images.split(images.open_image(waiting.download(page, "result_file")))
        assert result.colour.dtype == planes.colour.dtype
        changed = (result.colour != planes.colour).any(axis=2)
        rows, columns = np.nonzero(changed)
        assert 0 < changed.mean() < 0.3
        assert rows.min() > 25 and rows.max() < 95
        assert columns.min() > 20 and columns.max() < 130
        assert planes.alpha is None or np.array_equal(result.alpha, planes.alpha)


def test_a_degraded_picture_is_restored_and_scored_on_a_phone(
    open_page: Callable[..., Page], shoot: Shoot
) -> None:
    page = open_page(**PHONE)
    open_tab(page)
    page.click("#example_Cat")
    settle(page)
    page.locator("#damage_more > button").click()
    page.locator("#damage_kind input").click()
    page.get_by_role("option", name="高斯噪声").click()
    page.click("#damage_go")
    waiting.line(page, "restore_details", "σ = 22")
    settle(page)
    scored = restored(page, "PSNR")
    assert scored.startswith("denoise") and "SSIM" in scored and "estimated" in scored
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    shoot(page, "restore-phone-dark-chinese")
