"""A visitor types a prompt, gets pictures, changes the style, blends two."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.controls import choose, picture, set_number, text_box
from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
Shooter = Callable[[Page, str], None]


def sources(page: Page) -> list[str]:
    """Return the addresses of the pictures in the gallery."""
    images = page.locator("#gallery .grid-container img")
    return images.evaluate_all("all => all.map(i => i.src)")


def generate(page: Page) -> list[str]:
    page.locator("#go").click()
    settle(page)
    expect(picture(page, "gallery")).to_be_visible()
    return sources(page)


def test_a_prompt_is_typed_restyled_and_blended(open_page: Opener, shoot: Shooter) -> None:
    page = open_page("/?model=emoji-text2image&prompt=blue+heart&seed=5&count=2&evaluations=4")
    expect(page.locator("#label")).not_to_be_visible()
    expect(text_box(page, "prompt")).to_have_value("blue heart")

    # An example is a prompt; other words are other pictures, each of which carries its prompt.
    page.locator("#prompt_examples button").first.click()
    expect(text_box(page, "prompt")).not_to_have_value("blue heart")
    text_box(page, "prompt").fill("dolphin")
    first = generate(page)
    assert len(first) == 2
    expect(page.locator("#gallery")).to_contain_text("dolphin")
    page.wait_for_function("location.search.includes('prompt=dolphin')")

    # A style is a click, and stands in the prompt then.
    page.locator("#prompt_style label").last.click()
    expect(text_box(page, "prompt")).to_have_value(re.compile("^dolphin, .* style$"))
    second = generate(page)
    assert len(second) == 2 and not set(second) & set(first)

    # Blend with another prompt: a strip, and a slider that goes along it.
    text_box(page, "blend_to").fill("red apple")
    set_number(page, "blend_frames", 3)
    page.locator("#blend_go").click()
    still = picture(page, "blend_still")
    expect(still).to_be_visible()
    expect(picture(page, "blend_strip")).to_be_visible()
    for place in (100, 0):
        before = still.get_attribute("src") or ""
        set_number(page, "blend_place", place)
        expect(still).not_to_have_attribute("src", before)
    shoot(page, "generate-text")

    # All styles at once.
    page.get_by_role("tab", name="All styles").click()
    set_number(page, "styles_columns", 1)
    page.locator("#styles_go").click()
    expect(picture(page, "styles_sheet")).to_be_visible()

    # It fits on a phone, and a model with classes has no prompt.
    page.set_viewport_size({"width": 375, "height": 700})
    page.wait_for_function("document.documentElement.scrollWidth <= 375")
    expect(page.locator("#prompt")).to_be_visible()
    shoot(page, "generate-text-phone")
    choose(page, "model", "Fashion-MNIST · GAN")
    expect(page.locator("#label")).to_be_visible()
    expect(page.locator("#prompt")).not_to_be_visible()
    expect(page.locator("#blend_go")).not_to_be_visible()
