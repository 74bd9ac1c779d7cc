"""The running app in a real browser."""

from __future__ import annotations

import contextlib
import json
import os
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


def load(page: Page, address: str) -> list[str]:
    """Open the app and wait until it is ready; return a list to which errors in the page's console
    will be added.
    """
    problems: list[str] = []
    page.set_default_timeout(60_000)
    page_idle.watch(page)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on(
        "console",
        lambda message: problems.append(message.text) if message.type == "error" else None,
    )
    page.goto(address, wait_until="domcontentloaded")
    page.wait_for_selector("#go")
    # The page sets its controls once it has loaded: the seed is no longer 0.
    page.wait_for_function("document.querySelector('#seed input')?.value !== '0'")
    page_idle.settle(page)
    return problems


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
    opened: list[tuple[Page, list[str]]] = []

    def open_(query: str = "", *, at: str = "", **settings: object) -> Page:
        page = windows(**settings).new_page()
        opened.append((page, load(page, (at or address) + query)))
        return page

    yield open_
    for page, _ in opened:
        page.close()
    assert [problem for _, problems in opened for problem in problems] == []


@pytest.fixture(scope="session")
def kept_page() -> dict[str, tuple[Page, list[str]]]:
    """Return where `page` keeps its page and the errors in its console."""
    return {}


@pytest.fixture
def page(
    request: pytest.FixtureRequest,
    windows: Callable[..., BrowserContext],
    address: str,
    kept_page: dict[str, tuple[Page, list[str]]],
) -> Iterator[Page]:
    """Return a page that tests share, since opening one takes seconds: a test sets every control
    that matters to it. After a test that fails, the page is opened anew.
    """
    if "page" not in kept_page:
        fresh = windows().new_page()
        kept_page["page"] = fresh, load(fresh, address)
    page, problems = kept_page["page"]
    yield page
    page_idle.settle(page)
    if FAILED in request.node.stash or problems:
        page.close()
        del kept_page["page"]
    assert problems == []


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Remember which tests failed."""
    report = yield
    if report.failed:
        item.stash[FAILED] = True
    return report


@pytest.fixture
def shoot() -> Callable[[Page, str], None]:
    """Return a function that keeps a screenshot of the whole page in ``artifacts/``, where
    ``AIGC_SHOTS`` is set: each takes a second.
    """
    folder = ROOT / "artifacts"

    def shoot_(page: Page, name: str) -> None:
        if os.environ.get("AIGC_SHOTS"):
            folder.mkdir(exist_ok=True)
            page.screenshot(path=folder / f"{name}.png", full_page=True)

    return shoot_
