"""The running app in a real browser; screenshots are kept in ``artifacts/``."""

from __future__ import annotations

import contextlib
import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    Page,
    Playwright,
    expect,
    sync_playwright,
)

from aigc_demo.training import runs
from tests import factories
from tests.app_server import ROOT, serve
from tests.e2e import page_idle

expect.set_options(timeout=60_000)  # milliseconds; a small machine may be busy
ARGUMENTS = [
    *("--no-sandbox", "--disable-background-networking", "--disable-sync"),
    *("--use-angle=swiftshader", "--enable-unsafe-swiftshader"),  # paints without a GPU
    *("--disable-component-update", "--disable-quic", "--no-first-run"),
]


@pytest.fixture(scope="session")
def runs_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of the app's runs."""
    return tmp_path_factory.mktemp("app") / "runs"


@pytest.fixture(scope="session")
def address(runs_root: Path) -> Iterator[str]:
    """Return the address of an app with the shipped checkpoints, doodles and façades to
    learn from.
    """
    folder = runs_root.parent
    data = factories.write_facades(factories.write_doodles(folder / "data"))
    places = {"AIGC_DATA": str(data), "AIGC_RUNS": str(runs_root)}
    with serve(folder / "log.txt", **places) as address:
        yield address
    for directory in runs.directories(runs_root):
        runs.stop(directory)  # a worker that is left alone then ends


def launch(playwright: Playwright) -> Browser:
    """Start Debian's chromium where there is one, else Playwright's own."""
    return playwright.chromium.launch(executable_path=shutil.which("chromium"), args=ARGUMENTS)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Return a browser for all tests."""
    with sync_playwright() as playwright:
        browser = launch(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def windows(browser: Browser) -> Callable[..., BrowserContext]:
    """Return a function that returns the window with certain settings: what it has loaded once is
    quick to open again.
    """
    opened: dict[str, BrowserContext] = {}

    def window(**settings: object) -> BrowserContext:
        settings = {"viewport": {"width": 1280, "height": 900}} | settings
        key = json.dumps(settings, sort_keys=True)
        if key not in opened:
            opened[key] = browser.new_context(accept_downloads=True, **settings)
        return opened[key]

    return window


Opener = Callable[..., Page]


@pytest.fixture
def open_page(windows: Callable[..., BrowserContext], address: str) -> Iterator[Opener]:
    """Return a function that opens a page of the app; any error in a page's console fails the
    test.
    """
    with _opener(windows, address) as opener:
        yield opener


@pytest.fixture(scope="module")
def open_shared_page(windows: Callable[..., BrowserContext], address: str) -> Iterator[Opener]:
    """Return what `open_page` does, for pages that the tests of a module share."""
    with _opener(windows, address) as opener:
        yield opener


@contextlib.contextmanager
def _opener(windows: Callable[..., BrowserContext], address: str) -> Iterator[Opener]:
    problems: list[str] = []
    pages: list[Page] = []

    def open_(query: str = "", *, at: str = "", **settings: object) -> Page:
        page = windows(**settings).new_page()
        pages.append(page)
        page.set_default_timeout(60_000)
        page_idle.watch(page)
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda message: problems.append(message.text) if message.type == "error" else None,
        )
        page.goto((at or address) + query)
        page.wait_for_selector("#go")
        # The page sets its controls once it has loaded: the seed is no longer 0.
        page.wait_for_function("document.querySelector('#seed input')?.value !== '0'")
        page_idle.settle(page)
        return page

    yield open_
    for page in pages:
        page.close()
    assert problems == []


@pytest.fixture
def shoot(request: pytest.FixtureRequest) -> Callable[[Page, str], None]:
    """Return a function that keeps a screenshot of the whole page."""
    folder = ROOT / "artifacts"
    folder.mkdir(exist_ok=True)

    def shoot_(page: Page, name: str) -> None:
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)

    return shoot_
