"""What happens in a training run: frozen records, each written as one line of JSON and read back
into the class that wrote it.

The names of the events (see `_NAMES`) and of their fields are those of the file: they must not
change.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from pydantic import TypeAdapter

Reason = Literal["done", "stopped", "diverged", "failed"]
BASELINE = "floor_"  # the prefix, in files, of a score's name that marks the real-data baseline


@dataclass(frozen=True)
class Started:
    """The data is loaded and the model is built."""

    method: str
    data: str
    parameters: int
    step: int


@dataclass(frozen=True)
class Step:
    """`step` steps are done; losses are means since the previous `Step`."""

    step: int
    seconds: float
    progress: float
    losses: dict[str, float]
    images_per_second: float


@dataclass(frozen=True)
class DiscriminatorLogits:
    """The discriminator's logits of single images, by kind of image (such as real and fake)."""

    step: int
    outputs: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Preview:
    """A contact sheet of samples from fixed noise has been written to `path`.

    `diversity` is how far samples of one class lie from their nearest neighbours, divided by the
    same of as many real images of that class: few samples repeated come near 0. None where that
    is not measured.
    """

    step: int
    path: str
    diversity: float | None = None


@dataclass(frozen=True)
class Scored:
    """One result of an evaluation with `n` images; without a value, `reason` says why.

    `seconds` is the time that the whole evaluation took. A name that begins with `BASELINE` is
    the score of real test images: what a perfect model would have, though copies of the training
    images score better.
    """

    step: int
    name: str
    value: float | None
    n: int
    std: float | None = None
    reason: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Paused:
    """The run waits; its model has been saved."""

    step: int


@dataclass(frozen=True)
class Saved:
    """The model and the state for resuming have been written."""

    step: int
    path: str


@dataclass(frozen=True)
class Finished:
    """The run has ended; its model is the last good one. `message` says why a run has failed."""

    reason: Reason
    step: int
    seconds: float
    message: str = ""


Event = Started | Step | DiscriminatorLogits | Preview | Scored | Paused | Saved | Finished

_NAMES = {kind: kind.__name__ for kind in get_args(Event)} | {DiscriminatorLogits: "Judged"}
_PARSERS = {name: TypeAdapter(kind) for kind, name in _NAMES.items()}


def name_of(event: Event) -> str:
    """Return the name of the event's type in files."""
    return _NAMES[type(event)]


def to_line(event: Event) -> str:
    """Return the event as one line of JSON."""
    return json.dumps({"event": name_of(event), **asdict(event)})


def from_line(line: str | bytes) -> Event | None:
    """Return the event of a line of JSON, or None where the line is damaged or of another
    version.
    """
    try:
        fields: dict[str, Any] = json.loads(line)
        return _PARSERS[fields.pop("event")].validate_python(fields)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
