"""What the Restore tab does when something is clicked."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images, masks
from aigc_demo.imaging.degradations import DEGRADATIONS
from aigc_demo.pipelines.restoration import TOOLS, RestoreResult, weights_of
from aigc_demo.requests import Name, Pixels, Request, RestoreRequest, Seed, Strength, Whole
from aigc_demo.studio import Studio
from aigc_demo.ui.components import example_images, send_to
from aigc_demo.ui.components.editor import (
    EditorValue,
    is_empty,
    picture_of,
    placed,
    strokes_of,
)
from aigc_demo.ui.components.originals import Original, original, source_of
from aigc_demo.ui.components.pictures import PROGRESS, Progress, finish, literal, png_file
from aigc_demo.ui.i18n import T
from aigc_demo.ui.server.handlers import Updates, downloadable

SCORES = {  # the header of the table, and the words of the details
    "psnr": ("PSNR (dB)", "PSNR {:.2f} dB"),
    "psnr_hole": ("PSNR in the mask (dB)", "in the mask {:.2f} dB"),
    "ssim": ("SSIM", "SSIM {:.3f}"),
    "compact_distance": ("compact distance", "compact distance {:.2f}"),
}
FIRST = "inpaint"  # the model of the first view
HEADERS = ["method", "seconds", *(header for header, _ in SCORES.values())]


class Reference(Original):
    """The file of a picture before it was degraded, and of what is shown of it in the editor: the
    degraded picture, or its restoration.
    """


class MaskForm(Request):
    """The picture, and the controls that decide what of it is filled."""

    editor: EditorValue | None = None
    original: Original | None = None
    mask_file: str | None = None
    marked: masks.Marked = "auto"
    invert: bool = False
    grow: Pixels = 0
    feather: Pixels = 0


class RestoreForm(MaskForm):
    """The controls that decide how a picture is restored."""

    method: Name = "inpaint"
    estimate: bool = True
    sigma: float = 25
    factor: Whole = 2
    reference: Reference | None = None


class DegradeForm(Request):
    """The controls that decide how a picture is degraded."""

    editor: EditorValue | None = None
    original: Original | None = None
    reference: Reference | None = None
    kind: Name
    strength: Strength
    seed: Seed


# --- Methods -------------------------------------------------------------------------------------


def usable(studio: Studio) -> list[str]:
    """Return the methods that are here: the classical ones, those whose model can be used, and
    the models that were trained here.
    """
    models = [m for m in studio.models("restore") if not m.problem]
    names = {m.name for m in models}
    shipped = [t.name for t in TOOLS.values() if not t.model or t.model in names]
    return shipped + [m.name for m in models if m.from_run]


def choices(studio: Studio) -> list[tuple[Any, str]]:
    """Return the usable methods with their titles."""
    return [
        (T(f"tool_{name}") if name in TOOLS else f"★ {studio.info(name).title}", name)
        for name in usable(studio)
    ]


def comparable(studio: Studio, method: str, *, masked: bool) -> list[str]:
    """Return the methods that do what `method` does with the same picture, and that itself."""
    chosen = TOOLS.get(method)
    if chosen is not None and chosen.enlarges:
        task = "enlarges"
    else:
        task = "fills" if masked and (chosen is None or chosen.fills) else "cleans"
    return [n for n in usable(studio) if (getattr(TOOLS[n], task) if n in TOOLS else n == method)]


def list_methods(studio: Studio) -> Updates:
    """List the methods anew; models that are trained here come and go."""
    return {"method": gr.update(choices=choices(studio))}


def fit_method(studio: Studio, method: str, estimate: bool) -> Updates:
    """Show the settings that a method has; all of them for a model that was trained here."""
    tool = TOOLS.get(method)
    needs_sigma, enlarges = tool is None or tool.needs_sigma, tool is None or tool.enlarges
    return {
        "sigma": gr.update(visible=needs_sigma and not estimate),
        "estimate": gr.update(visible=needs_sigma),
        "factor": gr.update(visible=enlarges),
    }


# --- Restore -------------------------------------------------------------------------------------


def hole_of(form: MaskForm, size: tuple[int, int]) -> masks.Weights | None:
    """Return what is to be filled: the strokes and the mask file together, inverted as asked; None
    where there is neither.
    """
    mask = strokes_of(form.editor, size)
    if form.mask_file:
        read = masks.from_file(images.open_image(Path(form.mask_file)), form.marked, size)
        mask = read if mask is None else mask | read
    if mask is None:
        return None
    return 255 - mask if form.invert else mask


def mask_of(form: MaskForm, size: tuple[int, int]) -> masks.Weights | None:
    """Return the hole grown and feathered as asked, or None where there is none."""
    hole = hole_of(form, size)
    return None if hole is None else masks.feather(masks.grow(hole, form.grow), form.feather)


def request_of(form: RestoreForm, method: str | None = None) -> RestoreRequest:
    """Return the checked request that the controls describe."""
    image, method = source_of(form.editor, form.original), method or form.method
    enlarges = method in TOOLS and TOOLS[method].enlarges
    hole = None if enlarges else hole_of(form, image.size)
    truth = form.reference.of(image) if form.reference else None
    scale = form.factor if enlarges else 1
    if truth is not None and truth.size != (image.width * scale, image.height * scale):
        truth = None
    return RestoreRequest(
        image=image,
        mask=None if hole is None else masks.to_image(hole),
        grow=form.grow,
        feather=form.feather,
        method=method,
        sigma=None if form.estimate else form.sigma,
        factor=form.factor,
        truth=truth,
    )


def restore_picture(studio: Studio, form: RestoreForm, progress: Progress = PROGRESS) -> Updates:
    """Restore the picture, and show it beside the original and its mask."""
    request = request_of(form)
    result = finish(studio.restore_steps(request), progress)
    before = request.image
    if before.size != result.image.size:
        before = before.resize(result.image.size, Image.Resampling.BICUBIC)
    after = png_file(result.image, f"{request.method}.png")
    marked = None
    if (weights := weights_of(request, request.image.size)) is not None:
        marked = png_file(masks.overlay(request.image, weights), "mask.png")
    return {
        "pair": (png_file(before, "before.png"), after),
        "result": after,
        "details": details(request, result),
        "mask_shown": gr.update(value=marked, visible=marked is not None),
        "result_file": gr.update(value=after),
    }


def details(request: RestoreRequest, result: RestoreResult) -> str:
    """Return a line: method, size, time, noise, scores."""
    width, height = result.image.size
    words = [request.method, f"{width}×{height} px", f"{result.seconds:.2f} s"]
    if result.sigma is not None:
        words.append(f"σ = {result.sigma:.1f}" + (" (estimated)" if request.sigma is None else ""))
    words += [
        text.format(result.scores[name])
        for name, (_, text) in SCORES.items()
        if name in result.scores
    ]
    return " · ".join([*words, *([result.note] if result.note else [])])


def compare(studio: Studio, form: RestoreForm) -> Iterator[Updates]:
    """Show, after each method, the results so far, a table of seconds and scores, and what could
    not be done.
    """
    masked = mask_of(form, picture_of(form.editor).size) is not None
    gallery: list[tuple[str, str]] = []
    rows: list[list[Any]] = []
    problems: list[str] = []
    for method in comparable(studio, form.method, masked=masked):
        try:
            result = studio.restore(request_of(form, method))
        except UserError as problem:
            problems.append(literal(f"{method}: {problem}"))
        else:
            gallery.append((png_file(result.image, f"{method}.png"), method))
            scores = [_rounded(result.scores.get(name)) for name in SCORES]
            rows.append([method, round(result.seconds, 2), *scores])
        yield {
            "compared": gr.update(value=gallery, visible=True),
            "send_compared": gr.update(visible=True),
            "table": gr.update(value=rows, visible=True),
            "problems": "\n\n".join(problems),
        }


def _rounded(value: float | None) -> float | str:
    if value is None:
        return "—"
    return round(value, 3) if math.isfinite(value) else "∞"


def show_mask(studio: Studio, form: MaskForm) -> Updates:
    """Show the picture with what is to be filled in red."""
    image = source_of(form.editor, form.original)
    mask = mask_of(form, image.size)
    if mask is None:
        raise BadValue("mask: nothing is marked yet; paint over the picture, or drop a mask file.")
    shown = png_file(masks.overlay(image, mask), "mask.png")
    return {"mask_shown": gr.update(value=shown, visible=True)}


# --- Pictures that come and go -------------------------------------------------------------------


def new_picture(file: str) -> Updates:
    """Put a picture into the editor; the mask and the reference of the one before go."""
    known = original(file)
    return {
        "editor": placed(known.shown),
        "original": known,
        "mask_file": None,
        "reference": None,
    }


def open_file(studio: Studio, file: str) -> Updates:
    """Put a picture file that was chosen or dropped into the editor."""
    return new_picture(file)


def show_example(name: str) -> Callable[[Studio], Updates]:
    """Return a handler that puts an example into the editor."""
    return lambda studio: new_picture(example_images.example(name))


def show_first(studio: Studio, editor: EditorValue | None) -> Updates:
    """Where there is no picture, show a damaged example and what the model makes of it."""
    preview = studio.preview(FIRST)
    if not is_empty(editor) or preview is None or FIRST not in usable(studio):
        return {}
    example = new_picture(example_images.example(preview.settings["photograph"]))
    how = {"strength": preview.settings["strength"], "seed": preview.settings["seed"]}
    form = DegradeForm(editor=example["editor"], kind=preview.settings["damage"], **how)
    damaged = degrade(studio, form)
    after = downloadable(images.encode_webp(preview.image), "restored.webp")
    return {**damaged, "pair": (damaged["editor"]["background"], after)}


def receive(studio: Studio, source: Any, number: int) -> Updates:
    """Take a picture from another tab."""
    file = send_to.file_of(source, number)
    return {"tabs": gr.Tabs(selected="restore"), **new_picture(file)}


def degrade(studio: Studio, form: DegradeForm) -> Updates:
    """Degrade the picture, and choose a method that may undo it; what is already degraded is
    degraded anew, from its reference.
    """
    if form.kind not in DEGRADATIONS:
        raise BadValue(f"kind: choose one of {', '.join(DEGRADATIONS)}.")
    degradation = DEGRADATIONS[form.kind]
    image = source_of(form.editor, form.original)
    image = (form.reference.of(image) if form.reference else None) or image
    degraded = degradation.degrade(image, strength=form.strength, seed=form.seed)
    shown = new_picture(png_file(degraded.image, "damaged.png"))
    updates = {
        **shown,
        "mask_file": None if degraded.mask is None else png_file(degraded.mask, "mask.png"),
        "reference": Reference(png_file(degraded.truth, "truth.png"), shown["original"].shown),
        "details": degraded.description,
    }
    usable_remedy = degradation.remedy in usable(studio)
    return updates | ({"method": degradation.remedy} if usable_remedy else {})


def undo_degradation(studio: Studio, reference: Reference | None) -> Updates:
    """Put the picture back into the editor as it was before it was degraded."""
    return new_picture(send_to.file_of(reference.file if reference else None))


def forget_mask(
    studio: Studio,
    editor: EditorValue,
    seen: str | None = None,
    original: Original | None = None,
    reference: Reference | None = None,
) -> Updates:
    """Forget the mask file where another picture has come, as from a camera or the clipboard.

    `seen` is the picture of the event before: the editor reports a new one while it still has the
    old one, too.
    """
    now = (editor or {}).get("background")
    if now == seen:
        return {}
    image = picture_of(editor)
    known = any(given and given.of(image) for given in (original, reference))
    return {"seen": now} if known else {"seen": now, "mask_file": None}


def use_result(studio: Studio, result: str | None, reference: Reference | None) -> Updates:
    """Put the result into the editor; it keeps its reference."""
    file = send_to.file_of(result)
    shown = new_picture(file)
    kept = replace(reference, shown=shown["original"].shown) if reference else None
    return {**shown, "reference": kept, "pair": None}


def send_to_gallery(studio: Studio, result: str | None, gallery: Any) -> Updates:
    """Add the result to the gallery of the Generate tab, and open that."""
    pictures = [(file, caption) for file, caption in gallery or []]
    return {
        "tabs": gr.Tabs(selected="generate"),
        "gallery": [*pictures, (send_to.file_of(result), "restored")],
    }


# --- For programs --------------------------------------------------------------------------------


def restore_file(
    studio: Studio,
    image: str,
    mask: str | None = None,
    method: str = "inpaint",
    sigma: float | None = None,
    factor: float = 2,
    grow: float = 0,
    feather: float = 0,
) -> tuple[str, dict[str, Any]]:
    """Restore a picture file and return a PNG file and its details: seconds, assumed noise, and a
    note where the mask marks nothing or everything.

    `mask` is a picture of the same size, white or painted on transparency where to fill; it is
    grown and feathered by pixels. `sigma` is the noise in grey levels, estimated unless given;
    `factor` (2 or 4) is for methods that enlarge.
    """
    if not image:
        raise BadValue("image: no file has arrived; send a picture.")
    request = RestoreRequest(
        image=images.open_image(Path(image)),
        mask=images.open_image(Path(mask)) if mask else None,
        method=method,
        sigma=sigma,
        factor=factor,
        grow=grow,
        feather=feather,
    )
    result = studio.restore(request)
    info = {"method": method, "seconds": round(result.seconds, 3), "sigma": result.sigma}
    if result.note:
        info["note"] = result.note
    return png_file(result.image, f"{Path(image).stem[:60]}-{method}.png"), info
