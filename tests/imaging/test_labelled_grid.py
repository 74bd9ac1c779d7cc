"""A labelled grid shows each image at its place, and captions in any script."""

from __future__ import annotations

import pytest
from PIL import Image

from aigc_demo.imaging import labelled_grid


def test_a_sheet_shows_every_picture_at_its_place() -> None:
    colours = {(0, 0): "red", (1, 0): "lime", (0, 1): "blue", (2, 1): "black"}
    pictures = {place: Image.new("RGB", (32, 32), c) for place, c in colours.items()}
    drawn = labelled_grid.draw(["a", "b", "c"], ["d", "e"], pictures, side=64)
    step = 64 + labelled_grid.GAP
    left, top = drawn.width - 3 * step, drawn.height - 2 * step
    for (column, row), picture in pictures.items():
        x, y = left + column * step, top + row * step
        assert drawn.crop((x, y, x + 64, y + 64)).getcolors() == [(4096, picture.getpixel((0, 0)))]
    assert drawn.getpixel((left + 2 * step + 9, top + 9)) == (220, 220, 220)


def test_captions_are_drawn_where_they_belong() -> None:
    blank, said = (labelled_grid.draw([c, ""], ["", r], {}) for c, r in (("", ""), ("2.5", "it")))
    assert blank.size == said.size
    where = [
        (x, y)
        for x in range(said.width)
        for y in range(said.height)
        if said.getpixel((x, y)) != blank.getpixel((x, y))
    ]
    left, top = (
        said.width - 2 * (96 + labelled_grid.GAP),
        said.height - 2 * (96 + labelled_grid.GAP),
    )
    above = [p for p in where if p[1] < top]
    beside = [p for p in where if p[0] < left]
    assert above and all(left <= x < left + 96 for x, _ in above)
    assert beside and all(top + 100 <= y < top + 196 for _, y in beside)
    assert len(above) + len(beside) == len(where)


def test_any_caption_can_be_drawn() -> None:
    for text in ("海豚", "🐬 dolphin", "דולפין", "👩‍👩‍👧", "\u202ea\nb\0", "", "x" * 999):
        drawn = labelled_grid.draw([text], [text], {}, titles=(text, text))
        assert drawn.width <= 200 + 96 + labelled_grid.GAP
        shown, font = labelled_grid.fitting(text)
        assert all(labelled_grid._has(font, c) for c in shown)


def test_a_letter_that_no_font_has_is_called_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        labelled_grid, "_fonts", lambda: (labelled_grid.ImageFont.load_default(14),)
    )
    assert labelled_grid.fitting("🐬 2")[0] == "(dolphin) 2"


def test_captions_that_would_be_cut_to_the_same_are_numbered() -> None:
    long = ["x" * 60 + "a", "x" * 60 + "b"]
    assert labelled_grid.told_apart(long) == [f"1: {long[0]}", f"2: {long[1]}"]
    assert labelled_grid.told_apart(["C", "C#", "😀", "😢"]) == ["C", "C#", "😀", "😢"]
