"""The editor of pipelines: steps are added, ordered, removed and set.

Gradio's own components would be built anew whenever a step is added or removed; here a step keeps
its sliders. The editor's value is the pipeline as JSON.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import gradio as gr

from aigc_demo.augment import AUGMENTS
from aigc_demo.ui.i18n import both

SOURCE = Path(__file__)  # the script and style stand beside it
HTML = """
<ol class="steps"></ol>
<p class="none" data-zh="还没有步骤：在下面选择一个。">No steps yet: choose one below.</p>
<div class="adding"><select class="kinds" aria-label="step"></select>
<button type="button" class="add"><span data-zh="添加步骤">Add this step</span></button></div>
"""


def board(value: str, elem_id: str) -> gr.HTML:
    """Add the board; ``input`` is triggered when a person changes the pipeline."""
    script = SOURCE.with_suffix(".js").read_text()
    return gr.HTML(
        value,
        html_template=HTML,
        css_template=SOURCE.with_suffix(".css").read_text(),
        js_on_load=script.replace("__STEPS__", json.dumps(_steps(), ensure_ascii=False)),
        elem_id=elem_id,
    )


def _steps() -> dict[str, Any]:
    """Return what the browser needs to know of each step."""
    return {
        name: {
            "words": both(f"step_{name}"),
            "group": both(f"group_{kind.group}"),
            "p": kind.p,
            "numbers": [
                {
                    "name": p.name,
                    "words": both(f"number_{p.name}"),
                    "value": p.default,
                    "low": p.minimum,
                    "high": p.maximum,
                    "step": p.step,
                    "unit": p.unit,
                    "choices": p.choices,
                }
                for p in kind.parameters
            ],
        }
        for name, kind in AUGMENTS.items()
    }
