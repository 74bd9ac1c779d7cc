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
from tests.app_server import serve
from tests.e2e.test_train_tab import PATIENCE, choose, open_tab

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


def test_own_pictures_become_a_model_that_paints_and_vanish_with_their_run(
    open_page: Callable[..., Page], shoot: Callable[[Page, str], None], tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    places = {"AIGC_DATA": str(tmp_path / "nowhere"), "AIGC_RUNS": str(root)}
    with serve(tmp_path / "log.txt", **places) as address:
        page = open_tab(open_page(at=address))

        # Without data, the preset takes pictures that need no file, and says so.
        expect(page.locator("#stand_in")).to_contain_text("Others take their place")
        expect(page.locator("#train_data input")).to_have_value(re.compile("painted here"))

        # The zip is looked at before anything is trained.
        page.get_by_role("button", name="Your own pictures").click()
        expect(page.locator("#own_start")).to_be_hidden()
        page.locator("#own_files input[type=file]").set_input_files(
            photographs(tmp_path / "my things.zip")
        )
        report = page.locator("#own_report textarea")
        expect(report).to_have_value(re.compile("12 pictures"), timeout=PATIENCE)
        words = report.input_value()
        for part in ("6 × discs", "6 × squares", "Fewer than 100", "Left out: 3"):
            assert part in words
        assert "icon.png: smaller than 16" in words and "notes.txt: not a picture" in words
        expect(page.locator("#own_sheet img")).to_be_visible()
        shoot(page, "own-pictures-desktop")

        # A run learns from them, and paints.
        choose(page, "own_preset", "GAN from nothing")
        expect(page.locator("#own_size input:checked")).to_have_value("32")
        page.locator("#own_minutes input").fill("0.1")
        page.locator("#own_start").click()
        expect(page.locator("#status")).to_contain_text("Done", timeout=5 * PATIENCE)
        (directory,) = runs.directories(root)
        assert (directory / IMAGES_FILE).is_file()
        page.locator("#use").click()
        expect(page.locator("#model input")).to_have_value(re.compile("^★ my things"))
        page.locator("#go").click()
        expect(page.locator("#gallery img").first).to_be_visible()

        # It is discarded, and they are gone.
        open_tab(page)
        page.locator("#discard").click()
        page.locator("#discard_sure").click()
        expect(page.locator("#status")).to_contain_text("no runs yet", timeout=PATIENCE)
        assert not directory.exists() and not list(root.rglob("pictures*"))
        page.close()
