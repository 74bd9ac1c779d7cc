"""Settings that events of several tabs share."""

from __future__ import annotations

import gradio as gr

PRIVATE = {"api_visibility": "private"}  # not for programs
QUIET = {**PRIVATE, "show_progress": "hidden"}
# What computes: as many at once, on all tabs together.
DEVICE = {"concurrency_id": "device", "concurrency_limit": 2}


def selection(gallery: gr.Gallery) -> gr.State:
    """Return the number of the picture that is selected in a gallery; at first, that of the
    first.
    """
    index = gr.State(0)
    gallery.select(selected_index, None, index, **QUIET)
    gallery.change(lambda: 0, None, index, **QUIET)
    return index


def selected_index(event: gr.SelectData) -> int:
    """Return the number of the picture that was selected in a gallery."""
    return event.index if isinstance(event.index, int) else 0
