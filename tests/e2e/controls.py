"""What a visitor does with the page's controls."""

from __future__ import annotations

from playwright.sync_api import Locator, Page


def choose(page: Page, dropdown: str, option: str) -> None:
    """Choose the first option of a dropdown that begins with, or is, `option`."""
    page.locator(f"#{dropdown} input").click()
    options = page.get_by_role("option")
    exact = page.get_by_role("option", name=option, exact=True)
    options.filter(has_text=option).or_(exact).first.wait_for()
    (exact if exact.count() else options.filter(has_text=option)).first.click()


def set_number(page: Page, control: str, value: float) -> None:
    """Type a number beside a slider."""
    field = page.locator(f"#{control} input[type=number]")
    field.fill(str(value))
    field.press("Enter")


def text_box(page: Page, control: str) -> Locator:
    """Return where a text box has its text."""
    return page.locator(f"#{control}").locator("textarea, input").first


def picture(page: Page, control: str) -> Locator:
    """Return a picture that is shown."""
    return page.locator(f"#{control} img").first
