"""Many files at once on the Augment tab."""

from __future__ import annotations

import contextlib
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path

import gradio as gr
from PIL import Image

from aigc_demo import augment
from aigc_demo.data import archives
from aigc_demo.data.archives import ImageFile, Limits
from aigc_demo.errors import BadImage, BadValue, UserError
from aigc_demo.imaging import images
from aigc_demo.imaging.output_names import output_names
from aigc_demo.requests import AugmentRequest, Variants
from aigc_demo.studio import Studio
from aigc_demo.ui.augment.callbacks import AugmentForm, partner_of
from aigc_demo.ui.augment.presets import as_json
from aigc_demo.ui.components.pictures import PROGRESS, Progress
from aigc_demo.ui.server.handlers import Updates, downloadable

MAX_FILES = 300
MAX_MADE = 2000
MAX_BYTES = 50_000_000  # of one file
SHOWN_PROBLEMS = 20


class BatchForm(AugmentForm):
    """The controls of the tab, the files, and how many variants of each."""

    files: list[str] | None
    variants: Variants


def augment_all(studio: Studio, form: BatchForm, progress: Progress = PROGRESS) -> Updates:
    """Write variants of many pictures to a zip, and say which pictures could not be read."""
    with contextlib.ExitStack() as stack:
        pictures, problems = _listed(stack, form.files)
        if len(pictures) * form.variants > MAX_MADE:
            raise BadValue(
                f"files: {len(pictures)} pictures with {form.variants} variants each are more "
                f"than {MAX_MADE}; take fewer."
            )
        out = io.BytesIO()
        made = _write_zip(studio, form, pictures, problems, progress, out)
    if not made:
        raise BadValue(f"files: none of them could be used. {(problems or [''])[0]}")
    file = downloadable(out.getvalue(), "augmented.zip")
    done = f"{made} of {len(pictures)} pictures × {form.variants} · seed {form.seed}"
    more = len(problems) - SHOWN_PROBLEMS
    told = [*problems[:SHOWN_PROBLEMS], *([f"… and {more} more."] if more > 0 else [])]
    return {
        "archive": gr.update(value=file, visible=True),
        "report": "\n\n".join([done, *told]),
    }


def _write_zip(
    studio: Studio,
    form: BatchForm,
    pictures: list[ImageFile],
    problems: list[str],
    progress: Progress,
    out: io.BytesIO,
) -> int:
    """Write variants of the pictures and the pipeline to a zip; add to `problems` what could not
    be used, and return of how many there are variants.
    """
    pipeline = augment.parse(form.pipeline)
    steps, partner, n, made = augment.data(pipeline), partner_of(form), form.variants, 0
    names = output_names([file.path for file in pictures])
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for i, (file, name) in enumerate(zip(pictures, names, strict=True)):
            try:
                request = AugmentRequest(
                    image=_opened(file),
                    pipeline=steps,
                    n=n,
                    seed=form.seed + i * n,
                    partner=partner,
                )
                for k, variant in enumerate(studio.augment(request).images):
                    archive.writestr(f"{name}-{k}.png", images.encode_png(variant))
                made += 1
            except UserError as problem:
                problems.append(f"{file.name[:80]}: {problem}")
            progress((i + 1) / len(pictures))
        archive.writestr("pipeline.json", as_json(pipeline))
    return made


def _listed(
    stack: contextlib.ExitStack, files: Sequence[str] | None
) -> tuple[list[ImageFile], list[str]]:
    """Return the pictures among files and in zips, which stay open until `stack` is closed, and
    what was left out.
    """
    limits = Limits(10_000, MAX_FILES, MAX_BYTES, MAX_FILES * MAX_BYTES, MAX_BYTES)
    paths = [Path(file) for file in files or ()]
    zips = [path for path in paths if path.suffix.lower() in archives.ARCHIVES]
    singles = [path for path in paths if path not in zips]
    found: list[ImageFile] = []
    problems: list[str] = []
    for group in [*([singles] if singles else []), *([path] for path in zips)]:
        try:
            listing = stack.enter_context(archives.opened(group, limits, field="files"))
        except UserError as problem:
            problems.append(str(problem).removeprefix("files: "))
            continue
        found += listing.images
        problems += [f"{s.name}: {archives.REASONS[s.reason]}; left out." for s in listing.skipped]
    if len(found) > MAX_FILES:
        raise BadValue(f"files: there are more than {MAX_FILES} pictures; take fewer.")
    if not found:
        raise BadValue(f"files: {problems[0] if problems else 'there are none; drop some.'}")
    return found, problems


def _opened(file: ImageFile) -> Image.Image:
    try:
        return images.open_image(file.read())
    except archives.UNREADABLE:
        raise BadImage("The file is damaged; pack it again.") from None
