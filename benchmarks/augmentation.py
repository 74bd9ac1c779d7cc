"""How quick augmentation is: a thousand pictures through a pipeline, against torchvision's same
steps on PIL pictures one by one; and a grid of previews in the browser.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import cv2
import torch
from PIL import Image
from playwright.sync_api import Page, sync_playwright
from skimage import data as photographs

from aigc_demo import augment, images
from aigc_demo.augment import batches
from benchmarks import report
from benchmarks.latency import app

TITLE = "Augmentation"
SIDE, COUNT, ROUNDS, TARGET = 128, 1000, 5, 2.0
STEPS = ("resized_crop", "flip_horizontal", "rotate", "colour_jitter", "grey")
GRID, GRID_SIDE, CALLS, LIMIT_MS = 16, 512, 30, 500
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
# From a click until every picture of the grid is another one and has been drawn.
CLICK_JS = """() => new Promise(done => {
  const shown = () => [...document.querySelectorAll('#draws button img')];
  const before = new Set(shown().map(i => i.src)), start = performance.now();
  document.querySelector('#augment_dice').click();
  const look = () => {
    const now = shown();
    if (now.length === COUNT && now.every(i => i.complete && i.naturalWidth && !before.has(i.src)))
      done(performance.now() - start);
    else requestAnimationFrame(look);
  };
  look();
})"""


def pictures() -> torch.Tensor:
    """Return COUNT crops of photographs, uint8 (N, 3, 128, 128)."""
    generator = torch.Generator().manual_seed(0)
    sources = [torch.from_numpy(p()) for p in (photographs.astronaut, photographs.coffee)]
    crops = []
    for i in range(COUNT):
        source = sources[i % 2]
        top, left = (
            int(torch.randint(0, n - 2 * SIDE, (), generator=generator)) for n in source.shape[:2]
        )
        crops.append(source[top : top + SIDE, left : left + SIDE])
    return torch.stack(crops).permute(0, 3, 1, 2)


def seconds(call: Callable[[], Any]) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def throughput(threads: int) -> tuple[float, float]:
    """Return pictures a second: PIL one by one, and together; medians of rounds in turn."""
    torch.set_num_threads(threads)
    cv2.setNumThreads(threads)
    x = pictures()
    pipeline = augment.parse([{"name": name} for name in STEPS])
    code = augment.torchvision_code(pipeline, (SIDE, SIDE)).replace("        v2.ToImage(),\n", "")
    space: dict[str, Any] = {"image": Image.new("RGB", (SIDE, SIDE))}
    exec(code, space)
    each = images.to_pil(x)
    took: dict[str, list[float]] = {"pil": [], "ours": []}
    for _ in range(ROUNDS):
        took["pil"].append(seconds(lambda: [space["pipeline"](p) for p in each]))
        took["ours"].append(seconds(lambda: batches.apply(pipeline, x, range(COUNT))))
    return tuple(COUNT / statistics.median(t) for t in took.values())


def grid() -> list[float]:
    """Return the milliseconds of each new grid of GRID previews at 512×512, seen in a browser."""
    with (
        tempfile.TemporaryDirectory() as folder,
        app("checkpoints", AIGC_RUNS=f"{folder}/runs") as (address, _),
        sync_playwright() as playwright,
    ):
        path = shutil.which("chromium")
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.wait_for_selector("#go")
        page.get_by_role("tab").nth(3).click()
        page.wait_for_selector("#draws button img")
        Image.fromarray(photographs.astronaut()).save(f"{folder}/astronaut.png")
        _prepare(page, f"{folder}/astronaut.png")
        click = CLICK_JS.replace("COUNT", str(GRID))
        taken = [page.evaluate(click) for _ in range(CALLS + 3)][3:]
        browser.close()
    return taken


def _prepare(page: Page, picture: str) -> None:
    """Drop a picture of 512×512 and ask for a grid of 16."""
    page.locator("#augment_picture").get_by_label("Clear canvas").first.click()
    page.wait_for_timeout(500)
    page.locator("#augment_picture input[type=file]").first.set_input_files(picture)
    page.wait_for_timeout(2000)
    page.locator("#augment_n input[type=number]").fill(str(GRID))
    page.locator("#augment_n input[type=number]").press("Enter")
    page.click("#augment_go")
    page.wait_for_function(f"document.querySelectorAll('#draws button img').length == {GRID}")
    told = page.locator("#augment_details").locator("textarea, input").first.input_value()
    assert f"{GRID} × {GRID_SIDE}×{GRID_SIDE} px" in told, told


def main(arguments: list[str] | None = None) -> int:
    """Measure, print and write the section."""
    argparse.ArgumentParser(description=__doc__).parse_args(arguments)
    rows = []
    for threads in (1, 2):
        alone, together = throughput(threads)
        rows.append(
            [
                threads,
                f"{alone:,.0f}",
                f"{together:,.0f}",
                f"{together / alone:.2f}×",
                f"{TARGET}×",
            ]
        )
    taken = grid()
    text = (
        f"{COUNT:,} pictures of {SIDE}×{SIDE} through {', '.join(STEPS)}; pictures a second, "
        f"medians of {ROUNDS} rounds in turn. Left torchvision's transforms on PIL pictures one "
        "by one, beside it the training path (`augment.batches`), which draws the same from the "
        "same seeds.\n\n"
        + report.table(("threads", "PIL, one by one", "ours", "ratio", "asked"), rows)
        + f"\n\nA new grid of {GRID} previews at {GRID_SIDE}×{GRID_SIDE} with the preset "
        "“Photographs”, from the click on *Another seed* until the browser has drawn all: median "
        f"**{statistics.median(taken):.0f} ms**, slowest {max(taken):.0f} ms of {CALLS} "
        f"(asked ≤ {LIMIT_MS} ms)."
    )
    print(text)
    report.write_section(TITLE, "python -m benchmarks.augmentation", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
