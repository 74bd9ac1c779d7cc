"""What a person asks for: frozen requests that check themselves where they are made.

A value that cannot be used raises BadValue, which names the field and the limit. Which models,
methods and classes exist is not known here; `studio` and `engine` check those.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from PIL import Image
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from aigc_demo.errors import BadValue

MAX_SEED = 2**53 - 1  # the largest integer that survives a browser
MAX_COUNT = 64
MAX_PROMPT = 200  # characters
MAX_BIHARMONIC_PIXELS = 40_000  # of a hole: more would take minutes


def _as_whole(value: Any) -> Any:
    """Return a float without a fraction as an int: JSON and sliders do not tell 3.0 from 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


# Every whole number that a browser or a program sends goes through here; a float field takes an
# int as it is, and neither takes a bool, NaN or text.
Whole = Annotated[int, BeforeValidator(_as_whole)]
Seed = Annotated[Whole, Field(ge=0, le=MAX_SEED)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Prompt = Annotated[str, Field(max_length=MAX_PROMPT)]

Colour = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]
Palette = Annotated[tuple[Colour, ...], Field(min_length=2, max_length=16)]


class Request(BaseModel):
    """Base of all that browsers and programs send: requests, and the forms of the page's tabs.

    Immutable, no unknown fields, no silent conversion of types.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise BadValue(explain(error)) from None


def explain(error: ValidationError) -> str:
    """Turn the first complaint of pydantic into a sentence that names the field and the limit."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "request"
    given = repr(first["input"])
    given = given if len(given) <= 60 else given[:57] + "…"
    reason = first["msg"][:1].lower() + first["msg"][1:]
    reason = reason.removeprefix("value error, ").replace("input should", "it should")
    if first["type"] == "extra_forbidden":
        return f"{field}: there is no such field; leave it out."
    if first["type"] == "missing":
        return f"{field}: a value is missing; give one."
    if not first["loc"]:
        return f"{reason}."
    return f"{field}: {given} cannot be used; {reason}."


def without_nul(prompt: str | None) -> str | None:
    if prompt and "\0" in prompt:
        raise ValueError("it holds a NUL character; leave that out")
    return prompt


class GenerateRequest(Request):
    """Ask a model for `count` pictures of `label` (None: every class in turn), or of what `prompt`
    says where the model reads (None or nothing: of anything).

    Picture i has the seed ``seed + i``. Options that are None take the model's default; an option
    that the model does not have is ignored.
    """

    model: Name
    label: Annotated[str, Field(max_length=200)] | None = None
    prompt: Prompt | None = None
    count: Whole = Field(16, ge=1, le=MAX_COUNT)
    seed: Seed = 0
    guidance: float | None = Field(None, ge=1, le=5)
    evaluations: Whole | None = Field(None, ge=2, le=64)
    truncation: float | None = Field(None, ge=0.1, le=1)
    temperature: float | None = Field(None, ge=0.1, le=1.2)

    _whole = field_validator("prompt")(without_nul)


class MorphRequest(Request):
    """Ask for `frames` pictures on the way between two seeds and, where there are classes, two
    labels, or two prompts where the model reads. None for the other end means the same one.
    """

    model: Name
    seed: Seed = 0
    to_seed: Seed = 1
    label: Annotated[str, Field(max_length=200)] | None = None
    to_label: Annotated[str, Field(max_length=200)] | None = None
    prompt: Prompt | None = None
    to_prompt: Prompt | None = None
    frames: Whole = Field(16, ge=2, le=64)
    guidance: float | None = Field(None, ge=1, le=5)
    evaluations: Whole | None = Field(None, ge=2, le=64)
    truncation: float | None = Field(None, ge=0.1, le=1)
    temperature: float | None = Field(None, ge=0.1, le=1.2)

    _whole = field_validator("prompt", "to_prompt")(without_nul)


class RestoreRequest(Request):
    """Ask for a picture to be repaired.

    `mask` is white where the picture is to be filled (grey: blended), and as large as the picture;
    None means all of it, which only methods that do not fill can do. `sigma` is the noise in grey
    levels of 0 to 255, None: estimated. `factor` is how many times larger ``upscale`` makes it.
    With `truth`, the picture as it should be, the result is scored.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    image: Image.Image
    mask: Image.Image | None = None
    method: Name = "inpaint"
    sigma: float | None = Field(None, ge=0, le=100)
    factor: Literal[2, 4] = 2
    truth: Image.Image | None = None


class TranslateRequest(Request):
    """Ask for a picture to be taken into the other domain of `model`.

    `direction` is ``AtoB`` or ``BtoA``: its card names the domains A and B. `style` names the
    domain to go to, where the model knows several; it goes before `direction`. `strength` blends
    the picture (0) with its translation (1). With `cycle` the translation is also taken back,
    where the model can. `scale` says at what size it works: that of the picture, that of the
    pictures that it was trained on, or what suits it (auto).
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    image: Image.Image
    model: Name
    direction: Literal["AtoB", "BtoA"] = "AtoB"
    style: Name | None = None
    strength: float = Field(1.0, ge=0, le=1)
    cycle: bool = True
    scale: Literal["auto", "picture", "trained"] = "auto"
    field: float = Field(1.0, ge=0, le=4)


