"""A visitor paints: picks, generates, repeats, downloads, restores, shares."""

from __future__ import annotations

import io
import urllib.request
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from aigc_demo.imaging import images
from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
Shooter = Callable[[Page, str], None]


def choose(page: Page, dropdown: str, text: str) -> None:
    field = page.locator(f"#{dropdown} input")
    field.click()
    page.get_by_role("option", name=text).first.click()


def set_count(page: Page, count: int) -> None:
    field = page.locator("#count input[type=number]")
    field.fill(str(count))
    field.press("Enter")


def generate(page: Page) -> list[bytes]:
    """Press Generate, wait for the new pictures and return their files."""
    before = page.locator("#details textarea, #details input").input_value()
    page.locator("#go").click()
    expect(page.locator("#gallery img").first).to_be_visible()
    details = page.locator("#details textarea, #details input")
    if before:
        settle(page)
    expect(details).not_to_have_value("")
    sources = page.locator("#gallery .grid-container img").evaluate_all(
        "all => all.map(i => i.src)"
    )
    return [urllib.request.urlopen(source).read() for source in sources]


def test_a_class_is_painted_and_its_seed_repeats_it(open_page: Opener, shoot: Shooter) -> None:
    page = open_page()
    choose(page, "model", "Fashion-MNIST · GAN")
    choose(page, "label", "Bag")
    set_count(page, 4)
    first = generate(page)
    assert len(first) == 4
    page.locator("#reuse").click()
    expect(page.locator("#random_seed input")).not_to_be_checked()
    assert generate(page) == first
    shoot(page, "generate-desktop")


def test_a_random_seed_gives_other_pictures(open_page: Opener) -> None:
    page = open_page()
    choose(page, "model", "Fashion-MNIST · GAN")
    page.locator("#random_seed input").check()
    set_count(page, 2)
    assert generate(page) != generate(page)


def test_a_downloaded_picture_restores_every_setting(open_page: Opener, tmp_path: Path) -> None:
    page = open_page()
    choose(page, "model", "Fashion-MNIST · VAE")
    choose(page, "label", "Sneaker")
    set_count(page, 3)
    pictures = generate(page)
    path = tmp_path / "one.png"
    path.write_bytes(pictures[1])
    settings = images.read_settings(path)
    assert settings["picture_label"] == "Sneaker"

    fresh = open_page()
    fresh.locator("#restore input[type=file]").set_input_files(path)
    expect(fresh.locator("#seed input")).to_have_value(str(settings["seed"]))
    expect(fresh.locator("#label input")).to_have_value("Sneaker")
    assert generate(fresh) == pictures


def test_a_picture_without_settings_is_refused_in_words(open_page: Opener, tmp_path: Path) -> None:
    path = tmp_path / "plain.png"
    Image.new("RGB", (8, 8)).save(path)
    page = open_page()
    page.locator("#restore input[type=file]").set_input_files(path)
    expect(page.get_by_text("carries no settings")).to_be_visible()


def test_the_zip_holds_every_picture_at_its_own_size(open_page: Opener) -> None:
    page = open_page()
    choose(page, "model", "Fashion-MNIST · GAN")
    set_count(page, 5)
    generate(page)
    with page.expect_download() as download:
        page.locator("#download_all").click()
    with zipfile.ZipFile(download.value.path()) as archive:
        pictures = [Image.open(io.BytesIO(archive.read(n))) for n in archive.namelist()]
    assert [p.size for p in pictures] == [(32, 32)] * 5


def test_the_address_carries_the_settings(open_page: Opener) -> None:
    page = open_page()
    choose(page, "model", "Fashion-MNIST · GAN")
    choose(page, "label", "Dress")
    set_count(page, 2)
    pictures = generate(page)
    page.wait_for_function("location.search.includes('label=Dress')")
    other = open_page("/" + page.evaluate("location.search"))
    expect(other.locator("#label input")).to_have_value("Dress")
    assert generate(other) == pictures


def test_a_flow_shows_its_pictures_forming(open_page: Opener) -> None:
    page = open_page()
    choose(page, "model", "Fashion-MNIST · Flow")
    set_count(page, 2)
    page.locator("#go").click()
    expect(page.locator("#forming img").first).to_be_visible()
    expect(page.locator("#gallery img").first).to_be_visible()
    expect(page.locator("#forming")).not_to_be_visible()


def test_morph_cross_and_compare_show_pictures(open_page: Opener, shoot: Shooter) -> None:
    page = open_page()
    choose(page, "model", "Fashion-MNIST · GAN")
    page.locator("#morph_go").click()
    expect(page.locator("#animation img").first).to_be_visible()
    expect(page.locator("#still img").first).to_be_visible()
    before = page.locator("#still img").first.get_attribute("src")
    number = page.locator("#frame input[type=number]")
    number.fill("9")
    number.press("Enter")
    expect(page.locator("#still img").first).not_to_have_attribute("src", before or "")
    page.get_by_role("tab", name="Class × seed").click()
    page.locator("#cross_go").click()
    expect(page.locator("#cross img").first).to_be_visible()
    page.get_by_role("tab", name="Compare families").click()
    page.locator("#compare_go").click()
    expect(page.locator("#compare_sheet img").first).to_be_visible()
    expect(page.locator("#compare_table")).to_contain_text("Fashion-MNIST · VAE")
    shoot(page, "compare-desktop")


def test_it_is_usable_on_a_phone_in_the_dark_in_chinese(open_page: Opener, shoot: Shooter) -> None:
    page = open_page(
        "/?__theme=dark",
        viewport={"width": 375, "height": 800},
        locale="zh-CN",
        color_scheme="dark",
    )
    expect(page.locator("#go")).to_have_text("生成")
    choose(page, "model", "Fashion-MNIST · GAN")
    generate(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    shoot(page, "generate-phone-dark-chinese")


def test_every_control_has_an_id(open_page: Opener) -> None:
    page = open_page()
    nameless = page.evaluate(
        """() => [...document.querySelectorAll('main input, main button, main textarea')]
              .filter(e => !e.closest('[id]:not([id^="component"])')).length"""
    )
    assert nameless == 0


def test_how_it_works_follows_the_model(open_page: Opener) -> None:
    page = open_page()
    page.get_by_role("button", name="How it works").click()
    choose(page, "model", "Fashion-MNIST · VAE")
    expect(page.locator("#how_vae .katex").first).to_be_visible()
    expect(page.locator("#how_flow")).not_to_be_visible()
    expect(page.locator("#card")).to_contain_text("python train.py --method vae")
