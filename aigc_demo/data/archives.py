"""The images in a folder, a zip or single files, opened without trusting what these say.

A name in an archive is shown and compared, never used as a path, and nothing is unpacked to disk.
A file that cannot be used is skipped with a reason, a key of `REASONS`; what could only do harm,
or is over the caller's `Limits`, is refused as a whole. What folders mean is in `layouts`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import BinaryIO, TypeVar

from aigc_demo.data import zip_names
from aigc_demo.data.class_names import safe
from aigc_demo.errors import BadData, BadImage
from aigc_demo.imaging.formats import BY_SUFFIX, SUFFIXES

ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".tbz2", ".xz", ".txz", ".zst", ".7z", ".rar"}
# How archives begin, or what they have at a place, whatever they are called.
OTHER_ARCHIVES = {
    "rar": (0, b"Rar!"),
    "7z": (0, b"7z\xbc\xaf\x27\x1c"),
    "gzip": (0, b"\x1f\x8b"),
    "bzip2": (0, b"BZh"),
    "xz": (0, b"\xfd7zXZ"),
    "zstd": (0, b"\x28\xb5\x2f\xfd"),
    "tar": (257, b"ustar"),
}
CAPTIONS = "captions.csv"
TABLES, TEXTS = {".csv", ".tsv", ".jsonl"}, {".txt", ".caption"}
TABLE_NAMES = {"captions.txt", "metadata.txt"}  # a table, too
RATIO, RATIO_FROM = 200, 1_000_000  # packed this much smaller, from this size on, it is a bomb
ENTRY, NAME = 46, 100  # bytes of a zip's directory entry, and those allowed for its name
MAX_PATH, MAX_DEPTH = 1000, 20  # characters of a path, folders in it: its ends are looked up
REASONS = {
    "link": "a link",
    "outside": "its name leads out of the archive",
    "path": "its path is longer than 1,000 characters or 20 folders",
    "encrypted": "encrypted",
    "packing": "packed in a way that is not read here",
    "nested": "an archive within the archive",
    "bomb": "it would unpack to far more than it is",
    "bytes": "the file is too large",
    "other": "not a picture file",
    "format": "a format that is not read here; save it as PNG, TIFF or JPEG",
    "damaged": "damaged, or no picture",
    "text": "not text in UTF-8",
    "hidden": "hidden, since a dot begins its name",
    "tiny": "smaller than 16 pixels",
    "pixels": "more than 24 megapixels",
}
# What systems leave behind, in any case.
LITTER = {
    "__macosx",
    ".ds_store",
    ".spotlight-v100",
    ".trashes",
    ".fseventsd",
    ".documentrevisions-v100",
    ".temporaryitems",
    ".appledouble",
    "icon\r",
    "desktop.ini",
    "thumbs.db",
    "ehthumbs.db",
    "ehthumbs_vista.db",
    "system volume information",
    "$recycle.bin",
    "#recycle",
    "@recycle",
    "@eadir",
    ".@__thumb",
    "lost+found",
}
# What reading a file may raise; RuntimeError: it is encrypted.
UNREADABLE = (OSError, EOFError, RuntimeError, zlib.error, zipfile.BadZipFile)
T = TypeVar("T")


@dataclass(frozen=True)
class Limits:
    """How much a folder, zip or list of files may hold."""

    entries: int  # files of any kind
    images: int
    file_bytes: int  # of one image, unpacked
    total_bytes: int  # of all images, unpacked
    captions_bytes: int


@dataclass(frozen=True)
class ImageFile:
    """A file in a folder or zip: its name to be shown, its path's parts, and what reads it."""

    name: str
    parts: tuple[str, ...]
    bytes: int
    read: Callable[[], bytes]

    @property
    def path(self) -> str:
        """The path in the folder or zip, to be compared."""
        return "/".join(self.parts)


@dataclass(frozen=True)
class Skipped:
    """A file that cannot be used, and why: a key of `REASONS`."""

    name: str
    reason: str


@dataclass(frozen=True)
class Listing:
    """The images in the order of their paths, what was skipped, and tables of captions."""

    title: str
    images: list[ImageFile]
    skipped: list[Skipped]
    captions: list[ImageFile]  # tables, the one nearest to the top first
    texts: dict[str, ImageFile]  # that lie beside an image of the same name, by its path
    coding: str = ""  # of a zip's names, where it had to be found out


@dataclass(frozen=True)
class _Entry:
    parts: tuple[str, ...]
    bytes: int
    read: Callable[[], bytes]
    reason: str | None = None  # why it is skipped, whatever it is


