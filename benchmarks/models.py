"""``python -m benchmarks.models`` writes the table of models into README.md, from their cards.

The scores are those of ``python -m aigc_demo evaluate``. Above the models stand the real test
pictures of each data set, measured the same way: what no model needs to beat.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from aigc_demo.methods.checkpoint import in_all
from aigc_demo.metrics.scores import BASELINE
from aigc_demo.pipelines.model_info import ModelInfo
from aigc_demo.studio import Studio
from benchmarks import report

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- models -->", "<!-- /models -->"
# Column, metric, and how its value is written.
SCORES = (
    ("FID", "fid", "{:.2f}"),
    ("KID × 1000", "kid", "{:.2f}"),
    ("IS", "is", "{:.2f}"),
    ("precision", "precision", "{:.2f}"),
    ("recall", "recall", "{:.2f}"),
    ("agreement", "agreement", "{:.1%}"),
    ("memorisation rate", "memorised", "{:.2f}"),
)
COLUMNS = ("model", "pictures", "file", "trained", "N", *(title for title, _, _ in SCORES))


def row(info: ModelInfo) -> list[str]:
    """Return the cells of one model."""
    card: dict[str, Any] = info.card
    kind = "grey" if info.channels == 1 else "colour"
    return [
        f"`{info.name}`",
        f"{info.size}×{info.size} {kind}, {len(info.labels)} classes",
        f"{info.megabytes:.1f} MB",
        f"{in_all(card, 'seconds') / 60:.0f} min, {in_all(card, 'images_seen'):,} pictures seen",
        *scores(card["metrics"]),
    ]


def floors(models: list[ModelInfo]) -> list[list[str]]:
    """Return a row of real test pictures for each data set of which a card knows their scores."""
    rows = {}
    for info in models:
        cells = scores(info.card["metrics"], BASELINE)
        if info.data not in rows and any(cell != "—" for cell in cells):
            rows[info.data] = [f"real `{info.data}` test pictures", "—", "—", "—", *cells]
    return list(rows.values())


def scores(metrics: dict[str, Any], prefix: str = "") -> list[str]:
    """Return the number of pictures and the cells of SCORES, "—" where a score is missing."""
    found = [find(metrics, f"{prefix}{kind}") for _, kind, _ in SCORES]
    n = max((n for _, n in filter(None, found)), default=0)
    cells = [
        form.format(score[0] * (1000 if kind == "kid" else 1)) if score else "—"
        for score, (_, kind, form) in zip(found, SCORES, strict=True)
    ]
    return [f"{n:,}" if n else "—", *cells]


def find(metrics: dict[str, Any], name: str) -> tuple[float, int] | None:
    """Return the value and the N of the score `name` with the largest N."""
    known = []
    for key, value in metrics.items():
        if match := re.fullmatch(rf"{name}_compact_(\d+)(k?)", key):
            known.append((int(match[1]) * (1000 if match[2] else 1), value))
    return max(known)[::-1] if known else None


def table(models: list[ModelInfo]) -> str:
    """Return a Markdown table: real test pictures, then `models`."""
    return report.table(COLUMNS, [*floors(models), *map(row, models)])


def main() -> None:
    """Replace the table in README.md."""
    models = [m for m in Studio("checkpoints").models("generate") if not m.problem]
    text = README.read_text(encoding="utf-8")
    before, rest = text.split(START, 1)
    after = rest.split(END, 1)[1]
    README.write_text(f"{before}{START}\n{table(models)}\n{END}{after}", encoding="utf-8")
    print(table(models))


if __name__ == "__main__":
    main()
