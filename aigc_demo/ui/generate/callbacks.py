"""What the Generate tab does when something is clicked: plain functions of the studio and the
controls' values.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import random
import time
import unicodedata
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import gradio as gr
from PIL import Image

from aigc_demo.data.class_names import safe
from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.pipelines.model_info import labels_of
from aigc_demo.requests import MAX_JSON, GenerateRequest, RestoreRequest
from aigc_demo.studio import GenerateResult, ModelInfo, Studio
from aigc_demo.ui.generate.forms import ALL, GenerateForm, first_model
from aigc_demo.ui.generate.samples import enlarged, is_pixel_art
from aigc_demo.ui.server.handlers import Updates, downloadable

TEXTS, INTEGERS = ("model", "label", "prompt"), ("count", "seed", "evaluations")


def generate(
    studio: Studio,
    model: str | None = None,
    label: str | None = ALL,
    count: int = 16,
    seed: int = 0,
    random_seed: bool = False,
    guidance: float | None = None,
    evaluations: int | None = None,
    truncation: float | None = None,
    temperature: float | None = None,
    embed: bool = True,
    prompt: str | None = None,
) -> tuple[list[dict[str, Any]], str, int, str]:
    """Return the pictures, a line of details, the seed that was used and the settings (JSON).

    A picture is its label, its seed and its PNG at the model's own size as a ``data:`` address, so
    that one answer holds them all. Without `model`, it is that which the page opens with. `label`
    “*” means every class in turn; `prompt` is for text-conditioned models. Options that are left
    out take the model's defaults. With `embed` each PNG carries its settings.
    """
    first = first_model([m for m in studio.models("generate") if not m.problem])
    form = GenerateForm(
        model=model or (first.name if first else None),
        label=label,
        prompt=prompt,
        count=count,
        seed=seed,
        random_seed=random_seed,
        guidance=guidance,
        evaluations=evaluations,
        truncation=truncation,
        temperature=temperature,
        embed=embed,
    )
    request = request_of(studio, form)
    result = studio.generate(request)
    pictures = []
    for image, own_seed, own_label in _samples(result):
        png = base64.b64encode(_png(image, request, own_seed, own_label, form.embed)).decode()
        pictures.append(
            {"label": own_label, "seed": own_seed, "png": f"data:image/png;base64,{png}"}
        )
    details = _details(studio.info(request.model), result)
    return pictures, details, request.seed, to_json(request)


def generate_live(studio: Studio, form: GenerateForm) -> Iterator[Updates]:
    """Show a sheet of the pictures as they form (if `watch`), then the gallery."""
    request = request_of(studio, form)
    info = studio.info(request.model)
    live = form.watch and any(o.name == "evaluations" for o in info.options)
    result: GenerateResult | None = None
    for result in studio.generate_steps(request, every_step=live):
        if live:
            sheet = images.grid(result.images, columns=min(8, len(result.images)))
            sheet = images.enlarge(sheet, 640, crisp=is_pixel_art(info))
            yield {"forming": gr.Image(sheet, visible=True), "gallery": gr.Gallery(visible=False)}
    gallery = []
    for image, seed, label in _samples(result):
        content = _png(enlarged(image, info), request, seed, label, form.embed)
        gallery.append((downloadable(content, file_name(seed, label)), _caption(seed, label)))
    yield {
        "forming": gr.Image(visible=False),
        "gallery": gr.Gallery(gallery, visible=True),
        "details": _details(info, result),
        "sampled_seed": request.seed,
        "settings": to_json(request),
    }


def show_preview(studio: Studio, info: ModelInfo) -> Updates:
    """Show what is kept of a model's pictures, as if they had just been generated; nothing where
    nothing is kept.
    """
    preview = studio.preview(info.name)
    if preview is None:
        return {}
    request = from_json(json.dumps(preview.settings))
    labels, gallery = labels_of(info, request.label, request.count), []
    for seed, (image, label) in enumerate(
        zip(preview.samples(), labels, strict=True), request.seed
    ):
        content = images.encode_webp(enlarged(image, info))
        name = file_name(seed, label).replace(".png", ".webp")
        gallery.append((downloadable(content, name), _caption(seed, label)))
    told = f"{info.title} · {info.size}×{info.size} px · {len(gallery)} made earlier"
    return {
        "gallery": gr.Gallery(gallery, visible=True),
        "details": told,
        "sampled_seed": request.seed,
        "settings": to_json(request),
    }


def is_preview(studio: Studio, settings: str) -> bool:
    """Tell whether nothing else is shown than a preview, by the settings (JSON) of what is."""
    if not settings:
        return True
    preview = studio.preview(from_json(settings).model)
    return preview is not None and settings == to_json(from_json(json.dumps(preview.settings)))


def request_of(studio: Studio, form: GenerateForm) -> GenerateRequest:
    """Return the checked request that the controls describe."""
    seed = new_seed() if form.random_seed else form.seed
    return form.request(studio, count=form.count, seed=seed)


def new_seed() -> int:
    """Return a random seed, short enough to be dictated."""
    return random.SystemRandom().randrange(1_000_000)


def _samples(result: GenerateResult) -> Iterator[tuple[Image.Image, int, str]]:
    yield from zip(result.images, result.seeds, result.labels, strict=True)


def _png(
    image: Image.Image, request: GenerateRequest, seed: int, label: str, embed: bool
) -> bytes:
    """Return the PNG file of one picture of many; with `embed`, its settings are in it."""
    settings = request.model_dump(exclude_none=True)
    settings |= {"picture_seed": seed, "picture_label": label}
    return images.encode_png(image, settings if embed else None)


def _caption(seed: int, label: str) -> str:
    return f"{safe(label, 60)} · {seed}" if label else str(seed)


def _details(info: ModelInfo, result: GenerateResult) -> str:
    size = f"{info.size}×{info.size} px"
    return f"{info.title} · {size} · {len(result.images)} in {result.seconds:.2f} s"


def file_name(seed: int, label: str) -> str:
    """Return a file name that every system and address takes, and that tells labels apart."""
    # Letters with their marks, digits and, beyond ASCII, signs such as emoji.
    kept = ("L", "M", "N", "S")
    name = "".join(
        c if c.isalnum() or (ord(c) > 127 and unicodedata.category(c)[0] in kept) else "_"
        for c in label[:40]
    )
    if name != label.replace(" ", "_"):
        name += "-" + hashlib.blake2b(label.encode("utf-8", "replace"), digest_size=2).hexdigest()
    return f"{name}-{seed}.png" if name else f"{seed}.png"


# --- The same pictures again ---------------------------------------------------------------------


def make_zip(studio: Studio, settings: str) -> Updates:
    """Return a zip of the pictures that `settings` (JSON) describe, at the model's own size."""
    request = from_json(settings)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for image, seed, label in _samples(studio.generate(request)):
            archive.writestr(file_name(seed, label), _png(image, request, seed, label, True))
    return {"file": downloadable(out.getvalue(), f"{request.model}-{request.seed}.zip")}


