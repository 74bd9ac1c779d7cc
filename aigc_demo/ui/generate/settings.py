"""The settings on the left of the Generate tab: the model, and how to sample from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from aigc_demo.requests import MAX_COUNT
from aigc_demo.studio import ModelInfo
from aigc_demo.ui.components.controls import Controls, labelled
from aigc_demo.ui.generate import model_card, prompts
from aigc_demo.ui.generate.forms import ALL, OPTIONS
from aigc_demo.ui.generate.model_card import class_choices
from aigc_demo.ui.server.handlers import Components, Updates

# The widest limits of any method, a default and a step; a model narrows them.
RANGES = {
    "guidance": (1, 5, 2, 0.1),
    "evaluations": (2, 64, 16, 2),
    "truncation": (0.1, 1, 1, 0.05),
    "temperature": (0.1, 1.2, 1, 0.05),
}


@dataclass(frozen=True)
class SettingsControls(Controls):
    """The components of the settings."""

    model: gr.Dropdown
    label: gr.Dropdown
    prompt: prompts.PromptControls
    count: gr.Slider
    seed: gr.Number
    random_seed: gr.Checkbox
    options: dict[str, gr.Slider]
    watch: gr.Checkbox
    embed: gr.Checkbox

    def sampling(self) -> Components:
        """Return the inputs of a `SamplingForm`."""
        first = self.of("model", "label", "seed")
        return {**first, "prompt": self.prompt.prompt, **self.options}

    def all(self) -> Components:
        """Return the inputs of a `GenerateForm`."""
        return {**self.sampling(), **self.of("count", "random_seed", "watch", "embed")}


def layout(models: list[ModelInfo], first: ModelInfo | None) -> SettingsControls:
    """Add the controls; `first` is the model that the page opens with."""
    model = gr.Dropdown(
        [(model_card.describe(m), m.name) for m in models],
        value=first.name if first else None,
        **labelled("model", info=True),
    )
    # At first all classes of all models are choices, so that programs may name any of them.
    classes = class_choices("all_classes", *models)
    label = gr.Dropdown(classes, value=ALL, **labelled("label", "class"))
    prompt = prompts.layout_prompt(visible=first is not None and first.condition == "text")
    count = gr.Slider(1, MAX_COUNT, 16, step=1, **labelled("count"))
    with gr.Group():
        seed = gr.Number(0, precision=0, **labelled("seed", info=True))
        random_seed = gr.Checkbox(False, **labelled("random_seed"))
    options = {
        name: gr.Slider(
            low,
            high,
            value,
            step=step,
            visible=first is not None and any(o.name == name for o in first.options),
            **labelled(name, info=True),
        )
        for name, (low, high, value, step) in RANGES.items()
    }
    watch = gr.Checkbox(True, **labelled("watch"))
    embed = gr.Checkbox(True, **labelled("embed"))
    return SettingsControls(model, label, prompt, count, seed, random_seed, options, watch, embed)


def fit(info: ModelInfo, label: str = ALL, values: dict[str, Any] | None = None) -> Updates:
    """Return updates that show a model's classes and options, with `values` or its defaults."""
    updates: Updates = {
        "label": gr.Dropdown(
            class_choices("all_classes", info), value=label, visible=bool(info.labels)
        )
    }
    has = {option.name: option for option in info.options}
    for name in OPTIONS:
        if option := has.get(name):
            value = (values or {}).get(name) or option.default
            updates[name] = gr.Slider(
                option.minimum, option.maximum, value, step=option.step, visible=True
            )
        else:
            updates[name] = gr.Slider(visible=False)
    return updates | {"watch": gr.Checkbox(visible="evaluations" in has)}
