"""What a person asks for: frozen requests, validated where they are made.

A value that cannot be used raises BadValue, which names the field and the limit. Which models,
methods and classes there are is not known here: `pipelines` check that.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from PIL import Image
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from aigc_demo.errors import BadValue

MAX_SEED = 2**53 - 1  # the largest integer that survives a browser
MAX_COUNT = 64
MAX_PROMPT = 200  # characters
MAX_TITLE = 60  # characters
MAX_LISTED = 4000  # characters of a text that lists values
MAX_JSON = 100_000  # characters
MAX_DIRECTIONS = 6  # of latents
MAX_BIHARMONIC_PIXELS = 40_000  # of a hole: more would take minutes
MAX_GROW = 100  # pixels around a mask
MAX_BOXES = 100  # in an image


def _as_whole(value: Any) -> Any:
    """Return a float without a fraction as an int: JSON and sliders do not tell 3.0 from 3."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def plain(value: Any) -> Any:
    """Return numbers of NumPy and torch, also in lists and dicts, as Python's own."""
    if isinstance(value, list | tuple):
        return (tuple if isinstance(value, tuple) else list)(map(plain, value))
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items()}
    return value.item() if getattr(value, "ndim", None) == 0 else value


def _as_list(value: Any) -> Any:
    """Return an array or a tuple as a list."""
    kind = getattr(getattr(value, "format", None), "value", "XYXY")  # of torchvision's boxes
    if kind != "XYXY":
        raise ValueError("they should be left, top, right, bottom (XYXY)")
    return list(value) if isinstance(value, tuple) else getattr(value, "tolist", lambda: value)()


def _corners(value: Any) -> Any:
    value = _as_list(value)
    if not isinstance(value, list) or len(value) != 4:
        raise ValueError("it should be four numbers: left, top, right, bottom")
    return tuple(map(plain, value))


def _without_nul(prompt: str) -> str:
    if "\0" in prompt:
        raise ValueError("it holds a NUL character; leave that out")
    return prompt


# Every whole number that a browser or a program sends goes through here; a float field takes an
# int as it is, and neither takes a bool, NaN or text.
Whole = Annotated[int, BeforeValidator(_as_whole)]
Seed = Annotated[Whole, Field(ge=0, le=MAX_SEED)]
Pixels = Annotated[Whole, Field(ge=0, le=MAX_GROW)]  # by which a mask is grown or feathered
Variants = Annotated[Whole, Field(ge=1, le=32)]  # of each of many images
SampleCount = Annotated[Whole, Field(ge=2, le=50_000)]  # of a data set
Strength = Annotated[float, Field(gt=0, le=1)]  # of a degradation
Steps = Annotated[Whole, Field(ge=0, le=100_000_000)]
Batch = Annotated[Whole, Field(ge=2, le=4096)]
Width = Annotated[Whole, Field(ge=8, le=512)]  # channels of a network
Minutes = Annotated[float, Field(ge=0, le=100_000)]
LearningRate = Annotated[float, Field(gt=0, le=1)]
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00]*$")]
Title = Annotated[str, Field(min_length=1, max_length=MAX_TITLE, pattern=r"^[^\x00-\x1f]*$")]
Prompt = Annotated[str, Field(max_length=MAX_PROMPT), AfterValidator(_without_nul)]
Label = Annotated[str, Field(max_length=200)]
Listed = Annotated[str, Field(max_length=MAX_LISTED)]  # values of an axis, one a line
Json = Annotated[str, Field(max_length=MAX_JSON)]

Guidance = Annotated[float, Field(ge=1, le=5)]
Evaluations = Annotated[Whole, Field(ge=2, le=64)]  # of the network, per image
Truncation = Annotated[float, Field(ge=0.1, le=1)]
Temperature = Annotated[float, Field(ge=0.1, le=1.2)]
Offset = Annotated[float, Field(ge=-3, le=3)]  # standard deviations
Offsets = Annotated[
    tuple[Offset, ...],
    Field(max_length=MAX_DIRECTIONS, strict=False),
    BeforeValidator(_as_list),
]
Axis = Literal[
    "seed", "label", "prompt", "guidance", "evaluations", "temperature", "truncation", "model"
]
AxisValues = Annotated[
    tuple[str | int | float, ...],
    Field(min_length=1, max_length=8, strict=False),  # a list, as JSON has it, will do
    BeforeValidator(_as_list),
]
Box = Annotated[tuple[float, float, float, float], BeforeValidator(_corners)]
Boxes = Annotated[list[Box], Field(max_length=MAX_BOXES), BeforeValidator(_as_list)]
BoxLabels = Annotated[list[Label | int], Field(max_length=MAX_BOXES), BeforeValidator(_as_list)]

PairwiseWeight = Annotated[float, Field(ge=0, le=50)]  # of a CRF
SmoothRadius = Annotated[float, Field(ge=0.5, le=50)]  # pixels
AppearanceRadius = Annotated[float, Field(ge=2, le=300)]  # pixels
ColourDeviation = Annotated[float, Field(ge=2, le=255)]  # levels of 255
Iterations = Annotated[Whole, Field(ge=1, le=50)]  # of mean field
Colour = Annotated[str, Field(pattern="^#[0-9a-fA-F]{6}$")]
Palette = Annotated[tuple[Colour, ...], Field(min_length=2, max_length=16)]


