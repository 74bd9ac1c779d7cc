"""What folders and names mean: classes, splits, domains, pairs, and which images are held out.

* class folders, with or without ``train/`` and ``test/`` above them; none: no classes
* ``trainA`` and ``trainB``, perhaps ``testA`` and ``testB``: two domains, pairs where names agree
* ``captions.csv``: see `captions`

A registered set says what its folders are, and is read a split at a time (`class_folders`,
`domain_folders`). Of what a user uploads that is found out, and all of it but test folders is
trained with (`detect`). Pure functions of names: opens no file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from aigc_demo.data.archives import ImageFile
from aigc_demo.data.class_names import class_names
from aigc_demo.data.dataset import Source, Split
from aigc_demo.errors import BadData

A_AND_B: dict[str, tuple[str, ...]] = {
    "train": ("trainA/", "trainB/"),
    "test": ("testA/", "testB/"),
}
HELD_OUT = 10  # a set without a test split holds out one in ten images
MAX_CLASSES = 100


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


def with_domains(source: Source, files: Sequence[ImageFile], *, size: int) -> Source:
    """Return `source` with the two domains of trainA/ and trainB/, at `size`, where there are
    such folders.
    """
    ends = [{_stem(f.parts[-1]) for f in files if f.path.startswith(a)} for a in A_AND_B["train"]]
    if not all(ends):
        return source
    test = any(f.path.startswith(A_AND_B["test"][0]) for f in files)
    return replace(
        source,
        domains=("A", "B"),
        paired=ends[0] == ends[1],
        size=size,
        train=A_AND_B["train"],
        test=A_AND_B["test" if test else "train"],
        held_out=0 if test else max(1, min(map(len, ends)) // HELD_OUT),
    )


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
    """The files to train with, and the class and the stem of each."""

    files: list[ImageFile]
    groups: list[str]
    stems: list[str]
    held_out: int = 0
    folders: int = 0  # too many to be classes
    loose: str = ""  # the class of images beside the folders, where there are any


def detect(files: list[ImageFile]) -> UserLayout:
    """Return what the folders of a user's images mean.

    A folder around everything does not count, and folders called test are left out.
    """
    paths = [f.parts for f in files]
    while len({p[0] for p in paths}) == 1 and all(len(p) > 1 for p in paths):
        paths = [p[1:] for p in paths]
    used = list(range(len(paths)))
    tops = {p[0].lower() for p in paths} if all(len(p) > 1 for p in paths) else set()
    if {"traina", "trainb"} <= tops <= {"traina", "trainb", "testa", "testb"}:
        used = [i for i in used if paths[i][0].lower().startswith("train")]
        paths = [(p[0][-1].upper(), *p[1:]) for p in paths]
    elif tops == {"train", "test"}:
        used = [i for i in used if paths[i][0].lower() == "train"]
        paths = [p[1:] for p in paths]
    inside = [paths[i][0] if len(paths[i]) > 1 else "" for i in used]
    names = class_names(inside)
    stems = [_stem("/".join(paths[i][1:] or paths[i])) for i in used]
    count = len(set(names.values()))
    are_classes = 1 < count <= MAX_CLASSES
    return UserLayout(
        [files[i] for i in used],
        [names[folder] if are_classes else "" for folder in inside],
        stems,
        held_out=len(files) - len(used),
        folders=count if count > MAX_CLASSES else 0,
        loose=names.get("", "") if are_classes else "",
    )


def pair_numbers(layout: UserLayout, usable: Sequence[int]) -> list[int]:
    """Return the number of the pair of each usable file, -1 where it has none.

    Pairs are the files of two folders whose names, without their endings, are the same.
    """
    ends = [
        [s for s, g in zip(layout.stems, layout.groups, strict=True) if g == group]
        for group in sorted(set(layout.groups))
    ]
    if len(ends) != 2 or sorted(ends[0]) != sorted(ends[1]) or len(set(ends[0])) < len(ends[0]):
        return [-1] * len(usable)
    there = Counter(layout.stems[i] for i in usable)  # a pair of which one is damaged is none
    number = {stem: k for k, stem in enumerate(sorted(s for s, n in there.items() if n == 2))}
    return [number.get(layout.stems[i], -1) for i in usable]
