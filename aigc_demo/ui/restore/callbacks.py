"""What the Restore tab does when something is clicked: plain functions of the studio and the
controls' values.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image, ImageChops, ImageStat

from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images, masks
from aigc_demo.imaging.degradations import DEGRADATIONS
from aigc_demo.pipelines.restoration import TOOLS, RestoreResult
from aigc_demo.requests import RestoreRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.components.editor import picture_of, strokes_of
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import downloadable

MAX_GROW = 100
SAME = 1.0  # grey levels by which a picture may differ on the average and be the same
SCORES = {
    "psnr": "PSNR (dB)",
    "psnr_hole": "PSNR in the mask (dB)",
    "ssim": "SSIM",
    "compact_distance": "compact distance",
}
HEADERS = ("method", "seconds", *SCORES.values())


@dataclass(frozen=True)
class Truth:
    """The file of an undamaged picture, and that of the damaged one, or of what became of it, in
    the editor.
    """

    file: str
    shown: str

    def of(self, image: Image.Image) -> Image.Image | None:
        """Return the undamaged picture if `image` is the one that is shown, as far as a browser
        keeps its colours; None for another picture.
        """
        shown = images.open_image(Path(self.shown)).convert("RGB")
        if shown.size != image.size:
            return None
        difference = ImageChops.difference(shown, image.convert("RGB"))
        near = max(ImageStat.Stat(difference).mean) <= SAME
        return images.open_image(Path(self.file)) if near else None


@dataclass(frozen=True)
class Form:
    """The values of the tab's controls."""

    editor: dict[str, Any] | None
    mask_file: str | None = None
    marked: str = "auto"
    invert: bool = False
    grow: int = 0
    feather: int = 0
    method: str = "inpaint"
    estimate: bool = True
    sigma: float = 25
    factor: int = 2
    truth: Truth | None = None


def usable(studio: Studio) -> list[str]:
    """Return the methods that are here: the classical ones, those whose model can be used, and
    the models that were trained here.
    """
    there = [m for m in studio.models("restore") if not m.problem]
    names = {m.name for m in there}
    shipped = [t.name for t in TOOLS.values() if not t.model or t.model in names]
    return shipped + [m.name for m in there if m.from_run]


def choices(studio: Studio) -> list[tuple[Any, str]]:
    """Return the usable methods with their titles."""
    return [
        (T(f"tool_{name}") if name in TOOLS else f"★ {studio.info(name).title}", name)
        for name in usable(studio)
    ]


def mask_of(form: Form, size: tuple[int, int]) -> masks.Weights | None:
    """Return what is to be filled: the strokes and the mask file together, inverted, grown and
    faded as asked; None where there is neither.
    """
    if form.marked not in ("auto", "white", "black"):
        raise BadValue("marked: choose auto, white or black.")
    grow, feather = (_whole(name, getattr(form, name)) for name in ("grow", "feather"))
    mask = strokes_of(form.editor, size)
    if form.mask_file:
        read = masks.from_file(images.open_image(Path(form.mask_file)), form.marked, size)
        mask = read if mask is None else mask | read
    if mask is None:
        return None
    if form.invert is True:
        mask = 255 - mask
    return masks.feather(masks.grow(mask, grow), feather)


def _whole(name: str, value: Any) -> int:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if not number or not math.isfinite(value) or not 0 <= value <= MAX_GROW:
        raise BadValue(f"{name}: give a number of pixels from 0 to {MAX_GROW}.")
    return round(value)


def request_of(form: Form, method: str | None = None) -> RestoreRequest:
    """Return the checked request that the controls describe."""
    image = picture_of(form.editor)
    tool = TOOLS.get(method or form.method)
    mask = None if tool is not None and tool.enlarges else mask_of(form, image.size)
    truth = form.truth.of(image) if form.truth else None
    return RestoreRequest(
        image=image,
        mask=None if mask is None else masks.to_image(mask),
        method=method or form.method,
        sigma=None if form.estimate is True else form.sigma,
        factor=int(form.factor) if form.factor in (2, 4) else form.factor,
        truth=truth if truth is not None and _same_size(truth, image, tool, form.factor) else None,
    )


def _same_size(truth: Image.Image, image: Image.Image, tool: Any, factor: int) -> bool:
    times = factor if tool is not None and tool.enlarges else 1
    return truth.size == (image.width * times, image.height * times)


def restore(studio: Studio, form: Form) -> Iterator[float | tuple[Any, ...]]:
    """Yield the share that is done, then the pictures before and after, the file of the result, a
    line of details and the picture with the mask, or None.
    """
    request = request_of(form)
    for step in studio.restore_steps(request):
        if isinstance(step, float):
            yield step
        else:
            before = request.image
            if before.size != step.image.size:
                before = before.resize(step.image.size, Image.Resampling.BICUBIC)
            name = f"{request.method}.png"
            after = downloadable(images.encode_png(step.image), name)
            pair = (downloadable(images.encode_png(before), "before.png"), after)
            marked = None
            if request.mask is not None:
                shown = masks.overlay(request.image, masks.read(request.mask))
                marked = downloadable(images.encode_png(shown), "mask.png")
            yield pair, after, details(request, step), marked


