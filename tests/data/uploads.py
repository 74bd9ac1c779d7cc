"""Zips of pictures, as somebody uploads them, and their check."""

from __future__ import annotations

import contextlib
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
    """Fail where the process grows by 30 MB meanwhile.

    The kernel counts: tracemalloc crashes Python 3.11 where it stops while other threads run.
    """
    Path("/proc/self/clear_refs").write_text("5")  # forget the highest
    before = kilobytes("VmRSS")
    try:
        yield
    finally:
        assert kilobytes("VmHWM") - before < 30_000


def kilobytes(field: str) -> int:
    """Return the memory that the process has now (VmRSS), or had at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{field}:"))


def reasons(own: UserDataset) -> dict[str, str]:
    return {s.name: s.reason for s in own.report.skipped}
