"""What the page keeps for browsers to fetch: uploads, previews, results."""

from __future__ import annotations

import contextlib
import json
import mmap
from collections.abc import Sequence
from pathlib import Path

from gradio.utils import get_upload_folder

from aigc_demo.methods import checkpoint

UPLOADS = "uploads.json"  # in the directory of a run
HASH = 64  # characters


def erase(names: Sequence[str]) -> None:
    """Delete every file whose path or content holds one of `names`: of a run or of an upload."""
    folder = Path(get_upload_folder())
    for path in folder.rglob("*"):
        with contextlib.suppress(OSError):  # Gradio may delete it at the same time
            if path.is_file() and _mentions(path, path.relative_to(folder), names):
                path.unlink()


def _mentions(path: Path, shown: Path, names: Sequence[str]) -> bool:
    if any(name in str(shown) for name in names):
        return True
    if not path.stat().st_size:
        return False
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return any(content.find(name.encode()) >= 0 for name in names)


def upload_of(file: str) -> str:
    """Return the name of an upload: the hash of its content, which is that of its folder."""
    return Path(file).parent.name


def note_uploads(run: Path, files: Sequence[str]) -> None:
    """Write down from which uploads a run learns."""
    checkpoint.write_text(run / UPLOADS, json.dumps([upload_of(file) for file in files]))


def uploads_of(run: Path) -> list[str]:
    """Return the names of the uploads from which a run learns."""
    try:
        names = json.loads((run / UPLOADS).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return []
    return [name for name in names if len(name) == HASH]
