"""What the Translate tab does when something is clicked."""

from __future__ import annotations

import secrets
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import facade_labels, images
from aigc_demo.imaging.output_names import output_names
from aigc_demo.pipelines.translation import TranslateResult
from aigc_demo.requests import (
    GenerateRequest,
    Label,
    Name,
    Request,
    RestoreRequest,
    TranslateRequest,
)
from aigc_demo.studio import ModelInfo, Studio
from aigc_demo.ui.components import downloads, example_images, send_to
from aigc_demo.ui.components.editor import EditorValue, is_empty, placed
from aigc_demo.ui.components.pictures import PROGRESS, Progress, finish, literal, png_file
from aigc_demo.ui.server.handlers import Updates, downloadable
from aigc_demo.ui.translate import label_map_editor
from aigc_demo.ui.translate.models import (
    FIRST,
    choices,
    directions,
    first_direction,
    takes_label_map,
    usable,
    visible,
)

MAX_FILES = 200
LANDSCAPE_MODEL, LANDSCAPES = "scenes-flow", ("forest", "mountain", "sea", "glacier")


class TranslateForm(Request):
    """The controls that decide how a picture is translated.

    `direction` is AtoB or BtoA, or the style to go to of a model that knows several.
    """

    model: Name | None
    direction: Label
    editor: EditorValue | None = None
    label_map: str | None = None
    strength: float = 1.0
    cycle: bool = True
    scale: Label = "auto"
    crf_weight: float = 1.0


class BatchForm(TranslateForm):
    """The same for many files."""

    files: list[str] | None = None


# --- Models -------------------------------------------------------------------------------------


def list_models(studio: Studio, model: str | None) -> Updates:
    """List the models anew; those of runs come and go."""
    listed = choices(studio)
    names = [name for _, name in listed]
    value = model if model in names else next(iter(names), None)
    return {"model": gr.update(choices=listed, value=value)}


def fit_model(studio: Studio, model: str) -> Updates:
    """Show the model's directions and what belongs to the first of them."""
    info = studio.info(model)
    direction = first_direction(info)
    return {
        "direction": gr.update(choices=directions(info), value=direction),
        **fit_direction(studio, model, direction),
    }


def fit_direction(studio: Studio, model: str, direction: str) -> Updates:
    """Show what belongs to the direction; results of another one go."""
    shown = visible(studio.info(model), direction)
    return {name: gr.update(visible=value) for name, value in shown.items()} | no_result()


def open_model(studio: Studio, model: str) -> Updates:
    """Choose a model, such as one that has just been trained."""
    return {
        "model": gr.update(choices=choices(studio), value=model),
        **fit_model(studio, model),
    }


# --- Translate -----------------------------------------------------------------------------------


def no_result() -> Updates:
    """Show no result. The updates are new ones each time: Gradio takes them apart."""
    no_file = gr.update(value=None, interactive=False)
    return {"pair": None, "gallery": [], "file": no_file, "details": ""}


def model_of(studio: Studio, form: TranslateForm) -> ModelInfo:
    """Return the chosen model."""
    if not form.model:
        raise BadValue("model: none is chosen; choose one, or ask the host for one.")
    return studio.info(form.model, "translate")


def picture_of(editor: EditorValue | None) -> Image.Image:
    """Return the picture in the editor with what was drawn on it."""
    path = (editor or {}).get("composite") or (editor or {}).get("background")
    if not path:
        raise BadValue(
            "picture: there is none yet; drop one here, draw one, or choose an example."
        )
    return images.open_image(Path(path))


def request_of(studio: Studio, form: TranslateForm) -> TranslateRequest:
    """Return the checked request that the controls describe."""
    info = model_of(studio, form)
    if takes_label_map(info, form.direction):  # a blend of a label map and a building is neither
        image = label_map_editor.decode(form.label_map)
        return request_for(info, image, form.model_copy(update={"strength": 1.0}))
    return request_for(info, picture_of(form.editor), form)


def request_for(info: ModelInfo, image: Image.Image, form: TranslateForm) -> TranslateRequest:
    """Return the request for a picture."""
    target = {"style": form.direction} if info.labels else {"direction": form.direction}
    return TranslateRequest(
        image=image,
        model=info.name,
        strength=form.strength,
        cycle=form.cycle,
        scale=form.scale,
        field=form.crf_weight,
        **target,
    )


