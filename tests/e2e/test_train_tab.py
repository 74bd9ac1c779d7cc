"""A teacher trains a model before the class: starts, watches, pauses, stops and uses it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from aigc_demo.training import runs
from aigc_demo.training.events import Paused
from tests import factories
from tests.app_server import free_port, serve
from tests.e2e.page_idle import settle

pytestmark = pytest.mark.browser
Opener = Callable[..., Page]
Shooter = Callable[[Page, str], None]


def choose(page: Page, dropdown: str, text: str) -> None:
    page.locator(f"#{dropdown} input").click()
    page.get_by_role("option", name=text).first.click()


def open_tab(page: Page) -> Page:
    page.get_by_role("tab", name=re.compile("Train|训练")).click()
    expect(page.locator("#start")).to_be_visible()
    return page


@pytest.fixture(scope="module")
def shared_page(open_shared_page: Opener) -> Page:
    return open_shared_page()


@pytest.fixture
def train_page(shared_page: Page) -> Page:
    """Return the page that the tests share, at the Train tab."""
    return open_tab(shared_page)


def start(page: Page, *, minutes: str = "10", method: str = "GAN") -> None:
    """Fill in the form and press the button."""
    if page.locator("#train_method input").input_value() != method:
        choose(page, "train_method", method)
        settle(page)
    choose(page, "train_data", "Doodles")
    page.locator("#minutes input").fill(minutes)
    page.locator("#start").click()
    expect(page.locator("#status")).not_to_contain_text("recorded")


def step(page: Page) -> int:
    found = re.search(r"step ([\d,]+)", page.locator("#status").inner_text())
    return int(found.group(1).replace(",", "")) if found else 0


def wait_for_step(page: Page, more_than: int) -> int:
    page.wait_for_function(
        """n => { const m = document.querySelector('#status').innerText.match(/step ([\\d,]+)/);
                  return m && +m[1].replaceAll(',', '') > n; }""",
        arg=more_than,
    )
    return step(page)


def pause(page: Page, directory: Path) -> int:
    """Pause a run and return its step once it stands still."""
    page.locator("#pause").click()
    expect(page.locator("#status")).to_contain_text("Paused")
    while not isinstance(last := runs.events(directory)[-1], Paused):
        page.wait_for_timeout(100)
    return last.step


def stop(page: Page) -> None:
    page.locator("#stop").click()
    expect(page.locator("#status")).to_contain_text("Stopped")


def wait_until(page: Page, true: Callable[[], bool], seconds: float = 60) -> None:
    """Return once something is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it has not become true"
        page.wait_for_timeout(100)


def drawn(page: Page, chart: str) -> str:
    """Return what a chart looks like: its picture changes when it gains points."""
    return page.evaluate(
        """id => { const canvas = document.querySelector(`#${id} canvas`);
                   if (canvas) return canvas.toDataURL();
                   const svg = document.querySelector(`#${id} svg.marks, #${id} .vega-embed svg`);
                   return svg ? svg.outerHTML : ''; }""",
        chart,
    )


def test_a_run_is_watched_paused_stepped_stopped_and_used(
    open_page: Opener, runs_root: Path, shoot: Shooter
) -> None:
    page = open_tab(open_page())  # of its own, since it goes to another tab
    start(page)
    expect(page.locator("#status")).to_contain_text("Training")
    expect(page.locator("#film_picture img")).to_be_visible()

    # The charts gain points and the timelapse gets longer.
    page.wait_for_function("document.querySelector('#chart_losses canvas, #chart_losses svg')")
    before, count = drawn(page, "chart_losses"), step(page)
    expect(page.locator("#film")).to_be_visible()
    frames = int(page.locator("#film input[type=range]").get_attribute("max") or 0)
    wait_for_step(page, count)
    page.wait_for_function(
        "n => +document.querySelector('#film input[type=range]').max > n", arg=frames
    )
    assert before
    wait_until(page, lambda: drawn(page, "chart_losses") not in ("", before))

    # Charts that change while another tab is open say nothing in the console.
    for _ in range(4):
        page.get_by_role("tab", name="Restore").click()
        page.get_by_role("tab", name="Train").click()

    # Somebody else who opens the page sees the run go on.
    other = open_tab(open_page())
    wait_for_step(other, step(page))

    # Paused, it stands still; a single step is one step.
    (directory, *_) = runs.directories(runs_root)
    count = pause(page, directory)
    expect(other.locator("#status")).to_contain_text("Paused")
    page.locator("#step_discriminator").click()
    assert wait_for_step(page, count) == count + 1
    page.locator("#slow").click()
    expect(page.locator("#status")).to_contain_text("Slow motion")
    page.locator("#resume").click()
    wait_for_step(page, count + 5)
    shoot(page, "train-desktop")

    # The timelapse goes back in time.
    last = page.locator("#film_picture img").get_attribute("src")
    number = page.locator("#film input[type=number]")
    number.fill("1")
    number.press("Enter")
    expect(page.locator("#film_picture img")).not_to_have_attribute("src", last or "")

    # Stopped, it makes pictures.
    stop(page)
    page.locator("#use").click()
    expect(page.locator("#model input")).to_have_value(re.compile("^★ Doodles"))
    page.locator("#go").click()
    expect(page.locator("#gallery img").first).to_be_visible()
    expect(page.locator("#details textarea, #details input")).to_have_value(re.compile("Doodles"))


