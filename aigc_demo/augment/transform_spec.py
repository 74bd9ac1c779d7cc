"""What a kind of step is made of.

A step is a call of a class of `torchvision.transforms.v2` (and, where there is a counterpart, of
`albumentations`), whose arguments follow from a few numbers that a person sets. What runs and what
is printed as code are one and the same call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from torchvision.transforms import v2

Size = tuple[int, int]  # height, width
Values = dict[str, Any]
Group = Literal["geometry", "colour", "quality", "hiding", "policy", "mixing"]


@dataclass(frozen=True)
class Code:
    """A piece of source that stands for itself, such as the name of a constant."""

    text: str
    value: Any

    def __repr__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Call:
    """A class of a library and its arguments: to be called, or to be printed."""

    name: str
    arguments: dict[str, Any]

    def printed(self, library: str) -> str:
        """Return the call as source."""
        told = (f"{key}={value!r}" for key, value in self.arguments.items())
        return f"{library}.{self.name}({', '.join(told)})"

    def made(self, library: Any) -> Any:
        """Return what the call returns."""
        plain = {k: v.value if isinstance(v, Code) else v for k, v in self.arguments.items()}
        return getattr(library, self.name)(**plain)


BILINEAR = Code("v2.InterpolationMode.BILINEAR", v2.InterpolationMode.BILINEAR)


@dataclass(frozen=True)
class Parameter:
    """A number that a person may set, or one of several `choices`."""

    name: str
    default: float | int | str
    minimum: float = 0.0
    maximum: float = 1.0
    step: float = 0.01
    unit: str = ""
    choices: tuple[str, ...] = ()

    @property
    def whole(self) -> bool:
        return isinstance(self.default, int)


FILL = Parameter("fill", 0, 0, 255, 1)


@dataclass(frozen=True)
class Augment:
    """One kind of step.

    ``torchvision`` and ``albumentations`` return the call for a picture of a size; its probability
    is put in by the pipeline, as the argument ``p`` where ``own_p``. ``sweep`` returns the call
    whose draw is the share (0 to 1) of its strongest, for those that have a strength.
    """

    group: Group
    torchvision: Callable[[Values, Size], Call]
    parameters: tuple[Parameter, ...] = ()
    albumentations: Callable[[Values, Size], Call] | None = None
    sweep: Callable[[Values, float], Values] | None = None
    own_p: bool = False
    p: float = 1.0  # what a new step begins with

    @property
    def moves(self) -> bool:
        """Tell whether it moves pixels, with boxes and masks."""
        return self.group == "geometry"

    def defaults(self) -> Values:
        """Return the numbers that a new step begins with."""
        return {p.name: p.default for p in self.parameters}
