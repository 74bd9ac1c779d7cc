"""What all handlers share: named values in and out, errors for people, files to download.

`connect` joins a control to a handler of the page; `bind` alone is for the endpoints of programs,
whose parameters are the handler's own.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import inspect
import os
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from aigc_demo import access
from aigc_demo.access import Visitor
from aigc_demo.errors import UserError
from aigc_demo.imaging.output_names import shortened
from aigc_demo.requests import Request
from aigc_demo.ui.server import visitors

try:
    import spaces  # only on ZeroGPU, where a function has a GPU inside this decorator alone
except ImportError:
    spaces = None


NO_TAGS = str.maketrans("<>", "‹›")  # the page takes the text of an error for HTML
Components = Mapping[str, gr.components.Component]
Updates = dict[str, Any]  # the new value or update of each output that changes, by its name


def connect(
    event: Callable[..., Any],
    handler: Callable[..., Updates | Iterator[Updates]],
    studio: Any,
    inputs: Components | None = None,
    outputs: Components | None = None,
    *,
    gpu: bool = False,
    **settings: Any,
) -> Any:
    """Call `handler` with the named values of `inputs` at an `event` such as ``button.click``;
    what it returns or yields are the new values of some of `outputs`, by name.

    A handler whose second parameter is a form (a subclass of `Request`) gets the values as one,
    checked; any other gets them by name. Outputs that it does not name stay as they are.
    `settings` go to the event. Returns what the event returns, for ``.then`` and ``.success``.
    """
    inputs, outputs = inputs or {}, outputs or {}
    named = _by_name(handler, list(inputs))
    bound = bind(named, studio, gpu=gpu)

    def positional(updates: Updates) -> Any:
        if unknown := set(updates) - set(outputs):
            raise KeyError(f"{handler.__name__} returns {sorted(unknown)}, which are no outputs")
        values = [updates.get(name, gr.skip()) for name in outputs]
        return values[0] if len(values) == 1 else values or None

    if inspect.isgeneratorfunction(handler):

        def call(*values: Any) -> Any:
            for updates in bound(*values):
                yield positional(updates)
    else:

        def call(*values: Any) -> Any:
            return positional(bound(*values))

    functools.update_wrapper(call, handler)
    del call.__wrapped__
    call.__signature__ = inspect.signature(bound)
    call.__annotations__ = bound.__annotations__
    return event(call, list(inputs.values()), list(outputs.values()), **settings)


def _by_name(handler: Callable[..., Any], names: list[str]) -> Callable[..., Any]:
    """Return `handler` with a positional parameter for each of `names`, then those that Gradio
    fills in by their type or default (``gr.SelectData``, ``gr.Progress``).
    """
    signature = inspect.signature(handler, eval_str=True)
    first, *rest = signature.parameters.values()
    form = rest[0] if rest and _is_form(rest[0].annotation) else None
    filled = [p for p in rest if p is not form and p.name not in names]

    def arguments(values: tuple[Any, ...]) -> tuple[list[Any], dict[str, Any]]:
        given = dict(zip(names, values, strict=False))
        extra = dict(zip((p.name for p in filled), values[len(names) :], strict=False))
        return ([form.annotation(**given)], extra) if form else ([], given | extra)

    if inspect.isgeneratorfunction(handler):

        def named(studio: Any, *values: Any) -> Any:
            args, fields = arguments(values)
            yield from handler(studio, *args, **fields)
    else:

        def named(studio: Any, *values: Any) -> Any:
            args, fields = arguments(values)
            return handler(studio, *args, **fields)

    functools.update_wrapper(named, handler)
    del named.__wrapped__
    kind = inspect.Parameter.POSITIONAL_OR_KEYWORD
    inputs = [inspect.Parameter(name, kind) for name in names]
    extra = [p.replace(kind=kind) for p in filled]
    named.__signature__ = inspect.Signature([first.replace(annotation=Any), *inputs, *extra])
    return named


def _is_form(annotation: Any) -> bool:
    return isinstance(annotation, type) and issubclass(annotation, Request)


def bind(handler: Callable[..., Any], studio: Any, *, gpu: bool = False) -> Callable[..., Any]:
    """Give `handler` its first argument, the studio or the workspace, and show its UserErrors
    to the person.

    It acts for the visitor who sent the request. `gpu` says that it computes. On ZeroGPU it then
    runs in a process of its own, to which its arguments are sent: hence they are the visitor and
    the plain values of the controls, and the studio is not among them.
    """
    signature = inspect.signature(handler, eval_str=True)
    rest = list(signature.parameters.values())[1:]

    if inspect.isgeneratorfunction(handler):

        def acting(visitor: Visitor, *values: Any) -> Any:
            yield from _steps(handler(studio, *values), visitor)
    else:

        def acting(visitor: Visitor, *values: Any) -> Any:
            with shown_errors(), access.acting_as(visitor):
                return handler(studio, *values)

    if gpu and spaces:
        acting = spaces.GPU(duration=60)(acting)
    if inspect.isgeneratorfunction(handler):

        def bound(*values: Any) -> Any:
            yield from acting(visitors.current(), *values)
    else:

        def bound(*values: Any) -> Any:
            return acting(visitors.current(), *values)

    functools.update_wrapper(bound, handler)
    del bound.__wrapped__
    bound.__signature__ = signature.replace(parameters=rest)
    bound.__annotations__ = {p.name: p.annotation for p in rest}
    return bound


def _steps(steps: Iterator[Any], visitor: Visitor) -> Iterator[Any]:
    """Yield from `steps`, each of which acts for `visitor`: another thread may ask for the next,
    and a context must be left by the one that entered it.
    """
    with contextlib.closing(steps):
        while True:
            with shown_errors(), access.acting_as(visitor):
                try:
                    updates = next(steps)
                except StopIteration:
                    return
            yield updates


@contextlib.contextmanager
def shown_errors() -> Iterator[None]:
    """Show UserErrors to the person or the program."""
    try:
        yield
    except UserError as error:
        raise gr.Error(str(error).translate(NO_TAGS), duration=15, print_exception=False) from None


def downloadable(content: bytes, name: str) -> str:
    """Write `content` to a file called `name`, shortened where it is too long for a system, in the
    page's cache, and return its path.

    Gradio serves it from there and deletes it when it is old (``delete_cache``). The same content
    has the same path, and is written atomically, so that nobody is served half of it.
    """
    folder = Path(get_upload_folder()) / hashlib.sha256(content).hexdigest()
    folder.mkdir(parents=True, exist_ok=True)
    stem, dot, ending = name.rpartition(".")
    name = shortened(stem) + dot + ending
    path = folder / name
    if path.exists():
        path.touch()
        return str(path)
    part = folder / f".{name}.{threading.get_ident()}"
    part.write_bytes(content)
    os.replace(part, path)
    return str(path)
