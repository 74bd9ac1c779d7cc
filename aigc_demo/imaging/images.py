"""The only pixel boundary: files, PIL, arrays and tensors (B, C, H, W) in [-1, 1].

Also the limits on what is opened, and the settings that a PNG carries.
"""

from __future__ import annotations

import io
import json
import math
import textwrap
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont, PngImagePlugin
from torch import Tensor

from aigc_demo.errors import BadImage, TooManyPixels
from aigc_demo.imaging import deep, formats, profiles
from aigc_demo.imaging.pixel_budget import BUDGET

T = TypeVar("T")
MAX_PIXELS = 24_000_000
MAX_HELD = 4 * MAX_PIXELS  # decoded at once, in a process that serves strangers
HOLD = "hold"  # in what Pillow hands on from a picture to what is made of it
SETTINGS_KEY = "aigc_studio"
MAX_SETTINGS_BYTES = 100_000

ORIENTATION = 0x0112  # the EXIF tag; its values 2 to 8 and what undoes them:
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
NOTES = ("exif", "Raw profile type exif", "xmp", "XML:com.adobe.xmp")  # may name an orientation
MODES = ("1", "L", "LA", "P", "RGB", "RGBA")  # of PNG


def serve_strangers() -> None:
    """Bound what pictures do to this process, whoever opens them in it: their formats, the size of
    each, and the pixels of all that `open_image` has decoded.
    """
    formats.forget_others(MAX_PIXELS)
    BUDGET.limit = MAX_HELD


def size_of(source: str | Path | bytes) -> tuple[int, int]:
    """Return width and height of a picture without decoding it; raises BadImage."""
    return _read(source, lambda image: image.size)


def open_image(
    source: str | Path | bytes, *, max_pixels: int = MAX_PIXELS, draft: int = 0
) -> Image.Image:
    """Open a picture file or its bytes and decode it, upright; of several, the first.

    With `draft` a JPEG is decoded at a reduced size, by 8 at most, with sides no less than that.
    Raises BadImage where it is no picture, damaged or, before it is decoded, larger than
    `max_pixels`, and Busy where the process holds as many pixels as it may.
    """

    def decode(image: Image.Image) -> Image.Image:
        width, height = image.size
        if width * height > max_pixels:
            raise TooManyPixels(
                f"The picture has {width}×{height} = {width * height / 1e6:.0f} megapixels; "
                f"the limit is {max_pixels / 1e6:.0f}. Make it smaller and try again."
            )
        if draft:
            image.draft(None, (draft, draft))
        hold = BUDGET.take(image.width * image.height)
        image = whole(image)
        image.info[HOLD] = hold
        return image

    return _read(source, decode)


def _read(source: str | Path | bytes, function: Callable[[Image.Image], T]) -> T:
    """Return what `function` makes of a picture that has been opened; raises BadImage, which names
    no path, where Pillow cannot read the file.
    """
    try:
        return function(formats.opened(source))
    except formats.BOMBS:
        raise TooManyPixels(
            f"The picture has more than {MAX_PIXELS / 1e6:.0f} megapixels, the most that is read "
            "here. Make it smaller and try again."
        ) from None
    except formats.UNREADABLE:
        pass
    with suppress(*formats.UNREADABLE):
        image = formats.opened_without_text(source, keep=SETTINGS_KEY)
        if image is not None:
            return function(image)
    raise BadImage(formats.refusal(source))


def whole(image: Image.Image) -> Image.Image:
    """Return what `Image.open` has opened with all its bits, upright, in a mode that PNG has."""
    image = upright(deep.decode(image))
    return image if image.mode in MODES or image.mode.startswith("I") else join(split(image))


def upright(image: Image.Image) -> Image.Image:
    """Rotate a photo by its EXIF orientation, once; the other tags, if sound, stay."""
    try:
        turn = TURNS.get(image.getexif().get(ORIENTATION))
    except Exception:  # Pillow reports damaged tags in many ways; the pixels are sound
        return image
    if turn is None:
        return image
    values, turned = deep.values_of(image), image.transpose(turn)
    if values is not None:
        turned = deep.DeepImage(deep.transposed(values, turn), image.info)
    for name in NOTES:
        turned.info.pop(name, None)
    with suppress(Exception):
        exif = Image.Exif()
        exif.load(image.getexif().tobytes())
        del exif[ORIENTATION]
        turned.info["exif"] = exif.tobytes()
    return turned


def check_size(field: str, given: Image.Image, size: tuple[int, int]) -> None:
    """Raise BadImage where an image that belongs to another one has not its (width, height)."""
    if given.size != size:
        raise BadImage(
            f"{field}: it has {given.width}×{given.height} pixels and the image "
            f"{size[0]}×{size[1]}; make them the same."
        )


