"""``AUGMENTS``, and pipelines of them as data: ordered steps, each with a probability and values.

JSON in and out.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aigc_demo.augment import geometry, photometry, policies
from aigc_demo.augment.transform import PROBABILITY, Call, Size, Transform, Values
from aigc_demo.errors import BadValue
from aigc_demo.requests import plain

MAX_STEPS = 20
MAX_JSON = 20_000  # characters

# The transforms that a step can name.
AUGMENTS: dict[str, Transform] = {
    t.name: t
    for t in (
        geometry.FlipHorizontal(),
        geometry.FlipVertical(),
        geometry.Rotate(),
        geometry.Translate(),
        geometry.Scale(),
        geometry.Shear(),
        geometry.Perspective(),
        geometry.Elastic(),
        geometry.Crop(),
        geometry.ResizedCrop(),
        photometry.ColourJitter(),
        photometry.Grey(),
        photometry.Solarise(),
        photometry.Posterise(),
        photometry.Equalise(),
        photometry.Blur(),
        photometry.Sharpen(),
        photometry.Noise(),
        photometry.Jpeg(),
        photometry.Erase(),
        photometry.Cutout(),
        policies.AutoAugment(),
        policies.RandAugment(),
        policies.TrivialAugment(),
        policies.AugMix(),
        policies.MixUp(),
        policies.CutMix(),
    )
}


@dataclass(frozen=True)
class Step:
    """A transform by name, its probability `p` (0 to 1) and the values of its parameters."""

    name: str
    p: float = 1.0
    values: Values = field(default_factory=dict)

    @property
    def transform(self) -> Transform:
        return AUGMENTS[self.name]

    @property
    def mixes(self) -> bool:
        """Whether it mixes the picture with another one."""
        return self.transform.group == "mixing"

    @property
    def gated(self) -> bool:
        """Whether a random number decides if it is applied; torchvision draws one even at p = 1
        where its class itself takes the probability.
        """
        return self.transform.takes_p or self.p < 1

    def call(self, size: Size) -> Call:
        """Return what runs for pictures of `size` (height, width), the probability left aside."""
        return self.transform.torchvision(size, **self.values)

    def at(self, share: float) -> Step:
        """Return the step that is always applied, at `share` (0 to 1) of its strength."""
        if self.transform.strength is None:
            raise BadValue(f"step: {self.name} has no strength to go through; choose another.")
        return Step(self.name, 1.0, self.transform.at(self.values, share))


Pipeline = tuple[Step, ...]


@dataclass(frozen=True)
class Sampled:
    """The parameters that were sampled for one step; None where the step was left out."""

    name: str
    values: Values | None

    @property
    def description(self) -> str:
        """The name and the parameters, such as ``rotate +12.0°``; “–” where it was left out."""
        if self.values is None:
            return f"{self.name} –"
        return f"{self.name} {AUGMENTS[self.name].describe(self.values)}".strip()


def parse(given: str | Sequence[Any], *, field: str = "pipeline") -> Pipeline:
    """Return the pipeline that JSON, or a list of steps as JSON would have them, describes.

    A step is ``{"name": "rotate", "p": 0.5, "degrees": 15}``; what is left out takes its default.
    Raises BadValue, which names the step and the parameter.
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
    return tuple(_parse_step(f"{field}.{i}", each) for i, each in enumerate(plain(given)))


def _parse_step(place: str, given: Any) -> Step:
    if not isinstance(given, dict):
        raise BadValue(f"{place}: it is not a step; give a name, p and its numbers.")
    name = given.get("name")
    if not isinstance(name, str) or name not in AUGMENTS:
        raise BadValue(
            f"{place}.name: there is no step “{str(name)[:40]}”; choose one of "
            f"{', '.join(AUGMENTS)}."
        )
    transform = AUGMENTS[name]
    known = {p.name: p for p in transform.parameters}
    p = PROBABILITY.parse(f"{place}.p", given.get("p", transform.p))
    values = transform.defaults()
    for key in given.keys() - {"name", "p"}:
        if key not in known:
            raise BadValue(
                f"{place}.{str(key)[:40]}: {name} has no such number; it has "
                f"{', '.join(known) or 'none'}."
            )
        values[key] = known[key].parse(f"{place}.{key}", given[key])
    if values.get("smallest", 0) > values.get("largest", math.inf):
        raise BadValue(f"{place}.smallest: it is more than the largest; make it smaller.")
    return Step(name, p, values)


def data(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return the steps as JSON has them, for `parse`."""
    return [{"name": step.name, "p": step.p, **step.values} for step in pipeline]


def read(text: str, *, field: str = "pipeline") -> str:
    """Return JSON: `text`, or what the file holds that it names (``….json``); raises BadValue
    where there is no such file.
    """
    if not text.strip().endswith(".json"):
        return text
    path = Path(text.strip())
    if not os.path.isfile(path):  # False where its name is longer than systems allow
        raise BadValue(f"{field}: there is no file {path.name[:60]}; name one that is there.")
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise BadValue(f"{field}: {path.name[:60]} cannot be read; save it as UTF-8.") from None


def check(pipeline: Pipeline, *, annotated: bool = False, partner: bool = True) -> None:
    """Raise BadValue where a step cannot move boxes or masks, or lacks a picture to mix with."""
    for step in pipeline:
        if annotated and step.transform.group in ("policy", "mixing"):
            raise BadValue(
                f"pipeline: {step.name} cannot move boxes or a mask; remove it, or the marks."
            )
        if step.mixes and not partner:
            raise BadValue(f"partner: {step.name} needs a second picture; give one.")
