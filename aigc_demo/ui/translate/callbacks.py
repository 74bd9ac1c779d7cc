"""What the Translate tab does when something is clicked: plain functions of the studio and the
controls' values.
"""

from __future__ import annotations

import io
import secrets
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from PIL import Image

from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images
from aigc_demo.pipelines.translation import TranslateResult
from aigc_demo.requests import GenerateRequest, RestoreRequest, TranslateRequest
from aigc_demo.studio import RUN_PREFIX, ModelInfo, Studio
from aigc_demo.ui.server.handlers import downloadable
from aigc_demo.ui.translate import label_map_editor

MAX_FILES = 200
FIRST = ("monet2photo-cyclegan", "summer2winter-cyclegan", "facades-pix2pix")
EMOJI = ("twemoji2fluentui", "emoji_styles")  # data sets, whose models take emoji
PAINTER, LANDSCAPES = "scenes-flow", ("forest", "mountain", "sea", "glacier")
SCALES = ("auto", "picture", "trained")


@dataclass(frozen=True)
class Form:
    """The values of the tab's controls."""

    model: str | None
    way: str
    editor: dict[str, Any] | None
    board: str | None = None
    strength: float = 1.0
    cycle: bool = True
    scale: str = "auto"
    field: float = 1.0


def usable(studio: Studio) -> list[ModelInfo]:
    """Return the models that translate: a few well-known ones first, then the others by name."""
    there = [m for m in studio.models("translate") if not m.problem]
    order = {name: i for i, name in enumerate(FIRST)}
    return sorted(there, key=lambda m: (m.from_run, order.get(m.name, len(FIRST))))


def choices(studio: Studio) -> list[tuple[str, str]]:
    """Return the usable models as the picker shows them."""
    return [
        (f"{_origin(m)}{m.title} · {m.size} px · {m.megabytes:.1f} MB", m.name)
        for m in usable(studio)
    ]


def _origin(info: ModelInfo) -> str:
    """Return which run a model is of; nothing for shipped ones."""
    return f"★ {info.name.removeprefix(RUN_PREFIX)[:24]} · " if info.from_run else ""


def ways(info: ModelInfo) -> list[tuple[str, str]]:
    """Return the directions of a model, or the styles that it knows, with their names."""
    if info.labels:
        return [(f"→ {label}", label) for label in info.labels]
    a, b = info.domains[:2]
    names = {"AtoB": f"{a} → {b}", "BtoA": f"{b} → {a}"}
    return [(names[way], way) for way in info.directions]


def first_way(info: ModelInfo) -> str:
    """Return the direction that people most often want: away from photographs."""
    if info.labels:
        return "fluentui" if "fluentui" in info.labels else info.labels[0]
    return "BtoA" if info.domains[1] == "photo" and "BtoA" in info.directions else "AtoB"


def takes_plan(info: ModelInfo, way: str) -> bool:
    """Tell whether a model is given a plan that is drawn on the board."""
    return not info.labels and info.domains[way == "BtoA"] == "plan"


def draws_plan(info: ModelInfo) -> bool:
    """Tell whether a model makes plans of pictures."""
    return info.method == "segment" and "plan" in info.domains[:2]


def builder(studio: Studio) -> ModelInfo:
    """Return the model that builds from a plan on the board."""
    for info in usable(studio):
        if takes_plan(info, first_way(info)):
            return info
    raise BadValue("model: none that builds from a plan is here; train one with train.py.")


def request_of(studio: Studio, form: Form) -> TranslateRequest:
    """Return the checked request that the controls' values describe."""
    info = studio.info(_chosen(form))
    if takes_plan(info, form.way):  # a blend of a plan and a building is neither
        return request_for(info, label_map_editor.plan_of(form.board), replace(form, strength=1.0))
    return request_for(info, picture_of(form.editor), form)


def request_for(info: ModelInfo, image: Image.Image, form: Form) -> TranslateRequest:
    """Return the request for a picture."""
    ends = {"style": form.way} if info.labels else {"direction": form.way}
    return TranslateRequest(
        image=image,
        model=info.name,
        strength=form.strength,
        cycle=form.cycle,
        scale=form.scale,
        field=float(form.field) if type(form.field) is int else form.field,
        **ends,
    )


def _chosen(form: Form) -> str:
    if not form.model:
        raise BadValue("model: none is chosen; choose one, or train one with train.py.")
    return form.model


def picture_of(editor: dict[str, Any] | None) -> Image.Image:
    """Return the picture in the editor with what was drawn on it."""
    value = editor or {}
    path = value.get("composite") or value.get("background")
    if not path:
        raise BadValue(
            "picture: there is none yet; drop one here, draw one, or choose an example."
        )
    return images.open_image(Path(path))


def landscape(studio: Studio, seed: int | None = None) -> Image.Image:
    """Return a landscape that the studio's own model paints now, enlarged by its own upscaler."""
    seed = secrets.randbelow(10**6) if seed is None else seed
    label = LANDSCAPES[seed % len(LANDSCAPES)]
    made = studio.generate(GenerateRequest(model=PAINTER, label=label, count=1, seed=seed))
    request = RestoreRequest(image=made.images[0].convert("RGB"), method="upscale", factor=4)
    return studio.restore(request).image


