"""What the Augment tab does when something is clicked: plain functions of the studio and the
controls' values.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from aigc_demo import augment
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images, masks
from aigc_demo.pipelines.augmentation import AugmentResult, strip
from aigc_demo.requests import AugmentRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.components import example_images
from aigc_demo.ui.components.editor import strokes_of
from aigc_demo.ui.server.handlers import downloadable

PREVIEW = 512  # pixels of the longer side in the grid
SHARES = 8
CYAN = (34, 211, 238)

PRESETS: dict[str, list[dict[str, Any]]] = {
    "photos": [
        {"name": "rotate", "degrees": 10},
        {"name": "resized_crop", "smallest": 0.4},
        {"name": "flip_horizontal"},
        {"name": "colour_jitter", "brightness": 0.25, "contrast": 0.25, "saturation": 0.3},
        {"name": "grey", "p": 0.1},
    ],
    "small": [
        {"name": "flip_horizontal"},
        {"name": "translate", "share": 0.1},
        {"name": "colour_jitter", "brightness": 0.1, "contrast": 0.1, "saturation": 0.1,
         "hue": 0.02},
    ],
    "drawings": [
        {"name": "rotate", "degrees": 12},
        {"name": "scale", "smallest": 0.85, "largest": 1.1},
        {"name": "shear", "degrees": 8},
        {"name": "elastic", "p": 0.5, "alpha": 30, "sigma": 4},
    ],
    "strong": [
        {"name": "resized_crop", "smallest": 0.3},
        {"name": "flip_horizontal"},
        {"name": "colour_jitter", "p": 0.8, "brightness": 0.5, "contrast": 0.5, "saturation": 0.5,
         "hue": 0.15},
        {"name": "cutout", "p": 0.7, "side": 0.4},
    ],
    "policy": [{"name": "flip_horizontal"}, {"name": "trivial_augment"}],
    "mixing": [{"name": "flip_horizontal"}, {"name": "cutmix"}],
    "damage": [
        {"name": "blur", "p": 0.6, "sigma": 2.5},
        {"name": "noise", "p": 0.6, "sigma": 18},
        {"name": "jpeg", "p": 0.8, "lowest": 8},
        {"name": "posterise", "p": 0.2, "bits": 3},
    ],
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """The values of the tab's controls."""

    editor: dict[str, Any] | None
    pipeline: str
    n: int = 12
    seed: int = 0
    marks: str = "mask"
    partner: str | None = None


def preset(name: str) -> str:
    """Return the pipeline of a preset as JSON."""
    if name not in PRESETS:
        raise BadValue(f"preset: choose one of {', '.join(PRESETS)}.")
    return as_json(augment.parse(PRESETS[name]))


def as_json(pipeline: augment.Pipeline) -> str:
    """Return a pipeline as JSON, a step a line."""
    lines = ",\n ".join(json.dumps(step) for step in augment.data(pipeline))
    return f"[{lines}]"


def digest_of(editor: dict[str, Any] | None) -> bytes:
    """Return what changes whenever a pixel of the picture, or of what is painted on it, does."""
    value = editor or {}
    digest = hashlib.sha256()
    for file in (value.get("background"), *value.get("layers", ())):
        if file and Path(file).is_file():
            image = images.open_image(Path(file)).convert("RGBA")
            if image.getchannel("A").getbbox():  # a layer without a stroke is none
                digest.update(f"{image.size}".encode() + image.tobytes())
    return digest.digest()


def picture_of(editor: dict[str, Any] | None) -> Image.Image:
    """Return the picture in the editor, without what was painted on it."""
    value = editor or {}
    path = value.get("background") or value.get("composite")
    if not path:
        raise BadValue("picture: there is none yet; drop one here, or choose an example.")
    if not Path(path).is_file():
        raise BadValue("picture: it was here for so long that it is gone; drop it here again.")
    return images.flatten(images.open_image(Path(path)), "RGB", 255)


def request_of(form: Form, *, preview: bool) -> AugmentRequest:
    """Return the checked request that the controls' values describe; a preview is small, quick and
    of many variants.
    """
    image = picture_of(form.editor)
    if form.marks not in ("mask", "boxes"):
        raise BadValue("marks: choose mask or boxes.")
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
        n=whole("variants", form.n),
        seed=whole("seed", form.seed),
        boxes=boxes,
        mask=mask if form.marks == "mask" else None,
        partner=partner_of(form) if mixes else None,
        quick=preview,
    )


def partner_of(form: Form) -> Image.Image:
    """Return the second picture of steps that mix: an example where none was given."""
    return images.open_image(Path(form.partner or example_images.example("Coffee")))


