"""What folders and names mean: classes, splits, domains, pairs, and which images are held out.

* class folders, with or without ``train/`` and ``test/`` above them; none: no classes
* ``trainA`` and ``trainB``, perhaps ``testA`` and ``testB``: two domains, pairs where names agree
* ``captions.csv``: see `captions`

A registered set says what its folders are, and is read a split at a time (`class_folders`,
`domain_folders`). Of what a user uploads that is found out (`detect`; see also
`pairs` and `hold_out`). Pure functions of names: opens no file.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from aigc_demo.data.archives import ImageFile
from aigc_demo.data.class_names import class_names
from aigc_demo.data.dataset import Source, Split
from aigc_demo.errors import BadData

DOMAINS = ("A", "B")
A_AND_B: dict[str, tuple[str, ...]] = {
    "train": ("trainA/", "trainB/"),
    "test": ("testA/", "testB/"),
}
HELD_OUT = 10  # a set without a test split holds out one in ten images
MAX_CLASSES = 100
SPLITS = ("train", "val", "test")
SPLIT_FOLDER = re.compile(
    r"(?:(?P<train>train|training)|(?P<val>val|valid|validation|dev)|(?P<test>test|testing|eval))"
    r"(?:[-_ ]?(?:set|data|split|images|imgs|pictures|\d{4}))?",
    re.IGNORECASE,
)
DOMAIN_FOLDER = re.compile(r"(?P<split>train|val|valid|test)[-_ ]?(?P<domain>a|b)", re.IGNORECASE)


# --- Registered sets, a split at a time ----------------------------------------------------------


@dataclass(frozen=True)
class ClassFolders:
    """The files of a split with the number of each one's class."""

    files: list[ImageFile]
    labels: list[int]
    classes: tuple[str, ...]


def class_folders(source: Source, files: Sequence[ImageFile], split: Split) -> ClassFolders:
    """Return a split of class folders; raises BadData where it is empty."""
    files = sorted(files, key=lambda file: file.path)
    has_splits = any(file.path.startswith(source.train) for file in files)
    depth = 1 if has_splits else 0
    # A class has the same number in both splits, even where one of them has no image of it.
    if has_splits:
        files = [f for f in files if f.path.startswith((*source.train, *source.test))]
    names = class_names(_class_of(f, depth) for f in files)
    classes = sorted(set(names.values()))
    if has_splits:
        wanted = source.train if split == "train" else source.test
        files = [f for f in files if f.path.startswith(wanted)]
    else:
        files = [f for i, f in enumerate(files) if (i % HELD_OUT == 0) == (split == "test")]
    if not files:
        raise BadData(
            f"{source.title} holds no pictures for “{split}”; use PNG, JPEG or WebP files."
        )
    labels = [classes.index(names[_class_of(f, depth)]) for f in files]
    return ClassFolders(files, labels, () if set(names) == {""} else tuple(classes))


def _class_of(file: ImageFile, depth: int) -> str:
    folders = file.parts[depth:-1]
    return folders[0] if folders else ""


