"""What the page does with random fields: plain functions of the studio and the controls'
values.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image

from aigc_demo.crf.colour_quantisation import CrfResult
from aigc_demo.crf.scribble_segmentation import MaskResult
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images, masks
from aigc_demo.requests import CrfRequest, MaskRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.components.editor import layers_of, picture_of, union
from aigc_demo.ui.server.handlers import downloadable

MAX_TEXT = 400  # characters of a palette


@dataclass(frozen=True)
class Form:
    """The values of the controls for flat colours."""

    editor: dict[str, Any] | None
    colours: int = 8
    palette: str | None = ""
    tolerance: float = 10.0
    smooth: float = 2.0
    smooth_radius: float = 1.5
    appearance: float = 5.0
    radius: float = 30.0
    likeness: float = 15.0
    iterations: int = 8


def clean_up(studio: Studio, form: Form) -> tuple[tuple[str, str], str, str, str, pd.DataFrame]:
    """Return the pictures before and after, the file of the latter, its palette as HTML, a line of
    details, and the energies.
    """
    request = request_of(form)
    result = studio.quantise_colours(request)
    before = images.flatten(images.upright(request.image), "RGB", 255)
    after = downloadable(images.encode_png(result.image), "flat.png")
    pair = (downloadable(images.encode_png(before), "before.png"), after)
    return pair, after, swatches(result), details(result), energies(result)


def request_of(form: Form) -> CrfRequest:
    """Return the checked request that the controls describe."""
    image = picture_of(form.editor)
    layers = layers_of(form.editor, image.size)
    return CrfRequest(
        image=image,
        colours=_whole(form.colours),
        palette=palette_of(form.palette),
        hints=drawn(layers),
        tolerance=_real(form.tolerance),
        smooth=_real(form.smooth),
        smooth_radius=_real(form.smooth_radius),
        appearance=_real(form.appearance),
        radius=_real(form.radius),
        likeness=_real(form.likeness),
        iterations=_whole(form.iterations),
    )


def palette_of(text: str | None) -> tuple[str, ...] | None:
    """Return the colours that a text names, None where it names none."""
    if text is None or text == "":
        return None
    if not isinstance(text, str) or len(text) > MAX_TEXT:
        raise BadValue("palette: write 2 to 16 colours such as #112233, #ffffff.")
    return tuple(text.replace(",", " ").replace(";", " ").split()) or None


def drawn(layers: list[Image.Image]) -> Image.Image | None:
    """Return what was scribbled, or None."""
    together = None
    for layer in layers:
        together = layer if together is None else Image.alpha_composite(together, layer)
    return together if together is not None and together.getextrema()[3][1] else None


def swatches(result: CrfResult) -> str:
    """Return the palette of a result as HTML."""
    chips = "".join(f'<i style="background:{c}" title="{c}"></i>' for c in result.palette)
    return f'<div class="swatches">{chips}</div>'


def details(result: CrfResult) -> str:
    """Return a line: size, colours, time, energy."""
    first, last = result.energies[0], result.energies[-1]
    return (
        f"{result.image.width}×{result.image.height} px · {len(result.palette)} colours · "
        f"{result.seconds:.2f} s · energy {first:.2f} → {last:.2f} · {', '.join(result.palette)}"
    )


def energies(result: CrfResult | MaskResult | None = None) -> pd.DataFrame:
    """Return the free energy a pixel after each update."""
    values = list(result.energies) if result is not None else []
    return pd.DataFrame({"update": range(len(values)), "energy": [round(v, 4) for v in values]})


def smart_mask(studio: Studio, editor: dict[str, Any] | None) -> tuple[str, str, str]:
    """Return the files of the picture, of the mask of what the red strokes mark, and of the
    picture with the mask in red; blue strokes mark what it is not.
    """
    image = picture_of(editor)
    sides = [masks.sides(layer) for layer in layers_of(editor, image.size)]
    thing, background = (union(side[i] for side in sides) for i in range(2))
    if thing is None:
        raise BadValue("thing: nothing is marked; paint a red stroke on it.")
    result = studio.segment_scribbles(
        MaskRequest(
            image=image,
            thing=masks.to_image(thing),
            background=None if background is None else masks.to_image(background),
        )
    )
    shown = masks.overlay(image, masks.read(result.mask))
    return (
        downloadable(images.encode_png(image), "picture.png"),
        downloadable(images.encode_png(result.mask), "mask.png"),
        downloadable(images.encode_png(shown), "shown.png"),
    )


def clean_file(
    studio: Studio,
    image: str,
    colours: float = 8,
    palette: str = "",
    hints: str | None = None,
    smooth: float = 2.0,
    appearance: float = 5.0,
) -> tuple[str, dict[str, Any]]:
    """Turn a picture file into few flat colours and return a PNG file and its details: palette,
    free energy a pixel after each update, seconds.

    `palette` names colours (#rrggbb, …) in place of a number of them; `hints` is a picture of the
    same size whose opaque pixels have the colour that they are to get.
    """
    if not image:
        raise BadValue("image: no file has arrived; send a picture.")
    request = CrfRequest(
        image=images.open_image(Path(image)),
        colours=_whole(colours),
        palette=palette_of(palette),
        hints=images.open_image(Path(hints)) if hints else None,
        smooth=_real(smooth),
        appearance=_real(appearance),
    )
    result = studio.quantise_colours(request)
    found = {
        "palette": list(result.palette),
        "energies": [round(e, 4) for e in result.energies],
        "seconds": round(result.seconds, 3),
    }
    return downloadable(images.encode_png(result.image), "flat.png"), found


def outline_file(
    studio: Studio,
    image: str,
    thing: str,
    background: str | None = None,
    grow: float = 0,
    feather: float = 0,
) -> tuple[str, dict[str, Any]]:
    """Return the mask of what a stroke marks in a picture file, as a PNG file, and its details.

    `thing` and `background` are pictures of the same size, white on some of the thing and on some
    of what it is not (none: the rim). The mask is grown and feathered by pixels.
    """
    if not image or not thing:
        raise BadValue(
            "image, thing: a file is missing; send a picture and a stroke on the thing."
        )
    request = MaskRequest(
        image=images.open_image(Path(image)),
        thing=images.open_image(Path(thing)),
        background=images.open_image(Path(background)) if background else None,
        grow=_whole(grow),
        feather=_whole(feather),
    )
    result = studio.segment_scribbles(request)
    share = float((masks.read(result.mask) >= 128).mean())
    found = {"share": round(share, 4), "seconds": round(result.seconds, 3)}
    return downloadable(images.encode_png(result.mask), "mask.png"), found


def _whole(value: Any) -> Any:
    """Return a number of a slider as an integer where it is one; the request checks the rest."""
    return int(value) if isinstance(value, float) and value == value // 1 else value


def _real(value: Any) -> Any:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value
