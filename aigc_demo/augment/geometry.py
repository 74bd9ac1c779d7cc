"""Transforms that move pixels, and with them boxes and masks."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aigc_demo.augment.transform import (
    BILINEAR,
    FILL,
    Call,
    Parameter,
    Pixels,
    Size,
    Transform,
    Values,
)


class FlipHorizontal(Transform):
    name, group, p, takes_p = "flip_horizontal", "geometry", 0.5, True
    torchvision_class, albumentations_class = "RandomHorizontalFlip", "HorizontalFlip"
    axis = 1

    def opencv(self, x: Pixels, sampled: Values) -> Pixels:
        return cv2.flip(x, self.axis)


class FlipVertical(FlipHorizontal):
    name = "flip_vertical"
    torchvision_class, albumentations_class = "RandomVerticalFlip", "VerticalFlip"
    axis = 0


class Affine(Transform):
    """Rotation, translation, scale and shear about the centre."""

    group = "geometry"

    def opencv(self, x: Pixels, sampled: Values, *, fill: int, **values: Any) -> Pixels:
        """Warp by the inverse of translation · rotation · shear · scale.

        RandomRotation turns the other way round than RandomAffine.
        """
        rotation = "scale" not in sampled
        angle = math.radians(-sampled["angle"] if rotation else sampled["angle"])
        shear_x, shear_y = (math.radians(s) for s in sampled.get("shear", (0.0, 0.0)))
        right, down = sampled.get("translate", (0, 0))
        a = math.cos(angle - shear_y) / math.cos(shear_y)
        b = -a * math.tan(shear_x) - math.sin(angle)
        c = math.sin(angle - shear_y) / math.cos(shear_y)
        d = -c * math.tan(shear_x) + math.cos(angle)
        inverse = np.array([[d, -b, 0], [-c, a, 0], [0, 0, 1]])
        inverse[:2] /= sampled.get("scale", 1.0)
        x0, y0 = (x.shape[1] - 1) / 2, (x.shape[0] - 1) / 2
        matrix = _translation(x0, y0) @ inverse @ _translation(-x0 - right, -y0 - down)
        return _warp(x, matrix, fill)


class Rotate(Affine):
    name = "rotate"
    parameters = (Parameter("degrees", 15.0, 0, 180, 1, "°"), FILL)
    strength, is_limit = "degrees", True
    caption = "{angle:+.1f}°"

    def torchvision(self, size: Size, *, degrees: float, fill: int, at: tuple = ()) -> Call:
        angle = at or (-degrees, degrees)
        return Call("RandomRotation", degrees=angle, interpolation=BILINEAR, fill=fill)

    def albumentations(self, size: Size, *, degrees: float, fill: int) -> Call:
        return Call("Rotate", limit=(-degrees, degrees), fill=fill)


class Translate(Affine):
    name = "translate"
    parameters = (Parameter("share", 0.1, 0, 0.5), FILL)
    strength = "share"
    caption = "{translate[0]:+d}, {translate[1]:+d} px"

    def torchvision(self, size: Size, *, share: float, fill: int) -> Call:
        return _affine(fill, translate=(share, share))

    def albumentations(self, size: Size, *, share: float, fill: int) -> Call:
        return Call("Affine", translate_percent=(-share, share), fill=fill)


class Scale(Affine):
    name = "scale"
    parameters = (Parameter("smallest", 0.8, 0.2, 1.0), Parameter("largest", 1.2, 1.0, 3.0), FILL)
    strength, weakest, is_limit = "largest", 1.0, True
    caption = "×{scale:.2f}"

    def torchvision(
        self, size: Size, *, smallest: float, largest: float, fill: int, at: tuple = ()
    ) -> Call:
        return _affine(fill, scale=at or (smallest, largest))

    def albumentations(self, size: Size, *, smallest: float, largest: float, fill: int) -> Call:
        return Call("Affine", scale=(smallest, largest), fill=fill)


class Shear(Affine):
    name = "shear"
    parameters = (Parameter("degrees", 10.0, 0, 45, 1, "°"), FILL)
    strength, is_limit = "degrees", True
    caption = "{shear[0]:+.0f}°, {shear[1]:+.0f}°"

    def torchvision(self, size: Size, *, degrees: float, fill: int, at: tuple = ()) -> Call:
        return _affine(fill, shear=2 * (at or (-degrees, degrees)))

    def albumentations(self, size: Size, *, degrees: float, fill: int) -> Call:
        return Call("Affine", shear=(-degrees, degrees), fill=fill)


class Perspective(Transform):
    name, group, takes_p = "perspective", "geometry", True
    parameters = (Parameter("distortion", 0.3, 0, 0.9), FILL)
    strength = "distortion"

    def torchvision(self, size: Size, *, distortion: float, fill: int) -> Call:
        return Call("RandomPerspective", distortion_scale=distortion, fill=fill)

    def albumentations(self, size: Size, *, distortion: float, fill: int) -> Call:
        return Call("Perspective", scale=(0.0, round(distortion / 2, 4)), fill=fill)

    def opencv(self, x: Pixels, sampled: Values, *, fill: int, **values: Any) -> Pixels:
        # Its eight coefficients are between corners of pixels, OpenCV's between their centres.
        matrix = np.array([*sampled["coefficients"], 1.0]).reshape(3, 3)
        return _warp(x, _translation(-0.5, -0.5) @ matrix @ _translation(0.5, 0.5), fill)


class Elastic(Transform):
    name, group = "elastic", "geometry"
    parameters = (
        Parameter("alpha", 50.0, 0, 300, 1, "px"),
        Parameter("sigma", 5.0, 1, 15, 0.5, "px"),
        FILL,
    )
    strength = "alpha"
    albumentations_class = "ElasticTransform"

    def torchvision(self, size: Size, *, alpha: float, sigma: float, fill: int) -> Call:
        sigma = min(sigma, (min(size) - 1) / 4)  # its kernel must fit into the picture
        return Call("ElasticTransform", alpha=alpha, sigma=sigma, fill=fill)


class Crop(Transform):
    name, group = "crop", "geometry"
    parameters = (Parameter("share", 0.8, 0.1, 1.0),)
    strength, weakest = "share", 1.0
    caption = "{width}×{height} at {left}, {top}"

    def torchvision(self, size: Size, *, share: float) -> Call:
        return Call("RandomCrop", size=self.output_size(size, share=share))

    def albumentations(self, size: Size, *, share: float) -> Call:
        height, width = self.output_size(size, share=share)
        return Call("RandomCrop", height=height, width=width)

    def output_size(self, size: Size, *, share: float) -> Size:
        return max(1, round(share * size[0])), max(1, round(share * size[1]))


class ResizedCrop(Transform):
    name, group = "resized_crop", "geometry"
    parameters = (Parameter("smallest", 0.5, 0.05, 1.0), Parameter("stretch", 1.33, 1.0, 3.0))
    strength, weakest, is_limit = "smallest", 1.0, True
    caption = "{width}×{height} at {left}, {top}"

    def torchvision(self, size: Size, **values: Any) -> Call:
        call = self.albumentations(size, **values)
        return Call(call.name, **call.arguments, antialias=True)

    def albumentations(
        self, size: Size, *, smallest: float, stretch: float, at: tuple = ()
    ) -> Call:
        scale, ratio = at or (smallest, 1.0), (round(1 / stretch, 4), stretch)
        return Call("RandomResizedCrop", size=size, scale=scale, ratio=ratio)

    def opencv(self, x: Pixels, sampled: Values, **values: Any) -> Pixels:
        top, left = sampled["top"], sampled["left"]
        part = x[top : top + sampled["height"], left : left + sampled["width"]]
        return cv2.resize(part, (x.shape[1], x.shape[0]), interpolation=cv2.INTER_LINEAR)


def _affine(fill: int, **arguments: Any) -> Call:
    arguments = {"degrees": 0} | arguments
    return Call("RandomAffine", **arguments, interpolation=BILINEAR, fill=fill)


def _warp(x: Pixels, matrix: NDArray[np.float64], fill: int) -> Pixels:
    """Take each pixel from the place to which `matrix` (3, 3) leads, `fill` outside."""
    size = (x.shape[1], x.shape[0])
    how = {"flags": cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, "borderValue": (fill,) * 4}
    if np.array_equal(matrix[2], (0, 0, 1)):
        return cv2.warpAffine(x, matrix[:2], size, **how)
    return cv2.warpPerspective(x, matrix, size, **how)


def _translation(x: float, y: float) -> NDArray[np.float64]:
    return np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], dtype=np.float64)
