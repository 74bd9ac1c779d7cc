"""What happens in a training run: frozen records that serialise to one JSON line each."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

Reason = Literal["done", "stopped", "diverged", "failed"]


@dataclass(frozen=True)
class Started:
    """The data is there and the model is built."""

    method: str
    data: str
    parameters: int
    step: int


@dataclass(frozen=True)
class Step:
    """`step` steps are done; losses are means since the event before."""

    step: int
    seconds: float
    progress: float
    losses: dict[str, float]
    images_per_second: float


@dataclass(frozen=True)
class Judged:
    """What a discriminator said of single pictures: logits by the kind of picture."""

    step: int
    outputs: dict[str, tuple[float, ...]]


@dataclass(frozen=True)
class Preview:
    """A sheet of samples from fixed noise, one row a class, has been written to `path`."""

    step: int
    path: str


@dataclass(frozen=True)
class Scored:
    """The model has been measured with `n` pictures; without a value, `reason` says why.

    `seconds` is what the whole measurement took, of which this is one of the results. Names that
    begin with ``floor_`` are real test pictures in the model's place: no model can do better.
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
    """Model and state have been written."""

    step: int
    path: str


@dataclass(frozen=True)
class Finished:
    """The run has ended; its model is the last good one. `message` says why a run has failed."""

    reason: Reason
    step: int
    seconds: float
    message: str = ""


Event = Started | Step | Judged | Preview | Scored | Paused | Saved | Finished


def to_json(event: Event) -> dict[str, Any]:
    """Return the event as a JSON object whose `event` names its kind."""
    return {"event": type(event).__name__, **asdict(event)}
