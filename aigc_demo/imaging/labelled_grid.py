"""Labelled grids: pictures with a caption a column and a caption a row, drawn into one picture.

Captions may be in any script: each is drawn with the first font of this machine that has its
letters. What no font has (most often an emoji) is called by its name in Unicode.
"""

from __future__ import annotations

import functools
import unicodedata
from collections.abc import Mapping, Sequence
from contextlib import suppress

from PIL import Image, ImageDraw, ImageFont

# Fonts of the system, in order of preference.
FONTS = (
    "DejaVuSans.ttf",
    "NotoSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "wqy-zenhei.ttc",
    "PingFang.ttc",
    "msyh.ttc",
    "Arial Unicode.ttf",
)
GAP, SIZE = 4, 14
ALIKE = 10  # characters that every caption has room for
MARKS = ("Cc", "Cf", "Cs")  # control characters, joiners, halves of letters

Font = ImageFont.FreeTypeFont | ImageFont.ImageFont


def draw(
    columns: Sequence[str],
    rows: Sequence[str],
    cells: Mapping[tuple[int, int], Image.Image],
    *,
    titles: tuple[str, str] = ("", ""),
    side: int = 96,
    crisp: bool = False,
) -> Image.Image:
    """Return a grid of `cells`, by column and row, as RGB on white; missing cells are grey.

    `titles` name what changes along the columns and along the rows. `crisp` enlarges without
    smoothing.
    """
    step = side + GAP
    columns, rows = (told_apart(captions) for captions in (columns, rows))
    fitted = map(fitting, (*rows, f"{titles[1]} ↓" if titles[1] else ""))
    widest = max(font.getlength(text) for text, font in fitted)
    left = min(200, max(40, int(widest) + 4 * GAP))
    top = 3 * SIZE if titles[0] else 2 * SIZE
    width, height = left + len(columns) * step, top + len(rows) * step
    sheet = Image.new("RGB", (width, height), "white")
    pen = ImageDraw.Draw(sheet)
    if titles[0]:
        write(pen, (left, SIZE // 2 + 2), f"{titles[0]} →", width - left, "lm", "dimgrey")
    if titles[1]:
        write(pen, (GAP, top - SIZE), f"{titles[1]} ↓", left - GAP, "lm", "dimgrey")
    for column, caption in enumerate(columns):
        write(pen, (left + column * step + side // 2, top - SIZE), caption, side, "mm")
    method = Image.Resampling.NEAREST if crisp else Image.Resampling.LANCZOS
    for row, caption in enumerate(rows):
        y = top + row * step
        write(pen, (left - 2 * GAP, y + side // 2), caption, left - 3 * GAP, "rm")
        for column in range(len(columns)):
            x, cell = left + column * step, cells.get((column, row))
            if cell is None:
                pen.rectangle((x, y, x + side - 1, y + side - 1), fill="gainsboro")
            else:
                sheet.paste(cell.convert("RGB").resize((side, side), method), (x, y))
    return sheet


def told_apart(captions: Sequence[str]) -> Sequence[str]:
    """Number captions of which some would look alike, since their ends are cut."""
    heads = {fitting(caption)[0][:ALIKE] for caption in captions}
    if len(heads) == len(set(captions)):
        return captions
    return [f"{i}: {caption}" for i, caption in enumerate(captions, 1)]


def write(
    pen: ImageDraw.ImageDraw,
    place: tuple[int, int],
    text: str,
    room: int,
    anchor: str,
    colour: str = "black",
) -> None:
    """Write one line at `place`, cut to `room` pixels."""
    text, font = fitting(text)
    if font.getlength(text) > room:
        while text and font.getlength(text + "…") > room:
            text = text[:-1]
        text += "…"
    pen.text(place, text, fill=colour, font=font, anchor=anchor)


def fitting(text: str) -> tuple[str, Font]:
    """Return `text` on one line and the first font that has most of its letters; those that it
    lacks are called by their names.
    """
    visible = (c for c in text if c.isspace() or unicodedata.category(c) not in MARKS)
    text = " ".join("".join(visible).split())
    best = max(_fonts(), key=lambda font: sum(_has(font, c) for c in text))
    shown = [c if _has(best, c) else f"({unicodedata.name(c, '?').lower()})" for c in text]
    return "".join(shown), best


@functools.cache
def _fonts() -> tuple[Font, ...]:
    """Return the fonts that are here; Pillow's own comes after DejaVu, which has more letters."""
    found: list[Font] = []
    for name in FONTS:
        with suppress(OSError):
            found.append(ImageFont.truetype(name, SIZE))
    return (*found, ImageFont.load_default(SIZE))


@functools.lru_cache(maxsize=10_000)
def _has(font: Font, character: str) -> bool:
    """Return whether `font` has a glyph for `character`."""
    if character.isspace():
        return True
    shape, missing = font.getmask(character), font.getmask("\uffff")
    return (shape.size, bytes(shape)) != (missing.size, bytes(missing))