def enlarge(studio: Studio, settings: str, factor: int) -> Updates:
    """Show the pictures that `settings` (JSON) describe, `factor` (2 or 4) times larger by the
    model ``upscale``.
    """
    start = time.perf_counter()
    request = from_json(settings)
    gallery = []
    for image, seed, label in _samples(studio.generate(request)):
        upscaling = RestoreRequest(image=image, method="upscale", factor=factor)
        content = images.encode_png(studio.restore(upscaling).image)
        caption = f"{label} · {seed}" if label else str(seed)
        gallery.append((downloadable(content, f"x{factor}-{file_name(seed, label)}"), caption))
    info = studio.info(request.model)
    side, seconds = info.size * factor, time.perf_counter() - start
    details = f"{info.title} · {side}×{side} px · {len(gallery)} in {seconds:.2f} s"
    return {"gallery": gallery, "details": details}


# --- Settings in JSON, in a PNG file, in an address ----------------------------------------------


def to_json(request: GenerateRequest) -> str:
    """Return the settings of a request as JSON."""
    return json.dumps(request.model_dump(exclude_none=True), sort_keys=True)


def from_json(settings: str) -> GenerateRequest:
    """Return the request that `settings` (JSON) describe, checked like any other."""
    try:
        fields = json.loads(settings) if len(settings or "") <= MAX_JSON else None
    except (TypeError, ValueError, RecursionError):
        raise BadValue(
            "settings: there is nothing to repeat yet; generate pictures first."
        ) from None
    if not isinstance(fields, dict):
        raise BadValue("settings: these are no settings of the studio; generate pictures first.")
    known = fields.keys() & GenerateRequest.model_fields.keys()
    return GenerateRequest(**{name: fields[name] for name in known})


def from_png(studio: Studio, path: str | None) -> GenerateRequest:
    """Return the request that the PNG file at `path` carries, for a model that is here."""
    if not path:
        raise BadValue("picture: no file has arrived; drop a PNG that was downloaded here.")
    request = from_json(json.dumps(images.read_settings(Path(path))))
    studio.info(request.model)
    return request


def to_query(studio: Studio, settings: str) -> Updates:
    """Return `settings` (JSON) as the query of an address."""
    fields = json.loads(to_json(from_json(settings))) if settings else {}
    return {"query": urlencode(fields)}


def from_query(studio: Studio, parameters: dict[str, str]) -> GenerateRequest | None:
    """Return the request that an address carries, or None where it carries none."""
    if "model" not in parameters:
        return None
    fields: dict[str, Any] = {}
    for name in GenerateRequest.model_fields:
        if name in parameters:
            kind = str if name in TEXTS else int if name in INTEGERS else float
            try:
                fields[name] = kind(parameters[name])
            except ValueError:
                raise BadValue(
                    f"{name}: the link holds “{parameters[name][:40]}”; a number belongs there."
                ) from None
    request = GenerateRequest(**fields)
    studio.info(request.model)
    return request
