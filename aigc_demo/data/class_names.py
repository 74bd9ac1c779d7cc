"""What a folder of images is called as a class: what tells it from others is kept, whatever its
script, and what could deceive or break a page, a terminal or a file is replaced.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable

from aigc_demo.imaging.output_names import Different

MAX_CHARACTERS = 180  # a number may follow; requests allow 200
UNSORTED = "unsorted"  # the class of images beside class folders
RESERVED = {"*"}  # stands for every class, on the page
REPLACEMENT = "�"
# Emoji of several characters and some scripts need the joiners; flags of regions need the tags.
KEPT = re.compile("[\u200c\u200d]|\U0001f3f4[\U000e0020-\U000e007e]+\U000e007f")
BRACKETS = str.maketrans("<>", "‹›")
BLANKS = "\u115f\u1160\u2800\u3164\uffa0"  # letters and signs without a form


def class_names(folders: Iterable[str]) -> dict[str, str]:
    """Return the class of each of the folders, "" for images that lie beside them.

    Folders that differ have names that differ, unless only their accents are composed
    differently, as by a Mac. A folder that needs no change keeps its name; another that would
    be called the same is numbered.
    """
    folders = set(folders)
    composed = {unicodedata.normalize("NFC", folder) for folder in folders}
    # Folders that keep their names come before those that take one, images without a folder last.
    order = sorted(composed, key=lambda folder: (not folder, safe(folder) != folder, folder))
    names: dict[str, str] = {}
    different = Different(RESERVED)
    for folder in order:
        names[folder] = different.name(safe(folder) if folder else UNSORTED)
    return {folder: names[unicodedata.normalize("NFC", folder)] for folder in folders}


def safe(name: str, length: int = MAX_CHARACTERS) -> str:
    """Return `name` on one line, without tags of HTML or characters that cannot be seen or change
    the order of others; from its middle something is left out where it is longer than `length`.
    """
    name = unicodedata.normalize("NFC", name).translate(BRACKETS)
    parts, end = [], 0
    for kept in KEPT.finditer(name):
        parts += [_visible(name[end : kept.start()]), kept.group()]
        end = kept.end()
    name = " ".join("".join([*parts, _visible(name[end:])]).split())
    if len(name) > length:
        half = length // 2
        name = f"{name[: length - half - 1]}…{name[-half:]}"
    # Joiners and marks alone have no form.
    if not any(unicodedata.category(c) not in ("Cf", "Mn", "Me", "Zs") for c in name):
        return name + REPLACEMENT
    return name


def _visible(text: str) -> str:
    unseen = ("Cc", "Cf", "Cs", "Zl", "Zp")
    return "".join(
        REPLACEMENT if unicodedata.category(c) in unseen or c in BLANKS else c for c in text
    )
