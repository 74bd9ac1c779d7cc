"""What the Augment tab does when something is clicked."""

from __future__ import annotations

import hashlib
import io
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import gradio as gr
import numpy as np
from PIL import Image, ImageDraw

from aigc_demo import augment
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images, masks
from aigc_demo.pipelines.augmentation import AugmentResult, strip
from aigc_demo.requests import AugmentRequest, Json, Request, Seed, Whole
from aigc_demo.studio import Studio
from aigc_demo.ui.augment.presets import as_json, preset
from aigc_demo.ui.components import example_images, send_to
from aigc_demo.ui.components.editor import (
    EditorValue,
    is_empty,
    layers_of,
    picture_of,
    placed,
    strokes_of,
)
from aigc_demo.ui.components.pictures import png_file
from aigc_demo.ui.i18n import language_of, say
from aigc_demo.ui.server.handlers import Updates, downloadable

PREVIEW = 512  # pixels of the longer side in the grid
SHARES = 8
CYAN = (34, 211, 238)


class AugmentForm(Request):
    """The controls that decide which variants there are of a picture and of the strokes on it.

    `editor` is what the editor held when it was last changed: an editor that is itself an input
    uploads its canvas, three times, with every event.
    """

    editor: EditorValue | None = None
    pipeline: Json
    n: Whole = 12
    seed: Seed = 0
    marks: Literal["mask", "boxes"] = "mask"
    partner: str | None = None


class EditForm(AugmentForm):
    """The same, and what the editor holds now."""

    shown: EditorValue | None = None


class VariantForm(AugmentForm):
    """The same, the seeds of the variants that are shown, and which of them is chosen."""

    seeds: list[int]
    chosen: int


class SweepForm(AugmentForm):
    """The same, and the number of a step from 0."""

    step: Whole | None = None


# --- The picture ---------------------------------------------------------------------------------


def digest_of(editor: EditorValue | None) -> bytes:
    """Return what changes whenever a pixel of the picture, or of what is painted on it, does."""
    digest = hashlib.sha256()
    file = (editor or {}).get("background")
    if file and Path(file).is_file():
        image = images.open_image(Path(file)).convert("RGBA")
        for part in (image, *layers_of(editor, image.size)):
            if part.getchannel("A").getbbox():  # a layer without a stroke is none
                digest.update(f"{part.size}".encode() + part.tobytes())
    return digest.digest()


def show_picture(file: str) -> Updates:
    """Put a picture into the editor, and keep it."""
    return {"shown": placed(file), "editor": placed(file)}


def show_example(name: str) -> Callable[[Studio], Updates]:
    """Return a handler that puts an example into the editor."""
    return lambda studio: show_picture(example_images.example(name))


def show_first(studio: Studio, editor: EditorValue | None) -> Updates:
    """Put a picture into an editor that has none."""
    return show_picture(example_images.example("Cat")) if is_empty(editor) else {}


def receive(studio: Studio, source: Any, number: int) -> Updates:
    """Take a picture from another tab."""
    return {
        "tabs": gr.Tabs(selected="augment"),
        **show_picture(send_to.file_of(source, number)),
    }


def edit(studio: Studio, form: EditForm) -> Updates:
    """Keep what the editor holds now, and draw; it reports changes that are none, too."""
    if digest_of(form.shown) == digest_of(form.editor):
        return {}
    changed = form.model_copy(update={"editor": form.shown})
    return {"editor": form.shown, **preview_if_any(studio, changed)}


# --- The pipeline --------------------------------------------------------------------------------


def choose_preset(studio: Studio, name: str) -> Updates:
    """Put a preset into the editor of pipelines."""
    return {"pipeline": preset(name)}


def read_json(studio: Studio, text: str | None) -> Updates:
    """Put a pipeline that was typed as JSON into the editor of pipelines."""
    return {"pipeline": as_json(augment.parse(text or "[]"))}


def use_for_training(studio: Studio, pipeline: str) -> str:
    """Return the pipeline as the Train tab takes it."""
    return as_json(augment.parse(pipeline))


