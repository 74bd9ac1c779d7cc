"""Names of the files that results are written to, so that none takes the place of another."""

from __future__ import annotations

import itertools
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
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
    names, different = [], Different(key=key)
    for stem, path in zip(stems, paths, strict=True):
        ending = path.suffix.lower().replace(".", "-") if len(endings[key(stem)]) > 1 else ""
        names.append(different.name((shortened(stem) or "picture") + ending))
    return names


def key(name: str) -> str:
    """Return what two names share that are one file on some systems."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


class Different:
    """Gives names that differ in their `key` from each other and from those that are `taken`."""

    def __init__(self, taken: Iterable[str] = (), *, key: Callable[[str], str] = str) -> None:
        self._taken, self._key = set(taken), key
        self._numbers: dict[str, int] = {}  # where to go on, so that many names take no longer

    def name(self, wanted: str) -> str:
        """Return `wanted` or, where that is taken, ``wanted-2``, ``wanted-3`` and so on."""
        for number in itertools.count(self._numbers.get(self._key(wanted), 1)):
            name = f"{wanted}-{number}" if number > 1 else wanted
            if self._key(name) not in self._taken:
                break
        self._taken.add(self._key(name))
        self._numbers[self._key(wanted)] = number + 1
        return name


def _joined(path: PurePosixPath) -> str:
    return "-".join(part for part in path.parts if part.strip("./"))


def shortened(stem: str) -> str:
    """Return the end of a name that is too long for a file's."""
    return stem.encode(errors="replace")[-MAX_BYTES:].decode(errors="ignore")
