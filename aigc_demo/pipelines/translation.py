"""Pictures taken from one domain to another, and back.

    from aigc_demo.methods.segment import Segment
from aigc_demo.requests import TranslateRequest

    result = Studio("checkpoints").translate(
        TranslateRequest(image=photo, model="monet2photo-cyclegan", direction="BtoA")
    )

A network that looks at a picture as a whole works at the size that it was trained at. One that
adds something to the picture works at any size, in tiles that leave no seam; where it has to work
on a smaller copy, what it adds is enlarged, so that the picture keeps its detail.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch
from PIL import Image

from aigc_demo import device as devices
from aigc_demo.crf import facade_parsing
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images, tiling
from aigc_demo.imaging.images import Planes
from aigc_demo.imaging.tiling import Picture
from aigc_demo.methods.base import Direction, Model, Translator
from aigc_demo.methods.segment import Segment
from aigc_demo.metrics.image_quality import psnr
from aigc_demo.pipelines.model_info import ModelInfo
from aigc_demo.requests import TranslateRequest

LEAST = 32  # pixels of a side, below which networks have nothing to look at
LARGEST = 1024  # pixels of a side, for networks that need the whole picture at once
SMALL = 64  # pixels: a network trained on pictures as small works at that size
FEW_COLOURS = 64  # of a drawn plan
BRIGHTEST = 0.25  # error, as a share of the full range, that the map shows brightest


@dataclass(frozen=True)
class TranslateResult:
    """The translated picture, RGB and as large as the original; where it was taken back: that
    picture, a map of where it differs from the original, and its PSNR in `scores`.
    """

    image: Image.Image
    cycle: Image.Image | None
    seconds: float
    way: str = ""
    error: Image.Image | None = None
    scores: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Way:
    """A direction, and the number of the domain that it leads to where there are several."""

    direction: Direction
    label: int | None
    name: str


def run(
    request: TranslateRequest,
    info: ModelInfo,
    load: Callable[[str], Model],
    lock: AbstractContextManager[object],
) -> Iterator[float | TranslateResult]:
    """Yield the share that is done, then the result.

    `load` returns the model that `info` describes; `lock` is held while something is computed,
    never while the reader is. Raises UserError where the request does not fit the model.
    """
    start = time.perf_counter()
    forth, back = ways(request, info)
    with lock:
        model = load(request.model)
        assert isinstance(model, Translator)
    source = images.flatten(images.upright(request.image), "RGB", 255)
    taken_back = back if request.cycle else None
    parts = 1 if taken_back is None else 2
    reached = source
    for step in _locked(turn(source, model, forth, request.scale, request.field), lock):
        if isinstance(step, float):
            yield step / parts
        else:
            reached = step
    cycle, error, scores = None, None, {}
    if taken_back is not None:
        for step in _locked(turn(reached, model, taken_back, request.scale), lock):
            if isinstance(step, float):
                yield (1 + step) / parts
            else:
                cycle = step
        assert cycle is not None
        error = error_map(source, cycle)
        ends = [Planes(np.asarray(x)).floats() for x in (cycle, source)]
        scores = {"cycle_psnr": psnr(*ends)}
    image = Image.blend(source, reached, request.strength)
    seconds = time.perf_counter() - start
    yield TranslateResult(image, cycle, seconds, forth.name, error, scores)


def ways(request: TranslateRequest, info: ModelInfo) -> tuple[Way, Way | None]:
    """Return the way that the request names and the way back, or None where the model has none.

    A style can be gone to from any other, so nobody knows the way back from it. Raises BadValue
    where it cannot go there.
    """
    if info.task != "translate":
        raise BadValue(f"model: {info.name} does not translate pictures; choose another one.")
    other: Direction = "BtoA" if request.direction == "AtoB" else "AtoB"
    if info.labels:
        first, second = _ends(info)
        there, here = (second, first) if request.direction == "AtoB" else (first, second)
        if request.style is not None:
            if request.style not in info.labels:
                raise BadValue(
                    f"style: {info.name} has no “{request.style[:60]}”; it knows "
                    f"{', '.join(info.labels)}."
                )
            return Way("AtoB", info.labels.index(request.style), f"→ {request.style}"), None
        first, second = (
            Way("AtoB", info.labels.index(name), f"→ {name}") for name in (there, here)
        )
        return first, second
    if request.style is not None:
        raise BadValue(f"style: {info.name} goes between two domains; use direction alone.")
    if request.direction not in info.directions:
        here = ", ".join(info.directions)
        raise BadValue(f"direction: {info.name} cannot go {request.direction}; it goes {here}.")
    a, b = info.domains[:2]
    names: dict[Direction, str] = {"AtoB": f"{a} → {b}", "BtoA": f"{b} → {a}"}
    back = Way(other, None, names[other]) if other in info.directions else None
    return Way(request.direction, None, names[request.direction]), back


def _ends(info: ModelInfo) -> tuple[str, str]:
    """Return the domains A and B of a model that knows several."""
    preferred = ("twemoji", "fluentui")
    return preferred if set(preferred) <= set(info.labels) else (info.labels[0], info.labels[1])


def _locked(
    steps: Iterator[float | Image.Image], lock: AbstractContextManager[object]
) -> Iterator[float | Image.Image]:
    while True:
        with lock:
            step = next(steps, None)
        if step is None:
            return
        yield step


def turn(
    source: Image.Image, model: Translator, way: Way, scale: str = "auto", field: float = 1.0
) -> Iterator[float | Image.Image]:
    """Yield the share that is done, then an RGB picture taken one way, of the same size; what is a
    plan is settled by a random field of the weight `field`.
    """
    if isinstance(model, Segment):
        yield 0.0
        yield facade_parsing.draw(source, model, field)
        return
    size = working_size(source.size, model, scale)
    small = source if size == source.size else source.resize(size, _filter(source))
    planes = Planes(np.asarray(small))

    def function(piece: Picture) -> Picture:
        return passed(model, piece, way)

    if model.whole or not model.local:
        yield 0.0
        done = Planes(planes.integers(function(planes.floats())))
    else:
        done = planes
        for step in tiling.clean(planes, None, function, margin=model.reach):
            if isinstance(step, Planes):
                done = step
            else:
                yield step
    result = Image.fromarray(done.colour)
    if size == source.size:
        yield result
    elif model.whole:
        yield result.resize(source.size, Image.Resampling.BICUBIC)
    else:
        yield with_change(source, small, result)


def working_size(size: tuple[int, int], model: Translator, scale: str) -> tuple[int, int]:
    """Return the width and height at which a network works on a picture of `size`."""
    trained = model.config.size
    if scale == "auto":
        scale = "trained" if model.whole or trained <= SMALL else "picture"
    factor = 1.0
    if scale == "trained":
        factor = trained / min(size)
    if model.whole or not model.local:
        factor = min(factor, LARGEST / max(size))
    elif scale == "trained":
        factor = min(factor, 1.0)  # nothing is gained from a picture larger than it is
    width, height = (max(1, round(side * factor)) for side in size)
    return width, height


def _filter(image: Image.Image) -> Image.Resampling:
    """Return how to resize: a drawn plan keeps its exact colours."""
    drawn = image.getcolors(FEW_COLOURS) is not None
    return Image.Resampling.NEAREST if drawn else Image.Resampling.LANCZOS


@torch.no_grad()
def passed(model: Translator, piece: Picture, way: Way) -> Picture:
    """Pass a piece (H, W, 3) in [0, 1] of any size through the network."""
    device = next(model.parameters()).device
    x = images.to_batch(piece, model.multiple, device, least=LEAST)
    labels = None if way.label is None else torch.tensor([way.label], device=device)
    with devices.autocast(device):
        y = model.translate(x, way.direction, labels)
    return images.from_batch(y, *piece.shape[:2])


def with_change(source: Image.Image, small: Image.Image, result: Image.Image) -> Image.Image:
    """Return `source` with what `result` changed of `small`, enlarged."""
    before, after = (np.asarray(x, dtype=np.float32) for x in (small, result))
    change = cv2.resize(after - before, source.size, interpolation=cv2.INTER_CUBIC)
    changed = np.asarray(source, dtype=np.float32) + change.reshape(*source.size[::-1], 3)
    return Image.fromarray(np.rint(changed).clip(0, 255).astype(np.uint8))


def error_map(a: Image.Image, b: Image.Image) -> Image.Image:
    """Return where two RGB pictures of one size differ: black where not, bright where much."""
    first, second = (np.asarray(x, dtype=np.float32) / 255 for x in (a, b))
    share = np.abs(first - second).mean(axis=2) / BRIGHTEST
    grey = (share.clip(0, 1) * 255).astype(np.uint8)
    return Image.fromarray(cv2.applyColorMap(grey, cv2.COLORMAP_INFERNO)[..., ::-1].copy())
