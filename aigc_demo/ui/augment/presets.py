"""Pipelines to begin with, and pipelines as text."""

from __future__ import annotations

import json
from typing import Any

from aigc_demo import augment
from aigc_demo.errors import BadValue

PRESETS: dict[str, list[dict[str, Any]]] = {
    "photos": [
        dict(name="rotate", degrees=10),
        dict(name="resized_crop", smallest=0.4),
        dict(name="flip_horizontal"),
        dict(name="colour_jitter", brightness=0.25, contrast=0.25, saturation=0.3),
        dict(name="grey", p=0.1),
    ],
    "small": [
        dict(name="flip_horizontal"),
        dict(name="translate", share=0.1),
        dict(name="colour_jitter", brightness=0.1, contrast=0.1, saturation=0.1, hue=0.02),
    ],
    "drawings": [
        dict(name="rotate", degrees=12),
        dict(name="scale", smallest=0.85, largest=1.1),
        dict(name="shear", degrees=8),
        dict(name="elastic", p=0.5, alpha=30, sigma=4),
    ],
    "strong": [
        dict(name="resized_crop", smallest=0.3),
        dict(name="flip_horizontal"),
        dict(name="colour_jitter", p=0.8, brightness=0.5, contrast=0.5, saturation=0.5, hue=0.15),
        dict(name="cutout", p=0.7, side=0.4),
    ],
    "policy": [dict(name="flip_horizontal"), dict(name="trivial_augment")],
    "mixing": [dict(name="flip_horizontal"), dict(name="cutmix")],
    "damage": [
        dict(name="blur", p=0.6, sigma=2.5),
        dict(name="noise", p=0.6, sigma=18),
        dict(name="jpeg", p=0.8, lowest=8),
        dict(name="posterise", p=0.2, bits=3),
    ],
}


def preset(name: str) -> str:
    """Return the pipeline of a preset as JSON."""
    if name not in PRESETS:
        raise BadValue(f"preset: choose one of {', '.join(PRESETS)}.")
    return as_json(augment.parse(PRESETS[name]))


def as_json(pipeline: augment.Pipeline) -> str:
    """Return a pipeline as JSON, a step a line."""
    lines = ",\n ".join(json.dumps(step) for step in augment.data(pipeline))
    return f"[{lines}]"
