"""Images translated from one domain to another, and back.

A network that depends on the whole image works at the size that it was trained at. One that adds
a residual to the image works at any size, in tiles that leave no seam; where it has to work on a
smaller copy, the residual is enlarged, so that the image keeps its detail.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from PIL import Image

from aigc_demo import device as devices
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images, tiling
from aigc_demo.imaging.images import Planes
from aigc_demo.imaging.tiling import Picture
from aigc_demo.methods.base import Direction, Translator
from aigc_demo.metrics.image_quality import psnr
from aigc_demo.pipelines import facade_parsing
from aigc_demo.pipelines.model_cache import ModelCache
from aigc_demo.pipelines.model_info import ModelInfo, class_of
from aigc_demo.requests import TranslateRequest

MIN_SIDE = 32  # pixels: what networks see at least
MAX_SIDE = 1024  # pixels, for networks that need the whole image at once
LOW_RESOLUTION = 64  # pixels: a network trained on images as small works at that size
MAX_DRAWN_COLOURS = 64  # of a label map; photographs have more
BRIGHTEST_ERROR = 0.25  # of the full range: what the error map shows brightest
DEFAULT_DOMAINS = ("twemoji", "fluentui")  # A and B of a model of several, where it has both


@dataclass(frozen=True)
class TranslateResult:
    """The translated image, RGB and as large as the original; where it was translated back: that
    reconstruction, a map of where it differs from the original, and its PSNR in `scores`.
    """

    image: Image.Image
    cycle: Image.Image | None
    seconds: float
    direction: str = ""
    error: Image.Image | None = None
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Target:
    """A direction, the number of the target domain where there are several, and a caption."""

    direction: Direction
    domain: int | None
    name: str


def run(request: TranslateRequest, models: ModelCache) -> Iterator[float | TranslateResult]:
    """Yield the share that is done, then the result; raises UserError where the request does not
    fit the model.
    """
    start = time.perf_counter()
    info = models.info(request.model, "translate")
    target, back = targets(request, info)
    with models.lock.held():
        model = models.load(request.model)
    assert isinstance(model, Translator)
    source = images.flatten(images.upright(request.image), "RGB", 255)
    legs = [target, back] if back is not None and request.cycle else [target]
    made = [source]
    for done, leg in enumerate(legs):
        steps = _translate(made[-1], model, info, leg, request)
        for step in models.lock.steps(steps):
            if isinstance(step, float):
                yield (done + step) / len(legs)
            else:
                made.append(step)
    image = Image.blend(source, made[1], request.strength)
    cycle, error, scores = None, None, {}
    if len(legs) == 2:
        cycle = made[2]
        error = error_map(source, cycle)
        scores = {"cycle_psnr": psnr(*(Planes(np.asarray(x)).floats() for x in (cycle, source)))}
    seconds = time.perf_counter() - start
    yield TranslateResult(image, cycle, seconds, target.name, error, scores)


def targets(request: TranslateRequest, info: ModelInfo) -> tuple[Target, Target | None]:
    """Return where the request translates to and, if the model can, where it translates back to.

    A style can be reached from any other, so there is no way back from it. Raises BadValue where
    the model cannot do it.
    """
    if info.task != "translate":
        raise BadValue(f"model: {info.name} does not translate images; choose another one.")
    if style := request.style:
        if style not in info.labels:
            choice = f"one of: {', '.join(info.labels)}" if info.labels else "a direction instead"
            raise BadValue(f"style: {info.name} has no “{style[:60]}”; choose {choice}.")
        return Target("AtoB", class_of(info, style), f"→ {style}"), None
    found: dict[Direction, Target] = {}
    if info.labels:  # any of several domains is reached by ``AtoB``
        a, b = DEFAULT_DOMAINS if set(DEFAULT_DOMAINS) <= set(info.labels) else info.labels[:2]
        found["AtoB"] = Target("AtoB", class_of(info, b), f"→ {b}")
        found["BtoA"] = Target("AtoB", class_of(info, a), f"→ {a}")
    else:
        a, b = info.domains[:2]
        names: dict[Direction, str] = {"AtoB": f"{a} → {b}", "BtoA": f"{b} → {a}"}
        found = {d: Target(d, None, name) for d, name in names.items() if d in info.directions}
    if request.direction not in found:
        choices = ", ".join(info.directions)
        raise BadValue(f"direction: {info.name} has no {request.direction}; choose {choices}.")
    return found[request.direction], found.get("BtoA" if request.direction == "AtoB" else "AtoB")


def _translate(
    source: Image.Image,
    model: Translator,
    info: ModelInfo,
    target: Target,
    request: TranslateRequest,
) -> Iterator[float | Image.Image]:
    """Yield the share that is done, then the translation of an RGB image, of the same size."""
    if info.method == "segment":
        yield 0.0
        yield facade_parsing.label_map(source, model, request.field)
        return
    size = working_size(source.size, model, request.scale)
    small = source if size == source.size else source.resize(size, _resampling(source))
    planes = Planes(np.asarray(small))
    result = planes
    if not model.tileable:
        yield 0.0
        result = Planes(planes.integers(translated(model, planes.floats(), target)))
    else:
        steps = tiling.clean(
            planes,
            None,
            lambda tile: translated(model, tile, target),
            margin=model.receptive_radius,
        )
        for step in steps:
            if isinstance(step, Planes):
                result = step
            else:
                yield step
    image = Image.fromarray(result.colour)
    if size == source.size:
        yield image
    elif model.whole_image:
        yield image.resize(source.size, Image.Resampling.BICUBIC)
    else:
        yield with_residual(source, small, image)


def working_size(size: tuple[int, int], model: Translator, scale: str) -> tuple[int, int]:
    """Return the width and height at which a network works on an image of `size`."""
    trained = model.config.size
    if scale == "auto":
        scale = "trained" if model.whole_image or trained <= LOW_RESOLUTION else "picture"
    factor = 1.0
    if scale == "trained":
        factor = trained / min(size)
    if not model.tileable:
        factor = min(factor, MAX_SIDE / max(size))
    elif scale == "trained":
        factor = min(factor, 1.0)  # enlarging adds no detail
    width, height = (max(1, round(side * factor)) for side in size)
    return width, height


def _resampling(image: Image.Image) -> Image.Resampling:
    """Return how to resize an image: a label map keeps its exact colours."""
    drawn = image.getcolors(MAX_DRAWN_COLOURS) is not None
    return Image.Resampling.NEAREST if drawn else Image.Resampling.LANCZOS


@torch.no_grad()
def translated(model: Translator, tile: Picture, target: Target) -> Picture:
    """Pass a tile (H, W, 3) in [0, 1] of any size through the network."""
    device = next(model.parameters()).device
    x = images.to_batch(tile, model.multiple, device, least=MIN_SIDE)
    domains = None if target.domain is None else torch.tensor([target.domain], device=device)
    with devices.autocast(device):
        y = model.translate(x, target.direction, domains)
    return images.from_batch(y, *tile.shape[:2])


def with_residual(source: Image.Image, small: Image.Image, result: Image.Image) -> Image.Image:
    """Return `source` plus the enlarged residual ``result - small``."""
    before, after = (np.asarray(x, dtype=np.float32) for x in (small, result))
    residual = cv2.resize(after - before, source.size, interpolation=cv2.INTER_CUBIC)
    summed = np.asarray(source, dtype=np.float32) + residual.reshape(*source.size[::-1], 3)
    return Image.fromarray(np.rint(summed).clip(0, 255).astype(np.uint8))


def error_map(a: Image.Image, b: Image.Image) -> Image.Image:
    """Return where two RGB images of one size differ: black where not, bright where much."""
    first, second = (np.asarray(x, dtype=np.float32) / 255 for x in (a, b))
    share = np.abs(first - second).mean(axis=2) / BRIGHTEST_ERROR
    grey = (share.clip(0, 1) * 255).astype(np.uint8)
    return Image.fromarray(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1].copy())