def describe_pipeline(studio: Studio, pipeline: str, request: gr.Request) -> Updates:
    """List the steps that have a strength, and name those that would leak."""
    language, steps = language_of(request), sweeps(pipeline)
    names = [say(f"step_{name}", language) for name in leaks(pipeline)]
    key = "leaks_some" if names else "leaks_harmless" if pipeline.strip("[] ") else "leaks_none"
    return {
        "step": gr.update(choices=steps, value=steps[0][1] if steps else None),
        "leaks": say(key, language, steps=", ".join(names)),
    }


def leaks(pipeline: str) -> list[str]:
    """Return the steps of a pipeline that would show in what a GAN generates."""
    return [step.name for step in augment.parse(pipeline) if not step.name.startswith("flip_")]


def sweeps(pipeline: str) -> list[tuple[str, int]]:
    """Return the steps of a pipeline that have a strength, and their numbers from 0."""
    return [
        (f"{i + 1}. {step.name.replace('_', ' ')}", i)
        for i, step in enumerate(augment.parse(pipeline))
        if step.transform.strength is not None
    ]


def show_code(studio: Studio, form: AugmentForm) -> Updates:
    """Show the pipeline as JSON, and as code."""
    return {"text": as_json(augment.parse(form.pipeline)), **print_code(studio, form)}


def print_code(studio: Studio, form: AugmentForm) -> Updates:
    """Show code for torchvision and for Albumentations, for pictures as large as that in the
    editor; 512×512 where there is none.
    """
    pipeline, size = augment.parse(form.pipeline), (512, 512)
    if not is_empty(form.editor):
        size = picture_of(form.editor).size[::-1]
    return {
        "torchvision": augment.torchvision_code(pipeline, size, form.seed),
        "albumentations": augment.albumentations_code(pipeline, size, form.seed),
    }


# --- Variants ------------------------------------------------------------------------------------


def request_of(form: AugmentForm, *, preview: bool) -> AugmentRequest:
    """Return the checked request that the controls describe; a preview is small and quick."""
    image = images.flatten(picture_of(form.editor), "RGB", 255)
    painted = strokes_of(form.editor, image.size)
    mask = masks.to_image(painted) if painted is not None else None
    if preview and max(image.size) > PREVIEW:
        share = PREVIEW / max(image.size)
        size = (max(8, round(image.width * share)), max(8, round(image.height * share)))
        image = image.resize(size, Image.Resampling.LANCZOS)
        mask = mask.resize(size, Image.Resampling.NEAREST) if mask is not None else None
    pipeline = augment.data(augment.parse(form.pipeline))
    mixes = any(augment.AUGMENTS[s["name"]].group == "mixing" for s in pipeline)
    boxes = masks.boxes(np.asarray(mask)) if mask is not None and form.marks == "boxes" else []
    return AugmentRequest(
        image=image,
        pipeline=pipeline,
        n=form.n,
        seed=form.seed,
        boxes=boxes,
        mask=mask if form.marks == "mask" else None,
        partner=partner_of(form) if mixes else None,
        quick=preview,
    )


def partner_of(form: AugmentForm) -> Image.Image:
    """Return the second picture of steps that mix: an example where none was given."""
    return images.open_image(Path(form.partner or example_images.example("Coffee")))


def preview(studio: Studio, form: AugmentForm) -> Updates:
    """Show variants with what was sampled for each, and the first beside the picture."""
    request = request_of(form, preview=True)
    result = studio.augment(request)
    gallery = [
        (jpeg_file(image), caption(result, i)) for i, image in enumerate(with_marks(result))
    ]
    width, height = request.image.size
    milliseconds = result.seconds * 1000
    return {
        "gallery": gallery,
        "pair": (jpeg_file(request.image), gallery[0][0]),
        "seeds": result.seeds,
        "chosen": 0,
        "details": f"{len(gallery)} × {width}×{height} px · {milliseconds:.0f} ms",
        "file": gr.update(value=None, interactive=False),
    }


