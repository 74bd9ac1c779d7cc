"""The models of the Translate tab: their order, their directions, and what belongs to them."""

from __future__ import annotations

from aigc_demo.studio import RUN_PREFIX, ModelInfo, Studio

FIRST = ("monet2photo-cyclegan", "summer2winter-cyclegan", "facades-pix2pix")
EMOJI = ("twemoji2fluentui", "emoji_styles")  # data sets, whose models take emoji


def usable(studio: Studio) -> list[ModelInfo]:
    """Return the models that translate: a few well-known ones first, then the others by name."""
    models = [m for m in studio.models("translate") if not m.problem]
    order = {name: i for i, name in enumerate(FIRST)}
    return sorted(models, key=lambda m: (m.from_run, order.get(m.name, len(FIRST))))


def choices(studio: Studio) -> list[tuple[str, str]]:
    """Return the usable models as the picker shows them; a star marks those of training runs."""

    def run(info: ModelInfo) -> str:
        return f"★ {info.name.removeprefix(RUN_PREFIX)[:24]} · " if info.from_run else ""

    return [
        (f"{run(m)}{m.title} · {m.size} px · {m.megabytes:.1f} MB", m.name) for m in usable(studio)
    ]


def directions(info: ModelInfo) -> list[tuple[str, str]]:
    """Return the directions of a model, or the styles that it knows, with their names."""
    if info.labels:
        return [(f"→ {label}", label) for label in info.labels]
    a, b = info.domains[:2]
    names = {"AtoB": f"{a} → {b}", "BtoA": f"{b} → {a}"}
    return [(names[direction], direction) for direction in info.directions]


def first_direction(info: ModelInfo) -> str:
    """Return the direction that people most often want: away from photographs."""
    if info.labels:
        return "fluentui" if "fluentui" in info.labels else info.labels[0]
    return "BtoA" if info.domains[1] == "photo" and "BtoA" in info.directions else "AtoB"


def takes_label_map(info: ModelInfo, direction: str) -> bool:
    """Return whether the input of a model is a label map, which is drawn on the board."""
    return not info.labels and info.domains[direction == "BtoA"] == "plan"


def makes_label_map(info: ModelInfo) -> bool:
    """Return whether a model segments photographs into label maps."""
    return info.method == "segment" and "plan" in info.domains[:2]


def visible(info: ModelInfo | None, direction: str) -> dict[str, bool]:
    """Return which components belong to a direction of a model."""
    maps = info is not None and takes_label_map(info, direction)
    emoji = info is not None and info.data in EMOJI
    segments = info is not None and makes_label_map(info)
    return {
        "editor": not maps,
        "label_map": maps,
        "strength": not maps,
        "cycle": info is not None and not info.labels and len(info.directions) == 2,
        "label_maps": maps,
        "photos": not maps and not emoji,
        "emoji": emoji,
        "all_styles": info is not None and bool(info.labels),
        "crf_weight": segments,
        "edit": segments,
    }
