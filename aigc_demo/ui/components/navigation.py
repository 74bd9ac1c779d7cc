"""How one tab opens another with something: a request, a model, a picture, a pipeline.

Tabs do not import each other. The tab that is opened makes an `Opener` of its own components, the
page hands it to the tab with the button, which wires it:

    connect(button.click, opener.with_value(handler), studio, inputs, opener.outputs, **QUIET)
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import gradio as gr

from aigc_demo.ui.server.handlers import Components, Updates

Value = TypeVar("Value")


@dataclass(frozen=True)
class Opener(Generic[Value]):
    """The tab called `tab`, which `updates` sets to a value; it names some of `components`."""

    tabs: gr.Tabs
    tab: str
    components: Components
    updates: Callable[[Value], Updates]

    @property
    def outputs(self) -> Components:
        """Return what opening the tab changes."""
        return {"tabs": self.tabs, **self.components}

    def open(self, value: Value) -> Updates:
        """Return the updates that open the tab with `value`."""
        return {"tabs": gr.Tabs(selected=self.tab), **self.updates(value)}

    def with_value(self, handler: Callable[..., Value]) -> Callable[..., Updates]:
        """Return a handler that opens the tab with what `handler` returns."""

        @functools.wraps(handler)
        def opening(*args: Any, **values: Any) -> Updates:
            return self.open(handler(*args, **values))

        return opening
