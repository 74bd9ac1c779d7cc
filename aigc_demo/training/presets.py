"""Presets of the Train tab: runs that show something within minutes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.requests import TrainPlan

# How often a run that somebody watches reports.
INTERACTIVE = {"warmup": 50, "preview_every": 3.0, "score_every": 15.0, "save_every": 15.0}
_SMALL_UNET = {"widths": [32, 64, 128, 192]}
# Many small steps make more progress in minutes than a few large ones.
_SMALL_STEPS = {"batch": 8, "lr": 1e-3}


def _plan(method: str, data: str, seconds: float, **fields: Any) -> TrainPlan:
    return TrainPlan(method=method, data=data, seconds=seconds, **INTERACTIVE | fields)


PRESETS: dict[str, TrainPlan] = {
    "gan_fashion": _plan(
        "dcgan", "fashion_mnist", 180.0, config={"loss": "bce", "r1": 0.1}, **_SMALL_STEPS
    ),
    "vae_digits": _plan("vae", "mnist", 120.0),
    "flow_fashion": _plan("flow", "fashion_mnist", 600.0),
    "gan_doodles": _plan(
        "dcgan",
        "quickdraw",
        300.0,
        config={"loss": "bce", "r1": 1.0, "r1_every": 4, "diffaugment": ["translation"]},
        **_SMALL_STEPS,
    ),
    "flow_doodles": _plan("flow", "quickdraw", 600.0),
    "words_emoji": _plan("text2image", "emoji_captions", 1800.0),
    "pix2pix_facades": _plan("pix2pix", "facades", 600.0, config={"size": 64, **_SMALL_UNET}),
    "pix2pix_emoji": _plan(
        "pix2pix",
        "twemoji2fluentui",
        300.0,
        batch=8,
        config={"size": 64, **_SMALL_UNET, "residual": True},
    ),
    "cyclegan_summer": _plan("cyclegan", "summer2winter", 600.0, config={"size": 64}),
    "gan_unstable": _plan(
        "dcgan",
        "fashion_mnist",
        120.0,
        batch=8,
        lr=3e-2,
        ema=0.0,
        config={"loss": "bce", "r1": 0.0, "width": 32},
    ),
    # One random number a picture: nearly all that it paints of a class is the same.
    "gan_collapses": _plan(
        "dcgan",
        "fashion_mnist",
        120.0,
        config={"loss": "bce", "r1": 0.0, "width": 32, "latent": 1},
        **_SMALL_STEPS,
    ),
}


# --- User data sets: 100 to 2,000 images ---------------------------------------------------------


@dataclass(frozen=True)
class UserPreset:
    """How to train a method on few images, at the sizes (pixels) for which there are settings;
    `pretrained` names the shipped model to start from.
    """

    method: str
    needs: Literal["pictures", "domains", "pairs"]
    sizes: dict[int, dict[str, Any]]
    fields: dict[str, Any] = field(default_factory=dict)
    pretrained: dict[int, str] = field(default_factory=dict)

    @property
    def text_conditioned(self) -> bool:
        """Does it learn from captions, or from the names of classes."""
        return METHODS[self.method].condition == "text"


# Small networks; DiffAugment keeps a GAN from memorising the images.
_GAN = {
    "width": 32,
    "r1": 1.0,
    "r1_every": 4,
    "diffaugment": ["translation", "cutout", "colour"],
}
_FLOW = {"width": 48, "growth": [1, 2], "depth": [1, 2], "dropout": 0.1}
_SLOW_SAMPLING = {"preview_every": 15.0, "score_every": 120.0, "score_count": 100}

USER_PRESETS: dict[str, UserPreset] = {
    "own_start": UserPreset(
        "flow",
        "pictures",
        {64: {}, 32: {}},
        {"batch": 16, "lr": 5e-4, **_SLOW_SAMPLING},
        {64: "scenes-flow", 32: "cifar10-flow"},
    ),
    "own_gan": UserPreset("dcgan", "pictures", {32: _GAN}, _SMALL_STEPS),
    "own_flow": UserPreset(
        "flow",
        "pictures",
        {32: _FLOW, 64: {**_FLOW, "patch": 4}, 128: {**_FLOW, "patch": 8}},
        {"batch": 16, **_SLOW_SAMPLING},
    ),
    "own_words": UserPreset(
        "text2image", "pictures", {64: {}, 32: {}}, _SLOW_SAMPLING, {64: "emoji-text2image"}
    ),
    "own_cyclegan": UserPreset("cyclegan", "domains", {64: {}, 128: {}}),
    "own_pix2pix": UserPreset("pix2pix", "pairs", {64: _SMALL_UNET, 128: _SMALL_UNET}),
}


def user_plan(
    name: str, title: str, size: int, *, classes: int, minutes: float, folder: str
) -> TrainPlan:
    """Return a plan for a user data set called `title`; `folder` holds the shipped models.

    Raises BadValue where the preset has no settings for this size.
    """
    if name not in USER_PRESETS:
        raise BadValue(f"preset: choose one of {', '.join(USER_PRESETS)}.")
    preset = USER_PRESETS[name]
    if size not in preset.sizes:
        sizes = " or ".join(map(str, sorted(preset.sizes)))
        raise BadValue(f"size: this preset cannot make {size} pixels; take {sizes}.")
    fields, config = dict(preset.fields), {"size": size, **preset.sizes[size]}
    if size in preset.pretrained:
        fields["init"] = f"{folder}/{preset.pretrained[size]}"
        if METHODS[preset.method].classes:
            config["classes"] = classes
    return _plan(preset.method, title, minutes * 60, config=config, **fields)
