"""Captions that come with images: tables (``captions.csv``, ``metadata.jsonl`` …), and text files
beside them (``00.png``, ``00.txt``). What is in a table is in `caption_tables`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from aigc_demo.data import caption_tables
from aigc_demo.data.archives import CAPTIONS, UNREADABLE, ImageFile, Limits, Listing, Skipped
from aigc_demo.data.caption_tables import Table
from aigc_demo.errors import BadData
from aigc_demo.imaging.formats import SUFFIXES

MEANT = ("captions", "metadata")  # tables of other names count where they have the columns
LEVELS = 4  # of strictness in what a path is found by
Rows = dict[str, dict[str, str]]


@dataclass(frozen=True)
class Captions:
    """The row of a table for each path of an image that has one, and what did not fit."""

    rows: Rows = field(default_factory=dict)
    unmatched: tuple[str, ...] = ()  # files that a table names and that are not there
    joined: int = 0  # captions with delimiters that were put together
    repeated: int = 0  # rows for an image that has another
    sources: int = 0  # tables and text files
    unused: tuple[Skipped, ...] = ()  # tables of something else, texts that are none
    table: bytes | None = None  # the only one, as it is

    def stored(self, paths: Iterable[str]) -> bytes | None:
        """Return a table for the images with these paths, None where none has a caption."""
        texts = {p: self.rows[p]["caption"] for p in paths if "caption" in self.rows.get(p, {})}
        return self.table or (caption_tables.write(texts) if texts else None)


def read(listing: Listing, limits: Limits, *, of: str) -> Captions:
    """Return the captions of a set, which errors call `of`.

    Raises BadData for a captions file that cannot be read, with the line at fault.
    """
    for skipped in listing.skipped:
        if PurePosixPath(skipped.name).name.lower() == CAPTIONS:
            raise _unreadable(CAPTIONS, of)
    tables = {}
    for file in listing.captions:
        if (found := _table(file, limits, of)) is not None:
            tables[file] = found
    texts, no_texts = _texts(listing, limits)
    other = [Skipped(file.name, "other") for file in listing.captions if file not in tables]
    rows, unmatched, repeated = match([f.path for f in listing.images], _in_folders(tables))
    for path, text in texts.items():
        rows.setdefault(path, {"caption": text})
    only = next(iter(tables)) if len(tables) == 1 and not texts else None
    raw = only is not None and only.parts[-1].lower() == CAPTIONS
    return Captions(
        rows=rows,
        unmatched=unmatched,
        joined=sum(table.joined for table in tables.values()),
        repeated=repeated,
        sources=len(tables) + len(listing.texts),
        unused=(*other, *no_texts),
        table=only.read() if raw and only and rows else None,
    )


def _in_folders(tables: dict[ImageFile, Table]) -> list[tuple[str, Table]]:
    """Return the tables with their folders, the ones that count most last."""
    order = sorted(tables, key=lambda file: file.parts[-1].lower() == CAPTIONS)
    return [("".join(f"{p}/" for p in file.parts[:-1]), tables[file]) for file in order]


def _table(file: ImageFile, limits: Limits, of: str) -> Table | None:
    """Return a table of captions, None for one of something else."""
    name = file.parts[-1]
    is_meant = PurePosixPath(name).stem.lower() in MEANT
    if file.bytes > limits.captions_bytes:
        if not is_meant:
            return None
        raise BadData(
            f"The {name} of {of} has {file.bytes / 1e6:.0f} MB; the limit is "
            f"{limits.captions_bytes / 1e6:.0f}. Shorten it."
        )
    try:
        found = caption_tables.read(file.read(), name, of=of)
    except UNREADABLE:
        raise _unreadable(name, of) from None
    except BadData:
        if is_meant:
            raise
        return None
    if found is None and PurePosixPath(name).stem.lower() == "captions":
        raise BadData(f"The {name} of {of} needs the columns file and caption.")
    return found


def _unreadable(name: str, of: str) -> BadData:
    return BadData(f"The {name} of {of} cannot be read; save it anew.")


def _texts(listing: Listing, limits: Limits) -> tuple[dict[str, str], list[Skipped]]:
    """Return the captions that lie in text files beside their images, and the files that are no
    text.
    """
    found, skipped, left = {}, [], limits.captions_bytes
    for image, file in listing.texts.items():
        left -= file.bytes
        if left < 0:
            raise BadData(
                f"captions: the text files have more than {limits.captions_bytes / 1e6:.0f} MB; "
                "shorten them."
            )
        try:
            text = caption_tables.text_of(file.read())
        except UNREADABLE:
            text = None
        if text is None:
            skipped.append(Skipped(file.name, "text"))
        elif text:
            found[image] = text
    return found, skipped


# --- Which row is whose --------------------------------------------------------------------------


def match(
    paths: Sequence[str], tables: Iterable[tuple[str, Table]]
) -> tuple[Rows, tuple[str, ...], int]:
    """Return the row of each image, the files of rows without an image, and how many rows were
    for an image that has another.

    `tables` are given with their folders. A row names a path from there, or the end of a path;
    case, the form of accents and an ending that is missing count where nothing fits better.
    """
    index = _Index(paths)
    best: dict[str, tuple[int, dict[str, str]]] = {}
    unmatched: list[str] = []
    repeated = 0
    for folder, table in tables:
        if table.of_codes:
            by_code = {row["code"]: row for row in table.rows if row.get("name")}
            stems = ((path, PurePosixPath(path).stem) for path in paths)
            best |= {path: (0, by_code[stem]) for path, stem in stems if stem in by_code}
            continue
        for row in table.rows:
            if not row["file"]:
                continue
            rank, images = index.find(row["file"], folder)
            if not images:
                unmatched.append(row["file"])
            for image in images if row["caption"] else ():
                before = best.get(image)
                repeated += before is not None and before[0] == rank
                if before is None or rank <= before[0]:
                    best[image] = (rank, row)
    return {path: row for path, (_, row) in best.items()}, tuple(unmatched), repeated


class _Index:
    """The images by their paths, the ends of these, and what people write for them."""

    def __init__(self, paths: Sequence[str]) -> None:
        self._whole: list[dict[str, list[str]]] = [defaultdict(list) for _ in range(LEVELS)]
        self._ends: list[dict[str, list[str]]] = [defaultdict(list) for _ in range(LEVELS)]
        for path in paths:
            parts = path.split("/")
            for known, key in zip(self._whole, _keys(path), strict=True):
                known[key].append(path)
            for i in range(len(parts)):
                for known, key in zip(self._ends, _keys("/".join(parts[i:])), strict=True):
                    known[key].append(path)

    def find(self, file: str, folder: str) -> tuple[int, list[str]]:
        """Return the images that a row of a table in `folder` names, and how well: 0 is best."""
        file = re.sub(r"^(\./|/)+", "", file.replace("\\", "/"))
        name = file.rpartition("/")[2]
        tries = ((self._whole, folder + file), (self._ends, file), (self._ends, name))
        keys = {wanted: _keys(wanted) for _, wanted in tries}  # most rows name a file alone
        for rank, (index, wanted) in enumerate(tries):
            for level, key in enumerate(keys[wanted]):
                found = index[level].get(key, [])
                # What is less than the path that was written must be the only one.
                if found and (len(found) == 1 or (rank < 2 and level < 3)):
                    return rank * LEVELS + level, found
        return 0, []


def _keys(path: str) -> tuple[str, ...]:
    """Return what a path is found by, the strictest first: itself with its accents composed;
    without case; also without the ending of an image, where what has another, such as ``v1.5``,
    has none; and its letters and digits, for browsers' uploads keep few other signs.
    """
    composed = unicodedata.normalize("NFC", path)
    any_case = re.sub(r"\.(jpeg|jpe|jfif)$", ".jpg", composed.casefold())
    stem, dot, ending = any_case.rpartition(".")
    letters = "".join(c for c in any_case if c.isalnum() or c == "/")
    return composed, any_case, stem if dot + ending in SUFFIXES else any_case, letters
