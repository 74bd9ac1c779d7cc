"""Pictures of 16 bits a channel in colour or with transparency, for which Pillow has no mode.

Pillow decodes such a file to 8 bits. Here OpenCV reads all bits, and what it read is taken only
where it agrees with Pillow in the upper eight. PNG is written here too: neither of them writes
grey with transparency, a colour profile or text at this depth.
"""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import IO, Any

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFile, PngImagePlugin

from aigc_demo.imaging import formats

Values = NDArray[np.uint16]  # (H, W, C); C: 2 grey and alpha, 3 RGB, 4 RGBA
COLOUR_TYPES = {2: 4, 3: 2, 4: 6}  # of PNG, by the number of channels
PIXELS = (b"IHDR", b"PLTE", b"tRNS", b"IDAT")  # chunks of PNG
COMPRESSION = 3  # of zlib: half of the time, 5 % larger


class DeepImage(Image.Image):
    """A picture whose mode (LA, RGB, RGBA) and pixels are what 8 bits hold of it; `values_of`
    returns all bits, and `save` writes them to PNG files.
    """

    def __init__(self, values: Values, info: dict[Any, Any] | None = None) -> None:
        super().__init__()
        self.__dict__.update(vars(Image.fromarray(eight_bits(values))))
        self.values, self.info = values, {**(info or {})}

    def save(self, fp: Any, format: str | None = None, **params: Any) -> None:
        """Write the picture; of the formats, only PNG keeps more than 8 bits."""
        suffix = Path(fp).suffix.lower() if isinstance(fp, str | Path) else ""
        values = values_of(self)
        if values is None or (format or suffix.lstrip(".")).upper() != "PNG":
            super().save(fp, format, **params)
            return
        profile = params.get("icc_profile", self.info.get("icc_profile"))
        content = _png(values, profile, params.get("pnginfo"))
        if isinstance(fp, str | Path):
            Path(fp).write_bytes(content)
        else:
            fp.write(content)


def values_of(image: Image.Image) -> Values | None:
    """Return all bits of a picture; None where it has 8, or has been painted on since."""
    if not isinstance(image, DeepImage):
        return None
    as_it_is = np.array_equal(np.asarray(image), eight_bits(image.values))
    return image.values if as_it_is else None


def eight_bits(values: NDArray[Any]) -> NDArray[np.uint8]:
    """Scale levels of 0 to 65535 to 0 to 255."""
    return (values // 257).clip(0, 255).astype(np.uint8)


def transposed(values: Values, method: Image.Transpose) -> Values:
    """Return a picture mirrored or turned by quarters."""
    planes = [np.ascontiguousarray(values[..., i]) for i in range(values.shape[2])]
    return np.stack([np.asarray(Image.fromarray(p).transpose(method)) for p in planes], axis=2)


def decode(image: Image.Image) -> Image.Image:
    """Return what `Image.open` has opened, decoded with all its bits."""
    raw = ""
    if isinstance(image, ImageFile.ImageFile) and image.mode in ("RGB", "RGBA") and image.tile:
        raw = str(image.tile[0][3])
    if ";16" not in raw or image.fp is None:
        image.load()
        return image
    content, profile = _content(image.fp), image.info.get("icc_profile")
    # Pillow decodes too, since OpenCV does not report damage: a copy, as nobody can get from what
    # is decoded to all its bits again.
    image = Image.open(io.BytesIO(content), formats=[str(image.format)])
    image.load()
    values = _read(_pixels_alone(content), grey="LA" in raw)
    if values is None or not _agree(values, np.asarray(image)):
        return image
    info = {name: value for name, value in image.info.items() if name != "transparency"}
    return DeepImage(values, info | ({"icc_profile": profile} if profile else {}))


def _content(file: IO[bytes]) -> bytes:
    place = file.tell()
    file.seek(0)
    content = file.read()
    file.seek(place)
    return content


def _pixels_alone(content: bytes) -> bytes:
    """Return a PNG without what its pixels do not need, or nothing where these are not whole;
    other files as they are. OpenCV reserves as many bytes as a chunk says that it has, or
    gigabytes where a file ends too soon.
    """
    if not content.startswith(formats.PNG):
        return content
    needed = [whole for kind, _, whole in formats.chunks(content) if kind in PIXELS]
    whole = all(len(chunk) == 12 + struct.unpack_from(">I", chunk)[0] for chunk in needed)
    if not whole or not any(chunk[4:8] == b"IDAT" for chunk in needed):
        return b""
    out = io.BytesIO(formats.PNG + b"".join(needed))
    out.seek(0, io.SEEK_END)
    PngImagePlugin.putchunk(out, b"IEND", b"")
    return out.getvalue()


def _read(content: bytes, *, grey: bool) -> Values | None:
    try:
        read = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if read is None or read.dtype != np.uint16 or read.ndim != 3 or read.shape[2] not in (3, 4):
        return None
    channels = [0, 3] if grey else [2, 1, 0, 3][: read.shape[2]]
    return np.ascontiguousarray(read[..., channels])


def _agree(values: Values, pillow: NDArray[np.uint8]) -> bool:
    """Tell whether the upper eight bits are what Pillow has read; a colour that is transparent as
    a whole is a fourth channel here only.
    """
    if values.shape[2] == 2:
        pillow = pillow[..., [0, -1]]
    return np.array_equal(values[..., : pillow.shape[2]] >> 8, pillow)


def _png(values: Values, profile: bytes | None, text: PngImagePlugin.PngInfo | None) -> bytes:
    """Encode a picture (W3C, Portable Network Graphics)."""
    height, width, channels = values.shape
    out = io.BytesIO()
    out.write(b"\x89PNG\r\n\x1a\n")
    header = struct.pack(">IIBBBBB", width, height, 16, COLOUR_TYPES[channels], 0, 0, 0)
    PngImagePlugin.putchunk(out, b"IHDR", header)
    if profile:
        PngImagePlugin.putchunk(out, b"iCCP", b"ICC Profile\0\0" + zlib.compress(profile))
    for chunk in text.chunks if text else ():
        PngImagePlugin.putchunk(out, chunk[0], chunk[1])
    rows = values.astype(">u2").view(np.uint8).reshape(height, -1)
    filtered = np.ones((height, 1 + rows.shape[1]), np.uint8)  # 1: “Sub”, less the pixel before
    filtered[:, 1:] = rows
    filtered[:, 1 + 2 * channels :] -= rows[:, : -2 * channels]
    PngImagePlugin.putchunk(out, b"IDAT", zlib.compress(filtered.tobytes(), COMPRESSION))
    PngImagePlugin.putchunk(out, b"IEND", b"")
    return out.getvalue()
