"""Names of the files that results are written to, so that none takes the place of another."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

MAX_BYTES = 180  # of a name without its number and ending; systems allow 255 in all


def output_names(inputs: Sequence[str]) -> list[str]:
    """Return a name without ending for the result of each input, which is a file's name, or its
    path in an archive: folders become part of the name.

    All differ, also where case does not count. Inputs that differ in nothing but their ending keep
    it (``holiday-jpg``); those that are alike all the same are numbered.
    """
    paths = [PurePosixPath(text.replace("\\", "/")) for text in inputs]
    stems = [_joined(path.with_name(path.stem)) if path.name else "" for path in paths]
    endings: dict[str, set[str]] = defaultdict(set)
    for stem, path in zip(stems, paths, strict=True):
        endings[key(stem)].add(path.suffix.lower())
    taken: set[str] = set()
    names = []
    for stem, path in zip(stems, paths, strict=True):
        ending = path.suffix.lower().replace(".", "-") if len(endings[key(stem)]) > 1 else ""
        name = next(
            n for n in numbered((shortened(stem) or "picture") + ending) if key(n) not in taken
        )
        taken.add(key(name))
        names.append(name)
    return names


def numbered(name: str) -> Iterator[str]:
    """Yield `name`, ``name-2``, ``name-3`` and so on."""
    yield name
    number = 2
    while True:
        yield f"{name}-{number}"
        number += 1


def key(name: str) -> str:
    """Return what two names share that are one file on some systems."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _joined(path: PurePosixPath) -> str:
    return "-".join(part for part in path.parts if part.strip("./"))


def shortened(stem: str) -> str:
    """Return the end of a name that is too long for a file's."""
    return stem.encode(errors="replace")[-MAX_BYTES:].decode(errors="ignore")
