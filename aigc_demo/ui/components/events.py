"""Settings that events of several tabs share."""

from __future__ import annotations

import gradio as gr

PRIVATE = {"api_visibility": "private"}  # not for programs
QUIET = {**PRIVATE, "show_progress": "hidden"}
# What computes: as many at once, on all tabs together.
DEVICE = {"concurrency_id": "device", "concurrency_limit": 2}


def selected_index(event: gr.SelectData) -> int:
    """Return the number of the picture that was selected in a gallery."""
    return event.index if isinstance(event.index, int) else 0
