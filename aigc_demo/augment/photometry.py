"""Transforms that change the values of pixels and move none: colour, quality, erasing."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aigc_demo.augment.transform import FILL, Call, Parameter, Pixels, Size, Transform, Values

LEVELS = np.arange(256, dtype=np.float32)


class ColourJitter(Transform):
    name, group = "colour_jitter", "colour"
    parameters = (
        Parameter("brightness", 0.2),
        Parameter("contrast", 0.2),
        Parameter("saturation", 0.2),
        Parameter("hue", 0.05, 0, 0.5),
    )
    strength = "brightness"  # and all others with it
    torchvision_class = albumentations_class = "ColorJitter"

    def at(self, values: Values, share: float) -> Values:
        """Return brighter, more contrast and colour, and a turned hue."""
        factors = {name: (1 + share * value,) * 2 for name, value in values.items()}
        return factors | {"hue": (share * values["hue"],) * 2}

    def opencv(self, x: Pixels, sampled: Values, **values: float) -> Pixels:
        """Change brightness, contrast, saturation and hue in the order that was sampled."""
        for i in sampled["fn_idx"].tolist():
            name, change = list(JITTER.items())[i]
            if sampled[name] is not None:
                x = change(x, sampled[name]).reshape(x.shape)
        return x

    def describe(self, sampled: Values) -> str:
        factors = {name: sampled.get(f"{name}_factor") for name in self.defaults()}
        return ", ".join(
            f"{name[:3]} {factor:+.2f}" if name == "hue" else f"{name[:3]} ×{factor:.2f}"
            for name, factor in factors.items()
            if factor is not None
        )


class Grey(Transform):
    name, group, p, takes_p = "grey", "colour", 0.2, True
    torchvision_class, albumentations_class = "RandomGrayscale", "ToGray"

    def opencv(self, x: Pixels, sampled: Values) -> Pixels:
        return x if x.shape[2] == 1 else cv2.cvtColor(_grey(x), cv2.COLOR_GRAY2RGB)


class Solarise(Transform):
    name, group, p, takes_p = "solarise", "colour", 0.3, True
    parameters = (Parameter("threshold", 128, 0, 255, 1),)
    strength, weakest = "threshold", 255
    torchvision_class = "RandomSolarize"

    def albumentations(self, size: Size, *, threshold: int) -> Call:
        return Call("Solarize", threshold_range=(round(threshold / 255, 4),) * 2)

    def opencv(self, x: Pixels, sampled: Values, *, threshold: int) -> Pixels:
        return _look_up(x, np.where(threshold <= LEVELS, 255 - LEVELS, LEVELS))


class Posterise(Transform):
    name, group, p, takes_p = "posterise", "colour", 0.3, True
    parameters = (Parameter("bits", 3, 1, 8, 1),)
    strength, weakest = "bits", 8

    def torchvision(self, size: Size, *, bits: float) -> Call:
        return Call("RandomPosterize", bits=round(bits))

    def albumentations(self, size: Size, *, bits: int) -> Call:
        return Call("Posterize", num_bits=bits)

    def opencv(self, x: Pixels, sampled: Values, *, bits: int) -> Pixels:
        return x & (256 - 2 ** (8 - bits))


class Equalise(Transform):
    name, group, p, takes_p = "equalise", "colour", 0.3, True
    torchvision_class, albumentations_class = "RandomEqualize", "Equalize"


class Blur(Transform):
    name, group, p = "blur", "quality", 0.5
    parameters = (Parameter("sigma", 2.0, 0.1, 10.0, 0.1, "px"),)
    strength, weakest, is_limit = "sigma", 0.1, True
    caption = "σ {sigma[0]:.1f} px"

    def torchvision(self, size: Size, *, sigma: float, at: tuple = ()) -> Call:
        kernel = _kernel_size(size, sigma)
        return Call("GaussianBlur", kernel_size=kernel, sigma=at or (0.1, sigma))

    def albumentations(self, size: Size, *, sigma: float) -> Call:
        return Call("GaussianBlur", blur_limit=0, sigma_limit=(0.1, sigma))

    def opencv(self, x: Pixels, sampled: Values, *, sigma: float) -> Pixels:
        kernel = (_kernel_size(x.shape[:2], sigma),) * 2
        return cv2.GaussianBlur(x, kernel, sampled["sigma"][0], borderType=cv2.BORDER_REFLECT_101)


def _kernel_size(size: Size, sigma: float) -> int:
    return 2 * max(1, min(round(3 * sigma), (min(size) - 1) // 2)) + 1


class Sharpen(Transform):
    name, group, p, takes_p = "sharpen", "quality", 0.5, True
    parameters = (Parameter("factor", 2.0, 0, 10, 0.1),)
    strength, weakest = "factor", 1.0

    def torchvision(self, size: Size, *, factor: float) -> Call:
        return Call("RandomAdjustSharpness", sharpness_factor=factor)


class Noise(Transform):
    name, group, p = "noise", "quality", 0.5
    parameters = (Parameter("sigma", 10.0, 0, 100, 1),)
    strength = "sigma"

    def torchvision(self, size: Size, *, sigma: float) -> Call:
        return Call("GaussianNoise", sigma=round(sigma / 255, 5))

    def albumentations(self, size: Size, *, sigma: float) -> Call:
        return Call("GaussNoise", std_range=(round(sigma / 255, 5),) * 2)


class Jpeg(Transform):
    name, group, p = "jpeg", "quality", 0.5
    parameters = (Parameter("lowest", 30, 1, 100, 1),)
    strength, weakest, is_limit = "lowest", 95, True
    caption = "quality {quality}"

    def torchvision(self, size: Size, *, lowest: int, at: tuple = ()) -> Call:
        quality = at or (lowest, max(90, lowest))
        return Call("JPEG", quality=(round(quality[0]), round(quality[1])))

    def albumentations(self, size: Size, *, lowest: int) -> Call:
        return Call("ImageCompression", quality_range=(lowest, max(90, lowest)))


class Erasing(Transform):
    """A rectangle that is filled."""

    group, p, takes_p = "hiding", 0.5, True

    def opencv(self, x: Pixels, sampled: Values, *, fill: int, **values: Any) -> Pixels:
        if sampled["v"] is None:
            return x
        top, left, height, width = (sampled[name] for name in "ijhw")
        x = x.copy()
        x[top : top + height, left : left + width] = fill
        return x

    def describe(self, sampled: Values) -> str:
        return "nothing" if sampled["v"] is None else "{w}×{h} at {j}, {i}".format(**sampled)


class Erase(Erasing):
    """Zhong et al., "Random Erasing Data Augmentation", 2020, https://arxiv.org/abs/1708.04896."""

    name = "erase"
    parameters = (
        Parameter("smallest", 0.02, 0.01, 0.9),
        Parameter("largest", 0.2, 0.01, 0.9),
        FILL,
    )
    strength, weakest, is_limit = "largest", 0.01, True

    def torchvision(
        self, size: Size, *, smallest: float, largest: float, fill: int, at: tuple = ()
    ) -> Call:
        scale = at or (smallest, largest)
        return Call("RandomErasing", scale=scale, ratio=(0.3, 3.3), value=fill)

    def albumentations(self, size: Size, *, smallest: float, largest: float, fill: int) -> Call:
        return Call("Erasing", scale=(smallest, largest), ratio=(0.3, 3.3), fill=fill)


