"""Pictures with captions: what a caption says of its picture, in words that a seed varies.

A set is captioned by its own ``captions.csv``, or by the names of its classes. The emoji set has
everything in several styles, and holds out some pairs of thing and style; the thing itself is
always learnt in another style, so that such a pair can be put together from what was learnt.
"""

from __future__ import annotations

import csv
import hashlib
import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from typing_extensions import Self

from aigc_demo.data import image_folder
from aigc_demo.data.dataset import Dataset, Source, Split
from aigc_demo.errors import BadData
from aigc_demo.methods import tensor_cache
from aigc_demo.methods.base import Batch
from aigc_demo.nn import byte_tokenizer

TABLE = "captions.csv"
MAX_TABLE_BYTES = 20_000_000
GROUP_SHARE = 0.15  # of the captions that also name the group
BARE_SHARE = 0.1  # of the captions that do not name the style
STYLED = (
    "{name}, {style} style",
    "{style}: {name}",
    "{style} {name}",
    "{a} {name}, {style} style",
    "{name} in {style} style",
    "{a} {name} in the style of {style}",
)
PLAIN = ("{name}", "{a} {name}", "a picture of {a} {name}")
# What people call a style, beside its own key.
ALSO = {"fluentui": ("fluent", "fluentui")}


@dataclass(frozen=True)
class Subject:
    """What is to be seen in a picture; a `fixed` name is a caption as it stands."""

    name: str
    style: str = ""
    group: str = ""
    fixed: bool = False


def phrase(subject: Subject, chance: random.Random) -> str:
    """Return a caption of `subject`, in one of several wordings."""
    if subject.fixed:
        return subject.name
    styled = bool(subject.style) and chance.random() >= BARE_SHARE
    words = chance.choice(STYLED if styled else PLAIN).format(
        name=subject.name,
        style=chance.choice(ALSO.get(subject.style, (subject.style,))),
        a="an" if subject.name[:1].lower() in "aeiou" else "a",
    )
    if subject.group and chance.random() < GROUP_SHARE:
        words += f", {subject.group}"
    return words


@dataclass(frozen=True)
class Captioned(Dataset):
    """Pictures of which it is known what is to be seen, one subject a picture."""

    subjects: tuple[Subject, ...] = ()

    def only(self, chosen: torch.Tensor) -> Self:
        """Return the pictures whose numbers are `chosen`, with what is to be seen in them."""
        kept = super().only(chosen)
        return replace(kept, subjects=tuple(self.subjects[i] for i in chosen.tolist()))

    @property
    def styles(self) -> tuple[str, ...]:
        """Return the styles in which things are to be seen; none where it is one."""
        return tuple(sorted({s.style for s in self.subjects if s.style}))

    def examples(self, count: int = 8) -> tuple[str, ...]:
        """Return captions of different things, in all styles in turn."""
        chance = random.Random(0)
        some = chance.sample(self.subjects, min(len(self.subjects), 8 * count))
        names = list(dict.fromkeys(s.name for s in some))[:count]
        styles = self.styles or ("",)
        endings = [f", {s} style" if s else "" for s in styles]
        return tuple(n[:150] + endings[i % len(styles)] for i, n in enumerate(names))

    def batches(
        self, size: int, *, seed: int, start: int = 0, device: torch.device | str = "cpu"
    ) -> Iterator[Batch]:
        """Yield batches as any set does, with `captions` that seed and step decide."""
        orders: dict[int, torch.Tensor] = {}
        plain = super().batches(size, seed=seed, start=start, device=device)
        for step, batch in enumerate(plain, start):
            chosen = self._chosen(len(self), size, step, seed, orders).tolist()
            chance = random.Random(seed * 1_000_003 + step)
            said = [phrase(self.subjects[i], chance) for i in chosen]
            yield replace(batch, captions=byte_tokenizer.encode(said).to(device))


def caption_by_class(dataset: Dataset) -> Captioned:
    """Return `dataset` with captions made from the names of its classes; raises BadData where it
    has none.
    """
    if isinstance(dataset, Captioned):
        return dataset
    if not dataset.classes:
        raise BadData(
            f"{dataset.title} has neither {TABLE} nor classes whose names could be captions; add "
            "one to the folder or zip."
        )
    names = [c.split("/")[-1].replace("_", " ").strip() or c for c in dataset.classes]
    return _said(dataset, tuple(Subject(names[i]) for i in dataset.labels.tolist()))


def caption_by_table(dataset: Dataset, names: Sequence[str], content: bytes) -> Captioned:
    """Return the pictures of `dataset`, whose files had these `names`, that a captions.csv with
    this `content` says something of; raises BadData where there are none.
    """
    folders = {name.split("/")[0] + "/" for name in names}
    top = folders.pop() if len(folders) == 1 else ""
    said = _listed(names, _rows(dataset.title, content), top)
    chosen = torch.tensor([i for i, name in enumerate(names) if name in said], dtype=torch.int64)
    if not len(chosen):
        raise BadData(f"The {TABLE} of {dataset.title} names no picture that is there.")
    return _said(dataset.only(chosen), tuple(said[names[i]] for i in chosen.tolist()))


def _said(dataset: Dataset, subjects: tuple[Subject, ...]) -> Captioned:
    known = {f: getattr(dataset, f) for f in Dataset.__dataclass_fields__}
    return Captioned(**known, subjects=subjects)