def test_the_scores_appear_and_the_model_can_be_downloaded(
    train_page: Page, shoot: Shooter
) -> None:
    page = train_page
    start(page, method="VAE", minutes="0.05")
    expect(page.locator("#status")).to_contain_text(re.compile("Done.*/ 0:03", re.DOTALL))
    page.wait_for_function("document.querySelector('#chart_fid canvas, #chart_fid svg')")
    with page.expect_download() as download:
        page.locator("#download_model").click()
    assert download.value.path().read_bytes()[:2] == b"PK"
    page.get_by_role("button", name="Compare runs").click()
    page.locator("#compare_pick label").first.click()
    expect(page.locator("#runs_table")).to_contain_text("quickdraw")
    shoot(page, "train-compare-desktop")
    with page.expect_download() as download:
        page.locator("#compare_csv").click()
    assert download.value.path().read_text().startswith("run,status,method")


def test_a_run_that_waits_shows_its_place_and_can_be_discarded(train_page: Page) -> None:
    page = train_page
    start(page)
    expect(page.locator("#status")).to_contain_text("Training")
    start(page)
    expect(page.locator("#status")).to_contain_text("place 1 in the queue")
    page.locator("#discard").click()
    page.locator("#discard_sure").click()
    expect(page.locator("#status")).to_contain_text("Training")
    stop(page)


def test_a_mistake_in_the_form_is_told_in_words(train_page: Page) -> None:
    choose(train_page, "train_data", "Digits")
    train_page.locator("#start").click()
    problem = "mnist is not here yet; tick the download"
    expect(train_page.get_by_text(problem)).to_be_visible()


def test_every_control_of_the_tab_has_an_id(train_page: Page) -> None:
    nameless = train_page.evaluate(
        """() => [...document.querySelectorAll('main input, main button, main textarea')]
              .filter(e => !e.closest('[id]:not([id^="component"])')).length"""
    )
    assert nameless == 0


def test_training_is_usable_on_a_phone_in_the_dark_in_chinese(
    open_page: Opener, shoot: Shooter
) -> None:
    page = open_page(
        "/?__theme=dark",
        viewport={"width": 375, "height": 800},
        locale="zh-CN",
        color_scheme="dark",
    )
    page.get_by_role("tab", name="训练").click()
    expect(page.locator("#start")).to_have_text("开始训练")
    expect(page.locator("#film_picture img")).to_be_visible()
    settle(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 375
    shoot(page, "train-phone-dark-chinese")


# --- Whatever is killed ---


@pytest.fixture
def places(tmp_path: Path) -> dict[str, str]:
    data = factories.write_doodles(tmp_path / "data")
    return {"AIGC_DATA": str(data), "AIGC_RUNS": str(tmp_path / "runs")}


def workers(root: str) -> list[int]:
    """Return the processes that train below `root`."""
    found = subprocess.run(
        ["pgrep", "-f", f"aigc_demo.training.worker {root}"], capture_output=True, text=True
    )
    return [int(pid) for pid in found.stdout.split()]


@pytest.fixture
def no_orphans(places: dict[str, str]) -> Iterator[None]:
    yield
    for pid in workers(places["AIGC_RUNS"]):
        os.kill(pid, signal.SIGKILL)


@pytest.mark.usefixtures("no_orphans")
def test_a_run_outlives_its_worker_and_the_app(
    open_page: Opener, tmp_path: Path, places: dict[str, str]
) -> None:
    port = free_port()
    with serve(tmp_path / "first.txt", port=port, **places) as address:
        page = open_tab(open_page(at=address))
        start(page)
        wait_for_step(page, 5)
        (directory,) = runs.directories(Path(places["AIGC_RUNS"]))
        count = pause(page, directory)  # which saves

        # The worker is killed: the page says so, and goes on from the last save.
        for pid in workers(places["AIGC_RUNS"]):
            os.kill(pid, signal.SIGKILL)
        expect(page.locator("#status")).to_contain_text("Interrupted")
        page.locator("#resume").click()
        count = wait_for_step(page, count)
        page.close()

    # The app has ended and is started again: the run has not noticed.
    with serve(tmp_path / "second.txt", port=port, **places) as address:
        page = open_tab(open_page(at=address))
        expect(page.locator("#status")).to_contain_text("Training")
        assert wait_for_step(page, count) > count
        stop(page)
        page.close()
