"""Runs that are worth watching, ready to start: the Train tab's presets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.requests import TrainPlan

WATCHED = {"warmup": 50, "preview_every": 3.0, "score_every": 15.0, "save_every": 15.0}

PRESETS: dict[str, TrainPlan] = {
    "gan_fashion": TrainPlan(
        method="dcgan",
        data="fashion_mnist",
        seconds=180.0,
        batch=8,  # many small steps go farther in minutes than few large ones
        lr=1e-3,
        config={"loss": "bce", "r1": 0.1},
        **WATCHED,
    ),
    "vae_digits": TrainPlan(method="vae", data="mnist", seconds=120.0, **WATCHED),
    "flow_fashion": TrainPlan(method="flow", data="fashion_mnist", seconds=600.0, **WATCHED),
    "gan_doodles": TrainPlan(
        method="dcgan",
        data="quickdraw",
        seconds=300.0,
        batch=8,
        lr=1e-3,
        config={"loss": "bce", "r1": 1.0, "r1_every": 4, "diffaugment": ["translation"]},
        **WATCHED,
    ),
    "flow_doodles": TrainPlan(method="flow", data="quickdraw", seconds=600.0, **WATCHED),
    "words_emoji": TrainPlan(
        method="text2image", data="emoji_captions", seconds=1800.0, **WATCHED
    ),
    "pix2pix_facades": TrainPlan(
        method="pix2pix",
        data="facades",
        seconds=600.0,
        config={"size": 64, "widths": [32, 64, 128, 192]},
        **WATCHED,
    ),
    "pix2pix_emoji": TrainPlan(
        method="pix2pix",
        data="twemoji2fluentui",
        seconds=300.0,
        batch=8,
        config={"size": 64, "widths": [32, 64, 128, 192], "residual": True},
        **WATCHED,
    ),
    "cyclegan_summer": TrainPlan(
        method="cyclegan",
        data="summer2winter",
        seconds=600.0,
        config={"size": 64},
        **WATCHED,
    ),
    "gan_unstable": TrainPlan(
        method="dcgan",
        data="fashion_mnist",
        seconds=120.0,
        batch=8,
        lr=1e-2,
        ema=0.0,
        config={"loss": "bce", "r1": 0.0},
        **WATCHED,
    ),
}


# --- Somebody's own pictures: 100 to 2,000 -------------------------------------------------------


@dataclass(frozen=True)
class OwnPreset:
    """How to learn from few pictures with a method, at the sizes (pixels) for which it has
    settings; `start` names the shipped model to begin with.
    """

    method: str
    needs: Literal["pictures", "domains", "pairs"]
    sizes: dict[int, dict[str, Any]]
    fields: dict[str, Any] = field(default_factory=dict)
    start: dict[int, str] = field(default_factory=dict)

    @property
    def reads(self) -> bool:
        """Does it learn what captions, or names of classes, say of the pictures."""
        return METHODS[self.method].condition == "text"


# Small nets. A GAN sees each picture shifted, cut and in other colours, so that it cannot learn
# them by heart; many small steps go farther in minutes than few large ones.
_GAN = {"width": 32, "r1": 1.0, "r1_every": 4,
        "diffaugment": ["translation", "cutout", "colour"]}  # fmt: skip
_SLOW = {"preview_every": 15.0, "score_every": 120.0, "score_count": 100}  # slow to paint
_FLOW = {"width": 48, "growth": [1, 2], "depth": [1, 2], "dropout": 0.1}

OWN_PRESETS: dict[str, OwnPreset] = {
    "own_start": OwnPreset(
        "flow", "pictures", {64: {}, 32: {}},
        {"batch": 16, "lr": 5e-4} | _SLOW, {64: "scenes-flow", 32: "cifar10-flow"},
    ),
    "own_gan": OwnPreset("dcgan", "pictures", {32: _GAN}, {"batch": 8, "lr": 1e-3}),
    "own_flow": OwnPreset(
        "flow", "pictures",
        {32: _FLOW, 64: _FLOW | {"patch": 4}, 128: _FLOW | {"patch": 8}},
        {"batch": 16} | _SLOW,
    ),
    "own_words": OwnPreset(
        "text2image", "pictures", {64: {}, 32: {}}, _SLOW, {64: "emoji-text2image"}
    ),
    "own_cyclegan": OwnPreset("cyclegan", "domains", {64: {}, 128: {}}),
    "own_pix2pix": OwnPreset(
        "pix2pix", "pairs",
        {64: {"widths": [32, 64, 128, 192]}, 128: {"widths": [32, 64, 128, 192]}},
    ),
}  # fmt: skip


def own_plan(
    name: str, title: str, size: int, *, classes: int, minutes: float, folder: str
) -> TrainPlan:
    """Return a plan for somebody's own pictures; `folder` holds the shipped models.

    Raises BadValue where the preset has no settings for this size.
    """
    if name not in OWN_PRESETS:
        raise BadValue(f"preset: choose one of {', '.join(OWN_PRESETS)}.")
    preset = OWN_PRESETS[name]
    if size not in preset.sizes:
        sizes = " or ".join(map(str, sorted(preset.sizes)))
        raise BadValue(f"size: this preset cannot make {size} pixels; take {sizes}.")
    fields = WATCHED | preset.fields
    config: dict[str, Any] = {"size": size} | preset.sizes[size]
    if size in preset.start:
        fields |= {"init": f"{folder}/{preset.start[size]}"}
        config |= {"classes": classes} if METHODS[preset.method].classes else {}
    return TrainPlan(
        method=preset.method, data=title, seconds=minutes * 60, config=config, **fields
    )
