"""Picture formats: which are read, how a file of one is opened, and what others are called.

Pillow reads all that it is allowed to here; of the formats that it knows, some start programs
(EPS) or hold other files: `forget_others` takes these from it for the whole process. Nothing is
decoded.
"""

from __future__ import annotations

import functools
import io
import struct
import warnings
import zlib
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

SUFFIXES = {
    *(".png", ".apng", ".jpg", ".jpeg", ".jpe", ".jfif", ".pjpeg", ".pjp", ".webp", ".avif"),
    *(".gif", ".bmp", ".dib", ".tif", ".tiff", ".heic", ".heif", ".hif"),
}
FORMATS = ["PNG", "JPEG", "WEBP", "GIF", "BMP", "DIB", "TIFF", "AVIF"]
HEIF = "HEIF"  # Pillow learns it when the first file comes
TITLES = "PNG, JPEG, WebP, AVIF, HEIC, TIFF, GIF or BMP"
BOMBS = (Image.DecompressionBombError, Image.DecompressionBombWarning)
UNREADABLE = (
    *(OSError, ValueError, SyntaxError, EOFError, struct.error, zlib.error),
    *(RuntimeError, OverflowError, MemoryError, *BOMBS),
)
HEAD = 1024  # bytes by which a format is told
MAX_PROFILE = 16_000_000  # bytes
MAX_TILE = 100_000_000  # pixels: TIFF decodes a whole tile, however small the picture

PNG = b"\x89PNG\r\n\x1a\n"
TEXT = (b"tEXt", b"zTXt", b"iTXt")
NEW_SUBFILE, TILE_WIDTH, TILE_LENGTH, DNG_VERSION = 254, 322, 323, 50706  # tags of TIFF

