"""A pipeline is data: ordered steps, each with a probability and its numbers. JSON in and out.

One seed decides a draw. The transforms of torchvision draw from the global random generator; here
they are given a generator of their own, so that draws neither disturb each other nor anybody else,
and yet are those of ``torch.manual_seed(seed)``: printed code makes the same pictures.
"""

from __future__ import annotations

import json
import math
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torchvision import tv_tensors
from torchvision.transforms import v2

from aigc_demo.augment.transform_spec import FILL, Augment, Call, Parameter, Size, Values
from aigc_demo.augment.transforms import AUGMENTS
from aigc_demo.errors import BadValue

MAX_STEPS = 20
MAX_JSON = 20_000  # characters


@dataclass(frozen=True)
class Step:
    """One step: what it does, how often (`p`, 0 to 1), and with which numbers."""

    name: str
    p: float = 1.0
    values: Values = field(default_factory=dict)

    @property
    def kind(self) -> Augment:
        return AUGMENTS[self.name]

    def data(self) -> dict[str, Any]:
        """Return the step as JSON takes it."""
        return {"name": self.name, "p": self.p, **self.values}

    def call(self, size: Size) -> Call:
        """Return what runs for pictures of `size` (height, width), its probability left aside."""
        return self.kind.torchvision(self.values, size)

    def at(self, share: float) -> Step:
        """Return the step that always happens, at a share of its strength from 0 to 1."""
        if self.kind.sweep is None:
            raise BadValue(f"step: {self.name} has no strength to go through; choose another.")
        return Step(self.name, 1.0, self.values | self.kind.sweep(self.values, share))


@dataclass(frozen=True)
class Drawn:
    """What a step did to one picture: its name and what was drawn; None where it was left out."""

    name: str
    values: Values | None


Pipeline = tuple[Step, ...]


def parse(given: str | Sequence[Any], *, field: str = "pipeline") -> Pipeline:
    """Return the pipeline that JSON, or a list of steps as JSON would have them, describes.

    A step is ``{"name": "rotate", "p": 0.5, "degrees": 15}``; what is left out takes its default.
    Raises BadValue, which names the step and the number.
    """
    if isinstance(given, str):
        if len(given) > MAX_JSON:
            raise BadValue(f"{field}: it has {len(given)} characters; the limit is {MAX_JSON}.")
        try:
            given = json.loads(given or "[]")
        except (ValueError, RecursionError):
            raise BadValue(f"{field}: it is not JSON; copy it again as a whole.") from None
    if not isinstance(given, list | tuple):
        raise BadValue(f"{field}: it is not a list of steps; give one.")
    if len(given) > MAX_STEPS:
        raise BadValue(f"{field}: it has {len(given)} steps; the limit is {MAX_STEPS}.")
    return tuple(_step(f"{field}.{i}", each) for i, each in enumerate(given))


def _step(place: str, given: Any) -> Step:
    if not isinstance(given, dict):
        raise BadValue(f"{place}: it is not a step; give a name, p and its numbers.")
    name = given.get("name")
    if not isinstance(name, str) or name not in AUGMENTS:
        raise BadValue(
            f"{place}.name: there is no step “{str(name)[:40]}”; choose one of "
            f"{', '.join(AUGMENTS)}."
        )
    kind = AUGMENTS[name]
    known = {p.name: p for p in kind.parameters}
    p = _number(f"{place}.p", given.get("p", kind.p), Parameter("p", 1.0))
    values = kind.defaults()
    for key in given.keys() - {"name", "p"}:
        if key not in known:
            raise BadValue(
                f"{place}.{str(key)[:40]}: {name} has no such number; it has "
                f"{', '.join(known) or 'none'}."
            )
        values[key] = _number(f"{place}.{key}", given[key], known[key])
    if values.get("smallest", 0) > values.get("largest", math.inf):
        raise BadValue(f"{place}.smallest: it is more than the largest; make it smaller.")
    return Step(name, float(p), values)


def _number(place: str, value: Any, asked: Parameter) -> Any:
    """Return `value` where it is what the parameter asks for."""
    shown = str(value)[:40]
    if asked.choices:
        if value not in asked.choices:
            raise BadValue(
                f"{place}: “{shown}” cannot be used; choose {', '.join(asked.choices)}."
            )
        return value
    fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits or not asked.minimum <= value <= asked.maximum:
        raise BadValue(
            f"{place}: {shown} cannot be used; take {asked.minimum:g} to {asked.maximum:g}."
        )
    if asked.whole and value != int(value):
        raise BadValue(f"{place}: {shown} cannot be used; take a whole number.")
    return int(value) if asked.whole else float(value)


def read(text: str) -> str:
    """Return JSON: `text` itself, or what the file holds that it names (``….json``); raises
    BadValue where there is no such file.
    """
    if not text.strip().endswith(".json"):
        return text
    try:
        return Path(text.strip()).read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise BadValue("pipeline: the file cannot be read; name one that is there.") from None


