"""What all handlers share: errors for people, the studio as first argument, files to download."""

from __future__ import annotations

import functools
import hashlib
import inspect
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_demo.errors import UserError
from aigc_demo.studio import Studio

KEPT_SECONDS = 3600
_FILES = Path(tempfile.gettempdir()) / "aigc-studio"

try:  # On ZeroGPU a function gets a GPU inside this decorator only
    import spaces

    on_gpu: Callable[..., Any] = spaces.GPU(duration=60)
except ImportError:

    def on_gpu(function: Callable[..., Any]) -> Callable[..., Any]:
        """Return the function as it is: this machine needs no decorator to compute."""
        return function


def bind(handler: Callable[..., Any], studio: Studio) -> Callable[..., Any]:
    """Give `handler` its first argument, and show its UserErrors to the person instead of hiding
    them.
    """
    signature = inspect.signature(handler, eval_str=True)
    rest = list(signature.parameters.values())[1:]

    if inspect.isgeneratorfunction(handler):

        def bound(*values: Any) -> Any:
            try:
                yield from handler(studio, *values)
            except UserError as error:
                raise gr.Error(str(error), duration=15, print_exception=False) from None
    else:

        def bound(*values: Any) -> Any:
            try:
                return handler(studio, *values)
            except UserError as error:
                raise gr.Error(str(error), duration=15, print_exception=False) from None

    functools.update_wrapper(bound, handler)
    del bound.__wrapped__
    bound.__signature__ = signature.replace(parameters=rest)
    bound.__annotations__ = {p.name: p.annotation for p in rest}
    return bound


def downloadable(content: bytes, name: str) -> str:
    """Write `content` to a file called `name` that Gradio may copy, and return its path.

    Files of an hour ago are removed, so that the folder does not grow with requests.
    """
    limit = time.time() - KEPT_SECONDS
    for old in _FILES.glob("*/*"):
        if old.stat().st_mtime < limit:
            old.unlink(missing_ok=True)
            old.parent.rmdir()
    folder = _FILES / hashlib.sha256(content).hexdigest()[:32]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(content)
    return str(path)