def flatten(image: Image.Image, mode: Literal["L", "RGB"], background: int = 0) -> Image.Image:
    """Return `image` in `mode`, 8 bits of sRGB, transparent parts laid over the grey level
    `background`.
    """
    image = profiles.to_srgb(eight_bits(image))
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        image = image.convert("RGBA")
        under = Image.new("RGBA", image.size, (background, background, background, 255))
        image = Image.alpha_composite(under, image)
    return image.convert(mode)


def eight_bits(image: Image.Image) -> Image.Image:
    """Return a picture of 16 bits a channel at 8, any other as it is."""
    if isinstance(image, deep.DeepImage):
        return image.copy()
    if not image.mode.startswith("I"):
        return image
    if "transparency" in image.info:
        return eight_bits(join(split(image)))
    grey = Image.fromarray(deep.eight_bits(np.asarray(image)))  # Pillow would cut off at 255
    grey.info = dict(image.info)
    return grey


def shown(image: Image.Image) -> Image.Image:
    """Return a picture as a browser's canvas shows it: 8 bits of sRGB, L, LA, RGB or RGBA."""
    return join(replace(split(profiles.to_srgb(eight_bits(image))), profile=None))


@dataclass(frozen=True)
class Planes:
    """The integers of a picture: colour (H, W, 1 or 3), uint8 or uint16, and transparency (H, W)
    of the same type, or None; and the colour profile (ICC) by which they are meant, if any.
    """

    colour: NDArray[Any]
    alpha: NDArray[Any] | None = None
    profile: bytes | None = None

    def __getitem__(self, place: tuple[slice, slice]) -> Planes:
        """Return a part of the picture: rows, columns."""
        alpha = None if self.alpha is None else self.alpha[place]
        return Planes(self.colour[place], alpha, self.profile)

    @property
    def peak(self) -> int:
        """The value of white."""
        return int(np.iinfo(self.colour.dtype).max)

    def floats(self) -> NDArray[np.float32]:
        """Return the colours as float32 (H, W, 3) in [0, 1]; grey becomes three equal ones."""
        values = self.colour.astype(np.float32) / self.peak
        return np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values

    def integers(self, values: NDArray[np.float32]) -> NDArray[Any]:
        """Round float32 (H, W, 3) in [0, 1] to this picture's type and number of colours."""
        if self.colour.shape[2] == 1:
            values = values.mean(axis=2, keepdims=True)
        return np.rint(values.clip(0, 1) * self.peak).astype(self.colour.dtype)


def split(image: Image.Image) -> Planes:
    """Return the planes of a picture of any mode, without loss where it is L, LA, RGB or RGBA, of
    8 or 16 bits; others become grey or RGB.
    """
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I"):
        grey = np.asarray(image).clip(0, 65535).astype(np.uint16)
        key = image.info.get("transparency")
        alpha = None if key is None else np.where(grey == key, 0, 65535).astype(np.uint16)
        return Planes(grey[..., None], alpha, profile)
    values = deep.values_of(image)
    if values is None:
        if "transparency" in image.info or image.mode in ("PA", "La", "RGBa"):
            image = image.convert("LA" if image.mode in ("L", "La", "1") else "RGBA")
        if image.mode in ("1", "F"):
            image = image.convert("L")
        if image.mode == "P":
            image = image.convert("RGB")
        if image.mode not in ("L", "LA", "RGB", "RGBA"):
            image, profile = profiles.to_srgb(image).convert("RGB"), None  # such as CMYK
        values = np.array(image, dtype=np.uint8).reshape(image.height, image.width, -1)
    if values.shape[2] in (2, 4):
        return Planes(values[..., :-1], values[..., -1], profile)
    return Planes(values, None, profile)


def join(planes: Planes) -> Image.Image:
    """Return the picture of `planes`: L, LA, RGB, RGBA or I;16."""
    colour = planes.colour
    if planes.alpha is not None:
        colour = np.concatenate([colour, planes.alpha[..., None]], axis=2)
    if colour.dtype == np.uint16 and colour.shape[2] > 1:
        image: Image.Image = deep.DeepImage(colour)
    else:
        image = Image.fromarray(
            np.ascontiguousarray(colour[..., 0] if colour.shape[2] == 1 else colour)
        )
    if planes.profile is not None:
        image.info["icc_profile"] = planes.profile
    return image


def to_pixels(image: Image.Image) -> Tensor:
    """Return an L or RGB picture as uint8 (C, H, W)."""
    array = np.asarray(image, dtype=np.uint8)
    return torch.from_numpy(array.copy()).reshape(image.height, image.width, -1).permute(2, 0, 1)


def from_pixels(pixels: Tensor) -> Tensor:
    """Map uint8 (…) to float32 in [-1, 1]."""
    return pixels.float().div_(127.5).sub_(1)


def quantise(x: Tensor) -> Tensor:
    """Map [-1, 1] to uint8, rounding to the nearest; values outside are clamped."""
    return x.float().add(1).mul(127.5).round().clamp(0, 255).to(torch.uint8)


