"""The same pipeline for many pictures, each with a draw of its own: for training.

What is drawn is what `draw` draws for the same seed. The arithmetic is OpenCV's where that is
quicker by far: torchvision's, on small pictures one by one, spends most of its time on the way
into each operation. Pixels differ by rounding, and where a filled corner meets the picture.
"""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor
from torchvision.transforms import v2

from aigc_demo.augment.pipeline import (
    Drawing,
    Drawn,
    Pipeline,
    Sample,
    Step,
    built,
    check,
    gated,
    happen,
    marks,
)
from aigc_demo.augment.transform_spec import Call, Values

Pixels = NDArray[np.uint8]  # (H, W, C)
LEVELS = np.arange(256, dtype=np.float32)


def apply(pipeline: Pipeline, images: Tensor, seeds: Sequence[int]) -> Tensor:
    """Return pictures uint8 (B, C, H, W) after the pipeline, as the seeds draw it, at the size
    they had and as channels_last. Steps that mix are for `mixed`, and left out here.
    """
    steps = tuple(step for step in pipeline if step.kind.group != "mixing")
    height, width = images.shape[-2:]
    made = []
    # Colours side by side, as OpenCV has them, from here to the end.
    for image, seed in zip(images.to(memory_format=torch.channels_last), seeds, strict=True):
        sample, _ = draw_quickly(steps, Sample(image), seed)
        picture = _array(sample.image)
        if sample.size != (height, width):
            picture = cv2.resize(picture, (width, height))
        made.append(picture.reshape(height, width, -1))
    return torch.from_numpy(np.stack(made)).permute(0, 3, 1, 2)


def draw_quickly(
    pipeline: Pipeline, sample: Sample, seed: int, *, partner: Tensor | None = None
) -> tuple[Sample, list[Drawn]]:
    """Return a sample after the pipeline and what was drawn: `draw`, but for rounding."""
    check(
        pipeline,
        marked=sample.boxes is not None or sample.mask is not None,
        partner=partner is not None,
    )
    generator = torch.Generator().manual_seed(seed % 2**63)
    told = []
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for step in pipeline:
            values = None
            if not gated(step) or torch.rand(1, generator=generator).item() < step.p:
                sample, values = _stepped(step, sample, partner, Drawing(generator))
            told.append(Drawn(step.name, values))
    return sample, told


def _stepped(
    step: Step, sample: Sample, partner: Tensor | None, drawing: Drawing
) -> tuple[Sample, Values]:
    if step.name not in QUICK:
        with drawing:
            return happen(step, sample, partner)
    values = tuple(sorted(step.values.items()))
    marked = sample.mask is not None
    transform, like = _built(step.name, step.p, values, tuple(sample.image.shape), marked)
    with drawing:
        drawn = transform.make_params([like])
    picture = QUICK[step.name](_array(sample.image), drawn, step.values)
    if picture.ndim == 2:  # OpenCV drops the one channel of grey
        picture = picture[..., None]
    boxes, mask = (
        None if mark is None else transform.transform(mark, drawn).as_subclass(Tensor)
        for mark in marks(sample)
    )
    return Sample(torch.from_numpy(picture).permute(2, 0, 1), boxes, mask), drawn


def _array(image: Tensor) -> Pixels:
    """Return a picture (C, H, W) as OpenCV takes it."""
    return np.ascontiguousarray(image.permute(1, 2, 0).numpy())


@functools.lru_cache(maxsize=256)
def _built(
    name: str,
    p: float,
    values: tuple[tuple[str, Any], ...],
    shape: tuple[int, ...],
    marked: bool,
) -> tuple[Any, Tensor]:
    """Return the transform of a step for pictures (C, H, W), and one of that size: making a
    transform costs as much as using it.
    """
    like = torch.empty(shape)
    mask = torch.empty(shape[1:]) if marked else None
    return built(Step(name, p, dict(values)), Sample(like, mask=mask)), like


# --- Geometry ------------------------------------------------------------------------------------


def _warped(x: Pixels, matrix: NDArray[np.float64], v: Values) -> Pixels:
    """Take each pixel from the place to which `matrix` (3, 3) leads, the fill outside."""
    size, fill = (x.shape[1], x.shape[0]), (v["fill"],) * 4
    how = {"flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, "borderValue": fill}
    if np.array_equal(matrix[2], (0, 0, 1)):
        return cv2.warpAffine(x, matrix[:2], size, **how)
    return cv2.warpPerspective(x, matrix, size, **how)


def _shift(x: float, y: float) -> NDArray[np.float64]:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=np.float64)


def _affine(x: Pixels, drawn: Values, v: Values) -> Pixels:
    """Turn, shift, scale and shear about the middle.

    The matrix is the inverse of shift · turn · shear · scale (a RandomRotation turns the other way
    round than a RandomAffine).
    """
    turned = "scale" not in drawn
    angle = math.radians(-drawn["angle"] if turned else drawn["angle"])
    shear_x, shear_y = (math.radians(s) for s in drawn.get("shear", (0.0, 0.0)))
    right, down = drawn.get("translate", (0, 0))
    a = math.cos(angle - shear_y) / math.cos(shear_y)
    b = -a * math.tan(shear_x) - math.sin(angle)
    c = math.sin(angle - shear_y) / math.cos(shear_y)
    d = -c * math.tan(shear_x) + math.cos(angle)
    inverse = np.array([[d, -b, 0], [-c, a, 0], [0, 0, 1]])
    inverse[:2] /= drawn.get("scale", 1.0)
    x0, y0 = (x.shape[1] - 1) / 2, (x.shape[0] - 1) / 2
    return _warped(x, _shift(x0, y0) @ inverse @ _shift(-x0 - right, -y0 - down), v)