def translate_picture(
    studio: Studio, form: TranslateForm, progress: Progress = PROGRESS
) -> Updates:
    """Translate the picture, and show it beside the original and the cycle reconstruction."""
    request = request_of(studio, form)
    result = finish(studio.translate_steps(request), progress)
    before = png_file(images.flatten(images.upright(request.image), "RGB", 255), "before.png")
    after = png_file(result.image, f"{request.model}.png")
    gallery = [(after, result.direction), (before, "input")]
    if result.cycle is not None and result.error is not None:
        back = png_file(result.cycle, "back.png")
        error = png_file(result.error, "error.png")
        whole = " from full strength" if request.strength < 1 else ""
        caption = f"back{whole} · {result.scores['cycle_psnr']:.1f} dB"
        gallery += [(back, caption), (error, "where it differs")]
    return {
        "pair": (before, after),
        "gallery": gallery,
        "file": gr.update(value=after, interactive=True),
        "details": details(request, result),
    }


def translate_again(studio: Studio, form: TranslateForm, progress: Progress = PROGRESS) -> Updates:
    """Translate anew where there is a picture."""
    return no_result() if is_empty(form.editor) else translate_picture(studio, form, progress)


def details(request: TranslateRequest, result: TranslateResult) -> str:
    """Return a line: model, direction, size, time, score."""
    width, height = result.image.size
    words = [request.model, result.direction, f"{width}×{height} px", f"{result.seconds:.2f} s"]
    if request.strength < 1:
        words.append(f"strength {request.strength:.2f}")
    if "cycle_psnr" in result.scores:
        words.append(f"there and back: PSNR {result.scores['cycle_psnr']:.1f} dB")
    return " · ".join(words)


def translate_to_all_styles(studio: Studio, form: TranslateForm) -> Updates:
    """Show the picture in every style that the model knows."""
    info = model_of(studio, form)
    if not info.labels:
        raise BadValue(f"model: {info.name} goes between two domains; choose one of many styles.")
    image = picture_of(form.editor)
    gallery, seconds = [], 0.0
    for label in info.labels:
        once = form.model_copy(update={"direction": label, "cycle": False})
        result = studio.translate(request_for(info, image, once))
        seconds += result.seconds
        gallery.append((png_file(result.image, f"{label}.png"), result.direction))
    before = png_file(images.flatten(image, "RGB", 255), "before.png")
    return {
        "gallery": [*gallery, (before, "input")],
        "details": f"{info.name} · {len(info.labels)} styles · {seconds:.2f} s",
    }


def translate_all(studio: Studio, form: BatchForm, progress: Progress = PROGRESS) -> Updates:
    """Translate many files to a zip, and say which could not be."""
    files = form.files
    if not files:
        raise BadValue("files: there are none; drop some pictures.")
    if len(files) > MAX_FILES:
        raise BadValue(f"files: {len(files)} are too many; the limit is {MAX_FILES} at a time.")
    info = model_of(studio, form)
    once = form.model_copy(update={"cycle": False})
    problems, made = [], 0
    names = output_names([Path(file).name for file in files])
    with downloads.written(f"{info.name}.zip") as path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
            for i, (file, name) in enumerate(zip(files, names, strict=True)):
                try:
                    request = request_for(info, images.open_image(Path(file)), once)
                    steps = studio.translate_steps(request)
                    result = finish(steps, progress, done=i, of=len(files))
                except UserError as problem:
                    problems.append(f"{Path(file).name[:80]}: {problem}")
                else:
                    made += 1
                    archive.writestr(f"{name}.png", images.encode_png(result.image))
        if not made:
            raise BadValue(f"files: none of them could be translated. {problems[0]}")
    done = f"{made} of {len(files)} translated"
    return {
        "archive": gr.update(value=str(path), visible=True),
        "report": "\n\n".join(map(literal, [done, *problems])),
    }


# --- Pictures that come --------------------------------------------------------------------------


def show_picture(file: str) -> Updates:
    """Put a picture into the editor; results of another one go."""
    return {"editor": placed(file), **no_result()}


def show_first(studio: Studio, form: TranslateForm) -> Updates:
    """Where there is no picture, show an example and what the model makes of it."""
    preview = studio.preview(form.model) if form.model and is_empty(form.editor) else None
    if preview is None or preview.settings.get("direction") != form.direction:
        return {}
    photograph = example_images.example(preview.settings["photograph"])
    after = downloadable(images.encode_webp(preview.image), "translated.webp")
    return {**show_picture(photograph), "pair": (photograph, after)}