def read(source: Source, path: Path, split: Split) -> Captioned:
    """Return a split of the folder or zip at `path`, whose captions.csv lists files and their
    captions, or codes, their names and groups: those are the files ``style/code``.
    """
    with image_folder.opened(source, path) as (names, reader):
        written = _written(source, names, reader)
        if written is None:
            raise BadData(f"{source.title} has no {TABLE}; add one.")
        listed = _listed(names, _rows(source.title, written[0]), written[1])
        if not listed:
            raise BadData(f"The {TABLE} of {source.title} names no picture that is there.")
        held = held_out(list(listed), source.held_out, listed)
        mine = {n: s for n, s in listed.items() if (n in held) == (split == "test")}
        if not mine:
            raise BadData(f"{source.title} holds no pictures for “{split}”; add more.")
        key = image_folder.cache_key(source, path, split)
        entry = tensor_cache.read(key, ["images"]) if source.archive else None
        if entry:
            pixels, found = entry.tensors["images"], entry.metadata["files"]
        else:
            decoded = dict(zip(mine, image_folder.decode(source, list(mine), reader), strict=True))
            found = [n for n, x in decoded.items() if x is not None]
            if not found:
                raise BadData(f"None of the {len(mine)} files of {source.title} can be read.")
            pixels = torch.cat([decoded[n] for n in found])
            if source.archive:
                tensor_cache.write(key, {"images": pixels}, {"files": found})
    subjects = tuple(mine[n] for n in found)
    styles = tuple(sorted({s.style for s in listed.values() if s.style}))
    return Captioned(
        name=source.name,
        title=source.title,
        images=pixels,
        labels=torch.tensor([styles.index(s.style) if s.style else 0 for s in subjects]),
        classes=styles,
        licence=source.licence,
        flip=source.flip,
        subjects=subjects,
    )


def read_yours(path: Path, split: Split, size: int | None) -> Captioned | None:
    """Return a split of somebody's own folder or zip with a captions.csv, or None where it has
    none; every tenth picture is held out.
    """
    source = Source(path.stem, path.stem, size or 32, 3, "yours", background=255, captions=True)
    with image_folder.opened(source, path) as (names, reader):
        if _written(source, names, reader) is None:
            return None
    return read(replace(source, held_out=max(1, len(names) // image_folder.HELD_OUT)), path, split)


def held_out(names: Sequence[str], count: int, subjects: dict[str, Subject]) -> set[str]:
    """Return `count` of the files `names` that are not learnt from, at most one of a subject that
    comes in several styles, and none that comes in one only.

    Decided by each name's hash, so that it is the same whatever else a set holds. Of a set without
    styles any file may be held out, but no more than half of them.
    """
    of: dict[str, list[str]] = {}
    for name in names:
        key = subjects[name].name if subjects[name].style else name
        of.setdefault(key, []).append(name)
    styled = any(s.style for s in subjects.values())
    candidates = [min(some, key=_hash) for some in of.values() if not styled or len(some) > 1]
    limit = min(count, len(candidates) if styled else len(candidates) // 2)
    return set(sorted(candidates, key=_hash)[:limit])


def _hash(name: str) -> bytes:
    return hashlib.blake2b(Path(name).with_suffix("").as_posix().encode()).digest()


def _written(
    source: Source, names: list[str], reader: image_folder.Reader
) -> tuple[bytes, str] | None:
    """Return the content of the table and the folder that it lies in, or None where there is none:
    "", or the one in which everything is, as when a folder was packed with its name.
    """
    tops = {name.split("/")[0] + "/" for name in names}
    for top in ("", *(tops if len(tops) == 1 else ())):
        try:
            return reader(top + TABLE), top
        except (KeyError, FileNotFoundError, NotADirectoryError):
            continue
        except image_folder.UNREADABLE:
            raise BadData(f"The {TABLE} of {source.title} cannot be read; save it anew.") from None
    return None


def _rows(title: str, content: bytes) -> list[dict[str, str]]:
    if len(content) > MAX_TABLE_BYTES:
        raise BadData(f"{TABLE} is larger than {MAX_TABLE_BYTES // 10**6} MB; shorten it.")
    try:
        # utf-8-sig: spreadsheets put a mark before the first column's name.
        rows = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig").replace("\0", " "))))
    except (UnicodeDecodeError, csv.Error):
        raise BadData(f"The {TABLE} of {title} is no table; save it as CSV in UTF-8.") from None
    columns = set(rows[0]) if rows else set()
    if not columns >= {"code", "name"} and not columns >= {"file", "caption"}:
        raise BadData(f"The {TABLE} of {title} needs the columns file and caption.")
    return rows


def _listed(names: Sequence[str], rows: list[dict[str, str]], top: str) -> dict[str, Subject]:
    """Return the subject of each file that the rows name; all files may be in a folder `top`."""
    return _in_styles(names, rows) if "code" in rows[0] else _by_file(names, rows, top)


def _in_styles(names: Sequence[str], rows: list[dict[str, str]]) -> dict[str, Subject]:
    """Return the subject of each file ``style/code`` that the rows name."""
    known = {row["code"]: row for row in rows}
    found = {}
    for name in names:
        row = known.get(Path(name).stem)
        if row and row.get("name"):
            group = (row.get("group") or "").replace("_", " ")
            found[name] = Subject(row["name"], Path(name).parent.name, group)
    return found


def _by_file(names: Sequence[str], rows: list[dict[str, str]], top: str) -> dict[str, Subject]:
    """Return the subject of each file that the rows name, by its path below `top` or its name."""
    said = {row["file"].replace("\\", "/").removeprefix("./"): row for row in rows if row["file"]}
    found = {}
    for name in names:
        row = said.get(name.removeprefix(top)) or said.get(Path(name).name)
        if row and (caption := byte_tokenizer.clean(row["caption"] or "")):
            found[name] = Subject(caption, fixed=True)
    return found
