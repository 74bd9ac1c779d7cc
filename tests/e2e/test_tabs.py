"""All tabs of a page that has just been opened."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import Page

from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser


def test_opening_every_tab_of_five_pages_shows_no_message(open_page: Callable[..., Page]) -> None:
    for _ in range(5):
        page = open_page()
        for name in ("Restore", "Translate", "Augment", "Train"):
            page.get_by_role("tab", name=name, exact=True).click()
            settle(page)
        assert page.locator(".toast-body").all_inner_texts() == []
        page.close()
