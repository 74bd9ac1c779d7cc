"""Opens what somebody brings, a zip, a folder or pictures, and trusts nothing that it says of
itself.

A name in an archive is shown and compared, never used as a path, and nothing is unpacked to disk.
What cannot be taken is left out with a reason, a word of `REASONS`; what could only do harm, or is
over the `Limits`, is refused as a whole.
"""

from __future__ import annotations

import contextlib
import re
import stat
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from aigc_demo.errors import BadData

SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"}
CAPTIONS = "captions.csv"
MAX_CAPTIONS = 5_000_000  # bytes
RATIO, RATIO_FROM = 200, 1_000_000  # packed this much smaller, from this size on, it is a bomb
ENTRY, NAME = 46, 100  # bytes of an entry in a zip's directory without, and of, an ample name
REASONS = {
    "link": "a link",
    "outside": "its name leads out of the archive",
    "encrypted": "encrypted",
    "packing": "packed in a way that is not read here",
    "nested": "an archive within the archive",
    "bomb": "it would unpack to far more than it is",
    "bytes": "the file is too large",
    "other": "not a picture file",
    "damaged": "damaged, or no picture",
    "tiny": "smaller than 16 pixels",
    "pixels": "more than 24 megapixels",
}


@dataclass(frozen=True)
class Limits:
    """How much somebody may bring."""

    entries: int  # of an archive or folder, of any kind
    pictures: int
    file_bytes: int  # of one picture, unpacked
    bytes: int  # of all pictures, unpacked
    decoded: int  # pixels of all pictures together, as decoded
    kept: int  # bytes of all pictures at the size of the run


# For visitors of the page, and for those who own the machine.
VISITOR_LIMITS = Limits(20_000, 3000, 50_000_000, 1_000_000_000, 4_000_000_000, 200_000_000)
OWNER_LIMITS = Limits(65_535, 60_000, 100_000_000, 20_000_000_000, 10**12, 4_000_000_000)


@dataclass(frozen=True)
class Member:
    """A picture file: its name, for people, its parts, folders first, and what reads it."""

    name: str
    parts: tuple[str, ...]
    bytes: int
    read: Callable[[], bytes]


@dataclass(frozen=True)
class Skipped:
    """A file that is left out, and why: a word of `REASONS`."""

    name: str
    reason: str


@dataclass(frozen=True)
class Brought:
    """What is in the archive, folder or heap of files: pictures in the order of their names."""

    title: str
    members: list[Member]
    skipped: list[Skipped]
    captions: bytes | None = None


@contextlib.contextmanager
def opened(paths: list[Path], limits: Limits) -> Iterator[Brought]:
    """Give what is in one zip, one folder, or in picture files; raises BadData where nothing of
    it can be used or it is over the limits.
    """
    if not paths:
        raise BadData("pictures: there are none; bring a zip, a folder or several pictures.")
    with contextlib.ExitStack() as stack:
        if len(paths) == 1 and paths[0].is_dir():
            found = _folder(paths[0], limits)
        elif len(paths) == 1 and paths[0].suffix.lower() in ARCHIVES:
            found = _zip(stack, paths[0], limits)
        else:
            found = _heap(paths, limits)
        yield _within(found, limits)


def _within(found: Brought, limits: Limits) -> Brought:
    """Return `found` in order; raises BadData where it is too much."""
    count, total = len(found.members), sum(m.bytes for m in found.members)
    if count > limits.pictures:
        raise BadData(
            f"pictures: {count:,} are too many; the limit is {limits.pictures:,}. Bring fewer."
        )
    if total > limits.bytes:
        raise BadData(
            f"pictures: unpacked they have {total / 1e6:,.0f} MB; the limit is "
            f"{limits.bytes / 1e6:,.0f}. Make them smaller, or bring fewer."
        )
    members = sorted(found.members, key=lambda m: m.parts)
    return Brought(found.title, members, found.skipped, found.captions)


def _too_many(limits: Limits) -> BadData:
    return BadData(
        f"pictures: there are more than {limits.entries:,} files; bring those that are needed."
    )


# --- Zips ----------------------------------------------------------------------------------------


def _zip(stack: contextlib.ExitStack, path: Path, limits: Limits) -> Brought:
    damaged = BadData("pictures: the file is damaged or not a zip; pack the pictures again.")
    try:
        with open(path, "rb") as file:
            if _directory_bytes(file) > limits.entries * (ENTRY + NAME):
                raise _too_many(limits)
        archive = stack.enter_context(zipfile.ZipFile(path))
    # zipfile raises NotImplementedError for versions of the format that it cannot read.
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, struct.error):
        raise damaged from None
    infos = [i for i in archive.infolist() if not i.is_dir()]
    if len(infos) > limits.entries:
        raise _too_many(limits)
    members, skipped, captions = [], [], None
    for info in infos:
        # Some Windows programs write backslashes.
        parts = tuple(p for p in info.filename.replace("\\", "/").split("/") if p != ".")
        if _is_hidden(parts):
            continue
        reason = _refusal(info, parts, limits)
        name = _shown("/".join(parts))
        if reason is None and parts[-1].lower() == CAPTIONS:
            captions = captions or _captions(_reader(archive, info), info.file_size)
        elif reason or Path(parts[-1]).suffix.lower() not in SUFFIXES:
            skipped.append(Skipped(name, reason or "other"))
        else:
            reader = _reader(archive, info)
            members.append(Member(name, parts, info.file_size, reader))
    return Brought(_title(path), members, skipped, captions)


