"""How models are listed and described on the page."""

from __future__ import annotations

import json
from typing import Any

from aigc_demo.methods.checkpoint import in_all
from aigc_demo.studio import RUN_PREFIX, ModelInfo, Studio
from aigc_demo.ui.components.pictures import code, literal
from aigc_demo.ui.generate.forms import ALL
from aigc_demo.ui.i18n import T


def choices(studio: Studio) -> list[tuple[str, str]]:
    """Return the models that can be used now, as the picker shows them."""
    return [(describe(m), m.name) for m in studio.models("generate") if not m.problem]


def describe(info: ModelInfo) -> str:
    """Return a line about a model for the picker: title, side, size and its score where it has
    one.
    """
    words = [info.title, f"{info.size} px", f"{info.megabytes:.0f} MB"]
    if info.from_run:
        date = info.name.removeprefix(RUN_PREFIX)[:15]
        words = [f"★ {info.title}", date, words[1]]
    if score := fid(info):
        words.append(f"FID {score}")
    return " · ".join(words)


def fid(info: ModelInfo) -> str:
    """Return the FID of a model with its N, or nothing where the card has none."""
    found = [
        f"{value:.1f} (N {name.rsplit('_', 1)[1]})"
        for name, value in info.card.get("metrics", {}).items()
        if name.startswith("fid_compact_") and isinstance(value, int | float)
    ]
    return found[-1] if found else ""


def class_choices(first: str, *models: ModelInfo) -> list[tuple[Any, str]]:
    """Return the classes of `models` as choices; the first choice, named by a text, stands for
    none of them.
    """
    labels = dict.fromkeys(label for m in models for label in m.labels)
    return [(T(first), ALL), *((label, label) for label in labels)]


def card(info: ModelInfo) -> str:
    """Return the card as a Markdown table, what others wrote in it as text."""
    card = info.card
    number = "{:,}".format
    versions = ", ".join(f"{k} {v}" for k, v in card["versions"].items())
    rows = {
        "method": f"{literal(card['method'])} {code(json.dumps(card['config']))}",
        "data": f"{literal(card['data_title'])}, {number(card['data_size'])}, "
        f"{literal(card['data_licence'])}",
        "classes": ", ".join(map(literal, card["classes"])) or "none",
        "training": f"{number(in_all(card, 'steps'))} steps, "
        f"{number(in_all(card, 'images_seen'))} pictures, "
        f"{in_all(card, 'seconds') / 60:.0f} minutes",
        "device": literal(card["device"]),
        "command": code(card["command"]),
        "commit, versions": literal(f"{card['commit']} · {versions}"),
        "scores": literal(_scores(card["metrics"])) or "none yet",
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    return "\n".join(
        [f"| **{literal(info.name)}** | {info.megabytes:.1f} MB |", "|---|---|", *lines]
    )


def _scores(metrics: dict[str, Any]) -> str:
    """Return the scores, each with its real-data baseline; cards call that ``floor_…``."""
    words = []
    for name, value in metrics.items():
        if name.startswith("floor_") or name.endswith("_std"):
            continue
        baseline = metrics.get(f"floor_{name}")
        text = f"{value:.4g}" if isinstance(value, float) else str(value)
        words.append(f"{name} = {text}" + (f" (floor {baseline:.4g})" if baseline else ""))
    return ", ".join(words)