def preview_if_any(studio: Studio, form: AugmentForm) -> Updates:
    """Show variants where there is a picture."""
    return {} if is_empty(form.editor) else preview(studio, form)


def random_seed(studio: Studio) -> Updates:
    """Choose another seed."""
    return {"seed": secrets.randbelow(10**6)}


def caption(result: AugmentResult, i: int) -> str:
    """Return the seed of a variant and what was sampled for it."""
    steps = [s.description.replace("_", " ") for s in result.sampled[i] if s.values is not None]
    return f"{result.seeds[i]} · " + (" · ".join(steps) or "nothing was drawn")


def with_marks(result: AugmentResult) -> list[Image.Image]:
    """Return the variants with the mask or the boxes drawn on them."""
    shown = list(result.images)
    for i, mask in enumerate(result.masks):
        shown[i] = masks.overlay(shown[i], np.asarray(mask))
    for i, boxes in enumerate(result.boxes):
        shown[i] = shown[i].copy()
        pen = ImageDraw.Draw(shown[i])
        for box in boxes:
            pen.rectangle(box, outline=CYAN, width=max(2, shown[i].width // 128))
    return shown


def jpeg_file(image: Image.Image) -> str:
    """Return a file to look at: JPEG, ten times quicker to write than PNG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return downloadable(out.getvalue(), "variant.jpg")


def show_variant(studio: Studio, gallery: Any, chosen: int, pair: Any) -> Updates:
    """Show the chosen variant beside the picture, and what was sampled for it."""
    if not gallery or not pair:
        return {}
    after, description = gallery[min(chosen, len(gallery) - 1)]
    return {"pair": (pair[0], after), "details": description}


def replay(studio: Studio, form: VariantForm) -> Updates:
    """Draw the chosen variant anew, in full size."""
    known = 0 <= form.chosen < len(form.seeds)
    seed = form.seeds[form.chosen] if known else form.seed
    request = request_of(form.model_copy(update={"n": 1, "seed": seed}), preview=False)
    result = studio.augment(request)
    settings = {"pipeline": request.pipeline, "seed": seed}
    file = png_file(result.images[0], f"variant-{seed}.png", settings)
    marked = png_file(with_marks(result)[0], f"marked-{seed}.png")
    width, height = result.images[0].size
    milliseconds = result.seconds * 1000
    return {
        "pair": (png_file(request.image, "before.png"), marked),
        "file": gr.update(value=file, interactive=True),
        "details": f"{width}×{height} px · {milliseconds:.0f} ms · {caption(result, 0)}",
    }


def sweep(studio: Studio, form: SweepForm) -> Updates:
    """Show the picture at rising strengths of one step."""
    if form.step is None:
        raise BadValue("step: the pipeline has none with a strength; add one, such as rotate.")
    made = strip(request_of(form, preview=True), form.step, SHARES)
    return {"strip": [(jpeg_file(image), f"{share:.0%}") for share, image in made]}


# --- For programs --------------------------------------------------------------------------------


def augment_file(
    studio: Studio, image: str, pipeline: str = "[]", n: float = 4, seed: float = 0
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return `n` random variants of a picture file as PNG files, and what was sampled for each.

    `pipeline` is JSON: a list of steps such as {"name": "rotate", "p": 0.5, "degrees": 15}.
    """
    if not image:
        raise BadValue("image: no file has arrived; send a picture.")
    request = AugmentRequest(
        image=images.open_image(Path(image)),
        pipeline=augment.data(augment.parse(pipeline)),
        n=n,
        seed=seed,
    )
    result = studio.augment(request)
    stem = Path(image).stem[:60]
    files = [
        png_file(made, f"{stem}-{s}.png")
        for made, s in zip(result.images, result.seeds, strict=True)
    ]
    details = [
        {"seed": seed, "drawn": [step.description for step in sampled]}
        for seed, sampled in zip(result.seeds, result.sampled, strict=True)
    ]
    return files, details
