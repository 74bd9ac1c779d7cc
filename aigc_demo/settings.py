"""The settings of a host: environment variables, checked where they are read.

A value that cannot be used raises BadValue, which names the variable and what it may be; `check`
goes through all of them before a program begins.
"""

from __future__ import annotations

import os
from pathlib import Path

from aigc_demo.errors import BadValue

# Whole numbers: the default, the least and the most.
WHOLE: dict[str, tuple[int, int, int]] = {
    "AIGC_PORT": (7860, 1, 65_535),
    "GRADIO_SERVER_PORT": (7860, 1, 65_535),
    "AIGC_MAX_RUNS": (1, 0, 100),
    "AIGC_MAX_WAITING": (20, 0, 100_000),
    "AIGC_MAX_MINUTES": (120, 1, 100_000),
    "AIGC_MAX_STEPS": (1_000_000, 1, 100_000_000),
    "AIGC_NICE": (19, 0, 19),
    "AIGC_THREADS": (0, 0, 4096),
}
CHOICES = {"AIGC_DTYPE": ("auto", "float32", "bfloat16")}  # the default first
FOLDERS = {
    "AIGC_CHECKPOINTS": "checkpoints",
    "AIGC_DATA": "data",
    "AIGC_CACHE": ".cache",
    "AIGC_RUNS": "runs",
}


def whole(name: str) -> int:
    """Return the whole number that a variable holds, or its default."""
    default, least, most = WHOLE[name]
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    if not (text.isascii() and text.isdecimal() and least <= int(text[:20]) <= most):
        raise _refused(name, text, f"a whole number from {least} to {most}")
    return int(text)


def choice(name: str) -> str:
    """Return the word that a variable holds, or its default."""
    text = os.environ.get(name, "").strip() or CHOICES[name][0]
    if text not in CHOICES[name]:
        raise _refused(name, text, ", ".join(CHOICES[name]))
    return text


def folder(name: str) -> Path:
    """Return the folder that a variable names, or its default; it need not be there."""
    return Path(os.environ.get(name) or FOLDERS[name])


def check() -> None:
    """Raise BadValue for the first variable that cannot be used."""
    for name in WHOLE:
        whole(name)
    for name in CHOICES:
        choice(name)
    for name in FOLDERS:
        path = folder(name)
        if path.exists() and not path.is_dir():
            raise _refused(name, str(path), "a folder, and not a file")


def _refused(name: str, text: str, choices: str) -> BadValue:
    return BadValue(f"{name}: “{text[:40]}” cannot be used; set it to {choices}.")
