"""Requests that explore a model: a grid of its settings, the directions of its latents.

They check themselves like those of `requests`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from aigc_demo.errors import BadValue
from aigc_demo.requests import MAX_SEED, GenerateRequest, Name, Prompt, Request, without_nul

MAX_DIRECTIONS = 6

Axis = Literal[
    "seed", "label", "prompt", "guidance", "evaluations", "temperature", "truncation", "model"
]
Along = Annotated[
    tuple[str | int | float, ...],
    Field(min_length=1, max_length=8, strict=False),  # a list, as JSON has it, will do
]

Offset = Annotated[float, Field(ge=-3, le=3)]
Offsets = Annotated[tuple[Offset, ...], Field(max_length=MAX_DIRECTIONS, strict=False)]


class GridRequest(Request):
    """Ask for a table of pictures: a column each of `x_values`, a row each of `y_values`.

    `x` and `y` name two fields of `GenerateRequest`; the others are the same for all pictures.
    A label of None means the model's first class.
    """

    model: Name
    x: Axis
    x_values: Along
    y: Axis
    y_values: Along
    label: Annotated[str, Field(max_length=200)] | None = None
    prompt: Prompt | None = None
    seed: int = Field(0, ge=0, le=MAX_SEED)
    guidance: float | None = Field(None, ge=1, le=5)
    evaluations: int | None = Field(None, ge=2, le=64)
    truncation: float | None = Field(None, ge=0.1, le=1)
    temperature: float | None = Field(None, ge=0.1, le=1.2)

    _whole = field_validator("prompt")(without_nul)

    @model_validator(mode="after")
    def _has_axes(self) -> GridRequest:
        if self.x == self.y:
            raise ValueError(f"y: both axes are {self.x}; choose another for one of them")
        for place, name, values in self.axes():
            for value in values:
                try:
                    GenerateRequest(**{"model": self.model, name: value})
                except BadValue as problem:
                    raise BadValue(f"{place}: {problem}") from None
        return self

    def axes(self) -> list[tuple[str, str, tuple[str | int | float, ...]]]:
        """Return x and y, each with the field that changes along it and its values."""
        return [("x", self.x, self.x_values), ("y", self.y, self.y_values)]

    def cell(self, column: int, row: int) -> GenerateRequest:
        """Return the request of one picture."""
        fields = self.model_dump(exclude={"x", "x_values", "y", "y_values"})
        along = {self.x: self.x_values[column], self.y: self.y_values[row]}
        return GenerateRequest(**fields | along, count=1)


class DirectionRequest(Request):
    """Ask for the picture of a seed and class, moved along the directions of a model's latents by
    `offsets`, in standard deviations; those that are not given are 0.

    With a `component` (1 is the strongest), ask for `frames` pictures instead, on which its
    offset goes from -3 to 3. A label of None means the model's first class.
    """

    model: Name
    label: Annotated[str, Field(max_length=200)] | None = None
    seed: int = Field(0, ge=0, le=MAX_SEED)
    offsets: Offsets = ()
    component: int | None = Field(None, ge=1, le=MAX_DIRECTIONS)
    frames: int = Field(9, ge=2, le=32)
    truncation: float | None = Field(None, ge=0.1, le=1)
    temperature: float | None = Field(None, ge=0.1, le=1.2)
