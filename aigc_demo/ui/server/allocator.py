"""Memory that a long-lived server does not need goes back to the system.

The C library keeps an arena of freed memory for each of many threads. With two arenas, trimmed now
and then, an hour of visitors leaves about a fifth less behind (benchmarks/RESULTS.md).
"""

from __future__ import annotations

import ctypes

ARENAS = 2
M_ARENA_MAX = -8  # of mallopt(3)


def limit_arenas() -> None:
    """Let all threads share `ARENAS`; before there are many. Does nothing without glibc."""
    if mallopt := _glibc("mallopt"):
        mallopt(M_ARENA_MAX, ARENAS)


def trim() -> None:
    """Give free memory back. Does nothing without glibc."""
    if malloc_trim := _glibc("malloc_trim"):
        malloc_trim(0)


def _glibc(name: str) -> ctypes._NamedFuncPointer | None:  # type: ignore[name-defined]
    try:
        return getattr(ctypes.CDLL("libc.so.6"), name)
    except (AttributeError, OSError):
        return None
