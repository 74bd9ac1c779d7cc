"""A visitor says it in words: types a prompt, gets pictures, changes the style, blends two."""

from __future__ import annotations

import urllib.request
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.app_server import TEXT_MODEL, serve, write_checkpoints

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
Shooter = Callable[[Page, str], None]


@pytest.fixture(scope="module")
def reading(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the address of an app with a model that reads."""
    folder = tmp_path_factory.mktemp("text")
    models = write_checkpoints(folder / "checkpoints")
    places = {"AIGC_CHECKPOINTS": str(models), "AIGC_RUNS": str(folder / "runs")}
    with serve(folder / "log.txt", **places) as address:
        yield address


def prompt_of(page: Page) -> str:
    return page.locator("#prompt textarea, #prompt input").input_value()


def set_number(page: Page, control: str, value: int) -> None:
    field = page.locator(f"#{control} input[type=number]")
    field.fill(str(value))
    field.press("Enter")


def source(page: Page, picture: str, *, other_than: str = "") -> str:
    """Return the address of a picture, once there is one that is another."""
    image = page.locator(f"#{picture} img").first
    expect(image).to_be_visible(timeout=120_000)
    if other_than:
        expect(image).not_to_have_attribute("src", other_than, timeout=120_000)
    return image.get_attribute("src") or ""


def paint(page: Page) -> list[bytes]:
    """Press Generate and return the files once the details name the pictures."""
    old = page.locator("#gallery .grid-container img").evaluate_all("all => all.map(i => i.src)")
    page.locator("#go").click()
    page.wait_for_function(
        """old => { const now = [...document.querySelectorAll('#gallery .grid-container img')]
        .map(i => i.src); return now.length && String(now) !== String(old); }""",
        arg=old,
        timeout=120_000,
    )
    now = page.locator("#gallery .grid-container img").evaluate_all("all => all.map(i => i.src)")
    return [urllib.request.urlopen(address).read() for address in now]


def test_a_prompt_is_typed_painted_restyled_and_blended(
    open_page: Opener, shoot: Shooter, reading: str
) -> None:
    page = open_page(
        f"/?model={TEXT_MODEL}&prompt=blue+heart&seed=5&count=2&evaluations=4", at=reading
    )
    expect(page.locator("#label")).not_to_be_visible()
    assert prompt_of(page) == "blue heart"

    # Other words, other pictures; each carries its prompt.
    page.locator("#prompt textarea, #prompt input").fill("dolphin")
    page.locator("#random_seed input").uncheck()
    first = paint(page)
    assert len(first) == 2
    expect(page.locator("#gallery")).to_contain_text("dolphin")
    page.wait_for_function("location.search.includes('prompt=dolphin')")

    # A style is a click, and stands in the prompt then.
    page.locator("#prompt_style label").last.click()
    expect(page.locator("#prompt textarea, #prompt input")).to_have_value("dolphin, twemoji style")
    second = paint(page)
    assert len(second) == 2 and not set(second) & set(first)

    # Blend with another prompt: a strip, and a slider that goes along it.
    page.locator("#blend_to textarea, #blend_to input").fill("red apple")
    set_number(page, "blend_frames", 3)
    page.locator("#blend_go").click()
    middle = source(page, "blend_still")
    source(page, "blend_strip")
    set_number(page, "blend_place", 100)
    last = source(page, "blend_still", other_than=middle)
    set_number(page, "blend_place", 0)
    source(page, "blend_still", other_than=last)
    shoot(page, "generate-text")

    # All styles at once.
    page.get_by_role("tab", name="All styles").click()
    set_number(page, "styles_columns", 1)
    page.locator("#styles_go").click()
    source(page, "styles_sheet")


def test_an_example_fills_the_prompt_and_other_models_have_none(
    open_page: Opener, reading: str
) -> None:
    page = open_page(f"/?model={TEXT_MODEL}&prompt=zzz&seed=5&count=1&evaluations=2", at=reading)
    page.locator("#prompt_examples button").first.click()
    expect(page.locator("#prompt textarea, #prompt input")).not_to_have_value("zzz")
    assert prompt_of(page)
    field = page.locator("#model input")
    field.click()
    page.get_by_role("option", name="Fashion-MNIST · GAN").first.click()
    expect(page.locator("#label")).to_be_visible()
    expect(page.locator("#prompt")).not_to_be_visible()
    expect(page.locator("#blend_go")).not_to_be_visible()
    assert paint(page)


def test_the_page_is_usable_on_a_phone(open_page: Opener, shoot: Shooter, reading: str) -> None:
    page = open_page(
        f"/?model={TEXT_MODEL}&prompt=dolphin&seed=5&count=1&evaluations=2", at=reading,
        viewport={"width": 375, "height": 700},
    )  # fmt: skip
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    expect(page.locator("#prompt")).to_be_visible()
    shoot(page, "generate-text-phone")
