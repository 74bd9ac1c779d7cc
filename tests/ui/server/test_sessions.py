"""What the server keeps of a session is small, and of a program's call nothing."""

from __future__ import annotations

from types import SimpleNamespace

import gradio as gr
from gradio.state_holder import StateHolder

from aigc_demo.ui.server import sessions
from aigc_demo.ui.server.page import Page


def test_a_session_has_its_state_and_no_copy_of_the_page() -> None:
    with Page() as page:
        state = gr.State([1])
        for i in range(100):
            gr.Textbox(f"{i}")
    holder = StateHolder()
    holder.set_blocks(page)
    assert page.state_holder is holder
    ann, bob = holder["ann"], holder["bob"]
    assert not ann.config_values and ann[state._id] == [1]
    ann[state._id] = [2]
    assert (ann[state._id], bob[state._id]) == ([2], [1])
    app = SimpleNamespace(state_holder=holder)
    sessions.forget(app, "ann")
    sessions.forget(app, "nobody")
    assert list(holder.session_data) == ["bob"] and list(holder.time_last_used) == ["bob"]
