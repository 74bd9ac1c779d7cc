"""Many files at once on the Augment tab."""

from __future__ import annotations

import functools
import io
import zipfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from aigc_demo import augment
from aigc_demo.errors import BadValue, UserError
from aigc_demo.imaging import images
from aigc_demo.requests import AugmentRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.augment import callbacks as augmenting
from aigc_demo.ui.augment.callbacks import Form, whole
from aigc_demo.ui.server.handlers import downloadable

MAX_FILES = 300
MAX_MADE = 2000
MAX_BYTES = 50_000_000  # of one file
ENCRYPTED = 1
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp"}
Read = Callable[[], bytes]


def apply_to_all(
    studio: Studio, form: Form, files: Sequence[str] | None, n: int
) -> Iterator[float | tuple[str, str]]:
    """Yield the share that is done, then a zip of `n` variants of each picture, and what could not
    be read.
    """
    n = whole("variants", n)
    if not 1 <= n <= 32:
        raise BadValue(f"variants: {n} cannot be used; take 1 to 32 of each.")
    pictures, problems = _named(files)
    if len(pictures) * n > MAX_MADE:
        raise BadValue(
            f"files: {len(pictures)} pictures with {n} variants each are more than {MAX_MADE}; "
            "take fewer."
        )
    pipeline = augment.data(augment.parse(form.pipeline))
    seed, out, made = whole("seed", form.seed), io.BytesIO(), 0
    partner = augmenting.partner_of(form)
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for i, (name, read) in enumerate(pictures.items()):
            try:
                request = AugmentRequest(
                    image=images.open_image(read()), pipeline=pipeline, n=n, seed=seed + i * n,
                    partner=partner,
                )  # fmt: skip
                for variant, which in zip(studio.augment(request).images, range(n), strict=True):
                    archive.writestr(f"{name}-{which}.png", images.encode_png(variant))
                made += 1
            except UserError as problem:
                problems.append(f"{name}: {problem}")
            yield (i + 1) / len(pictures)
        archive.writestr("pipeline.json", augmenting.as_json(augment.parse(form.pipeline)))
    if not made:
        raise BadValue(f"files: none of them could be used. {(problems or [''])[0]}")
    told = f"{made} pictures × {n} · seed {seed}"
    yield downloadable(out.getvalue(), "augmented.zip"), "\n\n".join([told, *problems[:20]])


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
