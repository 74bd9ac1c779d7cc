"""Memory that is free in the process goes back to the system."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aigc_demo.ui.server import allocator


def resident() -> int:
    """Return the resident memory of this process in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096


def test_what_lies_between_used_blocks_is_given_back() -> None:
    blocks = [np.ones(100_000, np.uint8) for _ in range(2000)]  # too small to be given back alone
    kept = blocks[::100]
    del blocks
    before = resident()
    allocator.trim()
    assert before - resident() > 100_000_000 and all(block[0] for block in kept)


def test_nothing_happens_without_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise OSError(name)

    monkeypatch.setattr(allocator.ctypes, "CDLL", missing)
    allocator.limit_arenas()
    allocator.trim()
