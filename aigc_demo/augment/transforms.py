"""``AUGMENTS``: the steps that a pipeline can have, by name.

The policies are AutoAugment (Cubuk et al., 2019, https://arxiv.org/abs/1805.09501), RandAugment
(Cubuk et al., 2020, https://arxiv.org/abs/1909.13719), TrivialAugment (Müller and Hutter, 2021,
https://arxiv.org/abs/2103.10158) and AugMix (Hendrycks et al., 2020,
https://arxiv.org/abs/1912.02781); the steps that mix two pictures are mixup (Zhang et al., 2018,
https://arxiv.org/abs/1710.09412) and CutMix (Yun et al., 2019, https://arxiv.org/abs/1905.04899).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torchvision.transforms import v2

from aigc_demo.augment.transform_spec import (
    BILINEAR,
    FILL,
    Augment,
    Call,
    Code,
    Parameter,
    Size,
    Values,
)


def _rotate(v: Values, size: Size) -> Call:
    low, high = v.get("at", (-v["degrees"], v["degrees"]))
    return Call(
        "RandomRotation",
        {"degrees": (low, high), "interpolation": BILINEAR, "fill": v["fill"]},
    )


def _affine(v: Values, **moved: Any) -> Call:
    moved = {"degrees": 0} | moved
    return Call("RandomAffine", moved | {"interpolation": BILINEAR, "fill": v["fill"]})


def _scale(v: Values, size: Size) -> Call:
    return _affine(v, scale=v.get("at", (v["smallest"], v["largest"])))


def _shear(v: Values, size: Size) -> Call:
    low, high = v.get("at", (-v["degrees"], v["degrees"]))
    return _affine(v, shear=(low, high, low, high))


def _elastic(v: Values, size: Size) -> Call:
    sigma = min(v["sigma"], (min(size) - 1) / 4)  # its kernel must fit into the picture
    return Call("ElasticTransform", {"alpha": v["alpha"], "sigma": sigma, "fill": v["fill"]})


def _cropped(v: Values, size: Size) -> Size:
    return max(1, round(v["share"] * size[0])), max(1, round(v["share"] * size[1]))


def _resized_crop(v: Values, size: Size) -> Call:
    stretch = v["stretch"]
    return Call(
        "RandomResizedCrop",
        {
            "size": size,
            "scale": v.get("at", (v["smallest"], 1.0)),
            "ratio": (round(1 / stretch, 4), stretch),
            "antialias": True,
        },
    )


def _jitter(v: Values, size: Size) -> Call:
    return Call("ColorJitter", dict(v))


def _jittered(v: Values, share: float) -> Values:
    """Brighter, with more contrast and colour, and turned in hue, as far as they go."""
    more = {name: (1 + share * v[name],) * 2 for name in v}
    return more | {"hue": (share * v["hue"],) * 2}


def _blur(v: Values, size: Size) -> Call:
    side = 2 * max(1, min(round(3 * v["sigma"]), (min(size) - 1) // 2)) + 1
    return Call("GaussianBlur", {"kernel_size": side, "sigma": v.get("at", (0.1, v["sigma"]))})


def _erase(v: Values, size: Size) -> Call:
    low, high = v.get("at", (v["smallest"], v["largest"]))
    arguments = {"scale": (low, high), "ratio": (0.3, 3.3), "value": v["fill"]}
    return Call("RandomErasing", arguments)


def _cutout(v: Values, size: Size) -> Call:
    area = round(v["side"] ** 2 * min(size) / max(size), 4)
    return Call("RandomErasing", {"scale": (area, area), "ratio": (1.0, 1.0), "value": v["fill"]})


def _at(name: str, low: float = 0.0) -> Callable[[Values, float], Values]:
    """Return a sweep of one number from `low` up to what is set."""
    return lambda v, s: {name: low + s * (v[name] - low)}


def _draws(name: str, low: float = 0.0) -> Callable[[Values, float], Values]:
    """Return a sweep of what is drawn, from `low` up to the limit `name`."""
    return lambda v, s: {"at": (low + s * (v[name] - low),) * 2}


def _plain(name: str) -> Callable[[Values, Size], Call]:
    """Return the call of a class without arguments."""
    return lambda v, size: Call(name, {})


def _policy(name: str, *arguments: str) -> Callable[[Values, Size], Call]:
    def call(v: Values, size: Size) -> Call:
        return Call(name, {a: v[a] for a in arguments} | {"interpolation": BILINEAR})

    return call


def _auto_augment(v: Values, size: Size) -> Call:
    policy = v2.AutoAugmentPolicy[v["policy"].upper()]
    code = Code(f"v2.AutoAugmentPolicy.{policy.name}", policy)
    return Call("AutoAugment", {"policy": code, "interpolation": BILINEAR})


AUGMENTS: dict[str, Augment] = {
    "flip_horizontal": Augment(
        "geometry", _plain("RandomHorizontalFlip"), own_p=True, p=0.5,
        albumentations=_plain("HorizontalFlip"),
    ),
    "flip_vertical": Augment(
        "geometry", _plain("RandomVerticalFlip"), own_p=True, p=0.5,
        albumentations=_plain("VerticalFlip"),
    ),
    "rotate": Augment(
        "geometry", _rotate, (Parameter("degrees", 15.0, 0, 180, 1, "°"), FILL),
        sweep=_draws("degrees"),
        albumentations=lambda v, s: Call(
            "Rotate", {"limit": (-v["degrees"], v["degrees"]), "fill": v["fill"]}
        ),
    ),
    "translate": Augment(
        "geometry", lambda v, s: _affine(v, translate=(v["share"], v["share"])),
        (Parameter("share", 0.1, 0, 0.5), FILL), sweep=_at("share"),
        albumentations=lambda v, s: Call(
            "Affine", {"translate_percent": (-v["share"], v["share"]), "fill": v["fill"]}
        ),
    ),
    "scale": Augment(
        "geometry", _scale,
        (Parameter("smallest", 0.8, 0.2, 1.0), Parameter("largest", 1.2, 1.0, 3.0), FILL),
        sweep=_draws("largest", 1.0),
        albumentations=lambda v, s: Call(
            "Affine", {"scale": (v["smallest"], v["largest"]), "fill": v["fill"]}
        ),
    ),
    "shear": Augment(
        "geometry", _shear, (Parameter("degrees", 10.0, 0, 45, 1, "°"), FILL),
        sweep=_draws("degrees"),
        albumentations=lambda v, s: Call(
            "Affine", {"shear": (-v["degrees"], v["degrees"]), "fill": v["fill"]}
        ),
    ),
    "perspective": Augment(
        "geometry",
        lambda v, s: Call(
            "RandomPerspective", {"distortion_scale": v["distortion"], "fill": v["fill"]}
        ),
        (Parameter("distortion", 0.3, 0, 0.9), FILL), own_p=True, sweep=_at("distortion"),
        albumentations=lambda v, s: Call(
            "Perspective", {"scale": (0.0, round(v["distortion"] / 2, 4)), "fill": v["fill"]}
        ),
    ),
    "elastic": Augment(
        "geometry",
        _elastic,
        (
            Parameter("alpha", 50.0, 0, 300, 1, "px"), Parameter("sigma", 5.0, 1, 15, 0.5, "px"),
            FILL,
        ),
        sweep=_at("alpha"),
        albumentations=lambda v, s: Call(
            "ElasticTransform", {"alpha": v["alpha"], "sigma": v["sigma"], "fill": v["fill"]}
        ),
    ),
    "crop": Augment(
        "geometry", lambda v, s: Call("RandomCrop", {"size": _cropped(v, s)}),
        (Parameter("share", 0.8, 0.1, 1.0),), sweep=_at("share", 1.0),
        albumentations=lambda v, s: Call(
            "RandomCrop", dict(zip(("height", "width"), _cropped(v, s), strict=True))
        ),
    ),
    "resized_crop": Augment(
        "geometry", _resized_crop,
        (Parameter("smallest", 0.5, 0.05, 1.0), Parameter("stretch", 1.33, 1.0, 3.0)),
        sweep=_draws("smallest", 1.0),
        albumentations=lambda v, s: Call("RandomResizedCrop", {
            "size": s, "scale": (v["smallest"], 1.0),
            "ratio": (round(1 / v["stretch"], 4), v["stretch"]),
        }),
    ),
    "colour_jitter": Augment(
        "colour", _jitter,
        (
            Parameter("brightness", 0.2), Parameter("contrast", 0.2),
            Parameter("saturation", 0.2), Parameter("hue", 0.05, 0, 0.5),
        ),
        sweep=_jittered, albumentations=_jitter,
    ),
    "grey": Augment(
        "colour", _plain("RandomGrayscale"), own_p=True, p=0.2, albumentations=_plain("ToGray")
    ),
    "solarise": Augment(
        "colour", lambda v, s: Call("RandomSolarize", {"threshold": v["threshold"]}),
        (Parameter("threshold", 128, 0, 255, 1),), own_p=True, p=0.3, sweep=_at("threshold", 255),
        albumentations=lambda v, s: Call(
            "Solarize", {"threshold_range": (round(v["threshold"] / 255, 4),) * 2}
        ),
    ),
    "posterise": Augment(
        "colour", lambda v, s: Call("RandomPosterize", {"bits": round(v["bits"])}),
        (Parameter("bits", 3, 1, 8, 1),), own_p=True, p=0.3, sweep=_at("bits", 8),
        albumentations=lambda v, s: Call("Posterize", {"num_bits": round(v["bits"])}),
    ),
    "equalise": Augment(
        "colour", _plain("RandomEqualize"), own_p=True, p=0.3, albumentations=_plain("Equalize")
    ),
    "blur": Augment(
        "quality", _blur, (Parameter("sigma", 2.0, 0.1, 10.0, 0.1, "px"),), p=0.5,
        sweep=_draws("sigma", 0.1),
        albumentations=lambda v, s: Call(
            "GaussianBlur", {"blur_limit": 0, "sigma_limit": (0.1, v["sigma"])}
        ),
    ),
    "sharpen": Augment(
        "quality", lambda v, s: Call("RandomAdjustSharpness", {"sharpness_factor": v["factor"]}),
        (Parameter("factor", 2.0, 0, 10, 0.1),), own_p=True, p=0.5, sweep=_at("factor", 1.0),
    ),
    "noise": Augment(
        "quality", lambda v, s: Call("GaussianNoise", {"sigma": round(v["sigma"] / 255, 5)}),
        (Parameter("sigma", 10.0, 0, 100, 1),), p=0.5, sweep=_at("sigma"),
        albumentations=lambda v, s: Call(
            "GaussNoise", {"std_range": (round(v["sigma"] / 255, 5),) * 2}
        ),
    ),
    "jpeg": Augment(
        "quality",
        lambda v, s: Call("JPEG", {"quality": v.get("at", (v["lowest"], max(90, v["lowest"])))}),
        (Parameter("lowest", 30, 1, 100, 1),), p=0.5,
        sweep=lambda v, s: {"at": (round(95 + s * (v["lowest"] - 95)),) * 2},
        albumentations=lambda v, s: Call(
            "ImageCompression", {"quality_range": (v["lowest"], max(90, v["lowest"]))}
        ),
    ),
    "erase": Augment(
        "hiding", _erase,
        (Parameter("smallest", 0.02, 0.01, 0.9), Parameter("largest", 0.2, 0.01, 0.9), FILL),
        own_p=True, p=0.5, sweep=_draws("largest", 0.01),
        albumentations=lambda v, s: Call(
            "Erasing",
            {"scale": (v["smallest"], v["largest"]), "ratio": (0.3, 3.3), "fill": v["fill"]},
        ),
    ),
    "cutout": Augment(
        "hiding", _cutout, (Parameter("side", 0.4, 0.05, 0.9), FILL), own_p=True, p=0.5,
        sweep=_at("side", 0.05),
        albumentations=lambda v, s: Call("CoarseDropout", {
            "num_holes_range": (1, 1),
            "hole_height_range": (round(v["side"] * min(s)),) * 2,
            "hole_width_range": (round(v["side"] * min(s)),) * 2,
            "fill": v["fill"],
        }),
    ),
    "auto_augment": Augment(
        "policy", _auto_augment,
        (Parameter("policy", "imagenet", choices=("imagenet", "cifar10", "svhn")),),
    ),
    "rand_augment": Augment(
        "policy", _policy("RandAugment", "num_ops", "magnitude"),
        (Parameter("num_ops", 2, 1, 5, 1), Parameter("magnitude", 9, 0, 30, 1)),
        sweep=lambda v, s: {"magnitude": round(s * v["magnitude"])},
    ),
    "trivial_augment": Augment("policy", _policy("TrivialAugmentWide")),
    "aug_mix": Augment(
        "policy", _policy("AugMix", "severity", "mixture_width"),
        (Parameter("severity", 3, 1, 10, 1), Parameter("mixture_width", 3, 1, 5, 1)),
    ),
    "mixup": Augment(
        "mixing", lambda v, s: Call("MixUp", {"alpha": v["alpha"], "num_classes": 2}),
        (Parameter("alpha", 1.0, 0.05, 5.0, 0.05),),
    ),
    "cutmix": Augment(
        "mixing", lambda v, s: Call("CutMix", {"alpha": v["alpha"], "num_classes": 2}),
        (Parameter("alpha", 1.0, 0.05, 5.0, 0.05),),
    ),
}  # fmt: skip
