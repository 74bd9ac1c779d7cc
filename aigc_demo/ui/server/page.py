"""The page as programs see it: what they send is read, or the answer says what is wrong."""

from __future__ import annotations

import inspect
from typing import Any

import gradio as gr
from gradio.exceptions import InvalidPathError
from gradio.route_utils import FnIndexInferError
from starlette.requests import Request
from starlette.responses import JSONResponse

from aigc_demo.errors import BadValue
from aigc_demo.ui.server.handlers import shown_errors

FILE = (
    "send it to /gradio_api/upload, then give the path that this answers as "
    '{"path": …, "meta": {"_type": "gradio.FileData"}}'
)


class Page(gr.Blocks):
    """Blocks whose endpoints for programs fill in values that are left out at the end, and name
    the field of what cannot be read; Gradio would answer with an error that says nothing.
    """

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], *rest: Any, **more: Any
    ) -> list[Any]:
        """Read what a handler is given."""
        if block_fn.api_visibility != "public":
            return await super().preprocess_data(block_fn, inputs, *rest, **more)
        with shown_errors():
            inputs = _complete(block_fn, inputs)
            try:
                return await super().preprocess_data(block_fn, inputs, *rest, **more)
            except InvalidPathError:
                raise BadValue(f"file: it cannot be used from there; {FILE}.") from None


def _complete(block_fn: Any, inputs: list[Any]) -> list[Any]:
    """Return the values of all parameters; raises BadValue."""
    parameters = list(inspect.signature(block_fn.fn).parameters.values())[: len(block_fn.inputs)]
    names = ", ".join(p.name for p in parameters)
    if len(inputs) > len(parameters):
        raise BadValue(f"data: there are {len(inputs)} values; leave out all but {names}.")
    missing = parameters[len(inputs) :]
    if wanted := next((p.name for p in missing if p.default is p.empty), None):
        raise BadValue(f"{wanted}: a value is missing; give {names}, in this order.")
    values = [*inputs, *(p.default for p in missing)]
    for parameter, component, value in zip(parameters, block_fn.inputs, values, strict=True):
        if isinstance(component, gr.File) and not _may_be_file(value):
            raise BadValue(f"{parameter.name}: {str(value)[:60]!r} is no file; {FILE}.")
    return values


def _may_be_file(value: Any) -> bool:
    if not isinstance(value, dict):
        return value is None
    meta = value.get("meta")
    marked = isinstance(meta, dict) and meta.get("_type") == "gradio.FileData"
    return marked and isinstance(value.get("path"), str)


async def no_endpoint(request: Request, error: Exception) -> JSONResponse:
    """Answer a program that asks for an endpoint which is not there."""
    told = "There is no endpoint of this name; /gradio_api/info lists them."
    return JSONResponse({"error": told}, status_code=404)


EXCEPTION_HANDLERS = {FnIndexInferError: no_endpoint}