class Cutout(Erasing):
    """DeVries and Taylor, 2017, https://arxiv.org/abs/1708.04552."""

    name = "cutout"
    parameters = (Parameter("side", 0.4, 0.05, 0.9), FILL)
    strength, weakest = "side", 0.05

    def torchvision(self, size: Size, *, side: float, fill: int) -> Call:
        area = round(side**2 * min(size) / max(size), 4)
        return Call("RandomErasing", scale=(area, area), ratio=(1.0, 1.0), value=fill)

    def albumentations(self, size: Size, *, side: float, fill: int) -> Call:
        pixels = (round(side * min(size)),) * 2
        holes = {"hole_height_range": pixels, "hole_width_range": pixels, "fill": fill}
        return Call("CoarseDropout", num_holes_range=(1, 1), **holes)


def _look_up(x: Pixels, levels: NDArray[np.float32]) -> Pixels:
    """Replace each value by that of `levels` (256,), clipped to 0 to 255."""
    return cv2.LUT(x, levels.clip(0, 255).astype(np.uint8))


def _grey(x: Pixels) -> Pixels:
    return cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) if x.shape[2] == 3 else x[..., 0]


def _brightness(x: Pixels, factor: float) -> Pixels:
    return _look_up(x, LEVELS * factor)


def _contrast(x: Pixels, factor: float) -> Pixels:
    return _look_up(x, LEVELS * factor + (1 - factor) * cv2.mean(_grey(x))[0])


def _saturation(x: Pixels, factor: float) -> Pixels:
    if x.shape[2] == 1:
        return x
    grey = cv2.cvtColor(_grey(x), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(x, factor, grey, 1 - factor, 0)


def _hue(x: Pixels, turn: float) -> Pixels:
    """Turn the hue by a share of the circle, in HSV."""
    if x.shape[2] == 1:
        return x
    hsv = cv2.cvtColor(x.astype(np.float32), cv2.COLOR_RGB2HSV)
    hue = hsv[..., 0] + 360 * (turn % 1)
    hsv[..., 0] = np.where(hue >= 360, hue - 360, hue)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.uint8)


# The changes of ColourJitter, in the order in which torchvision counts them.
JITTER = {
    "brightness_factor": _brightness,
    "contrast_factor": _contrast,
    "saturation_factor": _saturation,
    "hue_factor": _hue,
}
