"""Make the pictures of README.md anew, from the running app in a real browser:

    make screenshots            # or: python -m docs.screenshots [generate restore …]

Seeds are fixed. The run of the Train tab and of the timelapse learns from Fashion-MNIST where the
data folder has it, else from synthetic shapes; MINUTES says for how long.
"""

from __future__ import annotations

import io
import os
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

from aigc_demo import data
from tests.app_server import serve
from tests.e2e import page_idle
from tests.e2e.conftest import launch

IMAGES = Path(__file__).parent / "images"
MAX_BYTES = 300_000
WIDTH, HEIGHT = 1280, 860
MINUTES = float(os.environ.get("MINUTES", 3))
FRAMES, FRAME_MS, LAST_MS = 24, 160, 1500  # of the timelapse


def main(names: list[str]) -> int:
    """Make the pictures called `names`, or all."""
    IMAGES.mkdir(exist_ok=True)
    chosen = names or [*TABS, "train"]
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        runs = Path(folder) / "runs"
        with serve(Path(folder) / "log.txt", AIGC_RUNS=str(runs)) as address:
            browser = launch(playwright)
            for name in chosen:
                page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
                page.set_default_timeout(90_000)
                page_idle.watch(page)
                page.goto(address + ADDRESSES.get(name, ""))
                page.wait_for_selector("#go")
                page_idle.settle(page)
                if name == "train":
                    train(page, runs)
                else:
                    TABS[name](page)
                page.close()
            browser.close()
    return 0


def generate(page: Page) -> None:
    """Show sixteen landscapes."""
    press(page, "go")
    page.wait_for_function(
        "document.querySelectorAll('#gallery .grid-container button').length >= 16"
    )
    shoot(page, page.locator("#tabs"), "generate")


def restore(page: Page) -> None:
    """Scratch the coffee cup, and repair it."""
    page.get_by_role("tab").nth(1).click()
    page.wait_for_selector("#restore_picture")
    page_idle.settle(page)
    press(page, "example_Coffee")
    page.locator("#damage_more > button").click()
    press(page, "damage_go")
    page.locator("#damage_more > button").click()
    press(page, "restore_go")
    page.wait_for_function(
        "document.querySelector('#restore_details textarea, #restore_details input')"
        ".value.includes('PSNR')"
    )
    shoot(page, page.locator("#restore_picture"), "restore")


def translate(page: Page) -> None:
    """Turn the example label map into a façade."""
    page.get_by_role("tab").nth(2).click()
    page.wait_for_selector("#translate_go", state="visible")
    page_idle.settle(page)
    page.locator("#translate_model input").click()
    page.get_by_role("option").nth(2).click()
    page.wait_for_selector("#plan canvas", state="visible")
    press(page, "plan_example")
    press(page, "translate_go")
    shoot(page, page.locator("#plan"), "translate")


def augment(page: Page) -> None:
    """Show the variants of the first example."""
    page.get_by_role("tab").nth(3).click()
    page.wait_for_selector("#draws button img")
    shoot(page, page.locator("#draws"), "augment")


def train(page: Page, runs: Path) -> None:
    """Train a GAN, show its run and put its previews together as a timelapse."""
    page.get_by_role("tab").nth(4).click()
    page.wait_for_selector("#start", state="visible")
    if "fashion_mnist" not in data.available():
        page.locator("#train_data input").click()
        page.get_by_role("option", name="Shapes").first.click()
    page.locator("#minutes input").fill(f"{MINUTES:g}")
    press(page, "start")
    page.get_by_text(re.compile("Done")).first.wait_for(timeout=(MINUTES * 60 + 120) * 1000)
    page_idle.settle(page)
    shoot(page, page.locator("#status"), "train")
    (run,) = (d for d in runs.iterdir() if (d / "previews").is_dir())
    timelapse(sorted((run / "previews").glob("*.png")))


def timelapse(previews: list[Path]) -> None:
    """Write the previews of a run, evenly chosen, as an animated WebP."""
    count = min(FRAMES, len(previews))
    chosen = [previews[round(i * (len(previews) - 1) / max(count - 1, 1))] for i in range(count)]
    frames = [Image.open(path).convert("RGB") for path in chosen]
    times = [FRAME_MS] * (count - 1) + [LAST_MS]
    for quality in (80, 60, 40, 20):
        out = io.BytesIO()
        frames[0].save(
            out, "WEBP", save_all=True, append_images=frames[1:], duration=times, loop=0,
            quality=quality, method=6,
        )  # fmt: skip
        if len(out.getvalue()) <= MAX_BYTES:
            break
    write("timelapse", out.getvalue())


def press(page: Page, elem_id: str) -> None:
    """Click on a button and wait until the page has all that it asked for."""
    page.click(f"#{elem_id}")
    page_idle.settle(page)


def shoot(page: Page, place: Locator, name: str) -> None:
    """Keep what is to be seen, with `place` near the top of the view."""
    page.mouse.move(5, 5)
    place.first.evaluate("e => window.scrollTo(0, e.getBoundingClientRect().top + scrollY - 90)")
    page_idle.settle(page)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    for quality in (90, 80, 70, 55, 40):
        out = io.BytesIO()
        image.save(out, "WEBP", quality=quality, method=6)
        if len(out.getvalue()) <= MAX_BYTES:
            break
    write(name, out.getvalue())


def write(name: str, content: bytes) -> None:
    assert len(content) <= MAX_BYTES, f"{name}: {len(content):,} bytes"
    (IMAGES / f"{name}.webp").write_bytes(content)
    print(f"docs/images/{name}.webp: {len(content):,} bytes", flush=True)


TABS: dict[str, Callable[[Page], None]] = {
    "generate": generate,
    "restore": restore,
    "translate": translate,
    "augment": augment,
}
ADDRESSES = {"generate": "/?model=scenes-flow&seed=7&count=16"}

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
