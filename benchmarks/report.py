"""Writes the sections of ``benchmarks/RESULTS.md``, one a benchmark; leaves the others alone."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import torch

from aigc_demo import device as devices
from aigc_demo.methods import checkpoint

RESULTS = Path(__file__).with_name("RESULTS.md")
INTRODUCTION = """# Results

Written by the scripts in `benchmarks/`; every section names its command and its machine. Run the
command again and the section is replaced.
"""


def table(columns: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Return a Markdown table; the first column is aligned left, the others right."""
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def machine() -> str:
    """Return a line about this machine: processor, threads, number format, torch."""
    described = devices.describe(devices.default_device())
    return f"{described}; torch {torch.__version__}; {date.today().isoformat()}"


def write_metrics(folder: Path, metrics: dict[str, float]) -> None:
    """Add rounded `metrics` to the card of a model."""
    card = checkpoint.read_card(folder)
    card.metrics.update({name: round(value, 3) for name, value in metrics.items()})
    checkpoint.write_text(folder / checkpoint.CARD, card.model_dump_json(indent=1) + "\n")


def rows_of(title: str, *, path: Path = RESULTS) -> dict[str, list[str]]:
    """Return the cells of each row of a section's table by the first: those of what is not
    measured anew can stay.
    """
    section = path.read_text(encoding="utf-8").partition(f"<!-- begin {title} -->")[2]
    lines = section.partition("<!-- end ")[0].splitlines()
    rows = [line.strip("| ").split(" | ") for line in lines if line.startswith("| ")]
    return {cells[0]: cells for cells in rows[2:]}


def write_section(title: str, command: str, markdown: str, *, path: Path = RESULTS) -> None:
    """Replace the section ``## title`` of `path` by `markdown` (see `table`), or append it.

    A section stands between ``<!-- begin title -->`` and ``<!-- end title -->``.
    """
    begin, end = f"<!-- begin {title} -->", f"<!-- end {title} -->"
    body = f"## {title}\n\n`{command}` — {machine()}\n\n{markdown.strip()}"
    section = f"{begin}\n{body}\n{end}"
    text = path.read_text(encoding="utf-8") if path.exists() else INTRODUCTION
    pattern = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if pattern.search(text):
        text = pattern.sub(lambda _: section, text)
    else:
        text = f"{text.rstrip()}\n\n{section}"
    path.write_text(text.rstrip() + "\n", encoding="utf-8")
