"""``python -m benchmarks.models`` writes the table of models into README.md, from their cards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from aigc_demo.studio import ModelInfo, Studio
from benchmarks import report

README = Path(__file__).parent.parent / "README.md"
START, END = "<!-- models -->", "<!-- /models -->"
COLUMNS = (
    "model",
    "pictures",
    "file",
    "trained",
    "class agreement",
    "diversity",
    "classifier on real test pictures",
)


def row(info: ModelInfo) -> list[str]:
    """Return the cells of one model."""
    card: dict[str, Any] = info.card
    metrics = card["metrics"]
    kind = "grey" if info.channels == 1 else "colour"
    cells = [
        f"`{info.name}`",
        f"{info.size}×{info.size} {kind}, {len(info.labels)} classes",
        f"{info.megabytes:.1f} MB",
        f"{total(card, 'seconds') / 60:.0f} min, {total(card, 'images_seen'):,} pictures seen",
        _score(metrics, "class_agreement_", "{:.1%}"),
        _score(metrics, "diversity_", "{:.2f}"),
    ]
    accuracy = metrics.get("classifier_accuracy")
    return [*cells, f"{accuracy:.1%}" if accuracy else "—"]


def total(card: dict[str, Any], field: str) -> float:
    """Return `field` summed over the card and those of the weights that it started from."""
    before = card.get("started_from")
    return card[field] + (total(before, field) if before else 0)


def _score(metrics: dict[str, Any], prefix: str, form: str) -> str:
    """Return the metric whose name is `prefix` and a number of pictures, with that number."""
    for name, value in metrics.items():
        if name.startswith(prefix) and name.removeprefix(prefix).isdigit():
            return f"{form.format(value)} (N = {name.removeprefix(prefix)})"
    return "—"


def table(models: list[ModelInfo]) -> str:
    """Return a Markdown table of `models`."""
    return report.table(COLUMNS, [row(m) for m in models])


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
