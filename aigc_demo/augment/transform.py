"""`Transform`: all that is known of one augmentation, in one class.

A transform is a call of a class of `torchvision.transforms.v2`, and of `albumentations` where that
has one, whose arguments follow from the few values that a person sets. What runs and what is
printed as code are one and the same call. Where OpenCV is quicker by far, it does the arithmetic
instead, with the parameters that torchvision has sampled.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from torchvision.transforms import v2

from aigc_demo.errors import BadValue

Size = tuple[int, int]  # height, width
Values = dict[str, Any]
Pixels = NDArray[np.uint8]  # (H, W, C)
Group = Literal["geometry", "colour", "quality", "hiding", "policy", "mixing"]


@dataclass(frozen=True)
class Code:
    """A value that is printed as `text`, such as the name of a constant."""

    text: str
    value: Any

    def __repr__(self) -> str:
        return self.text


BILINEAR = Code("v2.InterpolationMode.BILINEAR", v2.InterpolationMode.BILINEAR)


class Call:
    """A class of a library and its arguments: to be called, or to be printed."""

    def __init__(self, name: str, /, **arguments: Any) -> None:
        self.name, self.arguments = name, arguments

    def source(self, library: str, **more: Any) -> str:
        """Return the call as source, with `more` arguments."""
        arguments = (f"{key}={value!r}" for key, value in (self.arguments | more).items())
        return f"{library}.{self.name}({', '.join(arguments)})"

    def build(self, **more: Any) -> Any:
        """Return the transform of torchvision, with `more` arguments in place of its own."""
        arguments = (self.arguments | more).items()
        plain = {k: v.value if isinstance(v, Code) else v for k, v in arguments}
        return getattr(v2, self.name)(**plain)


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

    def parse(self, place: str, value: Any) -> Any:
        """Return `value` as this parameter has it; raises BadValue, which begins with `place`."""
        shown = str(value)[:40]
        if self.choices:
            if value not in self.choices:
                raise BadValue(
                    f"{place}: “{shown}” cannot be used; choose {', '.join(self.choices)}."
                )
            return value
        number = isinstance(value, int | float) and not isinstance(value, bool)
        if not number or not self.minimum <= value <= self.maximum:
            raise BadValue(
                f"{place}: {shown} cannot be used; take {self.minimum:g} to {self.maximum:g}."
            )
        if isinstance(self.default, float):
            return float(value)
        if value != int(value):
            raise BadValue(f"{place}: {shown} cannot be used; take a whole number.")
        return int(value)


PROBABILITY = Parameter("p", 1.0)
FILL = Parameter("fill", 0, 0, 255, 1)


class Transform:
    """One augmentation. Its methods take the values of its parameters by name."""

    name: str
    group: Group
    parameters: tuple[Parameter, ...] = ()
    p = 1.0  # the probability that a new step begins with
    takes_p = False  # torchvision's class itself draws whether it is applied
    torchvision_class: str  # the names of its classes, where these take the parameters as they are
    albumentations_class: str | None = None
    caption = ""  # the sampled parameters as text

    # The parameter that is its strength, if it has one, and the value that changes nothing.
    strength: str | None = None
    weakest = 0.0
    # Whether that is a limit of what is sampled, which the value `at` then fixes to an interval.
    is_limit = False

    # The same with OpenCV, if it is quicker: (x, sampled, **values).
    opencv: Callable[..., Pixels] | None = None

    def torchvision(self, size: Size, **values: Any) -> Call:
        """Return the call for a picture of `size`; the pipeline adds the probability."""
        return Call(self.torchvision_class, **values)

    def albumentations(self, size: Size, **values: Any) -> Call | None:
        """Return the call that comes nearest in Albumentations, if there is one."""
        return Call(self.albumentations_class, **values) if self.albumentations_class else None

    def describe(self, sampled: Values) -> str:
        """Return the sampled parameters as text."""
        return self.caption.format(**sampled)

    def at(self, values: Values, share: float) -> Values:
        """Return the values that give `share` (0 to 1) of the strength that `values` have."""
        assert self.strength is not None
        value = self.weakest + share * (values[self.strength] - self.weakest)
        return values | ({"at": (value, value)} if self.is_limit else {self.strength: value})

    def output_size(self, size: Size, **values: Any) -> Size:
        """Return the size of what a picture of `size` becomes."""
        return size

    @property
    def moves(self) -> bool:
        """Whether it moves pixels, with boxes and masks."""
        return self.group == "geometry"

    def defaults(self) -> Values:
        """Return the values that a new step begins with."""
        return {p.name: p.default for p in self.parameters}