class Request(BaseModel):
    """Base of all that browsers and programs send: requests, and the forms of the page's tabs.

    Immutable, no unknown fields, no silent conversion of types.
    """

    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, arbitrary_types_allowed=True
    )

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**plain(fields))
        except ValidationError as error:
            raise BadValue(explain(error)) from None


def explain(error: ValidationError) -> str:
    """Turn the first complaint of pydantic into a sentence that names the field and the limit."""
    first = error.errors(include_url=False, include_context=False)[0]
    field = ".".join(str(part) for part in first["loc"]) or "request"
    given = first["input"]
    given = repr(given[:60] if isinstance(given, str) else given)
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


class Sampling(Request):
    """What all requests to a generative model have. Options that are None take the model's
    default; one that the model does not have is ignored.
    """

    model: Name
    label: Label | None = None
    prompt: Prompt | None = None
    seed: Seed = 0
    guidance: Guidance | None = None
    evaluations: Evaluations | None = None
    truncation: Truncation | None = None
    temperature: Temperature | None = None


class GenerateRequest(Sampling):
    """Ask a model for `count` images of `label` (None: every class in turn) or `prompt` (None:
    unconditional). Image i has the seed ``seed + i``.
    """

    count: Whole = Field(16, ge=1, le=MAX_COUNT)


class MorphRequest(Sampling):
    """Ask for `frames` images that interpolate between two seeds and two labels or prompts; None
    for the other end means the same one.
    """

    to_seed: Seed = 1
    to_label: Label | None = None
    to_prompt: Prompt | None = None
    frames: Whole = Field(16, ge=2, le=64)


class GridRequest(Sampling):
    """Ask for a table of images: a column for each of `x_values`, a row for each of `y_values`.

    `x` and `y` name two fields of `GenerateRequest`; the others are the same for all images.
    A label of None means the model's first class.
    """

    x: Axis
    x_values: AxisValues
    y: Axis
    y_values: AxisValues

    @model_validator(mode="after")
    def _has_axes(self) -> GridRequest:
        if self.x == self.y:
            raise ValueError(f"y: both axes are {self.x}; choose another for one of them")
        for axis, name, values in self.axes():
            for value in values:
                try:
                    GenerateRequest(**{"model": self.model, name: value})
                except BadValue as problem:
                    raise BadValue(f"{axis}: {problem}") from None
        return self

    def axes(self) -> list[tuple[str, str, tuple[str | int | float, ...]]]:
        """Return x and y, each with the field that changes along it and its values."""
        return [("x", self.x, self.x_values), ("y", self.y, self.y_values)]

    def cell(self, column: int, row: int) -> GenerateRequest:
        """Return the request of one image."""
        fields = self.model_dump(exclude={"x", "x_values", "y", "y_values"})
        along = {self.x: self.x_values[column], self.y: self.y_values[row]}
        return GenerateRequest(**fields | along, count=1)


class DirectionRequest(Request):
    """Ask for the image of a seed and class, moved along the latent directions of a model by
    `offsets`, in standard deviations; those that are missing are 0.

    With a `component` (1 is the strongest), ask for `frames` images instead, on which its offset
    goes from -3 to 3. A label of None means the model's first class.
    """

    model: Name
    label: Label | None = None
    seed: Seed = 0
    offsets: Offsets = ()
    component: Whole | None = Field(None, ge=1, le=MAX_DIRECTIONS)
    frames: Whole = Field(9, ge=2, le=32)
    truncation: Truncation | None = None
    temperature: Temperature | None = None


class RestoreRequest(Request):
    """Ask for an image to be restored.

    `mask` is white, or painted on transparency, where the image is to be filled, and as large as
    the image is when it stands upright; None means all of it, which only methods that do not fill
    can do. It is grown, then faded outwards (`feather`) by pixels. `sigma` is the noise in grey
    levels of 0 to 255, None: estimated. `factor` is how many times larger ``upscale`` makes it.
    With `truth`, the undamaged image, the result is scored.
    """

    image: Image.Image
    mask: Image.Image | None = None
    method: Name = "inpaint"
    sigma: float | None = Field(None, ge=0, le=100)
    factor: Annotated[Literal[2, 4], BeforeValidator(_as_whole)] = 2
    truth: Image.Image | None = None
    grow: Pixels = 0
    feather: Pixels = 0


class TranslateRequest(Request):
    """Ask for an image to be translated to the other domain of `model`.

    The model's card names the domains A and B. `style` names the target domain of a model that
    knows several, and overrides `direction`. `strength` blends the image (0) with its translation
    (1). With `cycle` the translation is also translated back, where the model can. `scale` is the
    size that the network works at: that of the image, that of its training images, or what suits
    it (auto). `field` is the weight of the CRF of label maps.
    """

    image: Image.Image
    model: Name
    direction: Literal["AtoB", "BtoA"] = "AtoB"
    style: Name | None = None
    strength: float = Field(1.0, ge=0, le=1)
    cycle: bool = True
    scale: Literal["auto", "picture", "trained"] = "auto"
    field: float = Field(1.0, ge=0, le=4)


