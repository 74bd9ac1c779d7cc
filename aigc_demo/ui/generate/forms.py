"""The values of the Generate tab's controls when something is clicked.

`SamplingForm` has those that all parts of the tab share; each part adds its own. Texts have the
limits of requests; numbers have none here, since the request that is made of them has.
"""

from __future__ import annotations

from aigc_demo.errors import BadValue
from aigc_demo.requests import GenerateRequest, Label, Name, Prompt, Request, Whole
from aigc_demo.studio import ModelInfo, Studio

ALL = "*"  # stands for every class in turn
FIRST = "scenes-flow"
OPTIONS = ("guidance", "evaluations", "truncation", "temperature")


class SamplingForm(Request):
    """The model and how to sample from it. A seed of None is one that is being typed."""

    model: Name | None = None
    label: Label | None = ALL
    prompt: Prompt | None = None
    seed: Whole | None = 0
    guidance: float | None = None
    evaluations: Whole | None = None
    truncation: float | None = None
    temperature: float | None = None

    def info(self, studio: Studio) -> ModelInfo:
        """Return what is known of the chosen model."""
        if self.model is None:
            raise BadValue("model: none is chosen; choose one, or ask the host for one.")
        return studio.info(self.model, "generate")

    def text_info(self, studio: Studio) -> ModelInfo:
        """Return what is known of the chosen model, which must be text-conditioned."""
        info = self.info(studio)
        if info.condition != "text":
            raise BadValue(f"model: {info.name} is not conditioned on text; choose one that is.")
        return info

    def request(self, studio: Studio, **changes: object) -> GenerateRequest:
        """Return the checked request; options that the model does not have are left out."""
        has = {option.name for option in self.info(studio).options}
        fields = {
            "model": self.model,
            "label": class_or_none(self.label),
            "prompt": self.prompt or None,
            "seed": self.seed,
            **{name: getattr(self, name) for name in OPTIONS if name in has},
        }
        return GenerateRequest(**fields | changes)


class GenerateForm(SamplingForm):
    """The controls above the button Generate."""

    count: Whole | None = 16
    random_seed: bool = False
    embed: bool = True  # write the settings into the PNGs
    watch: bool = True  # show the pictures forming


def first_model(usable: list[ModelInfo]) -> ModelInfo | None:
    """Return the model that the page opens with, and that programs get which name none."""
    return next((m for m in usable if m.name == FIRST), usable[-1] if usable else None)


def class_or_none(label: str | None) -> str | None:
    """Return the class that a dropdown holds, or None for all of them."""
    return None if label in (ALL, "") else label
