"""Zips of pictures, as somebody uploads them, and their check."""

from __future__ import annotations

import contextlib
import tracemalloc
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from PIL import Image

from aigc_demo.data.uploads import validation
from aigc_demo.data.uploads.user_dataset import UserDataset
from aigc_demo.data.uploads.validation import VISITOR_LIMITS
from aigc_demo.imaging import images


def png(value: int = 0, side: int = 24) -> bytes:
    """Return a picture that differs from those of other values."""
    return images.encode_png(Image.new("RGB", (side, side), (value % 256, value // 256, 90)))


def pack(path: Path, files: dict[str, bytes], kind: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", kind) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def heap(count: int, folder: str = "", first: int = 0) -> dict[str, bytes]:
    prefix = folder + "/" if folder else ""
    return {f"{prefix}{i:04d}.png": png(first + i) for i in range(count)}


def read(path: Path, size: int = 32, **limits: int) -> UserDataset:
    with little_memory():
        return validation.validate([path], size=size, limits=replace(VISITOR_LIMITS, **limits))


@contextlib.contextmanager
def little_memory() -> Iterator[None]:
    """Fail where the body takes 30 MB."""
    was_tracing = tracemalloc.is_tracing()
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    tracemalloc.reset_peak()
    try:
        yield
    finally:
        _, peak = tracemalloc.get_traced_memory()
        if not was_tracing:
            tracemalloc.stop()
        assert peak - before < 30e6


def reasons(own: UserDataset) -> dict[str, str]:
    return {s.name: s.reason for s in own.report.skipped}