def paints_landscapes(studio: Studio) -> bool:
    """Tell whether the models that `landscape` needs are here."""
    there = {m.name for m in studio.models() if not m.problem}
    return {PAINTER, "upscale"} <= there


def translate(studio: Studio, form: Form) -> Iterator[float | tuple[Any, ...]]:
    """Yield the share that is done, then the pictures before and after, all of them with their
    names, the file of the result, and a line of details.
    """
    request = request_of(studio, form)
    for step in studio.translate_steps(request):
        if isinstance(step, float):
            yield step
        else:
            before = images.flatten(images.upright(request.image), "RGB", 255)
            yield shown(request, before, step)


def shown(
    request: TranslateRequest, before: Image.Image, result: TranslateResult
) -> tuple[tuple[str, str], list[tuple[str, str]], str, str]:
    """Return what the page shows of a result."""
    first = downloadable(images.encode_png(before), "before.png")
    after = downloadable(images.encode_png(result.image), f"{request.model}.png")
    gallery = [(after, result.direction), (first, "input")]
    if result.cycle is not None and result.error is not None:
        back = downloadable(images.encode_png(result.cycle), "back.png")
        error = downloadable(images.encode_png(result.error), "error.png")
        psnr = result.scores["cycle_psnr"]
        whole = " from full strength" if request.strength < 1 else ""
        gallery += [(back, f"back{whole} · {psnr:.1f} dB"), (error, "where it differs")]
    return (first, after), gallery, after, details(request, result)


def details(request: TranslateRequest, result: TranslateResult) -> str:
    """Return a line: model, way, size, time, score."""
    width, height = result.image.size
    words = [request.model, result.direction, f"{width}×{height} px", f"{result.seconds:.2f} s"]
    if request.strength < 1:
        words.append(f"strength {request.strength:.2f}")
    if "cycle_psnr" in result.scores:
        words.append(f"there and back: PSNR {result.scores['cycle_psnr']:.1f} dB")
    return " · ".join(words)


def all_styles(studio: Studio, form: Form) -> tuple[list[tuple[str, str]], str]:
    """Return the picture in every style that the model knows, and a line of details."""
    info = studio.info(_chosen(form))
    if not info.labels:
        raise BadValue(f"model: {info.name} goes between two domains; choose one of many styles.")
    image = picture_of(form.editor)
    gallery, seconds = [], 0.0
    for label in info.labels:
        asked = Form(info.name, label, None, None, form.strength, False, form.scale)
        result = studio.translate(request_for(info, image, asked))
        seconds += result.seconds
        file = downloadable(images.encode_png(result.image), f"{label}.png")
        gallery.append((file, result.direction))
    first = downloadable(images.encode_png(images.flatten(image, "RGB", 255)), "before.png")
    gallery.append((first, "input"))
    return gallery, f"{info.name} · {len(info.labels)} styles · {seconds:.2f} s"


def translate_all(
    studio: Studio, form: Form, files: list[str] | None
) -> Iterator[float | tuple[str, str]]:
    """Yield the share that is done, then a zip of the translated files and what could not be."""
    if not files:
        raise BadValue("files: there are none; drop some pictures.")
    if len(files) > MAX_FILES:
        raise BadValue(f"files: {len(files)} are too many; the limit is {MAX_FILES} at a time.")
    info = studio.info(_chosen(form))
    quick = Form(info.name, form.way, None, None, form.strength, False, form.scale)
    out, problems, names = io.BytesIO(), [], set()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for i, file in enumerate(files):
            stem = Path(file).stem[:80]
            try:
                image = images.open_image(Path(file))
                for step in studio.translate_steps(request_for(info, image, quick)):
                    if isinstance(step, float):
                        yield (i + step) / len(files)
                    else:
                        name = stem if stem not in names else f"{stem}-{i}"
                        names.add(name)
                        archive.writestr(f"{name}.png", images.encode_png(step.image))
            except UserError as problem:
                problems.append(f"{Path(file).name[:80]}: {problem}")
    if not names:
        raise BadValue(f"files: none of them could be translated. {problems[0]}")
    told = f"{len(names)} of {len(files)} translated"
    yield downloadable(out.getvalue(), f"{info.name}.zip"), "\n\n".join([told, *problems])


def translate_file(
    studio: Studio,
    image: str,
    model: str = FIRST[0],
    direction: str = "AtoB",
    style: str | None = None,
    strength: float = 1.0,
    field: float = 1.0,
) -> tuple[str, dict[str, Any]]:
    """Translate a picture file and return a PNG file and its details: way, seconds, PSNR of the
    way there and back.

    `direction` is AtoB or BtoA; `style` names the target of a model that knows several; `field` is
    the weight of the random field that settles a plan.
    """
    if not image:
        raise BadValue("image: no file has arrived; send a picture.")
    request = TranslateRequest(
        image=images.open_image(Path(image)),
        model=model,
        direction=direction,
        style=style or None,
        strength=float(strength) if isinstance(strength, int) else strength,
        field=float(field) if isinstance(field, int) else field,
    )
    result = studio.translate(request)
    found = {"way": result.direction, "seconds": round(result.seconds, 3), **result.scores}
    name = f"{Path(image).stem[:60]}-{request.model[:60]}.png"
    return downloadable(images.encode_png(result.image), name), found
