"""What a CRF does, in a real browser: a mask by two strokes, flat colours, a plan."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from playwright.sync_api import Page

from aigc_demo.imaging import facade_labels
from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]
DISC = (60, 40, 140, 120)


def scene() -> Image.Image:
    """Return an orange disc on a busy green ground."""
    rng = np.random.default_rng(0)
    coarse = rng.normal((90, 120, 90), (25, 30, 25), (20, 24, 3)).clip(0, 255).astype(np.uint8)
    image = Image.fromarray(coarse).resize((200, 160), Image.Resampling.BICUBIC)
    ImageDraw.Draw(image).ellipse(DISC, fill=(230, 140, 40))
    return image


def stroke(page: Page, editor: str, start: tuple[float, float], end: tuple[float, float]) -> None:
    """Paint a line between two places, as shares of the canvas, with the mouse."""
    box = page.locator(f"#{editor} canvas").first.bounding_box()
    assert box
    (ax, ay), (bx, by) = (
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (start, end)
    )
    page.mouse.move(ax, ay)
    page.mouse.down()
    page.mouse.move(bx, by, steps=10)
    page.mouse.up()
    settle(page)


def upload(page: Page, editor: str, path: Path) -> None:
    page.locator(f"#{editor} input[type=file]").first.set_input_files(path)
    page.wait_for_selector(f"#{editor} canvas")
    settle(page)


def value_of(page: Page, box: str) -> str:
    return page.locator(f"#{box}").locator("textarea, input").first.input_value()


def downloaded(page: Page, button: str) -> Image.Image:
    with page.expect_download() as download:
        page.click(f"#{button}")
    return Image.open(io.BytesIO(Path(download.value.path()).read_bytes()))


def test_two_strokes_become_a_mask_that_is_filled(
    open_page: Callable[..., Page], shoot: Shoot, tmp_path: Path
) -> None:
    page = open_page()
    page.get_by_role("tab").nth(1).click()
    page.wait_for_selector("#restore_picture")
    scene().save(tmp_path / "scene.png")
    upload(page, "restore_picture", tmp_path / "scene.png")
    stroke(page, "restore_picture", (0.45, 0.45), (0.55, 0.55))
    page.locator("#restore_picture").get_by_label("Color", exact=True).first.click()
    page.locator("#restore_picture button.color").nth(1).click()  # blue
    stroke(page, "restore_picture", (0.05, 0.03), (0.9, 0.03))
    page.locator("#smart_more > button").click()
    page.click("#smart_go")
    page.wait_for_selector("#mask_shown img")
    shoot(page, "smart-mask")
    settle(page)
    page.click("#restore_go")
    page.wait_for_function(
        "document.querySelector('#restore_details').querySelector('textarea, input')"
        ".value.includes('px')"
    )
    result = downloaded(page, "result_file")
    changed = (np.asarray(result) != np.asarray(scene())).any(axis=2)
    truth = Image.new("1", (200, 160))
    ImageDraw.Draw(truth).ellipse(DISC, fill=1)
    disc = np.asarray(truth)
    assert (changed & disc).sum() / (changed | disc).sum() > 0.85


def test_a_picture_of_the_gallery_becomes_flat(
    open_page: Callable[..., Page], shoot: Shoot
) -> None:
    page = open_page("/?model=fashion_mnist-dcgan&seed=5&count=1")
    page.click("#go")
    page.wait_for_selector("#gallery .grid-container button")
    page.locator("#field_more > button").first.click()
    page.click("#field_take")
    page.wait_for_selector("#field_picture canvas", state="visible")
    settle(page)
    page.click("#field_go")
    page.wait_for_function(
        "document.querySelector('#field_details').querySelector('textarea, input')"
        ".value.includes('colours')"
    )
    told = value_of(page, "field_details")
    flat = downloaded(page, "field_file")
    assert len(flat.convert("RGB").getcolors(100_000)) <= 8
    before, after = (float(x) for x in told.split("energy ")[1].split(" ·")[0].split(" → "))
    assert after < before
    assert page.locator("#field_chips i").count() == len(flat.convert("RGB").getcolors(100_000))
    shoot(page, "field-desktop")


def test_a_photograph_becomes_a_plan_that_is_built_from(
    open_page: Callable[..., Page], shoot: Shoot
) -> None:
    page = open_page()
    page.get_by_role("tab").nth(2).click()
    page.wait_for_selector("#translate_model")
    page.locator("#translate_model input").click()
    page.get_by_role("option", name="Segmentation").click()
    page.wait_for_selector("#plan_field")
    page.get_by_role("button", name="Coffee", exact=True).last.click()
    page.wait_for_selector("#translate_picture canvas", state="visible")
    settle(page)
    page.click("#translate_go")
    said = "word => document.querySelector('#translate_details')" \
        ".querySelector('textarea, input').value.includes(word)"  # fmt: skip
    page.wait_for_function(said, arg="photo → plan")
    plan = downloaded(page, "translate_file").convert("RGB")
    known = {tuple(rgb) for rgb in facade_labels.CLASSES.values()}
    assert {c for _, c in plan.getcolors(100_000)} <= known
    page.click("#plan_to_board")
    page.wait_for_function(said, arg="plan → photo")
    assert page.locator("#plan canvas").is_visible()
    assert not page.locator("#plan_field").is_visible()
    shoot(page, "plan-to-board")
