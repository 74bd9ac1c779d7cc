"""Label maps of façades: the twelve classes with their colours, and an example.

The classes and colours are those of the CMP Facade Database (Tyleček & Šára, "Spatial Pattern
Templates for Recognition of Objects with Regular Structure", 2013).
"""

from __future__ import annotations

from PIL import Image, ImageDraw

SIDE = 128  # pixels of a label map

CLASSES: dict[str, tuple[int, int, int]] = {
    "background": (0, 1, 222),
    "wall": (1, 49, 252),
    "window": (5, 124, 253),
    "entrance": (5, 205, 254),
    "window head": (36, 252, 227),
    "sill": (113, 252, 151),
    "balcony": (192, 254, 66),
    "shutter": (249, 239, 17),
    "trim": (253, 157, 8),
    "cornice": (251, 81, 4),
    "column": (243, 4, 9),
    "door": (172, 1, 4),
}


def blank() -> Image.Image:
    """Return the label map of a wall alone on its background."""
    label_map = Image.new("RGB", (SIDE, SIDE), CLASSES["background"])
    ImageDraw.Draw(label_map).rectangle((8, 10, 119, 127), fill=CLASSES["wall"])
    return label_map


def example() -> Image.Image:
    """Return the label map of a house of three storeys, with a balcony and a door."""
    label_map = blank()
    pen = ImageDraw.Draw(label_map)

    def put(name: str, left: int, top: int, width: int, height: int) -> None:
        pen.rectangle((left, top, left + width - 1, top + height - 1), fill=CLASSES[name])

    put("cornice", 4, 8, 120, 6)
    put("cornice", 8, 86, 112, 3)
    for top in (24, 56):
        for left in (18, 42, 72, 96):
            put("window head", left - 2, top - 4, 18, 3)
            put("window", left, top, 14, 20)
            put("sill", left - 2, top + 20, 18, 2)
    put("balcony", 38, 70, 52, 8)
    for left in (16, 42, 70, 96):
        put("entrance" if left == 42 else "window", left, 96, 18, 26)
    put("door", 60, 100, 8, 28)
    put("column", 56, 92, 3, 36)
    put("column", 69, 92, 3, 36)
    return label_map
