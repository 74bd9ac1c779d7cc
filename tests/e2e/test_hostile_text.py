"""What a stranger types is text on everybody's page: no link, no picture, no formula."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlsplit

import pytest
from playwright.sync_api import Page, expect

from tests import factories, hostile
from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser
NAME = hostile.TEXT.replace("/", "∕")[:100].strip()  # as a file may be called
# What there would be on the page if a text were more than that.
FOUND = """() => {
  const elsewhere = found => /^javascript:/.test(found.href) ||
    /^(log in|b)$/.test(found.textContent.trim()) ||
    /evil/.test(new URL(found.href || found.src, location).hostname);
  const links = [...document.querySelectorAll("a[href], img[src]")].filter(elsewhere);
  const others = [...document.querySelectorAll("[onerror], .katex, del")];
  const made = others.filter(found => /evil|gone/.test(found.outerHTML));
  return [...links, ...made].map(found => found.outerHTML.slice(0, 200));
}"""
TABS = ("Generate", "Augment", "Train")  # where there is a text to type
QUERY = "?model=emoji-text2image&seed=7&count=1&evaluations=2"  # it takes a prompt
BUTTONS = ("go", "grid_go", "field_go", "code_read", "start")


@pytest.fixture
def page(open_page: Callable[..., Page]) -> Iterator[Page]:
    """Return a page of its own, of which nothing asks the stranger's server."""
    page, asked = open_page(QUERY), []
    page.on("request", lambda r: asked.append(urlsplit(r.url).hostname))
    yield page
    assert not any("evil" in (host or "") for host in asked)


def open_all(page: Page, tab: str) -> None:
    """Open a tab and all that is folded up there."""
    page.get_by_role("tab", name=tab, exact=True).click()
    settle(page)
    for _ in range(30):
        closed = page.locator("button.label-wrap:not(.open):visible")
        if not closed.count():
            break
        closed.first.click()


def type_everywhere(page: Page) -> int:
    """Type the text wherever one can on the tab; return in how many places."""
    fields = page.locator(
        "textarea:visible:enabled, input[type=text]:visible:enabled, "
        "input:not([type]):visible:enabled, .cm-content:visible"
    )
    typed = 0
    for field in fields.all():
        if field.get_attribute("readonly") is None:
            field.click()
            page.keyboard.press("ControlOrMeta+a")
            page.keyboard.insert_text(hostile.TEXT)
            page.keyboard.press("Tab")
            typed += 1
    return typed


def test_text_that_is_typed_anywhere_is_text_everywhere(page: Page) -> None:
    typed = 0
    for tab in TABS:
        open_all(page, tab)
        typed += type_everywhere(page)
        for button in BUTTONS:
            for wanted in page.locator(f"#{button}:visible:enabled").all():
                wanted.click()
        expect(page.get_by_test_id("toast-text").first).to_be_visible()
        assert page.evaluate(FOUND) == []
        for toast in page.get_by_test_id("toast-close").all():
            toast.click()
    assert typed >= 15


def test_a_link_cannot_put_more_than_words_on_a_page(page: Page, address: str) -> None:
    model = '<a href="//evil.example">log in</a>'  # an error quotes it
    page.goto(f"{address}?model={quote(model)}")
    told = page.get_by_test_id("toast-text").first
    expect(told).to_contain_text("log in")
    assert told.locator("*").count() == 0 and page.evaluate(FOUND) == []


def test_names_of_files_and_classes_are_text(page: Page, tmp_path: Path) -> None:
    (tmp_path / f"{NAME}.png").write_text("no picture")
    factories.draw(0, 0).save(tmp_path / "sound.png")
    files = [tmp_path / f"{NAME}.png", tmp_path / "sound.png"]
    for tab, field, button, told in (
        ("Translate", "batch_files", "batch_go", "batch_told"),
        ("Augment", "apply_files", "apply_go", "apply_said"),
    ):
        open_all(page, tab)
        page.locator(f"#{field} input[type=file]").set_input_files(files)
        settle(page)
        page.locator(f"#{button}").click()
        expect(page.locator(f"#{told}")).to_contain_text("log in")
        assert page.evaluate(FOUND) == []


def test_a_run_is_called_by_text(page: Page, tmp_path: Path) -> None:
    """Its title and its classes stand in everybody's lists, status, comparison and card."""
    with zipfile.ZipFile(tmp_path / f"{NAME}.zip", "w") as archive:
        for kind in range(2):
            for i in range(8):
                out = io.BytesIO()
                factories.draw(kind, i, side=40).save(out, "PNG")
                archive.writestr(f"{NAME} {kind}/{i}.png", out.getvalue())
    open_all(page, "Train")
    page.locator("#own_files input[type=file]").set_input_files(tmp_path / f"{NAME}.zip")
    expect(page.locator("#own_report textarea")).to_have_value(re.compile("16 pictures"))
    page.locator("#own_preset input").click()
    page.get_by_role("option", name="GAN from nothing").first.click()
    page.locator("#own_minutes input").fill("0.05")
    page.locator("#own_start").click()
    expect(page.locator("#status")).not_to_contain_text("recorded")
    expect(page.locator("#status")).to_contain_text("Done")
    page.locator("#compare_pick input").first.check()
    expect(page.locator("#compare_key")).to_contain_text("log in")
    assert page.evaluate(FOUND) == []
    page.locator("#use").click()
    page.locator("#how > button").click()
    expect(page.locator("#card")).to_contain_text("log in")
    page.locator("#go").click()
    expect(page.locator("#gallery img").first).to_be_visible()
    expect(page.locator("#gallery")).to_contain_text("log in")
    assert page.evaluate(FOUND) == []
    page.get_by_role("tab", name="Train", exact=True).click()
    page.locator("#discard").click()
    expect(page.locator("#discard_sure")).to_contain_text("log in")
    assert page.evaluate(FOUND) == []
    page.locator("#discard_sure").click()
    settle(page)
