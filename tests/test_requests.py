"""Requests refuse what cannot be used, and say which field and which limit."""

from __future__ import annotations

import math
import typing
from typing import Any

import pytest
from PIL import Image
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from aigc_demo.errors import BadValue
from aigc_demo.requests import DirectionRequest, GridRequest, Request, TrainPlan

# What each kind of request needs at least.
LEAST: dict[str, dict[str, Any]] = {
    "GenerateRequest": {"model": "m"},
    "MorphRequest": {"model": "m"},
    "GridRequest": {
        "model": "m",
        "x": "seed",
        "x_values": (0, 1),
        "y": "guidance",
        "y_values": (1.0, 2.5),
    },
    "DirectionRequest": {"model": "m"},
    "RestoreRequest": {"image": Image.new("RGB", (4, 4))},
    "TranslateRequest": {"image": Image.new("RGB", (4, 4)), "model": "m"},
    "AugmentRequest": {"image": Image.new("RGB", (4, 4)), "pipeline": []},
    "CrfRequest": {"image": Image.new("RGB", (4, 4))},
    "MaskRequest": {"image": Image.new("RGB", (4, 4)), "thing": Image.new("L", (4, 4))},
    "TrainPlan": {"method": "flow", "data": "mnist", "steps": 1, "seconds": 1.0},
}
PICTURES = {
    "RestoreRequest",
    "TranslateRequest",
    "AugmentRequest",
    "CrfRequest",
    "MaskRequest",
}  # requests that hold pictures do not travel as JSON
KINDS = {
    kind.__name__: kind
    for kind in Request.__subclasses__()
    if kind.__module__ == "aigc_demo.requests"  # not the forms of the page
}
assert {DirectionRequest, GridRequest} <= set(KINDS.values())
FAULTS = [math.nan, math.inf, -math.inf, None, True, "8", 3.7, 0, -1, 1e18, 2**64, -(2**64)]


def kinds_of(field: FieldInfo) -> set[type]:
    return set(typing.get_args(field.annotation)) or {field.annotation}


def limit(field: FieldInfo, name: str) -> Any:
    return next((getattr(m, name) for m in field.metadata if hasattr(m, name)), None)


def is_allowed(field: FieldInfo, value: Any) -> bool:
    """Tell whether the declared type and limits of a numeric field admit `value`."""
    kinds = kinds_of(field)
    if value is None:
        return type(None) in kinds
    if isinstance(value, bool | str) or isinstance(value, float) and float not in kinds:
        return False
    low, above, high = (limit(field, name) for name in ("ge", "gt", "le"))
    return math.isfinite(value) and not (
        low is not None
        and value < low
        or above is not None
        and value <= above
        or high is not None
        and value > high
    )


NUMERIC = [
    (kind, name)
    for kind, model in KINDS.items()
    for name, field in model.model_fields.items()
    if kinds_of(field) & {int, float}
]
WRONG = [
    pytest.param(kind, name, value, id=f"{kind}.{name}={value!r}")
    for kind, name in NUMERIC
    for value in FAULTS
    if not is_allowed(KINDS[kind].model_fields[name], value)
]
EDGES = [
    (kind, name, side)
    for kind, name in NUMERIC
    for side in ("ge", "le")
    if limit(KINDS[kind].model_fields[name], side) is not None
]
TEXTS = [
    (kind, name)
    for kind, model in KINDS.items()
    for name, field in model.model_fields.items()
    if "str" in str(field.annotation) and "dict" not in str(field.annotation)
]

SPOKEN = ("label", "prompt")  # may be empty; what a label may be, the model says


def make(kind: str, **fields: Any) -> Request:
    return KINDS[kind](**LEAST[kind] | fields)


def test_every_kind_of_request_is_tested_here() -> None:
    assert set(KINDS) == set(LEAST)


@pytest.mark.parametrize("kind", KINDS)
def test_the_least_that_is_needed_is_enough(kind: str) -> None:
    assert make(kind).model_dump().items() >= LEAST[kind].items()


