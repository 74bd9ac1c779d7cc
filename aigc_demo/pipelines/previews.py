"""What a model makes, kept beside its card: a page shows it before it has computed anything.

A preview is a small WebP file that says how it was made: a generator's samples of a few seeds in
rows, or what a model makes of an example photograph. ``python -m aigc_demo previews`` makes them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from aigc_demo.pipelines.model_info import ModelInfo
from aigc_demo.requests import GenerateRequest

FILE = "preview.webp"
COUNT, COLUMNS, SEED = 16, 4, 0  # of a generator's samples
MAX_BYTES = 60_000
QUALITIES = (95, 90, 80, 70, 60)  # of WebP: the first that is small enough
CRISP = {"pixel_tiles"}  # data sets whose pixels stay as they are
DAMAGE = {"inpaint": "scratches"}  # of the photograph that a model restores
STRENGTH = 0.4  # of the damage
PHOTOGRAPH = {"restore": "Cat", "translate": "Coffee"}
_DESCRIPTION = 0x010E  # in EXIF


@dataclass(frozen=True)
class Preview:
    """A picture, and how it is made again: for a generator the fields of a `GenerateRequest`, else
    the name of the photograph and what is done with it.
    """

    image: Image.Image
    settings: dict[str, Any]

    def samples(self) -> list[Image.Image]:
        """Return the samples of a generator, one by one."""
        side = self.image.width // COLUMNS
        rows, columns = self.image.height // side, COLUMNS
        corners = [(x * side, y * side) for y in range(rows) for x in range(columns)]
        return [self.image.crop((x, y, x + side, y + side)) for x, y in corners]


def settings_of(info: ModelInfo) -> dict[str, Any] | None:
    """Return what the preview of a model shows, or None where it has none."""
    if info.task == "generate":
        prompt = info.examples[0] if info.condition == "text" and info.examples else None
        request = GenerateRequest(model=info.name, count=COUNT, seed=SEED, prompt=prompt)
        return request.model_dump(exclude_none=True)
    if info.task == "restore" and info.name in DAMAGE:
        damage = {"damage": DAMAGE[info.name], "strength": STRENGTH, "seed": 0}
        return {"photograph": PHOTOGRAPH["restore"], **damage}
    paints = info.task == "translate" and info.method != "segment"
    if paints and "photo" in info.domains and "BtoA" in info.directions:
        return {"photograph": PHOTOGRAPH["translate"], "direction": "BtoA"}
    return None


def save(folder: Path, preview: Preview, *, crisp: bool = False) -> None:
    """Write a preview beside the card in `folder`, in at most `MAX_BYTES` if that can be."""
    exif = Image.Exif()
    exif[_DESCRIPTION] = json.dumps(preview.settings, sort_keys=True)
    path = folder / FILE
    for quality in (100,) if crisp else QUALITIES:
        how = {"lossless": crisp, "quality": quality, "method": 6, "exif": exif}
        preview.image.convert("RGB").save(path, "WEBP", **how)
        if path.stat().st_size <= MAX_BYTES:
            return


def load(folder: Path) -> Preview | None:
    """Return the preview in `folder`, or None where there is none that can be read."""
    try:
        with Image.open(folder / FILE) as image:
            settings = json.loads(image.getexif()[_DESCRIPTION])
            return Preview(image.convert("RGB"), settings)
    except (OSError, KeyError, ValueError):
        return None