class CrfRequest(Request):
    """Ask for an image in few flat colours: `colours` that are extracted from it, or `palette`.

    `hints` are scribbles: an image of the same size whose opaque pixels have the colour that they
    are to get. The unary potential of a colour that is `tolerance` (ΔE) away is ½; the others are
    parameters of the pairwise potentials, on a copy of at most 256 pixels.
    """

    image: Image.Image
    colours: Whole = Field(8, ge=2, le=16)
    palette: Palette | None = None
    hints: Image.Image | None = None
    tolerance: float = Field(10.0, ge=1, le=100)
    smooth: PairwiseWeight = 2.0
    smooth_radius: SmoothRadius = 1.5
    appearance: PairwiseWeight = 5.0
    radius: AppearanceRadius = 30.0
    likeness: ColourDeviation = 15.0
    iterations: Iterations = 8


class MaskRequest(Request):
    """Ask for the mask of an object from scribbles: `thing` is white on some of the object,
    `background` on some of its background (None: the border of the image).

    The mask is then grown and feathered by pixels. The other fields are those of `CrfRequest`.
    """

    image: Image.Image
    thing: Image.Image
    background: Image.Image | None = None
    smooth: PairwiseWeight = 3.0
    smooth_radius: SmoothRadius = 2.0
    appearance: PairwiseWeight = 8.0
    radius: AppearanceRadius = 30.0
    likeness: ColourDeviation = 12.0
    iterations: Iterations = 8
    grow: Pixels = 0
    feather: Pixels = 0


class AugmentRequest(Request):
    """Ask for `n` random variants of an image.

    `pipeline` is a list of steps, such as ``{"name": "rotate", "p": 0.5, "degrees": 15}``. Variant
    i has the seed ``seed + i``. `boxes`, each left, top, right, bottom in pixels, and `mask` (as
    large as the image) are transformed with it. `labels` are the classes of the boxes, a name or a
    number each; without them, the boxes' numbers. `partner` is the second image of steps that mix
    two. `quick` computes with OpenCV where that is faster; pixels then differ by rounding.
    """

    image: Image.Image
    pipeline: list[dict[str, Any]]
    n: Whole = Field(16, ge=1, le=MAX_COUNT)
    seed: Seed = 0
    boxes: Boxes = []
    labels: BoxLabels = []
    mask: Image.Image | None = None
    partner: Image.Image | None = None
    quick: bool = False

    @model_validator(mode="after")
    def _labels_fit(self) -> AugmentRequest:
        if self.labels and len(self.labels) != len(self.boxes):
            raise ValueError(
                f"labels: there are {len(self.labels)} for {len(self.boxes)} boxes; give one each"
            )
        return self


class TrainPlan(Request):
    """All that decides what a training run does; saved beside it as plan.json.

    The budget is `steps` or `seconds`, whichever ends first. None takes the method's default.
    """

    method: Name = Field(description="key of the method, such as flow")
    data: Name = Field(description="key of the data set, or a zip or folder of images")
    config: dict[str, Any] = Field(default_factory=dict, description="settings of the method")
    steps: Whole | None = Field(None, ge=1, le=100_000_000, description="budget in steps")
    seconds: float | None = Field(None, gt=0, le=10_000_000, description="budget in seconds")
    batch: Batch | None = Field(None, description="batch size in images")
    augment: list[dict[str, Any]] = Field(
        default_factory=list,
        max_length=20,
        description="augmentation pipeline, as JSON or the name of a JSON file",
    )
    limit: Whole | None = Field(
        None, ge=2, le=100_000_000, description="train on this many images only"
    )
    lr: LearningRate | None = Field(None, description="highest learning rate")
    warmup: Whole = Field(
        200, ge=0, le=100_000, description="steps of linear warm-up of the learning rate"
    )
    ema: float | None = Field(
        None,
        ge=0,
        le=0.25,
        description="length of the weight average as a share of the run; 0: off",
    )
    seed: Seed = Field(0, description="random seed of weights, batches and noise")
    save_every: float = Field(60, gt=0, description="seconds between saves")
    preview_every: float = Field(60, gt=0, description="seconds between previews")
    score_every: float = Field(60, ge=0, description="seconds between scores; 0: none")
    score_count: Whole | None = Field(
        None, ge=2, le=50_000, description="number of images to score"
    )
    init: Name | None = Field(None, description="checkpoint folder to start from")
    title: Title | None = Field(None, description="what the page calls the run")
    recipe: Name | None = Field(None, description="recipe to follow; other flags come before it")

    @model_validator(mode="after")
    def _has_budget(self) -> TrainPlan:
        if self.steps is None and self.seconds is None:
            raise ValueError("steps or seconds: a budget is missing; give one")
        return self