@pytest.mark.parametrize(("kind", "name", "value"), WRONG)
def test_a_wrong_number_is_refused_by_the_name_of_its_field(
    kind: str, name: str, value: Any
) -> None:
    with pytest.raises(BadValue, match=rf"^{name}: .+; .+\.$"):
        make(kind, **{name: value})


@pytest.mark.parametrize(("kind", "name", "side"), EDGES)
def test_a_limit_is_allowed_and_the_number_beyond_it_is_told_the_limit(
    kind: str, name: str, side: str
) -> None:
    field = KINDS[kind].model_fields[name]
    edge = limit(field, side)
    value = edge if int in kinds_of(field) else float(edge)
    assert getattr(make(kind, **{name: value}), name) == value
    with pytest.raises(BadValue, match=rf"^{name}: .*\b{edge}\b"):
        make(kind, **{name: edge + (1 if side == "le" else -1)})


@pytest.mark.parametrize(("kind", "name"), TEXTS)
@pytest.mark.parametrize("value", ["x" * 10_000, 7, b"x"], ids=["long", "number", "bytes"])
def test_a_wrong_text_is_refused_in_a_short_sentence(kind: str, name: str, value: Any) -> None:
    with pytest.raises(BadValue, match=rf"^{name}: ") as caught:
        make(kind, **{name: value})
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, n in TEXTS if not n.endswith(SPOKEN)])
@pytest.mark.parametrize("value", ["", "\0", "a\0b"], ids=["empty", "NUL", "NUL inside"])
def test_a_name_is_neither_empty_nor_holds_a_nul(kind: str, name: str, value: str) -> None:
    with pytest.raises(BadValue, match=rf"^{name}: "):
        make(kind, **{name: value})


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, n in TEXTS if n.endswith("prompt")])
@pytest.mark.parametrize(
    "prompt", ["", " ", "🐬", "דולפין כחול", "海豚", "<b>; DROP TABLE", "x" * 200]
)
def test_a_prompt_may_be_any_words(kind: str, name: str, prompt: str) -> None:
    assert getattr(make(kind, **{name: prompt}), name) == prompt


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, n in TEXTS if n.endswith("prompt")])
@pytest.mark.parametrize("prompt", ["\0", "dol\0phin", "\ud800", "x" * 201], ids=ascii)
def test_a_prompt_that_cannot_be_read_is_refused_by_its_name(
    kind: str, name: str, prompt: str
) -> None:
    with pytest.raises(BadValue, match=rf"^{name}: .+; .+\.$"):
        make(kind, **{name: prompt})


@pytest.mark.parametrize("kind", KINDS)
def test_an_unknown_field_is_refused_by_its_name(kind: str) -> None:
    with pytest.raises(BadValue, match="^cuont: there is no such field"):
        make(kind, cuont=3)


@pytest.mark.parametrize(("kind", "name"), [(k, n) for k, n in TEXTS if n in LEAST[k]])
def test_a_missing_field_is_named(kind: str, name: str) -> None:
    fields = {n: v for n, v in LEAST[kind].items() if n != name}
    with pytest.raises(BadValue, match=f"^{name}: a value is missing"):
        KINDS[kind](**fields)


@pytest.mark.parametrize("kind", KINDS)
def test_a_request_cannot_be_changed(kind: str) -> None:
    request = make(kind)
    with pytest.raises(ValidationError):
        request.seed = 3


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in PICTURES])
def test_a_request_survives_json(kind: str) -> None:
    request = make(kind)
    assert KINDS[kind].model_validate_json(request.model_dump_json()) == request


def test_a_plan_needs_a_budget() -> None:
    with pytest.raises(BadValue, match="steps or seconds: a budget is missing"):
        TrainPlan(method="flow", data="mnist")


@pytest.mark.parametrize("budget", [{"steps": 1}, {"seconds": 0.5}])
def test_one_budget_is_enough(budget: dict[str, Any]) -> None:
    assert TrainPlan(method="flow", data="mnist", **budget).model_dump().items() >= budget.items()
