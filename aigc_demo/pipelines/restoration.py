"""Pictures restored by what a request names: networks and classical methods alike.

    from aigc_demo.requests import RestoreRequest

    result = Studio("checkpoints").restore(RestoreRequest(image=photo, mask=mask))

How pictures of any size are computed in pieces is in `tiling`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from aigc_demo import device as devices
from aigc_demo.errors import BadImage, BadValue
from aigc_demo.imaging import images, masks, tiling
from aigc_demo.imaging.degradations import DEGRADATIONS
from aigc_demo.imaging.images import Planes
from aigc_demo.imaging.tiling import Clean, Fill, Hole, Picture, Weights
from aigc_demo.methods.base import Model
from aigc_demo.methods.inpaint import Inpaint
from aigc_demo.methods.repair import Repair
from aigc_demo.metrics.image_quality import compare_images
from aigc_demo.pipelines import classical
from aigc_demo.pipelines.model_info import YOURS
from aigc_demo.requests import RestoreRequest

ESTIMATED_ON = 1024  # pixels of a side in the middle, from which the noise is estimated
BIHARMONIC_PIXELS = 40_000  # of a hole, at most
AROUND = 64  # pixels around a hole that classical methods see


@dataclass(frozen=True)
class Tool:
    """A way to restore: what it does with a mask and without one, and its model, if it has one."""

    name: str
    model: str = ""
    fills: bool = False  # what the mask marks
    cleans: bool = False  # the picture, or what the mask marks of it
    enlarges: bool = False
    needs_sigma: bool = False


TOOLS: dict[str, Tool] = {
    t.name: t
    for t in (
        Tool("inpaint", model="inpaint", fills=True),
        Tool("telea", fills=True),
        Tool("navier_stokes", fills=True),
        Tool("biharmonic", fills=True),
        Tool("nl_means", fills=True, cleans=True, needs_sigma=True),
        Tool("nl_means_fast", cleans=True, needs_sigma=True),
        Tool("denoise", model="denoise", cleans=True, needs_sigma=True),
        Tool("median", cleans=True),
        Tool("dejpeg", model="dejpeg", cleans=True),
        Tool("deblur", model="deblur", cleans=True),
        Tool("upscale", model="upscale", enlarges=True),
        Tool("bicubic", enlarges=True),
    )
}


@dataclass(frozen=True)
class RestoreResult:
    """The restored picture, in the mode of the original where Pillow has one; the noise that was
    assumed, where a method asks for it; scores where the truth was given.
    """

    image: Image.Image
    seconds: float
    scores: dict[str, float] = field(default_factory=dict)
    sigma: float | None = None


def run(
    request: RestoreRequest,
    load: Callable[[str], Model],
    lock: AbstractContextManager[object],
) -> Iterator[float | RestoreResult]:
    """Yield the share that is done, then the result.

    `load` returns a model by its checkpoint's name; `lock` is held while something is computed,
    never while the reader is. Raises UserError where the request does not fit together.
    """
    start = time.perf_counter()
    image, mask = request.image, request.mask
    with lock:
        tool = tool_of(request, load)
        model = load(tool.model) if tool.model else None
    exif = image.getexif().tobytes() if image.getexif() else b""
    if mask is not None and mask.size != image.size:
        turned = images.upright(image)
        if turned.size != mask.size:
            raise BadImage(
                f"mask: it has {mask.width}×{mask.height} pixels and the picture "
                f"{image.width}×{image.height}; make them the same."
            )
        image, exif = turned, b""
    planes = images.split(image)
    weights = None if mask is None else masks.read(mask)
    sigma = request.sigma
    if tool.needs_sigma and sigma is None and not (tool.fills and weights is not None):
        sigma = estimate(planes)
    steps = _steps(planes, weights, tool, model, sigma or 0.0, request.factor)
    restored = planes
    while True:
        with lock:
            step = next(steps, None)
        if step is None:
            break
        if isinstance(step, Planes):
            restored = step
        else:
            yield step
    result = images.join(restored)
    if exif and image.size == result.size:
        result.info["exif"] = exif
    seconds = time.perf_counter() - start
    scores = score(restored, request.truth, weights) if request.truth is not None else {}
    yield RestoreResult(result, seconds, scores, sigma if tool.needs_sigma else None)


def tool_of(request: RestoreRequest, load: Callable[[str], Model]) -> Tool:
    """Return what the request names: one of TOOLS or a model that was trained here; raises
    BadValue where there is none or it does not fit the mask.
    """
    if request.method in TOOLS:
        tool = TOOLS[request.method]
    elif request.method.startswith(YOURS):
        tool = tool_with(request.method, load(request.method))
    else:
        raise BadValue(
            f"method: there is no method “{request.method[:60]}”; "
            f"choose one of {', '.join(TOOLS)}."
        )
    if request.mask is None and tool.fills and not tool.cleans:
        raise BadValue(
            f"mask: {tool.name} fills what a mask marks, and there is none; paint over what "
            "should go, or choose a method that needs none, such as denoise."
        )
    if tool.enlarges:
        if request.mask is not None:
            raise BadValue(f"mask: {tool.name} takes the whole picture; leave the mask out.")
        pixels = request.image.width * request.image.height * request.factor**2
        if pixels > images.MAX_PIXELS:
            raise BadImage(
                f"image: enlarged it would have {pixels / 1e6:.0f} megapixels; the limit is "
                f"{images.MAX_PIXELS / 1e6:.0f}. Use a smaller picture or factor."
            )
    return tool


def tool_with(name: str, model: Model) -> Tool:
    """Return what a model can do that was trained to restore; raises BadValue for others."""
    if isinstance(model, Inpaint):
        return Tool(name, model=name, fills=True)
    if not isinstance(model, Repair):
        raise BadValue(f"method: {name} was not trained to restore pictures; choose another one.")
    enlarges, noise = (model.config.damage == kind for kind in ("resolution", "noise"))
    return Tool(name, model=name, cleans=not enlarges, enlarges=enlarges, needs_sigma=noise)


def _steps(
    planes: Planes,
    weights: Weights | None,
    tool: Tool,
    model: Model | None,
    sigma: float,
    factor: int,
) -> Iterator[float | Planes]:
    if tool.enlarges:
        return enlarge(planes, factor, model)
    if tool.fills and weights is not None:
        if tool.name == "biharmonic" and (lost := int((weights > 0).sum())) > BIHARMONIC_PIXELS:
            raise BadValue(
                f"mask: biharmonic would take minutes for {lost:,} pixels; its limit is "
                f"{BIHARMONIC_PIXELS:,}. Mark less, or choose another method."
            )
        margin = model.reach if model is not None else AROUND
        function = filler(tool, model)
        return tiling.fill(planes, weights, function, margin=margin, guesses=model is not None)
    function, margin = cleaner(tool, model, sigma)
    return tiling.clean(planes, weights, function, margin=margin)


def estimate(planes: Planes) -> float:
    """Return the noise of a picture in grey levels, seen in its middle."""
    height, width = planes.colour.shape[:2]
    top, left = (max(0, (side - ESTIMATED_ON) // 2) for side in (height, width))
    middle = planes.colour[top : top + ESTIMATED_ON, left : left + ESTIMATED_ON]
    return round(classical.noise_level(middle.astype(np.float32) / planes.peak), 1)


def score(restored: Planes, truth: Image.Image, weights: Weights | None) -> dict[str, float]:
    """Return the scores of a restored picture against the truth."""
    expected = images.split(truth)
    if expected.colour.shape[:2] != restored.colour.shape[:2]:
        height, width = restored.colour.shape[:2]
        raise BadImage(
            f"truth: it has {truth.width}×{truth.height} pixels and the result {width}×{height}; "
            "give the undamaged picture of that size."
        )
    where = None if weights is None else weights > 0
    return compare_images(restored.floats(), expected.floats(), where)


def cleaner(tool: Tool, model: Model | None, sigma: float) -> tuple[Clean, int]:
    """Return the function that cleans a piece, and its reach in pixels."""
    if model is not None:
        strength = min(1.0, sigma / DEGRADATIONS["noise"].span)
        return lambda piece: repaired(model, piece, strength), model.reach
    if tool.name == "nl_means":
        return lambda piece: classical.nl_means(piece, sigma), 12
    if tool.name == "nl_means_fast":
        return lambda piece: classical.nl_means_fast(piece, sigma), 16
    return classical.median, 2


def filler(tool: Tool, model: Model | None) -> Fill:
    """Return the function that fills the hole of a piece; a guess helps only networks."""
    if model is not None:
        return lambda piece, hole, guess: filled(model, piece, hole, guess)
    plain = {
        "telea": classical.telea,
        "navier_stokes": classical.navier_stokes,
        "biharmonic": classical.biharmonic,
        "nl_means": classical.fill_by_patches,
    }[tool.name]
    return lambda piece, hole, guess: plain(piece, hole)


@torch.no_grad()
def repaired(model: Model, piece: Picture, strength: float) -> Picture:
    """Pass a piece of any size through a network of `methods.repair`."""
    device = next(model.parameters()).device
    x = images.to_batch(piece, model.multiple, device)
    with devices.autocast(device):
        y = model(x, torch.tensor([strength], device=device))
    return images.from_batch(y, *piece.shape[:2])


@torch.no_grad()
def filled(model: Model, piece: Picture, hole: Hole, guess: Picture | None) -> Picture:
    """Pass a piece of any size and its hole through a network of `methods.inpaint`."""
    device = next(model.parameters()).device
    parts = (piece, hole[..., None].astype(np.float32), guess)
    x, mask, y = (None if p is None else images.to_batch(p, model.multiple, device) for p in parts)
    with devices.autocast(device):
        z = model(x, (mask + 1) / 2, y)
    return images.from_batch(z, *piece.shape[:2])


def enlarge(planes: Planes, factor: int, model: Model | None) -> Iterator[float | Planes]:
    """Yield the share that is done, then the picture `factor` times larger."""
    height, width = planes.colour.shape[:2]
    size = (width * factor, height * factor)

    def stretch(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return cv2.resize(values, size, interpolation=cv2.INTER_CUBIC)

    colour = stretch(planes.colour).reshape(*size[::-1], -1)
    alpha = None if planes.alpha is None else stretch(planes.alpha)
    larger = Planes(colour, alpha)
    if model is None:
        yield 1.0
        yield larger
        return
    strength = factor / DEGRADATIONS["resolution"].span
    yield from tiling.clean(
        larger, None, lambda x: repaired(model, x, strength), margin=model.reach
    )
