"""Many files at once on the Augment tab."""

from __future__ import annotations

import contextlib
import zipfile
from collections.abc import Sequence
from pathlib import Path

import gradio as gr

from aigc_demo import augment
from aigc_demo.data import archives
from aigc_demo.data.archives import ImageFile, Limits
from aigc_demo.errors import BadImage, BadValue, UserError
from aigc_demo.imaging import images
from aigc_demo.imaging.output_names import output_names
from aigc_demo.requests import MAX_SEED, AugmentRequest, Variants
from aigc_demo.studio import Studio
from aigc_demo.ui.augment.callbacks import AugmentForm, partner_of
from aigc_demo.ui.augment.presets import as_json
from aigc_demo.ui.components import downloads
from aigc_demo.ui.components.pictures import PROGRESS, Progress, literal
from aigc_demo.ui.server.handlers import Updates

MAX_FILES = 300  # pictures
MAX_MADE = 2000  # variants
MAX_ENTRIES = 10_000  # files of any kind, in all archives together
MAX_BYTES = 50_000_000  # of one file
MAX_TOTAL_BYTES = 1_000_000_000  # of the files in one archive, unpacked
MAX_WORK = 3_000_000_000  # pixels of all variants, each as often as there are steps
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
        with downloads.written("augmented.zip") as path:
            made = _write_zip(studio, form, pictures, problems, progress, path)
            if not made:
                raise BadValue(f"files: none of them could be used. {(problems or [''])[0]}")
    done = f"{made} of {len(pictures)} pictures × {form.variants} · seed {form.seed}"
    more = len(problems) - SHOWN_PROBLEMS
    told = [*problems[:SHOWN_PROBLEMS], *([f"… and {more} more."] if more > 0 else [])]
    return {
        "archive": gr.update(value=str(path), visible=True),
        "report": "\n\n".join(map(literal, [done, *told])),
    }


def _write_zip(
    studio: Studio,
    form: BatchForm,
    pictures: list[ImageFile],
    problems: list[str],
    progress: Progress,
    path: Path,
) -> int:
    """Write variants of the pictures, one after the other, and the pipeline to a zip; add to
    `problems` what could not be used, and return of how many there are variants.
    """
    pipeline = augment.parse(form.pipeline)
    steps, partner, n, made = augment.data(pipeline), partner_of(form), form.variants, 0
    names, left = output_names([file.path for file in pictures]), MAX_WORK
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for i, (file, name) in enumerate(zip(pictures, names, strict=True)):
            try:
                content = _content(file)
                left -= _work(content, n * max(1, len(steps)), left)
                image = images.flatten(images.open_image(content), "RGB", 255)
                for k in range(n):
                    seed = (form.seed + i * n + k) % (MAX_SEED + 1)
                    request = AugmentRequest(
                        image=image, pipeline=steps, n=1, seed=seed, partner=partner
                    )
                    (variant,) = studio.augment(request).images
                    archive.writestr(f"{name}-{k}.png", images.encode_png(variant))
                    progress((i + (k + 1) / n) / len(pictures))
                made += 1
            except UserError as problem:
                problems.append(f"{file.name[:80]}: {problem}")
                progress((i + 1) / len(pictures))
        archive.writestr("pipeline.json", as_json(pipeline))
    return made


def _work(content: bytes, times: int, left: int) -> int:
    """Return how many pixels `times` pictures like that in a file have; raises BadImage where
    they are more than are left.
    """
    width, height = images.size_of(content)
    work = width * height * times
    if work > left:
        raise BadImage(
            f"variants × steps would be {work / 1e6:,.0f} megapixels of work, and "
            f"{left / 1e6:,.0f} of {MAX_WORK / 1e6:,.0f} are left; take fewer or smaller "
            "pictures, variants or steps."
        )
    return work


def _listed(
    stack: contextlib.ExitStack, files: Sequence[str] | None
) -> tuple[list[ImageFile], list[str]]:
    """Return the pictures among files and in zips, which stay open until `stack` is closed, and
    what was left out.
    """
    paths = [Path(file) for file in files or ()]
    if len(paths) > MAX_FILES:
        raise BadValue(f"files: {len(paths)} are too many; the limit is {MAX_FILES}. Take fewer.")
    zips = [path for path in paths if path.suffix.lower() in archives.ARCHIVES]
    singles = [path for path in paths if path not in zips]
    entries = max(MAX_FILES, MAX_ENTRIES // max(1, len(zips)))
    limits = Limits(entries, MAX_FILES, MAX_BYTES, MAX_TOTAL_BYTES, MAX_BYTES)
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


def _content(file: ImageFile) -> bytes:
    try:
        return file.read()
    except archives.UNREADABLE:
        raise BadImage("The file is damaged; pack it again.") from None