# Formats that are not read: what they are called, and what to do.
SAVE = "save or export it as PNG, TIFF or JPEG"
RAW = ("a RAW photograph", "develop it with the camera's program and export TIFF or JPEG")
VIDEO = ("a video", "take frames out of it as PNG or JPEG")
PHOTOSHOP, SVG = ("a Photoshop document (PSD)", SAVE), ("a vector graphic (SVG)", "export PNG")
EXR, JXL = ("an OpenEXR picture", SAVE), ("a JPEG XL picture", SAVE)
JPEG_2000, POSTSCRIPT = ("a JPEG 2000 picture", SAVE), ("a PostScript file (EPS)", "export PNG")
TIFF = ("a TIFF that is damaged or of an unusual kind", "save it as PNG, or with 8 or 16 bits")
PDF = ("a PDF", "export its page as PNG")
ARCHIVE = ("an archive", "unpack it; data sets are brought as a zip")
OTHERS = ("a picture of another format", SAVE)
UNREAD = {  # by how the file begins, the first that fits
    b"8BPS": PHOTOSHOP,
    b"FUJIFILMCCD-RAW": RAW,
    b"IIRO": RAW,
    b"IIRS": RAW,
    b"MMOR": RAW,
    b"IIU\0": RAW,
    b"FOVb": RAW,
    b"%PDF": PDF,
    b"%!PS": POSTSCRIPT,
    b"\xc5\xd0\xd3\xc6": POSTSCRIPT,
    b"\x76\x2f\x31\x01": EXR,
    b"#?RADIANCE": ("a Radiance HDR picture", SAVE),
    b"\xff\x0a": JXL,
    b"\0\0\0\x0cJXL ": JXL,
    b"\0\0\0\x0cjP  ": JPEG_2000,
    b"\xff\x4f\xff\x51": JPEG_2000,
    b"II\xbc\x01": ("a JPEG XR picture", SAVE),
    b"\0\0\1\0": ("an icon (ICO)", SAVE),
    b"icns": ("an icon (ICNS)", SAVE),
    b"gimp xcf": ("a GIMP document (XCF)", SAVE),
    b"DDS ": ("a DirectX texture (DDS)", SAVE),
    b"qoif": ("a QOI picture", SAVE),
    b"SIMPLE  =": ("a FITS picture", SAVE),
    b"\x1aE\xdf\xa3": VIDEO,
    b"OggS": VIDEO,
    b"FLV": VIDEO,
    b"PK\3\4": ARCHIVE,
    b"7z\xbc\xaf": ARCHIVE,
    b"Rar!": ARCHIVE,
    b"\x1f\x8b": ARCHIVE,
    b"version https://git-lfs": ("a pointer of Git LFS", "fetch the file itself: git lfs pull"),
}
BY_SUFFIX = {  # where the content does not tell
    **dict.fromkeys((".psd", ".psb"), PHOTOSHOP),
    **dict.fromkeys((".cr2", ".cr3", ".crw", ".nef", ".nrw", ".arw", ".sr2", ".dng"), RAW),
    **dict.fromkeys((".raf", ".orf", ".rw2", ".pef", ".srw", ".x3f", ".3fr", ".iiq"), RAW),
    **dict.fromkeys((".svg", ".svgz"), SVG),
    **dict.fromkeys((".pdf",), PDF),
    **dict.fromkeys((".eps", ".ps", ".ai"), POSTSCRIPT),
    **dict.fromkeys((".exr",), EXR),
    **dict.fromkeys((".jxl",), JXL),
    **dict.fromkeys((".jp2", ".j2k", ".jpf"), JPEG_2000),
    **dict.fromkeys((".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".wmv"), VIDEO),
    **dict.fromkeys((".tga", ".ppm", ".pgm", ".pbm", ".pcx", ".hdr", ".xcf", ".kra"), OTHERS),
    **dict.fromkeys((".clip", ".afphoto", ".ico", ".icns", ".dds", ".qoi", ".jxr"), OTHERS),
}


def opened(source: str | Path | bytes) -> Image.Image:
    """Open a picture without decoding it; raises one of UNREADABLE where it is none."""
    known = [*FORMATS, HEIF] if _may_be_heif(source) else FORMATS
    image = Image.open(io.BytesIO(source) if isinstance(source, bytes) else source, "r", known)
    if image.format == "TIFF":
        tags = image.tag_v2
        if tags.get(NEW_SUBFILE, 0) & 1 or DNG_VERSION in tags:
            raise ValueError("a preview within a RAW photograph")
        if tags.get(TILE_WIDTH, 0) * tags.get(TILE_LENGTH, 0) > MAX_TILE:
            raise ValueError("a tile that is too large")
        if image.mode == "F":
            raise ValueError("floating-point numbers, of which none need be white")
    return image


def forget_others(max_pixels: int) -> None:
    """Let nobody in this process, other libraries included, open a picture of a format that is not
    read here, or of more than `max_pixels`; Pillow only warns of the first doubling.
    """
    Image.init()
    for name in Image.OPEN.keys() - {*FORMATS, HEIF}:
        Image.OPEN.pop(name)
        Image.ID.remove(name)
    Image.MAX_IMAGE_PIXELS = max_pixels
    warnings.simplefilter("error", Image.DecompressionBombWarning)


def _may_be_heif(source: str | Path | bytes) -> bool:
    """Tell whether a file is of the family of HEIC; Pillow then learns to read it."""
    if head_of(source)[4:8] != b"ftyp":
        return False
    _register_heif()
    return True


@functools.cache
def _register_heif() -> None:
    import pillow_heif  # a large library that few pictures need

    pillow_heif.register_heif_opener(thumbnails=False)


def opened_without_text(source: str | Path | bytes, *, keep: str) -> Image.Image | None:
    """Open a PNG whose text or colour profile is longer than Pillow allows, without its text but
    for the key `keep`; None for other files.

    No more than MAX_PROFILE bytes are unpacked.
    """
    if not head_of(source).startswith(PNG):
        return None
    content = source if isinstance(source, bytes) else Path(source).read_bytes()
    kept, profile = [PNG], None
    for kind, data, whole in chunks(content):
        if kind == b"iCCP":
            profile = profile or _inflated(data)
        elif kind not in TEXT or (kind == b"tEXt" and data.startswith(keep.encode() + b"\0")):
            kept.append(whole)
    image = opened(b"".join(kept))
    if profile:
        image.info["icc_profile"] = profile
    return image


def chunks(content: bytes) -> Iterator[tuple[bytes, bytes, bytes]]:
    """Yield each chunk of a PNG: its kind, its data, and all of it."""
    at = len(PNG)
    while at + 12 <= len(content):
        length = struct.unpack_from(">I", content, at)[0]
        end = at + 12 + length
        yield content[at + 4 : at + 8], content[at + 8 : end - 4], content[at:end]
        at = end


def _inflated(chunk: bytes) -> bytes | None:
    """Return the profile of an iCCP chunk: name, NUL, method, compressed profile."""
    unpacker = zlib.decompressobj()
    try:
        profile = unpacker.decompress(chunk.partition(b"\0")[2][1:], MAX_PROFILE)
    except zlib.error:
        return None
    return profile if unpacker.eof else None


def head_of(source: str | Path | bytes) -> bytes:
    """Return how a file begins; nothing where it cannot be read."""
    if isinstance(source, bytes):
        return source[:HEAD]
    try:
        with open(source, "rb") as file:
            return file.read(HEAD)
    except OSError:
        return b""


def unread(source: str | Path | bytes) -> tuple[str, str] | None:
    """Return what a file of a format that is not read here is called, and what to do."""
    head = head_of(source)
    for start, named in UNREAD.items():
        if head.startswith(start):
            return named
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return RAW if head[8:10] == b"CR" or _is_raw(source) else TIFF
    if head[4:8] == b"ftyp":
        brand = head[8:12]
        if brand == b"crx ":
            return RAW
        still = brand in (b"avif", b"avis", b"mif1", b"msf1") or brand.startswith(b"he")
        return None if still else VIDEO
    if head[4:8] in (b"moov", b"mdat", b"wide") or head[8:12] == b"AVI ":
        return VIDEO
    start = head.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if b"<svg" in start:
        return SVG
    if start.startswith((b"<!doctype html", b"<html")):
        return "a web page", "save the picture itself"
    if not isinstance(source, bytes) and head:
        return BY_SUFFIX.get(Path(source).suffix.lower())
    return None


def _is_raw(source: str | Path | bytes) -> bool:
    """Tell whether a TIFF is a RAW photograph, of which Pillow would show a preview."""
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    try:
        tags = Image.open(file, formats=["TIFF"]).tag_v2
    except UNREADABLE:
        tags = {}
    suffix = "" if isinstance(source, bytes) else Path(source).suffix.lower()
    return BY_SUFFIX.get(suffix) == RAW or DNG_VERSION in tags or tags.get(NEW_SUBFILE, 0) & 1 == 1


def refusal(source: str | Path | bytes) -> str:
    """Return a sentence on why a file cannot be read, without its path."""
    if named := unread(source):
        return f"The file is {named[0]}, which is not read here; {named[1]}."
    if isinstance(source, bytes | str | Path) and not head_of(source):
        return "The file is empty or gone, not a picture that can be read; bring it again."
    return f"The file is not a picture that can be read, or it is damaged; use {TITLES}."