def to_pil(x: Tensor) -> list[Image.Image]:
    """Turn (B, C, H, W) in [-1, 1], or uint8, into a list of B pictures (L, RGB or RGBA)."""
    pixels = x if x.dtype == torch.uint8 else quantise(x)
    arrays = pixels.permute(0, 2, 3, 1).contiguous().cpu().numpy()  # (B, H, W, C)
    return [Image.fromarray(a[..., 0] if a.shape[-1] == 1 else a) for a in arrays]


def to_batch(
    piece: NDArray[np.float32], multiple: int, device: torch.device, *, least: int = 1
) -> Tensor:
    """Return a piece (H, W, C) in [0, 1] as (1, C, H', W') in [-1, 1] on `device`, padded by
    reflection until its sides divide by `multiple` and are at least `least` long.
    """
    height, width = (-(-max(side, least) // multiple) * multiple for side in piece.shape[:2])
    edges = ((0, height - piece.shape[0]), (0, width - piece.shape[1]), (0, 0))
    padded = np.pad(piece, edges, mode="symmetric")
    x = torch.from_numpy(np.ascontiguousarray(padded.transpose(2, 0, 1)))[None]
    return x.to(device).mul(2).sub(1)


def from_batch(x: Tensor, height: int, width: int) -> NDArray[np.float32]:
    """Return (1, C, H', W') in [-1, 1] as a piece (height, width, C) in [0, 1]."""
    y = x[0, :, :height, :width].float().add(1).div(2).clamp(0, 1)
    return y.permute(1, 2, 0).cpu().numpy()


def grid(images: Sequence[Image.Image], columns: int, gap: int = 2) -> Image.Image:
    """Lay pictures of one size out in rows of `columns`, on grey."""
    width, height = images[0].size
    rows = math.ceil(len(images) / columns)
    size = (columns * (width + gap) + gap, rows * (height + gap) + gap)
    sheet = Image.new("RGB", size, (128, 128, 128))
    for i, image in enumerate(images):
        row, column = divmod(i, columns)
        place = (gap + column * (width + gap), gap + row * (height + gap))
        sheet.paste(image.convert("RGB"), place)
    return sheet


def captioned(image: Image.Image, caption: str, side: int = 128) -> Image.Image:
    """Return `image` at about `side` pixels with a caption of two short lines below it."""
    shown = enlarge(image.convert("RGB"), side, crisp=False)
    font, line = ImageFont.load_default(11), 13
    sheet = Image.new("RGB", (shown.width, shown.height + 2 * line + 2), "white")
    sheet.paste(shown)
    fitting = max(1, shown.width // 6)
    first, *rest = textwrap.wrap(caption, fitting) or [""]
    for i, words in enumerate([first, " ".join(rest)[:fitting]]):
        ImageDraw.Draw(sheet).text((2, shown.height + i * line), words, "black", font)
    return sheet


def enlarge(image: Image.Image, side: int, *, crisp: bool) -> Image.Image:
    """Scale a picture up by a whole factor so that its longer side comes near `side` pixels.

    `crisp` repeats pixels (nearest), for pixel art; otherwise Lanczos.
    """
    factor = max(1, side // max(image.size))
    if factor == 1:
        return image
    method = Image.Resampling.NEAREST if crisp else Image.Resampling.LANCZOS
    return image.resize((image.width * factor, image.height * factor), method)


def encode_png(image: Image.Image, settings: dict[str, Any] | None = None) -> bytes:
    """Return `image` as PNG; `settings` are written into it as JSON, for `read_settings`."""
    info = PngImagePlugin.PngInfo()
    if settings is not None:
        info.add_text(SETTINGS_KEY, json.dumps(settings, ensure_ascii=True, sort_keys=True))
    out = io.BytesIO()
    image.save(out, "PNG", pnginfo=info, compress_level=3)  # half of the time, 5 % larger
    return out.getvalue()


def encode_webp(image: Image.Image) -> bytes:
    """Return `image` as WebP for the eye alone, in a tenth of the bytes of a PNG."""
    out = io.BytesIO()
    image.save(out, "WEBP", quality=90)
    return out.getvalue()


def read_settings(source: str | Path | bytes) -> dict[str, Any]:
    """Return the settings that `encode_png` wrote; raises BadImage where there are none."""
    image = open_image(source)
    text = image.info.get(SETTINGS_KEY)
    settings = None
    if isinstance(text, str) and len(text) <= MAX_SETTINGS_BYTES:
        with suppress(ValueError, RecursionError):
            settings = json.loads(text)
    if not isinstance(settings, dict):
        raise BadImage(
            "The picture carries no settings of this studio; drop a PNG that was downloaded from "
            "it with “settings in the file” switched on."
        )
    return settings
