"""What an evaluation writes: a table, the metrics of the card, a contact sheet."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from torch import Tensor

from aigc_demo.imaging import images
from aigc_demo.methods import checkpoint
from aigc_demo.metrics.scores import BASELINE, Score

COLUMNS = 8  # of the contact sheet


def table(title: str, scores: list[Score], baseline: list[Score], reference: str) -> str:
    """Return the scores, those of real test images beside them, as lines of text."""
    real = {s.name: s for s in baseline}
    rows = [(title, "value", "real test", "N", "against")]
    for s in scores:
        value = _number(s) if s.value is not None else "n/a"
        beside = _number(real.pop(s.name, None))
        rows.append((s.name, value, beside, f"{s.n:,}", s.reason or reference))
    for s in real.values():
        rows.append((s.name, "", _number(s), f"{s.n:,}", s.reason or reference))
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    return "\n".join(
        f"{row[0]:<{widths[0]}}  "
        + "  ".join(f"{cell:>{w}}" for cell, w in zip(row[1:4], widths[1:], strict=True))
        + f"  {row[4]}"
        for row in rows
    )


def _number(score: Score | None) -> str:
    if score is None or score.value is None:
        return ""
    return f"{score.value:.4g}" + (f" ± {score.std:.2g}" if score.std is not None else "")


def card_metrics(scores: list[Score], baseline: list[Score] = ()) -> dict[str, float]:
    """Return the scores that have a value as a card holds them, to six digits."""
    found: dict[str, float] = {}
    for s in (*scores, *(replace(b, name=BASELINE + b.name) for b in baseline)):
        if s.value is not None:
            found[s.name] = float(f"{s.value:.6g}")
            if s.std is not None:
                found[f"{s.name}_std"] = float(f"{s.std:.6g}")
    return found


def write_card(folder: Path, found: dict[str, float | str]) -> None:
    """Put metrics into a model's card, in place of those that the same extractors gave before."""
    card = checkpoint.read_card(folder)
    extractors = {m[0] for name in found if (m := re.search(r"_(compact|inception)_", name))}
    kept = {k: v for k, v in card.metrics.items() if not any(e in k for e in extractors)}
    card = card.model_copy(update={"metrics": kept | found})
    checkpoint.write_text(folder / checkpoint.CARD, card.model_dump_json(indent=1) + "\n")


def write_contact_sheet(path: Path, samples: Tensor, originals: Tensor) -> None:
    """Write samples, uint8 (N, C, H, W), in rows, each above the training image closest to it."""
    rows = []
    for above, below in zip(samples.split(COLUMNS), originals.split(COLUMNS), strict=True):
        rows += [*images.to_pil(above), *images.to_pil(below)]
    side = max(rows[0].size)
    shown = [images.enlarge(image, 4 * side, crisp=True) for image in rows]
    images.grid(shown, min(COLUMNS, len(samples))).save(path, "PNG")
