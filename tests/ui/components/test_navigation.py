"""How tabs open each other and send pictures, without a browser."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr
import pytest
from PIL import Image

from aigc_demo.errors import BadValue
from aigc_demo.studio import Studio
from aigc_demo.ui.components import send_to
from aigc_demo.ui.components.navigation import Opener
from aigc_demo.ui.server.handlers import connect


def test_a_handler_opens_another_tab_with_what_it_returns(tmp_path: Path) -> None:
    def double(studio: Studio, number: int) -> int:
        return 2 * number

    box = gr.Number(render=False)
    with gr.Blocks():
        tabs = gr.Tabs()
    opener = Opener(tabs, "other", {"box": box}, lambda number: {"box": number})
    found: list[Any] = []
    connect(
        lambda function, inputs, outputs: found.extend([function, outputs]),
        opener.with_value(double),
        Studio(tmp_path),
        {"number": gr.Number(render=False)},
        opener.outputs,
    )
    function, outputs = found
    selected, number = function(4)
    assert outputs == [tabs, box]
    assert (selected.selected, number) == ("other", 8)


def test_the_chosen_picture_of_a_gallery_is_sent(tmp_path: Path) -> None:
    for name, colour in (("a", "red"), ("b", "blue")):
        Image.new("RGB", (8, 8), colour).save(tmp_path / f"{name}.png")
    gallery = [(str(tmp_path / f"{name}.png"), name) for name in "ab"]
    blue = Image.new("RGB", (8, 8), "blue").tobytes()
    assert Image.open(send_to.file_of(gallery, 1)).tobytes() == blue
    stale = send_to.file_of(gallery, 7)  # selected in a gallery that has shrunk since
    assert Image.open(stale).getpixel((0, 0)) == (255, 0, 0)
    for nothing in (None, [], ""):
        with pytest.raises(BadValue, match="^picture: there is none to send yet"):
            send_to.file_of(nothing)