class CrfRequest(Request):
    """Ask for a picture in few flat colours: `colours` that are extracted from it, or `palette`.

    `hints` is as large as the picture; its opaque pixels have the colour that they are to get.
    A pixel that is `tolerance` (ΔE) from a colour pays half a point for it; `smooth` and
    `appearance` weigh nearness and likeness of others, within `smooth_radius` and `radius` pixels
    and `likeness` levels of 255, on a copy of at most 256 pixels.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    image: Image.Image
    colours: Whole = Field(8, ge=2, le=16)
    palette: Palette | None = None
    hints: Image.Image | None = None
    tolerance: float = Field(10.0, ge=1, le=100)
    smooth: float = Field(2.0, ge=0, le=50)
    smooth_radius: float = Field(1.5, ge=0.5, le=50)
    appearance: float = Field(5.0, ge=0, le=50)
    radius: float = Field(30.0, ge=2, le=300)
    likeness: float = Field(15.0, ge=2, le=255)
    iterations: Whole = Field(8, ge=1, le=50)


class MaskRequest(Request):
    """Ask for the mask of what a stroke marks in a picture: `thing` is white on some of it,
    `background` on some of what it is not (None: the picture's rim).

    The mask is then grown and feathered by pixels. The other fields are those of `CrfRequest`.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    image: Image.Image
    thing: Image.Image
    background: Image.Image | None = None
    smooth: float = Field(3.0, ge=0, le=50)
    smooth_radius: float = Field(2.0, ge=0.5, le=50)
    appearance: float = Field(8.0, ge=0, le=50)
    radius: float = Field(30.0, ge=2, le=300)
    likeness: float = Field(12.0, ge=2, le=255)
    iterations: Whole = Field(8, ge=1, le=50)
    grow: Whole = Field(0, ge=0, le=100)
    feather: Whole = Field(0, ge=0, le=100)


class AugmentRequest(Request):
    """Ask for `n` random variants of a picture.

    `pipeline` is a list of steps, such as ``{"name": "rotate", "p": 0.5, "degrees": 15}``. Variant
    i has the seed ``seed + i``. `boxes` (x0, y0, x1, y1 in pixels) and `mask` (as large as the
    picture) move along. `partner` is the other picture of steps that mix two. `quick` computes
    with OpenCV where that is quicker; pixels then differ by rounding.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    image: Image.Image
    pipeline: list[dict[str, Any]]
    n: Whole = Field(16, ge=1, le=MAX_COUNT)
    seed: Seed = 0
    boxes: list[tuple[float, float, float, float]] = Field(default_factory=list, max_length=100)
    mask: Image.Image | None = None
    partner: Image.Image | None = None
    quick: bool = False


class TrainPlan(Request):
    """All that decides what a training run does; saved beside it as plan.json.

    The budget is `steps` or `seconds`, whichever ends first. None takes the method's default.
    """

    method: Name
    data: Name
    config: dict[str, Any] = Field(default_factory=dict, description="settings of the method")
    steps: Whole | None = Field(None, ge=1, le=100_000_000, description="budget in steps")
    seconds: float | None = Field(None, gt=0, le=10_000_000, description="budget in seconds")
    batch: Whole | None = Field(None, ge=2, le=4096, description="pictures a step")
    augment: list[dict[str, Any]] = Field(
        default_factory=list,
        max_length=20,
        description="steps that pictures go through before they are learnt from, as JSON",
    )
    limit: Whole | None = Field(
        None, ge=2, le=100_000_000, description="learn from so many pictures only"
    )
    lr: float | None = Field(None, gt=0, le=1, description="highest learning rate")
    warmup: Whole = Field(
        200, ge=0, le=100_000, description="steps in which the rate rises from 0"
    )
    ema: float | None = Field(
        None,
        ge=0,
        le=0.25,
        description="share of the run that the average of weights spans; 0: off",
    )
    seed: Seed = Field(0, description="of weights, order and noise")
    save_every: float = Field(60, gt=0, description="seconds between saves")
    preview_every: float = Field(60, gt=0, description="seconds between previews")
    score_every: float = Field(60, ge=0, description="seconds between scores; 0: none")
    score_count: Whole | None = Field(None, ge=2, le=50_000, description="pictures a score")
    init: Name | None = Field(None, description="checkpoint folder whose weights to start from")

    @model_validator(mode="after")
    def _has_budget(self) -> TrainPlan:
        if self.steps is None and self.seconds is None:
            raise ValueError("steps or seconds: a budget is missing; give one")
        return self


# --- Exploring a model ---

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
    seed: Seed = 0
    guidance: float | None = Field(None, ge=1, le=5)
    evaluations: Whole | None = Field(None, ge=2, le=64)
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
    seed: Seed = 0
    offsets: Offsets = ()
    component: Whole | None = Field(None, ge=1, le=MAX_DIRECTIONS)
    frames: Whole = Field(9, ge=2, le=32)
    truncation: float | None = Field(None, ge=0.1, le=1)
    temperature: float | None = Field(None, ge=0.1, le=1.2)
