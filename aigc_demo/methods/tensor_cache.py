"""Tensors that take long to compute, kept on disk under a key of what they were computed from.

The cache may be deleted at any time: what is missing or damaged is computed again, and what cannot
be written, since the disk is read-only or full, costs time but not the result. Knows nothing of
what it holds; a key says all that the tensors depend on.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open
from torch import Tensor

from aigc_demo import settings
from aigc_demo.methods import checkpoint


class Entry(NamedTuple):
    """Cached tensors by name, and what was written beside them."""

    tensors: dict[str, Tensor]
    metadata: dict[str, Any]


def root() -> Path:
    """Return the cache folder: ``AIGC_CACHE``, else ``.cache``."""
    return settings.folder("AIGC_CACHE")


def file_key(path: Path) -> str:
    """Return what changes when the file at `path` is replaced or written again."""
    stat = path.stat()
    return f"{path.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"


def read(key: str, names: Iterable[str]) -> Entry | None:
    """Return the tensors `names` that are cached under `key`, None where one is missing."""
    try:
        with safe_open(_file(key), framework="pt") as file:
            metadata = {k: json.loads(v) for k, v in (file.metadata() or {}).items()}
            return Entry({name: file.get_tensor(name) for name in names}, metadata)
    except (OSError, SafetensorError, ValueError):
        return None


def write(key: str, tensors: dict[str, Tensor], metadata: dict[str, Any] | None = None) -> None:
    """Cache tensors, and metadata that JSON can hold, under `key`: a path in the cache folder."""
    path = _file(key)
    with contextlib.suppress(OSError, SafetensorError):
        path.parent.mkdir(parents=True, exist_ok=True)
        encoded = {k: json.dumps(v) for k, v in (metadata or {}).items()}
        checkpoint.write_tensors(path, {k: v.contiguous() for k, v in tensors.items()}, encoded)


def prune(prefix: str, most: int) -> None:
    """Delete the oldest entries whose key begins with `prefix` until they have `most` bytes."""
    found = []
    for path in root().glob(f"{prefix}*.safetensors"):
        with contextlib.suppress(OSError):  # deleted meanwhile
            stat = path.stat()
            found.append((stat.st_mtime, stat.st_size, path))
    left = sum(size for _, size, _ in found)
    for _, size, path in sorted(found):
        if left <= most:
            return
        with contextlib.suppress(OSError):
            path.unlink()
        left -= size


def _file(key: str) -> Path:
    return root() / f"{key}.safetensors"
