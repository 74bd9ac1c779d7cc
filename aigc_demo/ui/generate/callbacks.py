"""What the Generate tab does when something is clicked: plain functions of the studio and the
controls' values.
"""

from __future__ import annotations

import base64
import io
import json
import random
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from aigc_demo.errors import BadValue
from aigc_demo.imaging import images
from aigc_demo.requests import GenerateRequest, RestoreRequest
from aigc_demo.studio import GenerateResult, ModelInfo, Studio
from aigc_demo.ui.server.handlers import downloadable

ALL = "*"  # stands for every class in turn
PIXEL_ART = {"pixel_tiles"}
SHOWN_SIDE = 256
SETTINGS = (
    "model",
    "label",
    "prompt",
    "count",
    "seed",
    "guidance",
    "evaluations",
    "truncation",
    "temperature",
)


def generate(
    studio: Studio,
    model: str,
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
    that one answer holds them all. `label` “*” means every class in turn; `prompt` is for models
    that read. With `embed` each PNG carries its settings.
    """
    values = (guidance, evaluations, truncation, temperature)
    request = request_of(studio, model, label, count, seed, random_seed, *values, prompt=prompt)
    result = studio.generate(request)
    settings = request.model_dump(exclude_none=True)
    pictures = []
    for image, own_seed, own_label in zip(result.images, result.seeds, result.labels, strict=True):
        marks = _marks(settings, own_seed, own_label) if embed is True else None
        png = base64.b64encode(images.encode_png(image, marks)).decode()
        pictures.append(
            {"label": own_label, "seed": own_seed, "png": f"data:image/png;base64,{png}"}
        )
    details = _details(studio.info(request.model), result)
    return pictures, details, request.seed, json.dumps(settings, sort_keys=True)


def generate_live(
    studio: Studio,
    model: str,
    label: str | None,
    count: int,
    seed: int,
    random_seed: bool,
    guidance: float | None,
    evaluations: int | None,
    truncation: float | None,
    temperature: float | None,
    embed: bool,
    watch: bool,
    prompt: str | None = None,
) -> Iterator[tuple[Any, ...]]:
    """Yield a sheet of the pictures as they form (if `watch`), then what `generate` returns, and
    no sheet.
    """
    values = (guidance, evaluations, truncation, temperature)
    request = request_of(studio, model, label, count, seed, random_seed, *values, prompt=prompt)
    info = studio.info(request.model)
    steps = watch and any(o.name == "evaluations" for o in info.options)
    result: GenerateResult | None = None
    for result in studio.generate_steps(request, every_step=steps):
        if steps:
            sheet = images.grid(result.images, columns=min(8, len(result.images)))
            yield (
                images.enlarge(sheet, 640, crisp=info.data in PIXEL_ART),
                None,
                "",
                request.seed,
                "",
            )
    yield None, *_shown(info, request, result, embed)


def request_of(
    studio: Studio,
    model: str,
    label: str | None,
    count: int,
    seed: int,
    random_seed: bool,
    *values: float | None,
    prompt: str | None = None,
) -> GenerateRequest:
    """Return a checked request; options that the model does not have are left out."""
    if random_seed is True:
        seed = new_seed()
    if not isinstance(model, str):
        raise BadValue("model: no model is chosen; choose one.")
    has = {o.name for o in studio.info(model).options}
    names = ("guidance", "evaluations", "truncation", "temperature")
    options = {name: v for name, v in zip(names, values, strict=True) if name in has}
    label = None if label in (ALL, "") else label
    told = {"label": label, "prompt": prompt or None}
    return GenerateRequest(model=model, count=count, seed=seed, **told, **options)


def _shown(
    info: ModelInfo, request: GenerateRequest, result: GenerateResult, embed: bool
) -> tuple[list[tuple[str, str]], str, int, str]:
    settings = request.model_dump(exclude_none=True)
    gallery = []
    for image, seed, label in zip(result.images, result.seeds, result.labels, strict=True):
        image = images.enlarge(image, SHOWN_SIDE, crisp=info.data in PIXEL_ART)
        content = images.encode_png(
            image, _marks(settings, seed, label) if embed is True else None
        )
        caption = f"{label[:60]} · {seed}" if label else str(seed)
        gallery.append((downloadable(content, _file_name(seed, label)), caption))
    return gallery, _details(info, result), request.seed, json.dumps(settings, sort_keys=True)


def _details(info: ModelInfo, result: GenerateResult) -> str:
    size = f"{info.size}×{info.size} px"
    return f"{info.title} · {size} · {len(result.images)} in {result.seconds:.2f} s"


def _marks(settings: dict[str, Any], seed: int, label: str) -> dict[str, Any]:
    """Return what is written into the PNG of one picture of many."""
    return settings | {"picture_seed": seed, "picture_label": label}


def _file_name(seed: int, label: str) -> str:
    name = "".join(c if c.isalnum() else "_" for c in label[:40])
    return f"{name}-{seed}.png" if name else f"{seed}.png"


def make_zip(studio: Studio, settings: str) -> str:
    """Return the path of a zip of the pictures that `settings` (JSON) describe, at the model's own
    resolution.
    """
    request = restored(settings)
    result = studio.generate(request)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for image, seed, label in zip(result.images, result.seeds, result.labels, strict=True):
            settings = request.model_dump(exclude_none=True)
            content = images.encode_png(image, _marks(settings, seed, label))
            archive.writestr(_file_name(seed, label), content)
    return downloadable(out.getvalue(), f"{request.model}-{request.seed}.zip")


def enlarge(studio: Studio, settings: str, factor: int) -> tuple[list[tuple[str, str]], str]:
    """Return the pictures that `settings` (JSON) describe, `factor` (2 or 4) times larger by the
    model ``upscale``, with their captions, and a line of details.
    """
    start = time.perf_counter()
    request = restored(settings)
    result = studio.generate(request)
    gallery = []
    for image, seed, label in zip(result.images, result.seeds, result.labels, strict=True):
        asked = RestoreRequest(image=image, method="upscale", factor=factor)
        content = images.encode_png(studio.restore(asked).image)
        caption = f"{label} · {seed}" if label else str(seed)
        gallery.append((downloadable(content, f"x{factor}-{_file_name(seed, label)}"), caption))
    info = studio.info(request.model)
    side, seconds = info.size * factor, time.perf_counter() - start
    return gallery, f"{info.title} · {side}×{side} px · {len(gallery)} in {seconds:.2f} s"


def restored(settings: str) -> GenerateRequest:
    """Return the request that `settings` (JSON) describe, checked like any other."""
    try:
        fields = json.loads(settings)
    except (TypeError, ValueError):
        raise BadValue(
            "settings: there is nothing to repeat yet; generate pictures first."
        ) from None
    if not isinstance(fields, dict):
        raise BadValue("settings: these are no settings of the studio; generate pictures first.")
    return GenerateRequest(**{k: v for k, v in fields.items() if k in SETTINGS})


def read_dropped(studio: Studio, path: str | None) -> GenerateRequest:
    """Return the request that the PNG file at `path` carries, for a model that is here."""
    if not path:
        raise BadValue("picture: no file has arrived; drop a PNG that was downloaded here.")
    request = restored(json.dumps(images.read_settings(Path(path))))
    studio.info(request.model)
    return request


def query(settings: str) -> str:
    """Return `settings` (JSON) as the query of an address."""
    return urlencode(json.loads(settings)) if settings else ""


def from_query(studio: Studio, parameters: dict[str, str]) -> GenerateRequest | None:
    """Return the request that an address carries, or None where it carries none."""
    if "model" not in parameters:
        return None
    numbers = {"count": int, "seed": int, "evaluations": int}
    fields: dict[str, Any] = {}
    for name in SETTINGS:
        if name in parameters:
            kind = str if name in ("model", "label", "prompt") else numbers.get(name, float)
            try:
                fields[name] = kind(parameters[name])
            except ValueError:
                raise BadValue(
                    f"{name}: the link holds “{parameters[name][:40]}”; a number belongs there."
                ) from None
    request = GenerateRequest(**fields)
    studio.info(request.model)
    return request


def new_seed() -> int:
    """Return a seed that nobody chose, short enough to be read aloud."""
    return random.SystemRandom().randrange(1_000_000)
