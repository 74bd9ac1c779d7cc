"""Images restored: denoised, inpainted, deblurred, upscaled, by networks or classical methods.

How images of any size are computed in tiles is in `imaging.tiling`.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from aigc_demo import device as devices
from aigc_demo.errors import BadImage, BadValue
from aigc_demo.imaging import images, masks, profiles, tiling
from aigc_demo.imaging.degradations import DEGRADATIONS
from aigc_demo.imaging.images import Planes
from aigc_demo.imaging.profiles import Space
from aigc_demo.imaging.tiling import Clean, Fill, Hole, Picture, Weights
from aigc_demo.methods.base import Model
from aigc_demo.metrics.image_quality import compare_images
from aigc_demo.pipelines import classical
from aigc_demo.pipelines.model_cache import ModelCache
from aigc_demo.pipelines.model_info import RUN_PREFIX, ModelInfo
from aigc_demo.requests import MAX_BIHARMONIC_PIXELS, RestoreRequest

NOISE_SIDE = 1024  # pixels: the noise is estimated in a square of that side in the middle
FILL_MARGIN = 64  # pixels around a hole that classical methods see


@dataclass(frozen=True)
class Tool:
    """A way to restore: what it does with a mask and without one, and its model, if any."""

    name: str
    model: str = ""
    fills: bool = False  # what the mask marks
    cleans: bool = False  # the image, or what the mask marks of it
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
    """The restored image, upright, in the mode and depth and with the colour profile of the
    original; the noise that was assumed, where the method needs it; scores where the truth was
    given; a note where the mask marks nothing or everything.
    """

    image: Image.Image
    seconds: float
    scores: dict[str, float] = field(default_factory=dict)
    sigma: float | None = None
    note: str = ""


def run(request: RestoreRequest, models: ModelCache) -> Iterator[float | RestoreResult]:
    """Yield the share that is done, then the result; raises UserError where something does not
    fit.
    """
    start = time.perf_counter()
    tool = tool_of(request, models)
    model = None
    if tool.model:
        models.info(tool.model, "restore")
        with models.lock.held():
            model = models.load(tool.model)
    image = images.whole(request.image)
    planes = images.split(image)
    weights = weights_of(request, image.size)
    sigma = request.sigma if tool.needs_sigma else None
    if tool.needs_sigma and sigma is None and not (tool.fills and weights is not None):
        sigma = estimate_noise(planes)
    restored = planes
    steps = _steps(planes, weights, tool, model, sigma or 0.0, request.factor)
    for step in models.lock.steps(steps):
        if isinstance(step, Planes):
            restored = step
        else:
            yield step
    result = images.join(restored)
    if exif := image.info.get("exif"):
        result.info["exif"] = exif
    seconds = time.perf_counter() - start
    scores = score(restored, request.truth, weights) if request.truth is not None else {}
    yield RestoreResult(result, seconds, scores, sigma, masks.note(weights))


def weights_of(request: RestoreRequest, size: tuple[int, int]) -> Weights | None:
    """Return with which weight each pixel of an upright image of `size` is filled, or None where
    there is no mask; raises BadImage where the mask is of another size.
    """
    if request.mask is None:
        return None
    mask = images.whole(request.mask)
    images.check_size("mask", mask, size)
    return masks.feather(masks.grow(masks.read(mask), request.grow), request.feather)


def tool_of(request: RestoreRequest, models: ModelCache) -> Tool:
    """Return what the request names: one of TOOLS or the model of a training run; raises UserError
    where there is none or it does not fit the mask or the size.
    """
    if request.method in TOOLS:
        tool = TOOLS[request.method]
    elif request.method.startswith(RUN_PREFIX):
        tool = _tool_of_run(models.info(request.method))
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
            raise BadValue(f"mask: {tool.name} works on the whole image; leave the mask out.")
        pixels = request.image.width * request.image.height * request.factor**2
        if pixels > images.MAX_PIXELS:
            raise BadImage(
                f"image: enlarged it would have {pixels / 1e6:.0f} megapixels; the limit is "
                f"{images.MAX_PIXELS / 1e6:.0f}. Use a smaller image or factor."
            )
    return tool


def _tool_of_run(info: ModelInfo) -> Tool:
    """Return what the model of a training run does; raises BadValue where it does not restore."""
    if info.method == "inpaint":
        return Tool(info.name, model=info.name, fills=True)
    if info.method != "repair":
        raise BadValue(f"method: {info.name} was not trained to restore; choose another one.")
    enlarges, noise = (info.card["config"]["damage"] == d for d in ("resolution", "noise"))
    return Tool(
        info.name, model=info.name, cleans=not enlarges, enlarges=enlarges, needs_sigma=noise
    )


def _steps(
    planes: Planes,
    weights: Weights | None,
    tool: Tool,
    model: Model | None,
    sigma: float,
    factor: int,
) -> Iterator[float | Planes]:
    space = profiles.converters(planes.profile, planes.colour.shape[2]) if model else None
    if tool.enlarges:
        return enlarge(planes, factor, model, space)
    if tool.fills and weights is not None:
        lost = int((weights > 0).sum())
        if tool.name == "biharmonic" and lost > MAX_BIHARMONIC_PIXELS:
            raise BadValue(
                f"mask: biharmonic would take minutes for {lost:,} pixels; its limit is "
                f"{MAX_BIHARMONIC_PIXELS:,}. Mark less, or choose another method."
            )
        margin = model.receptive_radius if model is not None else FILL_MARGIN
        function = filler(tool, model, space)
        return tiling.fill(planes, weights, function, margin=margin, guesses=model is not None)
    function, margin = cleaner(tool, model, sigma, space)
    return tiling.clean(planes, weights, function, margin=margin)


def estimate_noise(planes: Planes) -> float:
    """Return the noise in the middle of an image, in grey levels."""
    height, width = planes.colour.shape[:2]
    top, left = (max(0, (side - NOISE_SIDE) // 2) for side in (height, width))
    middle = planes.colour[top : top + NOISE_SIDE, left : left + NOISE_SIDE]
    return round(classical.noise_level(middle.astype(np.float32) / planes.peak), 1)


def score(restored: Planes, truth: Image.Image, weights: Weights | None) -> dict[str, float]:
    """Return the scores of a restored image against the truth."""
    height, width = restored.colour.shape[:2]
    images.check_size("truth", truth, (width, height))
    where = None if weights is None else weights > 0
    return compare_images(restored.floats(), images.split(images.whole(truth)).floats(), where)


def cleaner(
    tool: Tool, model: Model | None, sigma: float, space: Space | None = None
) -> tuple[Clean, int]:
    """Return the function that cleans a tile, and the radius of its receptive field."""
    if model is not None:
        strength = min(1.0, sigma / DEGRADATIONS["noise"].span)
        return in_srgb(lambda tile: repaired(model, tile, strength), space), model.receptive_radius
    if tool.name == "nl_means":
        return lambda tile: classical.nl_means(tile, sigma), 12
    if tool.name == "nl_means_fast":
        return lambda tile: classical.nl_means_fast(tile, sigma), 16
    return classical.median, 2


def in_srgb(clean: Clean, space: Space | None) -> Clean:
    """Let a network clean sRGB. What it changes is added to the tile, in the tile's own numbers:
    colours outside of sRGB, and depth beyond 8 bits, survive.
    """
    if space is None:
        return clean
    to_srgb, back = space

    def converted(tile: Picture) -> Picture:
        seen = to_srgb(tile)
        return tile + back(clean(seen)) - back(seen)

    return converted


def filler(tool: Tool, model: Model | None, space: Space | None = None) -> Fill:
    """Return the function that fills the hole of a tile; only networks use the guess, and they see
    sRGB.
    """
    if model is not None and space is not None:
        to_srgb, back = space
        return lambda tile, hole, guess: back(
            filled(model, to_srgb(tile), hole, None if guess is None else to_srgb(guess))
        )
    if model is not None:
        return lambda tile, hole, guess: filled(model, tile, hole, guess)
    plain = {
        "telea": classical.telea,
        "navier_stokes": classical.navier_stokes,
        "biharmonic": classical.biharmonic,
        "nl_means": classical.fill_by_patches,
    }[tool.name]
    return lambda tile, hole, guess: plain(tile, hole)


@torch.no_grad()
def repaired(model: Model, tile: Picture, strength: float) -> Picture:
    """Pass a tile of any size through a network of `methods.repair`."""
    device = next(model.parameters()).device
    x = images.to_batch(tile, model.multiple, device)
    with devices.autocast(device):
        y = model(x, torch.tensor([strength], device=device))
    return images.from_batch(y, *tile.shape[:2])


@torch.no_grad()
def filled(model: Model, tile: Picture, hole: Hole, guess: Picture | None) -> Picture:
    """Pass a tile of any size and its hole through a network of `methods.inpaint`."""
    device = next(model.parameters()).device
    parts = (tile, hole[..., None].astype(np.float32), guess)
    x, mask, y = (None if p is None else images.to_batch(p, model.multiple, device) for p in parts)
    with devices.autocast(device):
        z = model(x, (mask + 1) / 2, y)
    return images.from_batch(z, *tile.shape[:2])


def enlarge(
    planes: Planes, factor: int, model: Model | None, space: Space | None = None
) -> Iterator[float | Planes]:
    """Yield the share that is done, then the image enlarged by bicubic interpolation and, where
    there is one, a network.
    """
    height, width = planes.colour.shape[:2]
    size = (width * factor, height * factor)

    def bicubic(values: NDArray[np.generic]) -> NDArray[np.generic]:
        return cv2.resize(values, size, interpolation=cv2.INTER_CUBIC)

    colour = bicubic(planes.colour).reshape(*size[::-1], -1)
    alpha = None if planes.alpha is None else bicubic(planes.alpha)
    larger = Planes(colour, alpha, planes.profile)
    if model is None:
        yield 1.0
        yield larger
        return
    strength = factor / DEGRADATIONS["resolution"].span
    function = in_srgb(lambda tile: repaired(model, tile, strength), space)
    yield from tiling.clean(larger, None, function, margin=model.receptive_radius)