def show_example(name: str) -> Callable[[Studio], Updates]:
    """Return a handler that puts an example into the editor."""
    return lambda studio: show_picture(example_images.example(name))


def show_landscape(studio: Studio) -> Updates:
    """Put a landscape that is generated now into the editor."""
    return show_picture(png_file(landscape(studio), "landscape.png"))


def landscape(studio: Studio, seed: int | None = None) -> Image.Image:
    """Return a generated landscape, enlarged by the model that restores resolution."""
    seed = secrets.randbelow(10**6) if seed is None else seed
    label = LANDSCAPES[seed % len(LANDSCAPES)]
    made = studio.generate(GenerateRequest(model=LANDSCAPE_MODEL, label=label, count=1, seed=seed))
    request = RestoreRequest(image=made.images[0].convert("RGB"), method="upscale", factor=4)
    return studio.restore(request).image


def makes_landscapes(studio: Studio) -> bool:
    """Tell whether the models that `landscape` needs are here."""
    names = {m.name for m in studio.models() if not m.problem}
    return {LANDSCAPE_MODEL, "upscale"} <= names


def show_emoji(studio: Studio, emoji_image: str) -> Updates:
    """Put an emoji that the browser has rendered, as a ``data:`` address, into the editor."""
    return show_picture(png_file(label_map_editor.decode(emoji_image), "emoji.png"))


def show_label_map(name: str) -> Callable[[Studio], Updates]:
    """Return a handler that puts a label map of `facade_labels` onto the drawing board."""
    return lambda studio: {"label_map": label_map_editor.encode(getattr(facade_labels, name)())}


def read_label_map(studio: Studio, file: str) -> Updates:
    """Put the label map of a file onto the drawing board."""
    fitted = label_map_editor.fit(images.open_image(Path(file)))
    return {"label_map": label_map_editor.encode(fitted)}


def edit_label_map(studio: Studio, pair: Any) -> Updates:
    """Choose the model that builds from label maps, and put the result onto its board."""
    if not pair or not pair[1]:
        raise BadValue("plan: there is none yet; translate a photograph first.")
    for info in usable(studio):
        if takes_label_map(info, first_direction(info)):
            label_map = read_label_map(studio, pair[1])["label_map"]
            board = {"label_map": gr.update(value=label_map, visible=True)}
            return {"model": info.name, **fit_model(studio, info.name), **board}
    raise BadValue("model: none that builds from a plan is here; ask the host for one.")


def receive(studio: Studio, source: Any, number: int, model: str | None) -> Updates:
    """Take a picture from another tab; a model of label maps gives way to one of pictures."""
    file = send_to.file_of(source, number)
    translators = usable(studio)
    if not translators:
        raise BadValue("model: there is none that translates; ask the host for one.")
    info = next((m for m in translators if m.name == model), translators[0])
    if takes_label_map(info, first_direction(info)):
        info = translators[0]
    return {
        "tabs": gr.Tabs(selected="translate"),
        "model": info.name,
        **fit_model(studio, info.name),
        "editor": gr.update(value=placed(file), visible=True),
    }


# --- For programs --------------------------------------------------------------------------------


def translate_file(
    studio: Studio,
    image: str,
    model: str = FIRST[0],
    direction: str = "AtoB",
    style: str | None = None,
    strength: float = 1.0,
    field: float = 1.0,
) -> tuple[str, dict[str, Any]]:
    """Translate a picture file and return a PNG file and its details: direction, seconds, PSNR of
    the cycle reconstruction.

    `direction` is AtoB or BtoA; `style` names the target of a model that knows several; `field` is
    the weight of the CRF of label maps.
    """
    if not image:
        raise BadValue("image: no file has arrived; send a picture.")
    request = TranslateRequest(
        image=images.open_image(Path(image)),
        model=model,
        direction=direction,
        style=style or None,
        strength=strength,
        field=field,
    )
    result = studio.translate(request)
    info = {"way": result.direction, "seconds": round(result.seconds, 3), **result.scores}
    return png_file(result.image, f"{Path(image).stem[:60]}-{request.model[:60]}.png"), info
