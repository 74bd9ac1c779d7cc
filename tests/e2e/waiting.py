"""Wait for what a test looks for: lines, galleries, pictures."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page


def line(page: Page, elem_id: str, word: str, before: str = "") -> str:
    """Return what a text field says once it holds `word` and is another one than before."""
    page.wait_for_function(
        "([id, word, before]) => { const field = document.querySelector(`#${id}`)"
        ".querySelector('textarea, input'); return field.value.includes(word)"
        " && field.value !== before }",
        arg=[elem_id, word, before],
    )
    return page.locator(f"#{elem_id}").locator("textarea, input").first.input_value()


def thumbnails(page: Page, elem_id: str, count: int) -> None:
    """Return once a gallery shows at least so many pictures."""
    page.wait_for_function(
        "([id, count]) => document.querySelectorAll(`#${id} .grid-container button`).length"
        " >= count",
        arg=[elem_id, count],
    )


def result(page: Page, elem_id: str, before: str = "") -> str:
    """Return the address of the second picture of a slider between two, once there is one other
    than before.
    """
    second = f"#{elem_id} img:not([src$='before.png'])"
    page.wait_for_function(
        "([second, before]) => { const shown = document.querySelector(second);"
        " return shown && shown.src && shown.src !== before }",
        arg=[second, before],
    )
    return page.locator(second).first.evaluate("shown => shown.src")


def picture(page: Page, address: str) -> Image.Image:
    """Return the picture at an address."""
    return Image.open(io.BytesIO(page.request.get(address).body()))


def download(page: Page, elem_id: str) -> bytes:
    """Return the file that a click gives."""
    with page.expect_download() as download:
        page.click(f"#{elem_id}")
    return Path(download.value.path()).read_bytes()