def _perspective(x: Pixels, drawn: Values, v: Values) -> Pixels:
    """Look at the picture from aside: eight coefficients between the corners of pixels."""
    matrix = np.array([*drawn["coefficients"], 1.0]).reshape(3, 3)
    return _warped(x, _shift(-0.5, -0.5) @ matrix @ _shift(0.5, 0.5), v)


def _resized_crop(x: Pixels, drawn: Values, v: Values) -> Pixels:
    top, left = drawn["top"], drawn["left"]
    part = x[top : top + drawn["height"], left : left + drawn["width"]]
    return cv2.resize(part, (x.shape[1], x.shape[0]), interpolation=cv2.INTER_LINEAR)


# --- Colour --------------------------------------------------------------------------------------


def _looked_up(x: Pixels, levels: NDArray[np.float32]) -> Pixels:
    """Put `levels` (256,), cut off at 0 and 255, in the place of each value."""
    return cv2.LUT(x, levels.clip(0, 255).astype(np.uint8))


def _grey(x: Pixels) -> Pixels:
    return cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) if x.shape[2] == 3 else x[..., 0]


def _brightness(x: Pixels, factor: float) -> Pixels:
    return _looked_up(x, LEVELS * factor)


def _contrast(x: Pixels, factor: float) -> Pixels:
    return _looked_up(x, LEVELS * factor + (1 - factor) * cv2.mean(_grey(x))[0])


def _saturation(x: Pixels, factor: float) -> Pixels:
    grey = cv2.cvtColor(_grey(x), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(x, factor, grey, 1 - factor, 0)


def _hue(x: Pixels, turn: float) -> Pixels:
    """Turn the hue by a share of the circle, in HSV."""
    hsv = cv2.cvtColor(x.astype(np.float32), cv2.COLOR_RGB2HSV)
    hue = hsv[..., 0] + 360 * (turn % 1)
    hsv[..., 0] = np.where(hue >= 360, hue - 360, hue)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB).astype(np.uint8)


JITTER = (
    ("brightness_factor", _brightness, True), ("contrast_factor", _contrast, True),
    ("saturation_factor", _saturation, False), ("hue_factor", _hue, False),
)  # what changes it, how, and does it change grey pictures too  # fmt: skip


def _jitter(x: Pixels, drawn: Values, v: Values) -> Pixels:
    """Change brightness, contrast, saturation and hue in the order that was drawn."""
    for which in drawn["fn_idx"].tolist():
        name, change, of_grey = JITTER[which]
        if drawn[name] is not None and (of_grey or x.shape[2] == 3):
            x = change(x, drawn[name]).reshape(x.shape)
    return x


def _uncoloured(x: Pixels, drawn: Values, v: Values) -> Pixels:
    return x if x.shape[2] == 1 else cv2.cvtColor(_grey(x), cv2.COLOR_GRAY2RGB)


def _blur(x: Pixels, drawn: Values, v: Values) -> Pixels:
    side = 2 * max(1, min(round(3 * v["sigma"]), (min(x.shape[:2]) - 1) // 2)) + 1
    return cv2.GaussianBlur(x, (side, side), drawn["sigma"][0], borderType=cv2.BORDER_REFLECT_101)


# --- Hiding --------------------------------------------------------------------------------------


def _erase(x: Pixels, drawn: Values, v: Values) -> Pixels:
    if drawn["v"] is None:
        return x
    x = x.copy()
    x[drawn["i"] : drawn["i"] + drawn["h"], drawn["j"] : drawn["j"] + drawn["w"]] = v["fill"]
    return x


QUICK: dict[str, Callable[[Pixels, Values, Values], Pixels]] = {
    "flip_horizontal": lambda x, drawn, v: cv2.flip(x, 1),
    "flip_vertical": lambda x, drawn, v: cv2.flip(x, 0),
    "rotate": _affine,
    "translate": _affine,
    "scale": _affine,
    "shear": _affine,
    "perspective": _perspective,
    "resized_crop": _resized_crop,
    "colour_jitter": _jitter,
    "grey": _uncoloured,
    "solarise": lambda x, drawn, v: _looked_up(
        x, np.where(v["threshold"] <= LEVELS, 255 - LEVELS, LEVELS)
    ),
    "posterise": lambda x, drawn, v: x & (256 - 2 ** (8 - v["bits"])),
    "blur": _blur,
    "erase": _erase,
    "cutout": _erase,
}


# --- Mixing --------------------------------------------------------------------------------------


def mixed(
    pipeline: Pipeline, images: Tensor, labels: Tensor, classes: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Mix the pictures (B, C, H, W), float, of a batch and their class numbers (B,); return them
    and the classes' weights (B, K).
    """
    weights = F.one_hot(labels, classes).float()
    with Drawing(torch.Generator().manual_seed(seed % 2**63)):
        for step in pipeline:
            if step.kind.group != "mixing" or (gated(step) and bool(torch.rand(1) >= step.p)):
                continue
            call = step.call((images.shape[-2], images.shape[-1]))
            transform = Call(call.name, call.arguments | {"num_classes": classes}).made(v2)
            images, weights = transform(images, weights)
    return images, weights
