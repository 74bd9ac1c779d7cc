"""What programs send is completed or refused in words; what the page sends is left as it is."""

from __future__ import annotations

import asyncio
from typing import Any

import gradio as gr
import pytest

from aigc_demo.ui.i18n import TEXTS, T
from aigc_demo.ui.server.page import Page


def double(number: float, times: float = 2) -> float:
    return number * times


def page(**settings: Any) -> Any:
    with Page() as demo:
        boxes = [gr.Number(), gr.Number()]
        gr.Button().click(double, boxes, boxes[0], api_name="double", **settings)
    (handler,) = demo.fns.values()
    return lambda *values: asyncio.run(demo.preprocess_data(handler, list(values), None))


def test_values_of_programs_are_completed_or_refused_by_name() -> None:
    read = page()
    assert read(3) == [3, 2] and read(3, 4) == [3, 4]
    with pytest.raises(gr.Error, match="number: a value is missing; give number, times"):
        read()
    with pytest.raises(
        gr.Error, match="data: there are 3 values; leave out all but number, times"
    ):
        read(1, 2, 3)


def test_what_the_page_sends_is_not_touched() -> None:
    with pytest.raises(ValueError, match="didn't receive enough input values"):
        page(api_visibility="private")(3)


def test_a_number_beyond_the_limits_of_its_control_is_told_with_its_label() -> None:
    with Page() as demo:
        limits = {"minimum": 0, "maximum": 5}
        boxes = [gr.Number(label=T("minutes"), **limits), gr.Slider(label="film", **limits)]
        gr.Button().click(double, boxes, boxes[0], api_visibility="private")
    (handler,) = demo.fns.values()
    for values, told in (
        ([9, 1], f"^'{TEXTS['en']['minutes']}: 9 cannot be used; take 0 to 5.'$"),
        ([1, -2.5], "^'film: -2.5 cannot be used; take 0 to 5.'$"),
    ):
        with pytest.raises(gr.Error, match=told):
            asyncio.run(demo.preprocess_data(handler, values, None))
