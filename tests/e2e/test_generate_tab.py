"""A visitor generates: picks, repeats, downloads, restores, shares."""

from __future__ import annotations

import io
import re
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from aigc_demo.imaging import images
from tests.e2e.controls import choose, picture, set_number, text_box
from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
Shooter = Callable[[Page, str], None]

GAN, FLOW, VAE = (f"Fashion-MNIST · {name}" for name in ("GAN", "Flow", "VAE"))


def set_up(page: Page, model: str, *, count: int, label: str = "All classes") -> None:
    """Choose a model, a class and how many pictures."""
    choose(page, "model", model)
    settle(page)
    choose(page, "label", label)
    set_number(page, "count", count)


def generate(page: Page) -> list[bytes]:
    """Press Generate, wait until all is done and return the files."""
    page.locator("#go").click()
    settle(page)
    expect(picture(page, "gallery")).to_be_visible()
    sources = page.locator("#gallery .grid-container img").evaluate_all(
        "all => all.map(i => i.src)"
    )
    return [urllib.request.urlopen(source).read() for source in sources]


def test_a_random_seed_gives_other_pictures_and_can_be_reused(page: Page, shoot: Shooter) -> None:
    set_up(page, GAN, count=4, label="Bag")
    page.locator("#random_seed input").check()
    first, second = generate(page), generate(page)
    assert len(first) == 4 and first != second
    page.locator("#reuse").click()
    expect(page.locator("#random_seed input")).not_to_be_checked()
    assert generate(page) == second
    shoot(page, "generate-desktop")


def test_a_downloaded_picture_restores_every_setting(page: Page, tmp_path: Path) -> None:
    set_up(page, VAE, count=3, label="Sneaker")
    pictures = generate(page)
    path = tmp_path / "one.png"
    path.write_bytes(pictures[1])
    settings = images.read_settings(path)
    assert settings["picture_label"] == "Sneaker"

    set_up(page, GAN, count=1)
    page.locator("#seed input").fill("1")
    page.locator("#restore input[type=file]").set_input_files(path)
    expect(page.locator("#seed input")).to_have_value(str(settings["seed"]))
    expect(page.locator("#label input")).to_have_value("Sneaker")
    expect(page.locator("#model input")).to_have_value(re.compile("^" + VAE))
    assert generate(page) == pictures


def test_a_picture_without_settings_is_refused_in_words(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "plain.png"
    Image.new("RGB", (8, 8)).save(path)
    clear = page.locator("#restore").get_by_label("Clear")
    if clear.count():
        clear.first.click()
    page.locator("#restore input[type=file]").set_input_files(path)
    expect(page.get_by_text("carries no settings")).to_be_visible()


def test_the_zip_holds_every_picture_at_its_own_size(page: Page) -> None:
    set_up(page, GAN, count=5)
    generate(page)
    with page.expect_download() as download:
        page.locator("#download_all").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        pictures = [Image.open(io.BytesIO(archive.read(n))) for n in archive.namelist()]
    assert [p.size for p in pictures] == [(32, 32)] * 5


def test_a_flow_shows_its_pictures_forming(page: Page) -> None:
    set_up(page, FLOW, count=2)
    page.locator("#go").click()
    expect(picture(page, "forming")).to_be_visible()
    expect(picture(page, "gallery")).to_be_visible()
    expect(page.locator("#forming")).not_to_be_visible()


def test_morph_cross_and_compare_show_pictures(page: Page, shoot: Shooter) -> None:
    set_up(page, GAN, count=1)
    page.get_by_role("tab", name="Morph").click()
    set_number(page, "frames", 4)
    page.locator("#morph_go").click()
    expect(picture(page, "animation")).to_be_visible()
    expect(picture(page, "still")).to_be_visible()
    before = picture(page, "still").get_attribute("src")
    set_number(page, "frame", 3)
    expect(picture(page, "still")).not_to_have_attribute("src", before or "")
    page.get_by_role("tab", name="Class × seed").click()
    page.locator("#cross_go").click()
    expect(picture(page, "cross")).to_be_visible()
    page.get_by_role("tab", name="Compare families").click()
    page.locator("#compare_go").click()
    expect(picture(page, "compare_sheet")).to_be_visible()
    expect(page.locator("#compare_table")).to_contain_text(VAE)
    shoot(page, "compare-desktop")


def test_every_control_has_an_id(page: Page) -> None:
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('main input, main button, main textarea')]
              .filter(e => !e.closest('[id]:not([id^="component"])')).length"""
    )
    assert nameless == 0


def test_how_it_works_follows_the_model(page: Page) -> None:
    page.get_by_role("button", name="How it works").first.click()
    choose(page, "model", VAE)
    expect(page.locator("#how_vae .katex").first).to_be_visible()
    expect(page.locator("#how_flow")).not_to_be_visible()
    expect(page.locator("#card")).to_contain_text("python train.py --method vae")


def test_an_address_carries_settings_to_a_phone_in_the_dark_in_chinese(
    page: Page, open_page: Opener, shoot: Shooter
) -> None:
    set_up(page, GAN, count=2, label="Dress")
    page.locator("#random_seed input").uncheck()
    pictures = generate(page)
    page.wait_for_function("location.search.includes('label=Dress')")
    phone = open_page(
        f"/{page.evaluate('location.search')}&__theme=dark",
        viewport={"width": 375, "height": 800},
        locale="zh-CN",
        color_scheme="dark",
    )
    expect(phone.locator("#go")).to_have_text("生成")
    expect(phone.locator("#label input")).to_have_value("Dress")
    assert generate(phone) == pictures
    assert phone.evaluate("document.documentElement.scrollWidth") <= 375
    expect(text_box(phone, "details")).to_have_value(re.compile("Fashion-MNIST"))
    shoot(phone, "generate-phone-dark-chinese")
