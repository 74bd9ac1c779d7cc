"""The janitor: a thread that gives back what the server no longer needs, as long as it runs."""

from __future__ import annotations

import threading
import time
from pathlib import Path

from aigc_demo.ui.server import allocator, storage

INTERVAL = 60.0  # seconds between two rounds


def start(runs_root: Path | None) -> None:
    """Tidy up the disk and the memory now and then."""
    allocator.limit_arenas()

    def rounds() -> None:
        while True:
            storage.tidy(runs_root)
            allocator.trim()
            time.sleep(INTERVAL)

    threading.Thread(target=rounds, name="janitor", daemon=True).start()