def data(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return the steps as JSON takes them; `parse` reads it back."""
    return [step.data() for step in pipeline]


# --- Drawing -------------------------------------------------------------------------------------


class Drawing(TorchFunctionMode):
    """While it is open in a thread, what is drawn at random there comes from `generator`."""

    DRAWS = frozenset(
        (torch.rand, torch.randn, torch.randint, torch.randperm, torch.normal, torch.bernoulli)
        + (torch.multinomial, torch._sample_dirichlet)
    )
    IN_PLACE = frozenset((Tensor.uniform_, Tensor.normal_, Tensor.random_))

    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self.generator = generator

    def __torch_function__(
        self, function: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if function is torch.randn_like:
            dtype = kwargs.get("dtype") or args[0].dtype
            return torch.randn(args[0].shape, dtype=dtype, generator=self.generator)
        if function in self.DRAWS or function in self.IN_PLACE:
            kwargs.setdefault("generator", self.generator)
        return function(*args, **kwargs)


@dataclass
class Sample:
    """A picture, uint8 (3 or 1, H, W), and what moves with it: boxes (N, 4) as x0, y0, x1, y1,
    float32, and a mask (H, W), uint8.
    """

    image: Tensor
    boxes: Tensor | None = None
    mask: Tensor | None = None

    @property
    def size(self) -> Size:
        return self.image.shape[-2], self.image.shape[-1]


def draw(
    pipeline: Pipeline, sample: Sample, seed: int, *, partner: Tensor | None = None
) -> tuple[Sample, list[Drawn]]:
    """Return `sample` after the pipeline, as `seed` draws it, and what was drawn.

    Steps that mix take `partner`, a picture of the same size, as the other one. Raises BadValue
    where a step cannot move boxes or a mask that are there.
    """
    marked = sample.boxes is not None or sample.mask is not None
    check(pipeline, marked=marked, partner=partner is not None)
    generator = torch.Generator().manual_seed(seed % 2**63)
    told: list[Drawn] = []
    with Drawing(generator), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # erasing says that it leaves masks alone; so it should
        for step in pipeline:
            values = None
            if not gated(step) or torch.rand(1).item() < step.p:
                sample, values = happen(step, sample, partner)
            told.append(Drawn(step.name, values))
    return sample, told


def check(pipeline: Pipeline, *, marked: bool = False, partner: bool = True) -> None:
    """Raise BadValue where a pipeline cannot move marks, or has nobody to mix with."""
    for step in pipeline:
        if marked and step.kind.group in ("policy", "mixing"):
            raise BadValue(
                f"pipeline: {step.name} cannot move boxes or a mask; remove it, or the marks."
            )
        if step.kind.group == "mixing" and not partner:
            raise BadValue(f"partner: {step.name} needs a second picture; give one.")


def gated(step: Step) -> bool:
    """Tell whether it is drawn if a step happens; torchvision's own do so even where they
    always happen.
    """
    return step.kind.own_p or step.p < 1


def happen(step: Step, sample: Sample, partner: Tensor | None = None) -> tuple[Sample, Values]:
    """Return a sample after a step, and what was drawn from the generator that is open."""
    if step.kind.group == "mixing":
        return _mixed(step, sample, partner)
    transform = built(step, sample)
    found = watched(transform)
    parts = [tv_tensors.Image(sample.image), *(m for m in marks(sample) if m is not None)]
    moved = transform(*parts) if len(parts) > 1 else (transform(parts[0]),)
    rest = [p.as_subclass(Tensor) for p in moved]
    image = rest.pop(0)
    boxes = rest.pop(0) if sample.boxes is not None else None
    mask = rest.pop(0) if sample.mask is not None else None
    return Sample(image, boxes, mask), found


def marks(sample: Sample) -> tuple[tv_tensors.BoundingBoxes | None, tv_tensors.Mask | None]:
    """Return the boxes and the mask of a sample as torchvision knows them."""
    boxes, mask = sample.boxes, sample.mask
    if boxes is not None:
        boxes = tv_tensors.BoundingBoxes(boxes, format="XYXY", canvas_size=sample.size)
    return boxes, tv_tensors.Mask(mask) if mask is not None else None


def built(step: Step, sample: Sample) -> Any:
    """Return the transform of a step that happens; what is not covered is 0 in masks."""
    call = step.call(sample.size)
    arguments = dict(call.arguments)
    if step.kind.own_p:
        arguments["p"] = 1.0
    if FILL in step.kind.parameters and "fill" in arguments and sample.mask is not None:
        arguments["fill"] = {tv_tensors.Mask: 0, "others": arguments["fill"]}
    transform = Call(call.name, arguments).made(v2)
    if step.kind.own_p:
        _always(transform)
    return transform


def _always(transform: Any) -> None:
    """Let a transform that draws whether it happens happen without drawing."""
    transform.forward = v2.Transform.forward.__get__(transform)


def watched(transform: Any) -> Values:
    """Return a dictionary that what `transform` draws will be put into."""
    found: Values = {}
    make, apply = (
        transform.make_params,
        getattr(transform, "_apply_image_or_video_transform", None),
    )

    def remember(flat_inputs: list[Any]) -> Values:
        values = make(flat_inputs)
        found.update(values)
        return values

    def remember_policy(image: Any, name: str, magnitude: float, **rest: Any) -> Any:
        found.setdefault("done", []).append((name, float(magnitude)))
        return apply(image, name, magnitude, **rest)

    transform.make_params = remember
    if apply is not None:
        transform._apply_image_or_video_transform = remember_policy
    return found


def _mixed(step: Step, sample: Sample, partner: Tensor | None) -> tuple[Sample, Values]:
    """Mix a picture with its partner, as torchvision does with a batch of the two."""
    assert partner is not None
    if partner.shape[-2:] != sample.image.shape[-2:]:
        partner = v2.functional.resize(partner, list(sample.size), antialias=True)
    both = torch.stack([sample.image, partner]).float()
    images, labels = step.call(sample.size).made(v2)(both, torch.tensor([0, 1]))
    image = images[0].round().clamp(0, 255).to(torch.uint8)
    return Sample(image), {"share": float(labels[0, 0])}


def sweep(step: Step, sample: Sample, shares: Sequence[float], seed: int) -> Iterator[Tensor]:
    """Yield the picture at each share (0 to 1) of the strength of a step, the draw otherwise the
    same.
    """
    for share in shares:
        made, _ = draw((step.at(share),), sample, seed)
        yield made.image
