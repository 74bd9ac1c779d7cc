"""The page as programs see it: what they send is read, or the answer says what is wrong."""

from __future__ import annotations

import inspect
import math
from typing import Any

import gradio as gr
from gradio.exceptions import ComponentProcessingError, InvalidPathError
from gradio.i18n import I18nData
from gradio.route_utils import FnIndexInferError
from gradio.state_holder import StateHolder
from gradio_client.utils import is_http_url_like
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse

from aigc_demo.errors import BadValue
from aigc_demo.ui.i18n import TEXTS
from aigc_demo.ui.server import sessions
from aigc_demo.ui.server.fair_queue import FairQueue
from aigc_demo.ui.server.handlers import shown_errors

LARGEST, MAX_VALUES = 2**64, 20_000  # of a number, and in a request
FILE = (
    "send it to /gradio_api/upload, then give the path that this answers as "
    '{"path": …, "meta": {"_type": "gradio.FileData"}}'
)


class Page(gr.Blocks):
    """Blocks whose endpoints for programs fill in values that are left out at the end, and name
    the field of what cannot be read; Gradio would answer with an error that says nothing. Limits
    of the page's own controls are told with their names, too.
    """

    @property
    def state_holder(self) -> StateHolder:
        """The states of sessions; Gradio sets it when the page is served."""
        return self._state_holder

    @state_holder.setter
    def state_holder(self, holder: StateHolder) -> None:
        self._state_holder = sessions.lighten(holder)

    def queue(self, *args: Any, **settings: Any) -> Page:
        """Give each visitor a share of the queue; nothing passes it by."""
        super().queue(*args, api_open=False, **settings)
        plain = self._queue
        self._queue = FairQueue(
            live_updates=plain.live_updates,
            concurrency_count=plain.max_thread_count,
            update_intervals=plain.update_intervals,
            max_size=plain.max_size,
            blocks=self,
            default_concurrency_limit=plain.default_concurrency_limit,
        )
        return self

    async def preprocess_data(
        self, block_fn: Any, inputs: list[Any], state: Any, explicit_call: bool = False
    ) -> list[Any]:
        """Read what a handler is given."""
        public = block_fn.api_visibility == "public"
        with shown_errors():
            _check_values(inputs)
            inputs = _complete(block_fn, inputs) if public else inputs
            try:
                return await super().preprocess_data(block_fn, inputs, state, explicit_call)
            except InvalidPathError:
                raise BadValue(f"file: it cannot be used from there; {FILE}.") from None
            except gr.Error as problem:
                _check_ranges(block_fn, inputs, state)  # Gradio names the limit and not the field
                raise BadValue(str(problem.message)[:300]) from None
            except (ComponentProcessingError, ValidationError):
                raise BadValue(
                    "data: a value is not what its control takes; load the page again, or look at "
                    "/gradio_api/info."
                ) from None


def _check_values(inputs: Any) -> None:
    """Raise BadValue for numbers that JSON cannot hold, for very many values, and for files at an
    address, which Gradio would fetch.
    """
    rest, count = [inputs], 0
    while rest:
        value, count = rest.pop(), count + 1
        if isinstance(value, int | float) and not abs(value) <= LARGEST:
            raise BadValue(f"data: {value:.10g} cannot be used; take one nearer to 0.")
        if count > MAX_VALUES:
            raise BadValue(f"data: there are more than {MAX_VALUES:,} values; send fewer.")
        if isinstance(value, dict):
            if is_http_url_like(str(value.get("path"))):
                raise BadValue(f"file: an address cannot be used; {FILE}.")
            rest += value.values()
        elif isinstance(value, list | tuple):
            rest += value


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


def _check_ranges(block_fn: Any, inputs: list[Any], state: Any) -> None:
    """Raise BadValue for the first number that is beyond the limits of its control."""
    for component, value in zip(block_fn.inputs, inputs, strict=False):
        known = state is not None and component._id in state
        control = state[component._id] if known else component
        if isinstance(control, gr.Number | gr.Slider) and isinstance(value, int | float):
            least = -math.inf if control.minimum is None else control.minimum
            most = math.inf if control.maximum is None else control.maximum
            if not least <= value <= most:
                label = component.label
                label = TEXTS["en"].get(label.key, "") if isinstance(label, I18nData) else label
                limits = f"{least:.10g} to {most:.10g}" if most < math.inf else f"at least {least}"
                raise BadValue(f"{label}: {value:.10g} cannot be used; take {limits}.")


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
