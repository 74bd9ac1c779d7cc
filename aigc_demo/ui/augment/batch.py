"""Many files at once on the Augment tab."""

from __future__ import annotations

import functools
import io
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import gradio as gr

from aigc_demo import augment
from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images
from aigc_demo.requests import AugmentRequest, Variants
from aigc_demo.studio import Studio
from aigc_demo.ui.augment.callbacks import AugmentForm, partner_of
from aigc_demo.ui.augment.presets import as_json
from aigc_demo.ui.components.pictures import PROGRESS, Progress
from aigc_demo.ui.server.handlers import Updates, downloadable

MAX_FILES = 300
MAX_MADE = 2000
MAX_BYTES = 50_000_000  # of one file
ENCRYPTED = 1
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
Read = Callable[[], bytes]


class BatchForm(AugmentForm):
    """The controls of the tab, the files, and how many variants of each."""

    files: list[str] | None
    variants: Variants


def augment_all(studio: Studio, form: BatchForm, progress: Progress = PROGRESS) -> Updates:
    """Write variants of many pictures to a zip, and say which pictures could not be read."""
    pictures, problems = _named(form.files)
    n = form.variants
    if len(pictures) * n > MAX_MADE:
        raise BadValue(
            f"files: {len(pictures)} pictures with {n} variants each are more than {MAX_MADE}; "
            "take fewer."
        )
    pipeline = augment.parse(form.pipeline)
    steps, partner = augment.data(pipeline), partner_of(form)
    out, made = io.BytesIO(), 0
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for i, (name, read) in enumerate(pictures.items()):
            try:
                request = AugmentRequest(
                    image=images.open_image(read()),
                    pipeline=steps,
                    n=n,
                    seed=form.seed + i * n,
                    partner=partner,
                )
                for k, variant in enumerate(studio.augment(request).images):
                    archive.writestr(f"{name}-{k}.png", images.encode_png(variant))
                made += 1
            except UserError as problem:
                problems.append(f"{name}: {problem}")
            progress((i + 1) / len(pictures))
        archive.writestr("pipeline.json", as_json(pipeline))
    if not made:
        raise BadValue(f"files: none of them could be used. {(problems or [''])[0]}")
    file = downloadable(out.getvalue(), "augmented.zip")
    done = f"{made} pictures × {n} · seed {form.seed}"
    return {
        "archive": gr.update(value=file, visible=True),
        "report": "\n\n".join([done, *problems[:20]]),
    }


def _named(files: Sequence[str] | None) -> tuple[dict[str, Read], list[str]]:
    """Return what reads each of the pictures among files and in zips, by a name of its own, and
    what was left out.
    """
    found: dict[str, Read] = {}
    problems: list[str] = []

    def add(path: str, read: Read) -> None:
        if len(found) >= MAX_FILES:
            raise BadValue(f"files: there are more than {MAX_FILES} pictures; take fewer.")
        parts = [p for p in Path(path).with_suffix("").parts if p not in ("/", "..", ".")]
        name = "-".join(parts)[-100:] or "picture"
        found[name if name not in found else f"{name}-{len(found)}"] = read

    for file in files or ():
        if not zipfile.is_zipfile(file):
            add(Path(file).name, Path(file).read_bytes)
            continue
        with zipfile.ZipFile(file) as archive:
            for entry in archive.infolist():
                if entry.is_dir() or Path(entry.filename).suffix.lower() not in SUFFIXES:
                    continue
                if entry.file_size > MAX_BYTES or entry.flag_bits & ENCRYPTED:
                    problems.append(f"{entry.filename[:80]}: too large or encrypted; left out.")
                else:
                    add(entry.filename, functools.partial(_unpacked, file, entry.filename))
    if not found:
        raise BadValue("files: there are no pictures; drop some, or a zip of them.")
    return found, problems


def _unpacked(file: str, name: str) -> bytes:
    """Return one file of a zip; nothing, which is no picture, where it is damaged."""
    try:
        with zipfile.ZipFile(file) as archive, archive.open(name) as entry:
            return entry.read(MAX_BYTES)
    except (OSError, RuntimeError, EOFError, zlib.error, zipfile.BadZipFile):
        return b""
