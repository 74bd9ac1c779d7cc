"""Somebody's own pictures: checked before anything is trained, brought to one size once, and kept
inside their run, so that they are private to it and vanish with it.

    own = checking.read([Path("holiday.zip")], size=64)
    print("\\n".join(own.report.lines()))
    own.save(directory_of_a_run)
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor

from aigc_demo.data import captions
from aigc_demo.data.dataset import Dataset, Domains
from aigc_demo.data.image_files import CAPTIONS, REASONS, Skipped
from aigc_demo.errors import BadData
from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.methods.base import Needs

PREFIX = "yours:"  # before the title of such a set: its name
IMAGES_FILE = "pictures.safetensors"  # in the directory of a run
Layout = Literal["one", "classes", "two", "pairs"]

WARNINGS = {
    "few": "Fewer than {least} pictures: the model will repeat them. Bring more if you can.",
    "unequal": "The classes are very unequal: {most} of “{large}”, {fewest} of “{small}”.",
    "rare": "Fewer than {least} pictures of: {names}.",
    "copies": "{count} pictures are copies of others.",
    "small": "{count} pictures are smaller than {size} pixels and will be enlarged.",
    "held": "{count} pictures in test folders are left out of the training.",
    "many": "{count} folders are too many for classes; they are not told apart.",
    "loose": "{count} pictures lie beside the folders; they are the class “{name}”.",
}


@dataclass(frozen=True)
class Report:
    """What was found: how many of each class, what was left out and what to think of."""

    title: str
    layout: Layout
    counts: dict[str, int]
    skipped: tuple[Skipped, ...] = ()
    warnings: tuple[tuple[str, dict[str, Any]], ...] = ()
    captions: int = 0  # lines of captions.csv

    @property
    def count(self) -> int:
        """How many pictures can be used."""
        return sum(self.counts.values())

    @property
    def reasons(self) -> Counter[str]:
        """How many were left out for each reason."""
        return Counter(s.reason for s in self.skipped)

    def serves(self, needs: Needs, *, reads: bool = False) -> bool:
        """Tell whether a method with these needs, or one that learns from captions, can learn from
        the pictures.
        """
        if reads:
            return bool(self.captions) or self.layout != "one"
        several = ("two", "pairs") if needs == "domains" else ("pairs",)
        return needs == "pictures" or self.layout in several

    def lines(self, most: int = 10) -> list[str]:
        """Return the report as lines of text, at most `most` of the files that were left out."""
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
            lines.append(f"  {CAPTIONS}: {self.captions} lines, kept beside the pictures")
        lines += [f"! {WARNINGS[key].format(**values)}" for key, values in self.warnings]
        if self.skipped:
            lines.append(f"left out: {len(self.skipped)}")
            lines += [f"  {s.name}: {REASONS[s.reason]}" for s in self.skipped[:most]]
            if len(self.skipped) > most:
                lines.append(f"  … and {len(self.skipped) - most} more")
        return lines


@dataclass(frozen=True)
class UserDataset:
    """Pictures uint8 (N, 3, S, S), their classes, and the number of the pair that each belongs to,
    -1: to none.
    """

    report: Report
    images: Tensor
    labels: Tensor
    classes: tuple[str, ...]
    pairs: Tensor
    names: tuple[str, ...] = ()
    captions: bytes | None = field(default=None, repr=False)
    flip: bool = False  # may they be mirrored

    def sheet(self, columns: int = 12, rows: int = 4) -> Image.Image:
        """Return a sheet with a few pictures of every class."""
        order = torch.argsort(self.labels, stable=True)
        n = min(columns * rows, len(order))
        chosen = order[torch.linspace(0, len(order) - 1, n).round().long()]
        return images.grid(images.to_pil(self.images[chosen]), min(columns, n))

    def save(self, directory: Path) -> None:
        """Write the pictures into the directory of their run."""
        told = {
            "title": self.report.title,
            "classes": list(self.classes),
            "flip": self.flip,
            "names": list(self.names),
        }
        tensors = {"images": self.images, "labels": self.labels, "pairs": self.pairs}
        checkpoint.write_tensors(directory / IMAGES_FILE, tensors, {"told": json.dumps(told)})
        if self.captions is not None:
            (directory / CAPTIONS).write_bytes(self.captions)


def load(path: Path, needs: Needs, *, reads: bool = False) -> Dataset:
    """Return the pictures of a run as a set that serves methods with these `needs`; for one that
    `reads` only those that have a caption, where there is a table of them.
    """
    try:
        with safe_open(path, framework="pt") as file:
            told = json.loads(file.metadata()["told"])
            pixels, labels, pairs = (file.get_tensor(n) for n in ("images", "labels", "pairs"))
    except (OSError, SafetensorError, KeyError, ValueError, TypeError):
        raise BadData("The run's own pictures are damaged; start it again from yours.") from None
    title, classes = told["title"], tuple(told["classes"])
    about: dict[str, Any] = {
        "name": PREFIX + title, "title": title, "licence": "yours", "flip": told["flip"],
        "private": True,
    }  # fmt: skip
    if needs == "pictures":
        every = Dataset(images=pixels, labels=labels, classes=classes, **about)
        table = path.with_name(CAPTIONS)
        if reads and table.is_file():
            return captions.caption_by_table(every, told["names"], table.read_bytes())
        return every
    if len(classes) != 2:
        raise BadData(
            f"{title} has {len(classes) or 1} folder(s) of pictures; a method that translates "
            "needs two: trainA and trainB, or any other names."
        )
    ends = [(labels == k).nonzero().flatten() for k in (0, 1)]
    paired = needs in ("pairs", "plans") and bool((pairs >= 0).any())
    if paired:
        whole = [e[pairs[e] >= 0] for e in ends]
        ends = [e[pairs[e].argsort()] for e in whole]
    first, second = (pixels[e] for e in ends)
    nothing = torch.zeros(len(first), dtype=torch.int64)
    return Domains(
        images=first, labels=nothing, classes=(), others=(second,), domains=classes,
        paired=paired, **about,
    )  # fmt: skip
