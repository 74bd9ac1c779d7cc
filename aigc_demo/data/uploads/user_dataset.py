"""A user's own images, validated, at one size, and stored inside their run, so that they are
private to it and vanish with it.

    dataset = validation.validate([Path("holiday.zip")], size=64)
    print("\\n".join(dataset.report.lines()))
    dataset.save(run_directory)
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor

from aigc_demo.data import captions
from aigc_demo.data.archives import CAPTIONS, REASONS, Skipped
from aigc_demo.data.dataset import Dataset, Domains, Split
from aigc_demo.errors import BadData
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.methods.base import Needs

PREFIX = "yours:"  # before the title: the name of such a set in a plan
IMAGES_FILE = "pictures.safetensors"  # in the directory of a run
Layout = Literal["one", "classes", "two", "pairs"]

WARNINGS = {
    "few": "Fewer than {least} pictures: the model will repeat them. Bring more if you can.",
    "unequal": "The classes are very unequal: {most} of “{large}”, {fewest} of “{small}”.",
    "rare": "Fewer than {least} pictures of: {names}.",
    "copies": "{count} pictures are copies of others.",
    "small": "{count} pictures are smaller than {size} pixels and will be enlarged.",
    "held": "{count} pictures are held out of the training, to test the model on.",
    "none_held": "Fewer than {least} pictures: none is held out, so the model is not tested.",
    "split": "Held out of the training, to test the model on: {splits}.",
    "untaught": "{count} pictures of test folders are left out: training has none of their class.",
    "like_splits": "Folders called {names} lie beside others, so they are classes.",
    "partners": "{count} of {all} have a partner; missing: {names}.",
    "numbers": "The files of both folders have the same numbers, but do not look like pairs.",
    "many": "{count} folders are too many for classes; they are not told apart.",
    "coding": "The zip does not say how its names are written; they were read as {coding}.",
    "uncaptioned": "{count} pictures have no caption: {names}.",
    "unmatched": "{count} captions are for files that are not there: {names}.",
    "joined": "{count} captions have commas without quotes; they were read to the end.",
    "repeated": "{count} captions are for pictures that have another; the last one counts.",
    "long": "{count} captions are longer than {most} bytes; the rest is not read.",
    "loose": "{count} pictures lie beside the folders; they are the class “{name}”.",
}


@dataclass(frozen=True)
class Report:
    """How many images there are of each class, which files were skipped, and warnings."""

    title: str
    layout: Layout
    counts: dict[str, int]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[tuple[str, dict[str, Any]], ...] = ()
    pairable: bool = False  # names make pairs, if perhaps no more than by their numbers
    captions: int = 0  # images that have one

    @property
    def count(self) -> int:
        """How many images can be used."""
        return sum(self.counts.values())

    def serves(self, needs: Needs, *, captioned: bool = False) -> bool:
        """Tell whether a method with these needs, or one that needs captions, can be trained."""
        if captioned:
            return bool(self.captions) or self.layout != "one"
        several = self.layout in ("two", "pairs")
        return needs == "pictures" or several and (needs == "domains" or self.pairable)

    def lines(self, most: int = 10) -> list[str]:
        """Return the report as lines of text, with at most `most` of the skipped files."""
        layouts = {
            "one": "no classes",
            "classes": f"{len(self.counts)} classes",
            "two": "two folders: classes, or domains for translation",
            "pairs": "two folders with equal names: pairs for translation, or classes",
        }
        lines = [f"{self.title}: {self.count} pictures, {layouts[self.layout]}"]
        if self.layout != "one":
            lines += [f"  {count:6}  {name}" for name, count in self.counts.items()]
        if self.captions:
            lines.append(f"  {self.captions:,} of {self.count:,} pictures have a caption")
        lines += [f"! {WARNINGS[key].format(**values)}" for key, values in self.warnings]
        if self.skipped:
            lines.append(f"left out: {len(self.skipped)}")
            lines += [f"  {s.name}: {REASONS[s.reason]}" for s in self.skipped[:most]]
            if len(self.skipped) > most:
                lines.append(f"  … and {len(self.skipped) - most} more")
        return lines


@dataclass(frozen=True)
class UserDataset:
    """Images uint8 (N, 3, S, S), their classes, the number of the pair that each belongs to, -1:
    to none, and whether each is held out of the training.
    """

    report: Report
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    pairs: Tensor
    held_out: Tensor  # bool (N,)
    names: tuple[str, ...] = ()
    captions: bytes | None = field(default=None, repr=False)
    flip: bool = False  # may the images be mirrored

    def sheet(self, columns: int = 12, rows: int = 4) -> Image.Image:
        """Return a contact sheet with a few images of every class."""
        order = torch.argsort(self.labels, stable=True)
        n = min(columns * rows, len(order))
        chosen = order[torch.linspace(0, len(order) - 1, n).round().long()]
        return images.grid(images.to_pil(self.images[chosen]), min(columns, n))

    def split(
        self, split: Split, needs: Needs = "pictures", *, captioned: bool = False
    ) -> Dataset:
        """Return what is held out, for “test”, or the rest, for “train”; see `load`."""
        table = self.captions if captioned else None
        return _split(self._described(), self._tensors(), self.held_out, needs, table, split)

    def _described(self) -> dict[str, Any]:
        return {
            "title": self.report.title,
            "classes": list(self.classes),
            "flip": self.flip,
            "names": list(self.names),
        }

    def _tensors(self) -> dict[str, Tensor]:
        return {"images": self.images, "labels": self.labels, "pairs": self.pairs}

    def save(self, directory: Path) -> None:
        """Write the images into the directory of their run."""
        tensors = self._tensors() | {"held_out": self.held_out}
        described = {"told": json.dumps(self._described())}  # as the files of earlier runs call it
        checkpoint.write_tensors(directory / IMAGES_FILE, tensors, described)
        if self.captions is not None:
            (directory / CAPTIONS).write_bytes(self.captions)


def load(path: Path, needs: Needs, *, captioned: bool = False, split: Split = "train") -> Dataset:
    """Return the images of a run as a set for methods with these `needs`: what is held out for
    the split “test”, the rest for “train”. Where it is to be `captioned` and there is a table of
    captions, only those that it names.

    Raises BadData where the file is damaged, the images do not serve the needs, or none is in the
    split.
    """
    try:
        with safe_open(path, framework="pt") as file:
            described = json.loads(file.metadata()["told"])
            tensors = {name: file.get_tensor(name) for name in ("images", "labels", "pairs")}
            # Runs of before learnt from all of their images.
            known = set(file.keys())
            held = file.get_tensor("held_out") if "held_out" in known else None
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        raise BadData("The run's own pictures are damaged; start it again from yours.") from None
    if held is None:
        held = torch.zeros(len(tensors["images"]), dtype=torch.bool)
    table = path.with_name(CAPTIONS)
    content = table.read_bytes() if captioned and table.is_file() else None
    return _split(described, tensors, held, needs, content, split)


def _split(
    described: dict[str, Any],
    tensors: dict[str, Tensor],
    held: Tensor,
    needs: Needs,
    table: bytes | None,
    split: Split,
) -> Dataset:
    """Return a split of a user data set, with the captions of `table` if given."""
    title, classes = described["title"], tuple(described["classes"])
    chosen = (held == (split == "test")).nonzero().flatten()
    if not len(chosen):
        raise BadData(
            f"{title} has no pictures for “{split}”: they are too few to hold any out; bring more."
        )
    pixels, labels, pairs = (tensors[name][chosen] for name in ("images", "labels", "pairs"))
    about: dict[str, Any] = {
        "name": PREFIX + title,
        "title": title,
        "licence": "yours",
        "flip": described["flip"],
        "private": True,
    }
    if needs != "pictures":
        paired = needs in ("pairs", "plans")
        return _domains(pixels, labels, pairs if paired else None, classes, about)
    dataset = Dataset(images=pixels, labels=labels, classes=classes, **about)
    if table is None:
        return dataset
    names = [described["names"][i] for i in chosen.tolist()]
    return captions.caption_by_table(dataset, names, table)


def _domains(
    pixels: Tensor,
    labels: Tensor,
    pairs: Tensor | None,
    classes: tuple[str, ...],
    about: dict[str, Any],
) -> Domains:
    """Return two classes as two domains; as pairs, where their numbers are given."""
    if len(classes) != 2:
        raise BadData(
            f"{about['title']} has {len(classes) or 1} folder(s) of pictures; a method that "
            "translates needs two: trainA and trainB, or any other names."
        )
    ends = [(labels == k).nonzero().flatten() for k in (0, 1)]
    paired = pairs is not None and bool((pairs >= 0).any())
    if paired:
        both = pairs[ends[0]][torch.isin(pairs[ends[0]], pairs[ends[1]])]
        whole = [e[torch.isin(pairs[e], both[both >= 0])] for e in ends]
        ends = [e[pairs[e].argsort()] for e in whole]
    if any(len(e) == 0 for e in ends):
        raise BadData(f"{about['title']} has no pictures of one of its domains; bring more.")
    first, second = (pixels[e] for e in ends)
    return Domains(
        images=first,
        labels=torch.zeros(len(first), dtype=torch.int64),
        classes=(),
        others=(second,),
        domains=classes,
        paired=paired,
        **about,
    )
