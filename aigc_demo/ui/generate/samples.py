"""How samples are shown on the page."""

from __future__ import annotations

from PIL import Image, ImageDraw, ImageFont

from aigc_demo.imaging import images
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
    side, gap, left = 96, 4, 104
    columns = max(len(pictures) for _, pictures in rows)
    sheet = Image.new(
        "RGB", (left + columns * (side + gap), len(rows) * (side + gap) + gap), "white"
    )
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(14)
    method = Image.Resampling.NEAREST if crisp else Image.Resampling.LANCZOS
    for row, (name, pictures) in enumerate(rows):
        y = gap + row * (side + gap)
        draw.text((6, y + side // 2), name[:14], fill="black", font=font, anchor="lm")
        for column, picture in enumerate(pictures):
            x = left + column * (side + gap)
            sheet.paste(picture.convert("RGB").resize((side, side), method), (x, y))
    return sheet