def whole(name: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value:
        raise BadValue(f"{name}: “{str(value)[:40]}” cannot be used; take a whole number.")
    if abs(value) == float("inf") or int(value) != value:
        raise BadValue(f"{name}: {value} cannot be used; take a whole number.")
    return int(value)


def preview(
    studio: Studio, form: Form
) -> tuple[list[tuple[str, str]], tuple[str, str], list[int], str]:
    """Return the variants with what was drawn for each, the picture before and after the first of
    them, their seeds, and a line of details.
    """
    request = request_of(form, preview=True)
    result = studio.augment(request)
    gallery = [(_shown(image), caption(result, i)) for i, image in enumerate(with_marks(result))]
    width, height = request.image.size
    words = f"{len(gallery)} × {width}×{height} px · {result.seconds * 1000:.0f} ms"
    return gallery, (_shown(request.image), gallery[0][0]), result.seeds, words


def caption(result: AugmentResult, i: int) -> str:
    """Return the seed of a variant and what was drawn for it."""
    drawn = [s.description.replace("_", " ") for s in result.sampled[i] if s.values is not None]
    return f"{result.seeds[i]} · " + (" · ".join(drawn) or "nothing was drawn")


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


def _shown(image: Image.Image) -> str:
    """Return a file to look at: JPEG, ten times quicker to write than PNG."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=90)
    return downloadable(out.getvalue(), "variant.jpg")


def replay(studio: Studio, form: Form, seed: int) -> tuple[tuple[str, str], str, str]:
    """Return the picture before and after the draw of `seed`, in full size, the file of the
    variant, and a line of details.
    """
    request = request_of(Form(**vars(form) | {"n": 1, "seed": seed}), preview=False)
    result = studio.augment(request)
    settings = {"pipeline": request.pipeline, "seed": seed}
    file = downloadable(images.encode_png(result.images[0], settings), f"variant-{seed}.png")
    before = downloadable(images.encode_png(request.image), "before.png")
    after = downloadable(images.encode_png(with_marks(result)[0]), f"marked-{seed}.png")
    width, height = result.images[0].size
    words = f"{width}×{height} px · {result.seconds * 1000:.0f} ms · {caption(result, 0)}"
    return (before, after), file, words


def code(form: Form, *, size: tuple[int, int] = (512, 512)) -> tuple[str, str, str]:
    """Return the pipeline as JSON, as torchvision code and as code for Albumentations; the code is
    for pictures of the size (height, width) of the one in the editor, or `size`.
    """
    pipeline = augment.parse(form.pipeline)
    if (form.editor or {}).get("background"):
        image = picture_of(form.editor)
        size = (image.height, image.width)
    seed = whole("seed", form.seed)
    return (
        as_json(pipeline),
        augment.torchvision_code(pipeline, size, seed),
        augment.albumentations_code(pipeline, size, seed),
    )


def sweeps(given: str) -> list[tuple[str, int]]:
    """Return the steps of a pipeline that have a strength, and their numbers from 0."""
    pipeline = augment.parse(given)
    return [
        (f"{i + 1}. {step.name.replace('_', ' ')}", i)
        for i, step in enumerate(pipeline)
        if step.transform.strength is not None
    ]


def swept(studio: Studio, form: Form, step: int | None) -> list[tuple[str, str]]:
    """Return the picture at rising strengths of one step."""
    if step is None:
        raise BadValue("step: the pipeline has none with a strength; add one, such as rotate.")
    request = request_of(form, preview=True)
    made = strip(request, whole("step", step), SHARES)
    return [(_shown(image), f"{share:.0%}") for share, image in made]


def leaks(given: str) -> list[str]:
    """Return the steps of a pipeline that would show in what a GAN generates."""
    return [step.name for step in augment.parse(given) if not step.name.startswith("flip_")]


def augment_file(
    studio: Studio, image: str, pipeline: str, n: float = 4, seed: float = 0
) -> tuple[list[str], list[dict[str, Any]]]:
    """Return `n` random variants of a picture file as PNG files, and what was drawn for each.

    `pipeline` is JSON: a list of steps such as {"name": "rotate", "p": 0.5, "degrees": 15}.
    """
    if not image:
        raise BadValue("image: no file has arrived; send a picture.")
    request = AugmentRequest(
        image=images.open_image(Path(image)),
        pipeline=augment.data(augment.parse(pipeline)),
        n=whole("n", n),
        seed=whole("seed", seed),
    )
    result = studio.augment(request)
    stem = Path(image).stem[:60]
    files = [
        downloadable(images.encode_png(made), f"{stem}-{s}.png")
        for made, s in zip(result.images, result.seeds, strict=True)
    ]
    told = [
        {"seed": seed, "drawn": [step.description for step in sampled]}
        for seed, sampled in zip(result.seeds, result.sampled, strict=True)
    ]
    return files, told