def _reader(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Callable[[], bytes]:
    """Return what reads an entry: no more of it than the directory tells, whatever comes."""

    def read() -> bytes:
        with archive.open(info) as file:
            return file.read(info.file_size)  # read() without a number unpacks all there is

    return read


def _refusal(info: zipfile.ZipInfo, parts: tuple[str, ...], limits: Limits) -> str | None:
    """Return why an entry is left out, or None."""
    kind = stat.S_IFMT(info.external_attr >> 16)
    if kind not in (0, stat.S_IFREG):
        return "link"
    if ".." in parts or not all(parts) or re.match(r"[A-Za-z]:", parts[0]):
        return "outside"
    if info.flag_bits & 0x1:
        return "encrypted"
    if Path(parts[-1]).suffix.lower() in ARCHIVES:
        return "nested"
    if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return "packing"  # bzip2 and LZMA unpack in steps that have no limit
    if info.file_size > RATIO_FROM and info.file_size > RATIO * info.compress_size:
        return "bomb"
    return "bytes" if info.file_size > limits.file_bytes else None


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
    told = struct.unpack_from("<L", tail, at + 12)[0]
    locator = at - 20
    if locator >= 0 and tail[locator : locator + 4] == b"PK\x06\x07":
        file.seek(min(struct.unpack_from("<Q", tail, locator + 8)[0], size))
        record = file.read(56)
        if len(record) == 56 and record[:4] == b"PK\x06\x06":
            told = max(told % 0xFFFFFFFF, struct.unpack_from("<Q", record, 40)[0])
    return min(told, start + at)


# --- Folders and files ---------------------------------------------------------------------------


def _folder(path: Path, limits: Limits) -> Brought:
    members, skipped, captions = [], [], None
    for count, file in enumerate(path.rglob("*")):
        if count > limits.entries:
            raise _too_many(limits)
        parts = file.relative_to(path).parts
        if _is_hidden(parts) or (file.is_dir() and not file.is_symlink()):
            continue
        if not file.is_symlink() and parts[-1].lower() == CAPTIONS:
            captions = captions or _captions(file.read_bytes, file.stat().st_size)
            continue
        _take(file, parts, limits, members, skipped)
    return Brought(_title(path), members, skipped, captions)


def _heap(paths: list[Path], limits: Limits) -> Brought:
    members: list[Member] = []
    skipped: list[Skipped] = []
    captions = None
    if len(paths) > limits.entries:
        raise _too_many(limits)
    for path in paths:
        if path.name.lower() == CAPTIONS:
            captions = _captions(path.read_bytes, path.stat().st_size)
        else:
            _take(path, (path.name,), limits, members, skipped)
    return Brought("pictures", members, skipped, captions)


def _take(
    file: Path,
    parts: tuple[str, ...],
    limits: Limits,
    members: list[Member],
    skipped: list[Skipped],
) -> None:
    """Put a file where it belongs."""
    name, suffix = _shown("/".join(parts)), file.suffix.lower()
    try:
        size = file.lstat().st_size
        if not stat.S_ISREG(file.lstat().st_mode):
            reason = "link"
        elif suffix in ARCHIVES:
            reason = "nested"
        elif suffix not in SUFFIXES:
            reason = "other"
        else:
            reason = "bytes" if size > limits.file_bytes else ""
    except OSError:
        size, reason = 0, "damaged"
    if reason:
        skipped.append(Skipped(name, reason))
    else:
        members.append(Member(name, parts, size, file.read_bytes))


def _captions(read: Callable[[], bytes], size: int) -> bytes | None:
    """Return the captions as they are, where there are not too many."""
    if size > MAX_CAPTIONS:
        return None
    try:
        return read()
    except (OSError, RuntimeError, EOFError, zipfile.BadZipFile):
        return None


def _is_hidden(parts: tuple[str, ...]) -> bool:
    """Tell whether a file is one that systems leave behind."""
    names = {"__MACOSX", "Thumbs.db", "desktop.ini"}
    return any(p in names or (p.startswith(".") and p.strip(".")) for p in parts)


def _title(path: Path) -> str:
    return plain(path.resolve().stem) or "pictures"


def plain(name: str) -> str:
    """Return a title or class that other people will see: letters, digits and a few signs that
    mean nothing to a page.
    """
    return " ".join(re.sub(r"[^\w .,'’+-]", " ", name).split())[:60]


def _shown(name: str, length: int = 120) -> str:
    """Return `name` without signs that have no form, and not too long to be shown."""
    return re.sub(r"[\x00-\x1f\x7f\u2028-\u202e\u2066-\u2069]", "�", name)[:length]
