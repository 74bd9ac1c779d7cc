"""Runs that are worth watching, ready to start: the Train tab's presets."""

from __future__ import annotations

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