def domain_folders(
    source: Source, files: Sequence[ImageFile], split: Split
) -> list[list[ImageFile]]:
    """Return the files of each domain in a split: of pairs, the names that all domains have."""
    files = sorted(files, key=lambda file: file.path)
    domains: list[dict[str, ImageFile]] = []
    for folder in source.train if split == "train" else source.test:
        domains.append({f.path[len(folder) :]: f for f in files if f.path.startswith(folder)})
    if source.paired:
        domains = [{_stem(name): file for name, file in d.items()} for d in domains]
        common = sorted(set.intersection(*map(set, domains)))
        domains = [{name: d[name] for name in common} for d in domains]
    if source.held_out:
        for i, domain in enumerate(domains):
            held = hold_out(domain, min(source.held_out, len(domain) // 2))
            domains[i] = {n: f for n, f in domain.items() if (n in held) == (split == "test")}
    return [list(domain.values()) for domain in domains]


def _stem(name: str) -> str:
    return str(PurePosixPath(name).with_suffix(""))


# --- What is held out ----------------------------------------------------------------------------


def hold_out(names: Iterable[str], count: int) -> set[str]:
    """Return `count` of the names.

    Each name's hash decides, so that what one set holds out no larger or smaller set of the same
    names is trained with.
    """
    return set(sorted(names, key=_digest)[:count])


def hold_out_styles(subjects: Mapping[str, tuple[str, str]], count: int) -> set[str]:
    """Return `count` of the files, given with their subject and style: at most one of a subject
    that comes in several styles, and none that comes in one only.

    Of a set without styles any file may be held out, but no more than half of them.
    """
    styled = any(style for _, style in subjects.values())
    files: dict[str, list[str]] = {}
    for name, (subject, style) in subjects.items():
        files.setdefault(subject if style else name, []).append(name)
    several = [some for some in files.values() if not styled or len(some) > 1]
    candidates = sorted((min(s, key=_digest_of_stem) for s in several), key=_digest_of_stem)
    return set(candidates[: min(count, len(candidates) if styled else len(candidates) // 2)])


def _digest_of_stem(name: str) -> bytes:
    return _digest(_stem(name))


def _digest(name: str) -> bytes:
    return hashlib.blake2b(name.encode()).digest()


# --- What a user uploads -------------------------------------------------------------------------


@dataclass(frozen=True)
class UserLayout:
    """The files, and of each its class, its stem and its split: train, val, test or "" """

    files: list[ImageFile]
    groups: list[str]
    stems: list[str]
    splits: list[str]
    untaught: int = 0  # held-out files, left out, of classes that no training file has
    folders: int = 0  # too many to be classes
    loose: str = ""  # the class of images beside the folders, where there are any
    like_splits: tuple[str, ...] = ()  # folders that are called like splits and are classes


def detect(files: list[ImageFile]) -> UserLayout:
    """Return what the folders of a user's images mean.

    A folder around everything does not count. Folders are splits where all beside them are, too:
    at the top, or below each class or domain.
    """
    paths = [f.parts for f in files]
    while len({p[0] for p in paths}) == 1 and all(len(p) > 1 for p in paths):
        paths = [p[1:] for p in paths]
    paths, splits = _without_splits(paths)
    inside = [p[0] if len(p) > 1 else "" for p in paths]
    taught = {f for f, split in zip(inside, splits, strict=True) if split in ("", "train")}
    kept = [i for i, folder in enumerate(inside) if folder in taught]
    untaught = len(files) - len(kept)
    files, paths, splits, inside = ([x[i] for i in kept] for x in (files, paths, splits, inside))
    names = class_names(inside)
    stems = [_stem("/".join(p[1:] or p)) for p in paths]
    count = len(set(names.values()))
    are_classes = 1 < count <= MAX_CLASSES
    return UserLayout(
        files,
        [names[folder] if are_classes else "" for folder in inside],
        stems,
        splits,
        untaught=untaught,
        folders=count if count > MAX_CLASSES else 0,
        loose=names.get("", "") if are_classes else "",
        like_splits=tuple(sorted({f for f in inside if split_of(f)})) if are_classes else (),
    )


def split_of(folder: str) -> str:
    """Return the split that a folder is called after: train, val, test or none."""
    found = SPLIT_FOLDER.fullmatch(folder)
    return next((name for name in SPLITS if found and found[name]), "")


def _without_splits(
    paths: list[tuple[str, ...]],
) -> tuple[list[tuple[str, ...]], list[str]]:
    """Return the paths without folders that are splits, and the split of each."""
    tops = {p[0] for p in paths} if all(len(p) > 1 for p in paths) else set()
    domains = [DOMAIN_FOLDER.fullmatch(top) for top in tops]
    if domains and all(domains):
        found = {(split_of(d["split"]), d["domain"].upper()) for d in domains if d}
        if {("train", "A"), ("train", "B")} <= found:
            matches = [DOMAIN_FOLDER.fullmatch(p[0]) for p in paths]
            splits = [split_of(m["split"]) for m in matches if m]
            return [
                (m["domain"].upper(), *p[1:]) for m, p in zip(matches, paths, strict=True) if m
            ], splits
    for level in (0, 1):
        if not all(len(p) > level + 1 for p in paths):
            break
        splits = [split_of(p[level]) for p in paths]
        if all(splits) and "train" in splits and len(set(splits)) > 1:
            return [(*p[:level], *p[level + 1 :]) for p in paths], splits
    return paths, [""] * len(paths)
