"""How samples are shown on the page."""

from __future__ import annotations

from PIL import Image, ImageDraw

from aigc_demo.imaging import images, labelled_grid
from aigc_demo.studio import ModelInfo

PIXEL_ART = {"pixel_tiles"}  # data sets whose pixels stay sharp
SHOWN_SIDE = 256


def is_pixel_art(info: ModelInfo) -> bool:
    """Return whether a model's samples are enlarged without smoothing."""
    return info.data in PIXEL_ART


def enlarged(image: Image.Image, info: ModelInfo) -> Image.Image:
    """Return a sample at the size at which the page shows it."""
    return images.enlarge(image, SHOWN_SIDE, crisp=is_pixel_art(info))


def sheet_of_rows(rows: list[tuple[str, list[Image.Image]]], *, crisp: bool) -> Image.Image:
    """Lay rows of pictures out, each with its name on the left."""
    side, gap, left = 96, 4, 150
    columns = max(len(pictures) for _, pictures in rows)
    sheet = Image.new(
        "RGB", (left + columns * (side + gap), len(rows) * (side + gap) + gap), "white"
    )
    pen, names = ImageDraw.Draw(sheet), labelled_grid.told_apart([name for name, _ in rows])
    method = Image.Resampling.NEAREST if crisp else Image.Resampling.LANCZOS
    for row, (_, pictures) in enumerate(rows):
        y = gap + row * (side + gap)
        labelled_grid.write(pen, (6, y + side // 2), names[row], left - 10, "lm")
        for column, picture in enumerate(pictures):
            x = left + column * (side + gap)
            sheet.paste(picture.convert("RGB").resize((side, side), method), (x, y))
    return sheet
