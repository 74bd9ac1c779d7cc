"""The Augment tab in a real browser."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page
from skimage import data as photographs

from tests.e2e import waiting
from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser

Shoot = Callable[[Page, str], None]
PHONE = {"viewport": {"width": 375, "height": 812}, "color_scheme": "dark", "locale": "zh-CN"}


# Whether the first variant has some red pixels.
RED_JS = """() => {
  const shown = document.querySelector('#draws button img');
  if (!shown || !shown.complete || !shown.naturalWidth) return false;
  const canvas = new OffscreenCanvas(shown.naturalWidth, shown.naturalHeight);
  const pen = canvas.getContext('2d');
  pen.drawImage(shown, 0, 0);
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  let red = 0;
  for (let i = 0; i < pixels.length; i += 4) red += pixels[i] - pixels[i + 1] > 90;
  return red > 0.003 * pixels.length / 4;
}"""


def open_tab(page: Page) -> None:
    page.get_by_role("tab").nth(3).click()
    page.wait_for_selector("#draws button img")
    settle(page)


def captions(page: Page) -> list[str]:
    return page.locator("#draws .caption-label").all_inner_texts()


def drawn_again(page: Page, before: list[str]) -> list[str]:
    page.wait_for_function(
        "before => JSON.stringify([...document.querySelectorAll('#draws .caption-label')]"
        ".map(c => c.innerText)) !== before && document.querySelector('#draws .caption-label')",
        arg=json.dumps(before, ensure_ascii=False, separators=(",", ":")),
    )
    return captions(page)


def steps(page: Page) -> list[str]:
    rows = page.locator("#pipeline .steps > li")
    return rows.evaluate_all("rows => rows.map(r => r.dataset.name)")


def slide(page: Page, row: int, number: str, value: float) -> None:
    page.locator("#pipeline .steps > li").nth(row).locator(f"[data-number={number}]").evaluate(
        "(e, value) => { e.value = value; e.dispatchEvent(new Event('input')); }", value
    )


def number(page: Page, row: int, name: str) -> str:
    return (
        page.locator("#pipeline .steps > li")
        .nth(row)
        .locator(f"[data-number={name}]")
        .input_value()
    )


def test_steps_are_put_together_and_keep_their_numbers(
    open_page: Callable[..., Page], shoot: Shoot
) -> None:
    page = open_page()
    open_tab(page)
    first = captions(page)
    assert len(first) == 12
    assert steps(page) == ["rotate", "resized_crop", "flip_horizontal", "colour_jitter", "grey"]

    # A slider changes the pictures; the other steps keep what they were set to.
    slide(page, 0, "degrees", 90)
    slide(page, 3, "hue", 0.4)
    turned = drawn_again(page, first)
    page.locator("#pipeline select.kinds").last.select_option("cutout")
    page.click("#pipeline .add")
    added = drawn_again(page, turned)
    assert steps(page)[-1] == "cutout"
    page.locator("#pipeline .steps > li").nth(5).locator(".up").click()
    page.locator("#pipeline .steps > li").nth(2).locator(".remove").click()
    drawn_again(page, added)
    assert steps(page) == ["rotate", "resized_crop", "colour_jitter", "cutout", "grey"]
    assert (number(page, 0, "degrees"), number(page, 2, "hue")) == ("90", "0.4")
    settle(page)
    shoot(page, "augment-desktop")

    # One of them is looked at and replayed in full size.
    page.locator("#draws button").nth(4).click()
    chosen = waiting.line(page, "augment_details", captions(page)[4])
    seed = chosen.split(" · ")[0]
    page.click("#augment_replay")
    waiting.line(page, "augment_details", f" {seed} · ")
    replayed = Image.open(io.BytesIO(waiting.download(page, "augment_file")))
    assert replayed.size == Image.fromarray(photographs.chelsea()).size

    # The strip goes from nothing to the most.
    page.click("#sweep_more > button")
    page.click("#sweep_go")
    page.wait_for_function("document.querySelectorAll('#strip .caption-label').length == 8")

    # As JSON: what is pasted is read onto the board.
    page.click("#code_more > button")
    page.wait_for_function(
        "document.querySelector('#code_torchvision')?.innerText.includes('v2.RandomErasing')"
    )
    page.locator("#code_json .cm-content").fill('[{"name": "noise", "p": 1, "sigma": 40}]')
    for _ in range(20):  # the editor tells what was typed after a moment
        page.click("#code_read")
        settle(page)
        if steps(page) == ["noise"]:
            break
    assert steps(page) == ["noise"]
    assert number(page, 0, "sigma") == "40"

    # And the very same pipeline is what the Train tab is given.
    page.click("#use_training")
    page.wait_for_selector("#train_augment textarea, #train_augment input", state="visible")
    given = page.locator("#train_augment").locator("textarea, input").first.input_value()
    assert json.loads(given) == [{"name": "noise", "p": 1.0, "sigma": 40.0}]


def test_the_canvas_is_uploaded_once_and_what_is_painted_moves_along(
    open_page: Callable[..., Page], shoot: Shoot
) -> None:
    uploads: list[str] = []
    page = open_page()
    page.on("request", lambda r: uploads.append(r.url) if "/upload" in r.url else None)
    open_tab(page)
    for _ in range(2):
        before = captions(page)
        page.click("#augment_dice")
        drawn_again(page, before)
    # Background and both together; there is nothing painted.
    assert len(uploads) <= 3

    page.locator("#augment_picture").get_by_label("Brush").first.click()
    box = page.locator("#augment_picture canvas").first.bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.4)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.5, steps=5)
    page.mouse.up()
    page.wait_for_function(RED_JS)
    shoot(page, "augment-marks")


def test_many_files_come_back_as_a_zip_and_it_fits_a_phone(
    open_page: Callable[..., Page], shoot: Shoot, tmp_path: Path
) -> None:
    page = open_page(**PHONE)
    open_tab(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    shoot(page, "augment-phone-dark-chinese")
    for name in ("one", "two"):
        Image.fromarray(photographs.coffee()[:90, :120]).save(tmp_path / f"{name}.png")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(tmp_path / "one.png", "deep/three.png")
        archive.write(tmp_path / "one.png", "../out.png")
        archive.writestr("notes.txt", "no picture")
        archive.writestr("broken.png", b"no picture")
    page.click("#apply_more > button")
    page.locator("#apply_files input[type=file]").set_input_files(
        [tmp_path / "one.png", tmp_path / "two.png", tmp_path / "more.zip"]
    )
    settle(page)
    page.click("#apply_go")
    page.wait_for_selector("#apply_zip:visible")
    assert "broken" in page.locator("#apply_said").inner_text()
    with zipfile.ZipFile(io.BytesIO(waiting.download(page, "apply_zip"))) as archive:
        made = [n for n in archive.namelist() if n.endswith(".png")]
        assert sorted(made) == sorted(
            f"{name}-{i}.png" for name in ("one", "two", "deep-three") for i in range(4)
        )
        sizes = {Image.open(io.BytesIO(archive.read(n))).size for n in made}
        assert sizes == {(120, 90)}
        assert json.loads(archive.read("pipeline.json"))[0]["name"] == "rotate"
