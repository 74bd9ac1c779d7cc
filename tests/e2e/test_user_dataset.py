"""The longest path: somebody's own pictures become a model that paints, where there is no data."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from aigc_demo.data.uploads.user_dataset import IMAGES_FILE
from aigc_demo.training import runs
from tests import factories
from tests.e2e.test_train_tab import choose, open_tab

pytestmark = pytest.mark.browser


def photographs(path: Path) -> Path:
    """Write a zip as a person would: a folder around two class folders, and a few mistakes."""
    with zipfile.ZipFile(path, "w") as archive:
        for kind, name in enumerate(("discs", "squares")):
            for i in range(6):
                out = io.BytesIO()
                factories.draw(kind, i, side=150 + 10 * i).save(out, "JPEG")
                archive.writestr(f"my photos/{name}/IMG_{kind}{i}.jpg", out.getvalue())
        small = io.BytesIO()
        Image.new("RGB", (8, 8)).save(small, "PNG")
        archive.writestr("my photos/discs/icon.png", small.getvalue())
        archive.writestr("my photos/discs/broken.jpg", b"no picture")
        archive.writestr("my photos/notes.txt", b"hello")
        archive.writestr("__MACOSX/._IMG_00.jpg", b"a ghost")
    return path


def test_own_pictures_become_a_model_that_can_be_used_and_vanish_with_their_run(
    open_page: Callable[..., Page],
    runs_root: Path,
    shoot: Callable[[Page, str], None],
    tmp_path: Path,
) -> None:
    page = open_tab(open_page())

    # Without its data, the preset takes pictures that need no file, and says so.
    expect(page.locator("#stand_in")).to_contain_text("Others take their place")
    expect(page.locator("#train_data input")).to_have_value(re.compile("painted here"))

    # The zip is checked before anything is trained.
    page.get_by_role("button", name="Your own pictures").click()
    expect(page.locator("#own_start")).to_be_hidden()
    page.locator("#own_files input[type=file]").set_input_files(
        photographs(tmp_path / "my things.zip")
    )
    report = page.locator("#own_report textarea")
    expect(report).to_have_value(re.compile("12 pictures"))
    text = report.input_value()
    for part in ("6 × discs", "6 × squares", "Fewer than 100", "Left out: 3"):
        assert part in text
    assert "icon.png: smaller than 16" in text and "notes.txt: not a picture" in text
    expect(page.locator("#own_sheet img")).to_be_visible()
    shoot(page, "own-pictures-desktop")

    # A run learns from them, and its model makes pictures.
    choose(page, "own_preset", "GAN from nothing")
    expect(page.locator("#own_size input:checked")).to_have_value("32")
    page.locator("#own_minutes input").fill("0.07")
    page.locator("#own_start").click()
    expect(page.locator("#status")).to_contain_text(re.compile("Done.*/ 0:04", re.DOTALL))
    (directory, *_) = runs.directories(runs_root)
    assert (directory / IMAGES_FILE).is_file()
    page.locator("#use").click()
    expect(page.locator("#model input")).to_have_value(re.compile("^★ my things"))
    page.locator("#go").click()
    expect(page.locator("#gallery img").first).to_be_visible()

    # It is discarded, and they are gone.
    open_tab(page)
    page.locator("#discard").click()
    page.locator("#discard_sure").click()
    expect(page.locator("#run input")).not_to_have_value(re.compile("my things"))
    assert not directory.exists() and not list(runs_root.rglob(IMAGES_FILE))
