"""A page that several people share: a run is steered by the browser that started it, and by the
teacher with the host's key.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from gradio_client import Client
from gradio_client.exceptions import AppError
from playwright.sync_api import Browser, Page, expect

from tests import factories
from tests.app_server import serve
from tests.e2e.conftest import load
from tests.e2e.page_idle import settle
from tests.e2e.test_train_tab import open_tab, start

pytestmark = pytest.mark.browser
KEY = "the key of the teacher"


def test_a_run_belongs_to_its_browser_and_the_teacher(browser: Browser, tmp_path: Path) -> None:
    data = factories.write_doodles(tmp_path / "data")
    places = {"AIGC_DATA": str(data), "AIGC_RUNS": str(tmp_path / "runs")}
    settings = {"AIGC_PROFILE": "classroom", "AIGC_HOST_KEY": KEY}
    with serve(tmp_path / "log.txt", **places, **settings) as address:
        pupil, teacher = (browser.new_context() for _ in range(2))
        page = open_tab(opened(pupil.new_page, address))
        start(page)
        expect(page.locator("#pause")).to_be_visible()

        other = open_tab(opened(teacher.new_page, address))
        expect(other.locator("#status")).to_contain_text("Training")
        expect(other.locator("#pause")).to_be_hidden()
        expect(other.locator("#discard")).to_be_hidden()
        other.get_by_text("Host's key").first.click()
        other.locator("#host_key_box input").fill(KEY)
        other.locator("#host_key_go").click()
        other.wait_for_selector("#go")
        settle(other)
        open_tab(other)
        other.locator("#pause").click()
        expect(page.locator("#status")).to_contain_text("Paused")

        stranger = Client(address, headers={"x-aigc-key": "a secret of a program"}, verbose=False)
        (run,) = stranger.predict(api_name="/runs")
        with pytest.raises(AppError, match="belongs to somebody else"):
            stranger.predict(run=run["name"], command="discard", api_name="/steer")
        host = Client(address, headers={"x-aigc-host-key": KEY}, verbose=False)
        assert host.predict(run=run["name"], command="discard", api_name="/steer") == "discarded"
        pupil.close()
        teacher.close()


def opened(new_page: Callable[[], Page], address: str) -> Page:
    page = new_page()
    load(page, address)
    return page
