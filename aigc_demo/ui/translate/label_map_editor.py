"""The drawing board for label maps of façades: a palette of named classes, a brush, a rectangle.

Gradio's editor has neither names for its colours nor rectangles, and paints with soft edges; a
label map needs exact colours. The board's value is the label map as a PNG in a ``data:`` address.
On the page, and in cards of models, such a label map is called a plan.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path

import gradio as gr
from PIL import Image

from aigc_demo.errors import BadImage
from aigc_demo.imaging import facade_labels, images

SOURCE = Path(__file__)  # the board's script and style stand beside it
PREFIX = "data:image/png;base64,"
MAX_CHARACTERS = 2_000_000
NEAR, MOSTLY = 48, 0.7  # grey levels from a class's colour, and the share of pixels as near
CHINESE = {
    "background": "背景",
    "wall": "墙",
    "window": "窗",
    "entrance": "入口",
    "window head": "窗楣",
    "sill": "窗台",
    "balcony": "阳台",
    "shutter": "百叶窗",
    "trim": "装饰",
    "cornice": "檐口",
    "column": "柱",
    "door": "门",
}
TOOLS = (
    ("rectangle", "Rectangle", "矩形"),
    ("brush", "Brush", "画笔"),
    ("fill", "Fill", "填充"),
)


def board(elem_id: str, *, visible: bool) -> gr.HTML:
    """Add the board; ``input`` is triggered after each stroke."""
    return gr.HTML(
        encode(facade_labels.example()),
        html_template=_html(),
        css_template=SOURCE.with_suffix(".css").read_text(),
        js_on_load=SOURCE.with_suffix(".js").read_text(),
        elem_id=elem_id,
        visible=visible,
    )


def encode(label_map: Image.Image) -> str:
    """Return the board's value for a label map."""
    return PREFIX + base64.b64encode(images.encode_png(label_map.convert("RGB"))).decode()


def decode(value: str | None) -> Image.Image:
    """Return the picture that the board holds; raises BadImage where it holds none."""
    if not value or not value.startswith(PREFIX) or len(value) > MAX_CHARACTERS:
        raise BadImage("plan: nothing is drawn yet; draw something, or take the example.")
    try:
        content = base64.b64decode(value.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise BadImage("plan: it arrived damaged; draw something and try again.") from None
    return images.open_image(content).convert("RGB")


def fit(image: Image.Image) -> Image.Image:
    """Return a label map of any size at the board's size, in the exact colours of the classes,
    with background beside it where it is not square; raises BadImage for other pictures.
    """
    image = images.flatten(image, "RGB", 255)
    side = max(image.size)
    square = Image.new("RGB", (side, side), facade_labels.CLASSES["background"])
    square.paste(image, ((side - image.width) // 2, (side - image.height) // 2))
    square = square.resize((facade_labels.SIDE, facade_labels.SIDE), Image.Resampling.NEAREST)
    _check(image)
    palette = Image.new("P", (1, 1))
    colours = [value for rgb in facade_labels.CLASSES.values() for value in rgb]
    palette.putpalette(colours + colours[:3] * (256 - len(facade_labels.CLASSES)))
    return square.quantize(palette=palette, dither=Image.Dither.NONE).convert("RGB")


def _check(image: Image.Image) -> None:
    """Raise BadImage where few pixels of an RGB picture are near the colour of a class."""
    small = image.resize((64, 64), Image.Resampling.NEAREST)
    known = list(facade_labels.CLASSES.values())
    near = sum(
        count
        for count, colour in small.getcolors(64 * 64) or []
        if min(max(abs(a - b) for a, b in zip(colour, k, strict=True)) for k in known) <= NEAR
    )
    if near < MOSTLY * 64 * 64:
        raise BadImage(
            "plan: this picture is none; take one in the colours of the classes, or draw one."
        )


def _html() -> str:
    chips = "".join(
        f'<button type="button" class="chip" data-colour="{_hex(rgb)}" title="{name}">'
        f'<i style="background:{_hex(rgb)}"></i><span data-zh="{CHINESE[name]}">{name}</span>'
        "</button>"
        for name, rgb in facade_labels.CLASSES.items()
    )
    tools = "".join(
        f'<button type="button" class="tool" data-tool="{tool}"><span data-zh="{zh}">{en}</span>'
        "</button>"
        for tool, en, zh in TOOLS
    )
    return (
        f'<div class="chips">{chips}</div>'
        f'<canvas width="{facade_labels.SIDE}" height="{facade_labels.SIDE}" tabindex="0" '
        'aria-label="plan of a façade"></canvas>'
        f'<div class="tools">{tools}'
        '<label><span data-zh="粗细">Size</span> '
        '<input class="size" type="range" min="1" max="16" value="4"></label>'
        '<button type="button" class="undo"><span data-zh="撤销">Undo</span></button></div>'
    )


def _hex(rgb: tuple[int, int, int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*rgb)
