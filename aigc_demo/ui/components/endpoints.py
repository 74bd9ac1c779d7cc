"""Public endpoints: what a program asks of a handler is what the handler's signature says."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from aigc_demo.ui.components import file_inputs
from aigc_demo.ui.components.events import DEVICE
from aigc_demo.ui.server.handlers import bind


def endpoint(
    handler: Callable[..., Any],
    studio: Any,
    api_name: str,
    *,
    files: Sequence[str],
    outputs: list[gr.components.Component],
    gpu: bool = False,
) -> None:
    """Let programs call `handler`; of its parameters, `files` are files, whose bytes are the
    picture itself and not a copy, and the others text or numbers.
    """
    parameters = list(inspect.signature(handler, eval_str=True).parameters.values())[1:]
    inputs = [_component(p, is_file=p.name in files) for p in parameters]
    limits = DEVICE if gpu else {}
    call = bind(handler, studio, gpu=gpu)
    gr.Button(visible=False).click(call, inputs, outputs, api_name=api_name, **limits)


def _component(parameter: inspect.Parameter, *, is_file: bool) -> gr.components.Component:
    if is_file:
        return file_inputs.File(label=parameter.name, visible=False)
    default = None if parameter.default is parameter.empty else parameter.default
    numbers = dict.fromkeys((int, float, int | None, float | None), gr.Number)
    component = ({bool: gr.Checkbox} | numbers).get(parameter.annotation, gr.Textbox)
    return component(default, label=parameter.name, visible=False)
