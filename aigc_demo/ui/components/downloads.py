"""Files that are written piece by piece, since they are too large to be held in memory."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

from gradio.utils import get_upload_folder

from aigc_demo.imaging.output_names import shortened


@contextlib.contextmanager
def written(name: str) -> Iterator[Path]:
    """Give the path of a file called `name` in the page's cache, to be written in the block; it is
    deleted where the block fails.
    """
    folder = Path(get_upload_folder()) / secrets.token_hex(32)
    folder.mkdir(parents=True)
    stem, dot, ending = name.rpartition(".")
    try:
        yield folder / f"{shortened(stem)}{dot}{ending}"
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