@contextlib.contextmanager
def opened(paths: list[Path], limits: Limits, *, field: str = "pictures") -> Iterator[Listing]:
    """Give what is in one zip, one folder, or in image files.

    Raises BadData, which begins with `field`, where nothing of it can be used or it is over the
    limits.
    """
    if not paths:
        raise BadData(f"{field}: there are none; bring a zip, a folder or several pictures.")
    for path in paths:
        if not os.path.exists(path):  # False where a name is longer than systems allow
            raise BadData(f"{field}: “{safe(path.name, 60)}” is not there; check its name.")
    title, coding = "", ""
    # A table of captions may lie beside the one zip or folder.
    whole = [p for p in paths if p.is_dir() or p.suffix.lower() in ARCHIVES]
    files = paths if len(whole) != 1 else [p for p in paths if p not in whole]
    entries: Iterable[_Entry | None] = [_file_entry(path, (path.name,)) for path in files]
    with contextlib.ExitStack() as stack:
        if len(whole) == 1 and whole[0].is_dir():
            entries = itertools.chain(_folder_entries(whole[0]), entries)
            title = safe(whole[0].resolve().name, 60)
        elif len(whole) == 1:
            archive = _open_zip(stack, whole[0], limits, field)
            names = zip_names.read(archive.infolist())
            entries = itertools.chain(_zip_entries(archive, names.names), entries)
            title, coding = safe(whole[0].resolve().stem, 60), names.coding
        yield replace(_listing(title or "pictures", entries, limits, field), coding=coding)


def decode(
    files: list[ImageFile], function: Callable[[ImageFile, bytes], T | Skipped]
) -> Iterator[T | Skipped]:
    """Yield what `function` makes of each file and its content, or why the file is skipped; on all
    cores, in order.
    """

    def one(file: ImageFile) -> T | Skipped:
        try:
            return function(file, file.read())
        except (BadImage, *UNREADABLE):
            return Skipped(file.name, "damaged")

    pool = ThreadPoolExecutor(max_workers=os.cpu_count())
    try:
        yield from pool.map(one, files)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _listing(title: str, entries: Iterable[_Entry | None], limits: Limits, field: str) -> Listing:
    """Sort the entries, None for folders, into images, captions and what is skipped."""
    images: list[ImageFile] = []
    captions: list[ImageFile] = []
    texts: list[ImageFile] = []
    skipped: list[Skipped] = []
    hidden: set[str] = set()  # files and folders
    for count, entry in enumerate(entries, 1):
        if count > limits.entries:
            raise _too_many(limits, field)
        if entry is None or _is_litter(entry.parts):
            continue
        file = ImageFile(safe("/".join(entry.parts), 120), entry.parts, entry.bytes, entry.read)
        suffix = Path(entry.parts[-1]).suffix.lower() if entry.parts else ""
        if name := _hidden(entry.parts):
            if suffix in SUFFIXES:
                hidden.add(name)
        elif len(entry.parts) > MAX_DEPTH or sum(map(len, entry.parts)) > MAX_PATH:
            skipped.append(Skipped(file.name, "path"))
        elif entry.reason:
            skipped.append(Skipped(file.name, entry.reason))
        elif suffix in ARCHIVES:
            skipped.append(Skipped(file.name, "nested"))
        elif suffix in TABLES or entry.parts[-1].lower() in TABLE_NAMES:
            captions.append(file)
        elif suffix in TEXTS:
            texts.append(file)
        elif suffix not in SUFFIXES:
            skipped.append(Skipped(file.name, "format" if suffix in BY_SUFFIX else "other"))
        elif file.bytes > limits.file_bytes:
            skipped.append(Skipped(file.name, "bytes"))
        else:
            images.append(file)
    skipped += [Skipped(safe(name, 120), "hidden") for name in sorted(hidden)]
    if len(images) > limits.images:
        raise BadData(
            f"{field}: {len(images):,} are too many; the limit is {limits.images:,}. Bring fewer."
        )
    if (total := sum(file.bytes for file in images)) > limits.total_bytes:
        raise BadData(
            f"{field}: unpacked they have {total / 1e6:,.0f} MB; the limit is "
            f"{limits.total_bytes / 1e6:,.0f}. Make them smaller, or bring fewer."
        )
    images.sort(key=lambda file: file.parts)
    captions.sort(key=lambda file: (len(file.parts), file.parts))
    beside = _beside(images, texts)
    used = set(map(id, beside.values()))
    skipped += [Skipped(file.name, "other") for file in texts if id(file) not in used]
    return Listing(title, images, skipped, captions, beside)


def _beside(images: list[ImageFile], texts: list[ImageFile]) -> dict[str, ImageFile]:
    """Return the texts called as an image in the same folder is, with or without its ending, by
    the path of that image.
    """

    def key(parts: tuple[str, ...], name: str) -> tuple[str, ...]:
        return tuple(unicodedata.normalize("NFC", p).casefold() for p in (*parts[:-1], name))

    known = {key(t.parts, Path(t.parts[-1]).stem): t for t in texts}
    found = {}
    for image in images:
        names = (image.parts[-1], Path(image.parts[-1]).stem)
        for text in filter(None, (known.get(key(image.parts, name)) for name in names)):
            found.setdefault(image.path, text)
    return found


