"""What all handlers share: errors for people, the studio as first argument, files to download."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from aigc_demo.errors import UserError

try:
    import spaces  # only on ZeroGPU, where a function has a GPU inside this decorator alone
except ImportError:
    spaces = None


def bind(handler: Callable[..., Any], studio: Any, *, gpu: bool = False) -> Callable[..., Any]:
    """Give `handler` its first argument, the studio or the workshop, and show its UserErrors
    to the person.

    `gpu` says that it computes. On ZeroGPU it then runs in a process of its own, to which its
    arguments are sent: hence they are the plain values of the controls, and the studio is not
    among them.
    """
    signature = inspect.signature(handler, eval_str=True)
    rest = list(signature.parameters.values())[1:]

    if inspect.isgeneratorfunction(handler):

        def bound(*values: Any) -> Any:
            with _shown_errors():
                yield from handler(studio, *values)
    else:

        def bound(*values: Any) -> Any:
            with _shown_errors():
                return handler(studio, *values)

    functools.update_wrapper(bound, handler)
    del bound.__wrapped__
    bound.__signature__ = signature.replace(parameters=rest)
    bound.__annotations__ = {p.name: p.annotation for p in rest}
    return spaces.GPU(duration=60)(bound) if gpu and spaces else bound


@contextlib.contextmanager
def _shown_errors() -> Iterator[None]:
    try:
        yield
    except UserError as error:
        raise gr.Error(str(error), duration=15, print_exception=False) from None


def downloadable(content: bytes, name: str) -> str:
    """Write `content` to a file called `name` in the page's cache, and return its path.

    Gradio serves it from there and deletes it when it is old (``delete_cache``). The same content
    has the same path; it is written whole, so that one who reads it for somebody else never sees
    half of it.
    """
    folder = Path(get_upload_folder()) / hashlib.sha256(content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    if path.exists():
        path.touch()
        return str(path)
    part = folder / f".{name}.{threading.get_ident()}"
    part.write_bytes(content)
    os.replace(part, path)
    return str(path)