def details(request: RestoreRequest, result: RestoreResult) -> str:
    """Return a line: method, size, time, noise, scores."""
    width, height = result.image.size
    words = [request.method, f"{width}×{height} px", f"{result.seconds:.2f} s"]
    if result.sigma is not None:
        words.append(f"σ = {result.sigma:.1f}" + (" (estimated)" if request.sigma is None else ""))
    names = {"psnr": "PSNR {:.2f} dB", "psnr_hole": "in the mask {:.2f} dB", "ssim": "SSIM {:.3f}",
             "compact_distance": "compact distance {:.2f}"}  # fmt: skip
    words += [form.format(result.scores[k]) for k, form in names.items() if k in result.scores]
    return " · ".join(words)


def methods_for(studio: Studio, form: Form, *, masked: bool) -> list[str]:
    """Return the methods that can be compared with the chosen one on the same picture."""
    chosen = TOOLS.get(form.method)
    if chosen is not None and chosen.enlarges:
        return [n for n in usable(studio) if TOOLS[n].enlarges]
    if masked and (chosen is None or chosen.fills):
        return [n for n in usable(studio) if TOOLS[n].fills]
    return [n for n in usable(studio) if TOOLS[n].cleans]


def compare(
    studio: Studio, form: Form
) -> Iterator[tuple[list[tuple[str, str]], list[list[Any]], str]]:
    """Yield, after each method, the results so far with their names, a table of seconds and
    scores, and what could not be done.
    """
    image = picture_of(form.editor)
    masked = mask_of(form, image.size) is not None
    gallery: list[tuple[str, str]] = []
    rows: list[list[Any]] = []
    problems: list[str] = []
    for method in methods_for(studio, form, masked=masked):
        try:
            result = studio.restore(request_of(form, method))
        except UserError as problem:
            problems.append(f"{method}: {problem}")
        else:
            path = downloadable(images.encode_png(result.image), f"{method}.png")
            gallery.append((path, method))
            scores = [_rounded(result.scores.get(name)) for name in SCORES]
            rows.append([method, round(result.seconds, 2), *scores])
        yield gallery, rows, "\n\n".join(problems)


def _rounded(value: float | None) -> float | str:
    if value is None:
        return "—"
    return round(value, 3) if math.isfinite(value) else "∞"


def spoil(
    form: Form, kind: str, strength: float, seed: float
) -> tuple[Truth, str | None, str, str]:
    """Return the files of the truth and the damaged picture, that of the mask of what is lost (or
    None), what was done, and the method that may undo it. What is already damaged is damaged anew,
    from its truth.
    """
    if kind not in DEGRADATIONS:
        raise BadValue(f"kind: choose one of {', '.join(DEGRADATIONS)}.")
    if not isinstance(strength, int | float) or not 0 < strength <= 1:
        raise BadValue("strength: give a number above 0, up to 1.")
    if not isinstance(seed, int | float) or isinstance(seed, bool) or not 0 <= seed < 2**53:
        raise BadValue("seed: give a whole number from 0.")
    image = picture_of(form.editor)
    image = (form.truth.of(image) if form.truth else None) or image
    degradation = DEGRADATIONS[kind]
    done = degradation.degrade(image, strength=float(strength), seed=int(seed))
    mask = None
    if done.mask is not None:
        mask = downloadable(images.encode_png(done.mask), "mask.png")
    truth = downloadable(images.encode_png(done.truth), "truth.png")
    damaged = downloadable(images.encode_png(done.image), "damaged.png")
    return Truth(truth, damaged), mask, done.description, degradation.remedy


def shown_mask(form: Form) -> str:
    """Return the file of the picture with what is to be filled in red."""
    image = picture_of(form.editor)
    mask = mask_of(form, image.size)
    if mask is None:
        raise BadValue("mask: nothing is marked yet; paint over the picture, or drop a mask file.")
    return downloadable(images.encode_png(masks.overlay(image, mask)), "mask.png")


def restore_file(
    studio: Studio,
    image: str,
    mask: str | None = None,
    method: str = "inpaint",
    sigma: float | None = None,
    factor: float = 2,
) -> tuple[str, dict[str, Any]]:
    """Restore a picture file and return a PNG file and its details: seconds and assumed noise.

    `mask` is a picture of the same size, white where to fill; `sigma` is the noise in grey levels,
    estimated unless given; `factor` (2 or 4) is for methods that enlarge.
    """
    if not image:
        raise BadValue("image: no file has arrived; send a picture.")
    request = RestoreRequest(
        image=images.open_image(Path(image)),
        mask=images.open_image(Path(mask)) if mask else None,
        method=method,
        sigma=sigma,
        factor=int(factor) if factor in (2, 4) else factor,
    )
    result = studio.restore(request)
    found = {"method": method, "seconds": round(result.seconds, 3), "sigma": result.sigma}
    name = f"{Path(image).stem[:60]}-{method}.png"
    return downloadable(images.encode_png(result.image), name), found