def _too_many(limits: Limits, field: str) -> BadData:
    return BadData(
        f"{field}: there are more than {limits.entries:,} files; bring those that are needed."
    )


# --- Zips ----------------------------------------------------------------------------------------


def _open_zip(
    stack: contextlib.ExitStack, path: Path, limits: Limits, field: str
) -> zipfile.ZipFile:
    try:
        with open(path, "rb") as file:
            if _directory_bytes(file) > limits.entries * (ENTRY + NAME):
                raise _too_many(limits, field)
        return stack.enter_context(zipfile.ZipFile(path))
    # zipfile raises NotImplementedError for versions of the format that it cannot read.
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        if kind := _other_archive(path):
            raise BadData(f"{field}: {kind} archives are not read; pack it as a zip.") from None
        raise BadData(
            f"{field}: the file is damaged or not a zip; pack the pictures again."
        ) from None


def _other_archive(path: Path) -> str:
    """Return what kind of archive a file is that is no zip; "" for none."""
    with contextlib.suppress(OSError), open(path, "rb") as file:
        head = file.read(300)
        for kind, (at, magic) in OTHER_ARCHIVES.items():
            if head[at:].startswith(magic):
                return kind
    suffix = path.suffix.lower().removeprefix(".")
    return "" if suffix == "zip" else suffix


def _zip_entries(archive: zipfile.ZipFile, names: list[str]) -> Iterator[_Entry | None]:
    for info, name in zip(archive.infolist(), names, strict=True):
        name = name.replace("\\", "/")  # as some Windows programs write
        if name.endswith("/"):
            yield None
            continue
        parts = tuple(p for p in name.split("/") if p != ".")
        yield _Entry(parts, info.file_size, _reader(archive, info), _refusal(info, parts))


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    """Return what reads an entry: no more than the directory says, however much there is."""

    def read() -> bytes:
        try:
            with archive.open(info) as file:
                return file.read(info.file_size)  # read() without a number unpacks all there is
        except (ValueError, struct.error):  # of a file's own header, which may be any bytes
            raise zipfile.BadZipFile from None

    return read


def _refusal(info: zipfile.ZipInfo, parts: tuple[str, ...]) -> str | None:
    """Return why an entry is skipped, or None."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "link"
    if not parts or ".." in parts or not all(parts) or re.match(r"[A-Za-z]:", parts[0]):
        return "outside"
    if info.flag_bits & 0x1:
        return "encrypted"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "packing"  # bzip2 and LZMA unpack in steps that have no limit
    if info.file_size > RATIO_FROM and info.file_size > RATIO * info.compress_size:
        return "bomb"
    return None


def _directory_bytes(file: BinaryIO) -> int:
    """Return how long a zip says that its directory is, before anything of it is read.

    PKWARE, APPNOTE.TXT, sections 4.3.14 to 4.3.16; zip64's record counts where there is one.
    """
    size = file.seek(0, 2)
    start = file.seek(max(0, size - 65_557))
    tail = file.read()
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or at + 22 > len(tail):
        raise zipfile.BadZipFile
    length = struct.unpack_from("<L", tail, at + 12)[0]
    locator = at - 20
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        file.seek(min(struct.unpack_from("<Q", tail, locator + 8)[0], size))
        record = file.read(56)
        if len(record) == 56 and record[:4] == b"PK\x06\x06":
            length = max(length % 0xFFFFFFFF, struct.unpack_from("<Q", record, 40)[0])
    return min(length, start + at)


# --- Folders and files ---------------------------------------------------------------------------


def _folder_entries(folder: Path) -> Iterator[_Entry | None]:
    for path in folder.rglob("*"):
        is_folder = path.is_dir() and not path.is_symlink()
        yield None if is_folder else _file_entry(path, path.relative_to(folder).parts)


def _file_entry(path: Path, parts: tuple[str, ...]) -> _Entry:
    try:
        status = path.lstat()
    except OSError:
        return _Entry(parts, 0, path.read_bytes, "damaged")
    reason = None if stat.S_ISREG(status.st_mode) else "link"
    return _Entry(parts, status.st_size, path.read_bytes, reason)


# --- Names ---------------------------------------------------------------------------------------


def _is_litter(parts: tuple[str, ...]) -> bool:
    """Tell whether a file is one that systems leave behind."""
    return any(p.casefold() in LITTER or p.startswith("._") for p in parts)


def _hidden(parts: tuple[str, ...]) -> str:
    """Return the outermost hidden file or, with a slash, folder of a path; "" for none."""
    for i, part in enumerate(parts, 1):
        if part.startswith(".") and part.strip("."):
            return "/".join(parts[:i]) + "/" * (i < len(parts))
    return ""
