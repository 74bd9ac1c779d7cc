"""What the page keeps on the disk for browsers (uploads and results), and how much of it there may
be.

Gradio deletes the files that it knows of after an hour; `tidy` deletes all others, such as those
of uploads that were cut off, and the runs that a host keeps for some days only.
"""

from __future__ import annotations

import contextlib
import time
from collections import deque
from pathlib import Path

from gradio.utils import get_upload_folder

from aigc_demo import settings
from aigc_demo.training import admission

KEEP = 7200.0  # seconds that a file is kept after it was last written or asked for anew
FRESH = 5.0  # seconds for which a folder's size is remembered
HOUR = 3600.0
ADDRESS_SHARE = 4  # of what may be kept, one address may send a quarter within an hour


class UploadQuota:
    """How much the page keeps, and how much each address has sent within an hour."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or Path(get_upload_folder())
        self._measured = (float("-inf"), 0)
        self._sent: dict[str, deque[tuple[float, int]]] = {}

    def refusal(self, address: str) -> str:
        """Return why nothing more is taken from an address, or nothing where it is."""
        now, most = time.monotonic(), 1_000_000 * settings.whole("AIGC_MAX_FILES_MB")
        if now - self._measured[0] > FRESH:
            self._measured = (now, admission.size_of(self.folder))
        if self._measured[1] > most:
            return "The studio has no room for files now; try again in an hour."
        self._sent = {a: s for a, s in self._sent.items() if now - s[-1][0] < HOUR}
        sent = self._sent.get(address, deque())
        while sent and now - sent[0][0] > HOUR:
            sent.popleft()
        if sum(size for _, size in sent) > most / ADDRESS_SHARE:
            return "You have sent much within an hour; try again later."
        return ""

    def note(self, address: str, size: int) -> None:
        """Write down that `size` bytes have come from an address."""
        self._sent.setdefault(address, deque()).append((time.monotonic(), size))


def tidy(runs_root: Path | None, folder: Path | None = None) -> None:
    """Delete what is older than `KEEP` in the page's folder, then empty folders, and old runs."""
    before = time.time() - KEEP
    for path in sorted((folder or Path(get_upload_folder())).rglob("*"), reverse=True):
        with contextlib.suppress(OSError):  # in use, or deleted meanwhile
            if path.is_dir():
                if path.stat().st_mtime < before:
                    path.rmdir()
            elif path.lstat().st_mtime < before:
                path.unlink()
    if runs_root is not None:
        admission.remove_old(runs_root)
