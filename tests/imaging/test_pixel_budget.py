"""How many pixels a process holds at once."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from PIL import Image

from aigc_demo.errors import BadImage, Busy
from aigc_demo.imaging import images
from aigc_demo.imaging.pixel_budget import PixelBudget
from tests import factories


@pytest.fixture
def budget(monkeypatch: pytest.MonkeyPatch) -> PixelBudget:
    """Return a budget of 10,000 pixels that is the process's, of little patience."""
    budget = PixelBudget(10_000, patience=0.2)
    monkeypatch.setattr(images, "BUDGET", budget)
    return budget


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Return a file of 6,000 pixels."""
    Image.new("RGB", (100, 60), "red").save(tmp_path / "a.png")
    return tmp_path / "a.png"


def test_pixels_are_held_as_long_as_a_picture_or_what_was_made_of_it(
    budget: PixelBudget, picture: Path
) -> None:
    for make in (lambda x: x, lambda x: x.convert("RGBA").crop((0, 0, 50, 50)).resize((9, 9))):
        kept = make(images.open_image(picture))
        assert budget.held == 6000
        with pytest.raises(Busy, match="busy with other large pictures; try again in a minute"):
            images.open_image(picture)
        del kept
        assert budget.held == 0
    assert images.open_image(picture).size == (100, 60)


def test_a_picture_that_cannot_be_decoded_holds_nothing(
    budget: PixelBudget, picture: Path
) -> None:
    picture.write_bytes(picture.read_bytes()[:60])
    for _ in range(3):
        with pytest.raises(BadImage):
            images.open_image(picture)
    assert budget.held == 0


def test_who_waits_goes_on_when_pixels_become_free(budget: PixelBudget, picture: Path) -> None:
    budget.patience = 20
    kept, opened = [images.open_image(picture)], []
    waiting = threading.Thread(target=lambda: opened.append(images.open_image(picture).size))
    waiting.start()
    time.sleep(0.2)
    assert not opened
    kept.clear()
    waiting.join(10)
    assert opened == [(100, 60)]


def test_many_at_once_never_hold_more_than_the_limit(budget: PixelBudget) -> None:
    budget.patience = 60
    running: list[int] = []
    most = []

    def work(pixels: int) -> None:
        hold = budget.take(pixels)
        running.append(pixels)
        most.append(sum(running))
        time.sleep(0.001)
        running.remove(pixels)
        del hold

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [4000, 3000, 9000, 100] * 20))
    assert len(most) == 80 and max(most) <= 10_000 and budget.held == 0


SERVER = """
import io, sys
from PIL import Image
from aigc_demo.imaging import images
images.serve_strangers()
for content, told in ((b"%!PS-Adobe-3.0 EPSF-3.0\\n%%BoundingBox: 0 0 9 9\\n", "cannot identify"),
                      (b"8BPS\\0\\1" + bytes(60), "cannot identify"),
                      (open(sys.argv[1], "rb").read(), "exceeds limit of 24000000")):
    try:
        Image.open(io.BytesIO(content))
    except Exception as error:
        assert told in str(error), error
    else:
        raise SystemExit(f"opened: {content[:9]}")
for path in sys.argv[2:]:
    assert Image.open(path).load() and images.open_image(path).size == (40, 30), path
"""


def test_a_server_opens_the_formats_and_sizes_that_are_read_and_no_others(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(factories.png_header(5000, 5000))
    kinds = ("png", "jpg", "webp", "gif", "bmp", "dib", "tif", "avif")
    files = [tmp_path / f"a.{kind}" for kind in kinds]
    for file in files:
        Image.new("RGB", (40, 30), "red").save(file)
    command = [sys.executable, "-c", SERVER, tmp_path / "bomb.png", *files]
    told = subprocess.run(command, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
