"""Captions of images, from a ``captions.csv`` or the names of classes; a seed varies the wording.

The emoji come in several styles, and some pairs of subject and style are held out; a model is
always trained with that subject in another style, so that it can compose the pair (see
`layouts.hold_out_styles`).
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from typing_extensions import Self

from aigc_demo.data import caption_files, caption_tables
from aigc_demo.data.archives import CAPTIONS
from aigc_demo.data.caption_files import Rows
from aigc_demo.data.dataset import Dataset, batch_indices
from aigc_demo.errors import BadData
from aigc_demo.imaging.output_names import Different
from aigc_demo.methods.base import Batch
from aigc_demo.nn import byte_tokenizer

GROUP_SHARE = 0.15  # of the captions that also name the group
MAX_NAME = 150  # bytes of a class in a caption, which has other words
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
SYNONYMS = {"fluentui": ("fluent", "fluentui")}


@dataclass(frozen=True)
class Subject:
    """What an image shows; a `fixed` name is a caption as it stands."""

    name: str
    style: str = ""
    group: str = ""
    fixed: bool = False


def compose(subject: Subject, chance: random.Random) -> str:
    """Return a caption of `subject`, in one of several wordings."""
    if subject.fixed:
        return subject.name
    styled = bool(subject.style) and chance.random() >= BARE_SHARE
    words = chance.choice(STYLED if styled else PLAIN).format(
        name=subject.name,
        style=chance.choice(SYNONYMS.get(subject.style, (subject.style,))),
        a="an" if subject.name[:1].lower() in "aeiou" else "a",
    )
    if subject.group and chance.random() < GROUP_SHARE:
        words += f", {subject.group}"
    return words


@dataclass(frozen=True)
class Captioned(Dataset):
    """Images with a subject each, from which captions are composed."""

    subjects: tuple[Subject, ...] = ()

    def only(self, chosen: torch.Tensor) -> Self:
        """Return the images with the numbers `chosen`, and their subjects."""
        kept = super().only(chosen)
        return replace(kept, subjects=tuple(self.subjects[i] for i in chosen.tolist()))

    @property
    def styles(self) -> tuple[str, ...]:
        """Return the styles of the subjects; none where there is but one."""
        return tuple(sorted({s.style for s in self.subjects if s.style}))

    def examples(self, count: int = 8) -> tuple[str, ...]:
        """Return captions of different subjects, in all styles in turn."""
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
            chosen = batch_indices(len(self), size, step, seed, orders).tolist()
            chance = random.Random(int(seed) * 1_000_003 + step)
            captions = [compose(self.subjects[i], chance) for i in chosen]
            yield replace(batch, captions=byte_tokenizer.encode(captions).to(device))


def caption_by_class(dataset: Dataset) -> Captioned:
    """Return `dataset` with captions made from the names of its classes; raises BadData where it
    has none.
    """
    if isinstance(dataset, Captioned):
        return dataset
    if not dataset.classes:
        raise BadData(
            f"{dataset.title} has neither {CAPTIONS} nor classes whose names could be captions; "
            "add one to the folder or zip."
        )
    names = captions_of_classes(dataset.classes)
    return with_subjects(dataset, tuple(Subject(names[i]) for i in dataset.labels.tolist()))


def captions_of_classes(classes: Sequence[str]) -> list[str]:
    """Return what the images of each class are called: the class, without what is before a slash.

    Names that a model could not tell apart are numbered: it knows no case, and reads no further
    than a tokenizer's row.
    """
    tails = [c.split("/")[-1] or c for c in classes]
    said: dict[str, str] = {}
    different = Different(key=byte_tokenizer.clean)
    # What is called so in a prompt, without any change, is not numbered.
    for tail in sorted(set(tails), key=lambda t: (byte_tokenizer.clean(t) != t, t)):
        wanted = (
            (tail.replace("_", " ").strip() or tail).encode()[:MAX_NAME].decode(errors="ignore")
        )
        said[tail] = different.name(wanted)
    return [said[tail] for tail in tails]


def caption_by_table(dataset: Dataset, names: Sequence[str], table: bytes) -> Captioned:
    """Return the images of `dataset`, whose files had these `names`, that a captions.csv
    describes; raises BadData where there are none.
    """
    found = caption_tables.read(table, CAPTIONS, of=dataset.title, strict=False)
    rows, *_ = caption_files.match(names, [("", found)] if found else [])
    subjects = subjects_of(names, rows, title=dataset.title)
    chosen = [i for i, name in enumerate(names) if name in subjects]
    return with_subjects(
        dataset.only(torch.tensor(chosen)), tuple(subjects[names[i]] for i in chosen)
    )


def with_subjects(dataset: Dataset, subjects: tuple[Subject, ...]) -> Captioned:
    """Return `dataset` with a subject an image."""
    known = {f: getattr(dataset, f) for f in Dataset.__dataclass_fields__}
    return Captioned(**known, subjects=subjects)


def subjects_of(names: Sequence[str], rows: Rows, *, title: str) -> dict[str, Subject]:
    """Return the subject of each file that has a row, which is a caption or, of files
    ``style/code``, a name and a group.

    Raises BadData, which names the set by its `title`, where none has one.
    """
    found = {}
    for name in names:
        row = rows.get(name, {})
        if "code" in row:
            group = row.get("group", "").replace("_", " ")
            found[name] = Subject(row["name"], Path(name).parent.name, group)
        elif caption := byte_tokenizer.clean(row.get("caption", "")):
            found[name] = Subject(caption, fixed=True)
    if not found:
        raise BadData(f"The {CAPTIONS} of {title} names no picture that is there.")
    return found
