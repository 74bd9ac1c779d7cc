"""The settings of a host: environment variables, checked where they are read.

``AIGC_PROFILE`` chooses the defaults of the others: for one's own machine, a classroom or a public
page (docs/HOSTING.md). A value that cannot be used raises BadValue, which names the variable and
what it may be; `check` goes through all of them before a program begins.
"""

from __future__ import annotations

import os
from pathlib import Path

from aigc_demo.errors import BadValue

PROFILES = ("own", "classroom", "public")
PROFILE = "AIGC_PROFILE"

# Whole numbers: the default, one for all profiles or one for each; the least and the most.
WHOLE: dict[str, tuple[int | tuple[int, int, int], int, int]] = {
    "AIGC_PORT": (7860, 1, 65_535),
    "GRADIO_SERVER_PORT": (7860, 1, 65_535),
    "AIGC_MAX_RUNS": (1, 0, 100),
    "AIGC_MAX_WAITING": ((20, 40, 5), 0, 100_000),
    "AIGC_MAX_RUNS_EACH": ((1000, 10, 3), 1, 100_000),
    "AIGC_MAX_MINUTES": ((120, 60, 10), 1, 100_000),
    "AIGC_MAX_PAUSE": ((240, 30, 5), 1, 100_000),
    "AIGC_MAX_STEPS": ((1_000_000, 200_000, 50_000), 1, 100_000_000),
    "AIGC_MAX_MEMORY": (0, 0, 10_000_000),
    "AIGC_MAX_REQUESTS": ((64, 16, 10), 1, 1000),
    "AIGC_MAX_RUNS_MB": ((20_000, 10_000, 2_000), 10, 100_000_000),
    "AIGC_MAX_FILES_MB": ((10_000, 5_000, 2_000), 10, 100_000_000),
    "AIGC_MAX_SAMPLES_MB": ((2_000, 1_000, 500), 10, 100_000_000),
    "AIGC_KEEP_DAYS": ((0, 30, 1), 0, 10_000),
    "AIGC_DOWNLOADS": ((1, 0, 0), 0, 1),
    "AIGC_SHARED_RUNS": ((1, 1, 0), 0, 1),
    "AIGC_PROXIES": (0, 0, 10),
    "AIGC_NICE": (19, 0, 19),
    "AIGC_THREADS": (0, 0, 4096),
}
CHOICES = {"AIGC_DTYPE": ("auto", "float32", "bfloat16")}  # the default first
HOST_KEY, MIN_HOST_KEY = "AIGC_HOST_KEY", 12  # characters
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
        return default if isinstance(default, int) else default[PROFILES.index(profile())]
    if not (text.isascii() and text.isdecimal() and least <= int(text[:20]) <= most):
        raise _refused(name, text, f"a whole number from {least} to {most}")
    return int(text)


def choice(name: str) -> str:
    """Return the word that a variable holds, or its default."""
    text = os.environ.get(name, "").strip() or CHOICES[name][0]
    if text not in CHOICES[name]:
        raise _refused(name, text, ", ".join(CHOICES[name]))
    return text


def profile() -> str:
    """Return whom the studio is for: ``own``, ``classroom`` or ``public``.

    Unless it is set, a Hugging Face Space is public, a page that is served to this computer alone,
    under no other name, is one's own, and any other a classroom's.
    """
    text = os.environ.get(PROFILE, "").strip()
    if not text:
        host = os.environ.get("AIGC_HOST") or os.environ.get("GRADIO_SERVER_NAME") or "127.0.0.1"
        local = (host in ("localhost", "::1") or host.startswith("127.")) and not hosts()
        return "public" if os.environ.get("SPACE_ID") else "own" if local else "classroom"
    if text not in PROFILES:
        raise _refused(PROFILE, text, ", ".join(PROFILES))
    return text


def host_key() -> str:
    """Return the key with which one may do everything; nothing where there is none."""
    key = os.environ.get(HOST_KEY, "").strip()
    if key and len(key) < MIN_HOST_KEY:
        raise BadValue(f"{HOST_KEY}: it is short; take at least {MIN_HOST_KEY} characters.")
    return key


def hosts() -> list[str]:
    """Return the names, in lower case and without ports, under which the page is served; none
    where ``AIGC_HOSTS`` does not say.
    """
    return os.environ.get("AIGC_HOSTS", "").lower().replace(",", " ").split()


def folder(name: str) -> Path:
    """Return the folder that a variable names, or its default; it need not be there."""
    return Path(os.environ.get(name) or FOLDERS[name])


def check() -> None:
    """Raise BadValue for the first variable that cannot be used."""
    profile()
    host_key()
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
