"""Requests refuse what cannot be used, and name the field and its limit."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError
from torchvision import tv_tensors

from aigc_demo import requests
from aigc_demo.errors import BadValue
from aigc_demo.requests import Request, TrainPlan

IMAGE = Image.new("RGB", (4, 4))
# The fewest fields of each request.
MINIMAL: dict[str, dict[str, Any]] = {
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
    "RestoreRequest": {"image": IMAGE},
    "TranslateRequest": {"image": IMAGE, "model": "m"},
    "AugmentRequest": {"image": IMAGE, "pipeline": []},
    "CrfRequest": {"image": IMAGE},
    "MaskRequest": {"image": IMAGE, "thing": Image.new("L", (4, 4))},
    "TrainPlan": {"method": "flow", "data": "mnist", "steps": 1, "seconds": 1.0},
}
KINDS: dict[str, type[Request]] = {name: getattr(requests, name) for name in MINIMAL}

# A number: just below its range, the lowest, the highest, just above.
Range = tuple[float, float, float, float]
SEED: Range = (-1, 0, 9_007_199_254_740_991, 9_007_199_254_740_992)
WIDEN: dict[str, Range] = {"grow": (-1, 0, 100, 101), "feather": (-1, 0, 100, 101)}
DRAWS: dict[str, Range] = {
    "truncation": (0.09, 0.1, 1, 1.01),
    "temperature": (0.09, 0.1, 1.2, 1.21),
}
SAMPLING: dict[str, Range] = {
    "guidance": (0.99, 1, 5, 5.01),
    "evaluations": (1, 2, 64, 65),
} | DRAWS
CRF: dict[str, Range] = {
    "smooth": (-0.1, 0, 50, 50.1),
    "smooth_radius": (0.49, 0.5, 50, 50.1),
    "appearance": (-0.1, 0, 50, 50.1),
    "radius": (1.9, 2, 300, 300.1),
    "likeness": (1.9, 2, 255, 255.1),
    "iterations": (0, 1, 50, 51),
}
RANGES: dict[str, dict[str, Range]] = {
    "GenerateRequest": {"seed": SEED, "count": (0, 1, 64, 65)} | SAMPLING,
    "MorphRequest": {"seed": SEED, "to_seed": SEED, "frames": (1, 2, 64, 65)} | SAMPLING,
    "GridRequest": {"seed": SEED} | SAMPLING,
    "DirectionRequest": {"seed": SEED, "component": (0, 1, 6, 7), "frames": (1, 2, 32, 33)}
    | DRAWS,
    "RestoreRequest": {"sigma": (-0.1, 0, 100, 100.1), "factor": (1, 2, 4, 5)} | WIDEN,
    "TranslateRequest": {"strength": (-0.1, 0, 1, 1.01), "field": (-0.1, 0, 4, 4.01)},
    "AugmentRequest": {"seed": SEED, "n": (0, 1, 64, 65)},
    "CrfRequest": CRF | {"colours": (1, 2, 16, 17), "tolerance": (0.9, 1, 100, 100.1)},
    "MaskRequest": CRF | WIDEN,
    "TrainPlan": {
        "seed": SEED,
        "steps": (0, 1, 100_000_000, 100_000_001),
        "seconds": (0, 1e-9, 10_000_000, 10_000_001),
        "batch": (1, 2, 4096, 4097),
        "limit": (1, 2, 100_000_000, 100_000_001),
        "lr": (0, 1e-9, 1, 1.01),
        "warmup": (-1, 0, 100_000, 100_001),
        "ema": (-0.01, 0, 0.25, 0.26),
        "save_every": (0, 1e-9, 1e9, math.inf),
        "preview_every": (0, 1e-9, 1e9, math.inf),
        "score_every": (-0.1, 0, 1e9, math.inf),
        "score_count": (1, 2, 50_000, 50_001),
    },
}
WHOLE = {"seed", "to_seed", "count", "n", "frames", "component", "evaluations", "iterations"}
WHOLE |= {"colours", "grow", "feather", "steps", "batch", "limit", "warmup", "score_count"}
OPTIONAL = {*SAMPLING, "component", "sigma", "steps", "seconds", "batch", "limit", "lr", "ema"}
OPTIONAL |= {"score_count"}
PROMPTS = [
    ("GenerateRequest", "prompt"),
    ("MorphRequest", "prompt"),
    ("MorphRequest", "to_prompt"),
]
PROMPTS += [("GridRequest", "prompt")]
LABELS = [("GenerateRequest", "label"), ("MorphRequest", "label"), ("MorphRequest", "to_label")]
LABELS += [("GridRequest", "label"), ("DirectionRequest", "label")]
NAMES = [(kind, "model") for kind in ("GenerateRequest", "MorphRequest", "GridRequest")]
NAMES += [("DirectionRequest", "model"), ("TranslateRequest", "model")]
NAMES += [("RestoreRequest", "method"), ("TranslateRequest", "style")]
NAMES += [("TrainPlan", name) for name in ("method", "data", "init")]


def make(kind: str, **fields: Any) -> Request:
    return KINDS[kind](**MINIMAL[kind] | fields)


def refused(kind: str, *, match: str, **fields: Any) -> None:
    """Expect a short sentence about the one field, whose value cannot be used."""
    with pytest.raises(BadValue, match=match) as caught:
        make(kind, **fields)
    assert len(str(caught.value)) < 300


def number(value: float) -> str:
    """Return a number as a message shows it."""
    return f"{value:.0f}" if float(value).is_integer() else f"{value:g}"


def test_every_request_is_tested_here() -> None:
    declared = {
        name
        for name, kind in vars(requests).items()
        if isinstance(kind, type) and issubclass(kind, Request)
    }
    assert declared - {"Request", "Sampling"} == set(MINIMAL)


def test_every_number_of_every_request_has_its_row_here() -> None:
    declared = {
        kind: {
            name
            for name, field in model.model_fields.items()
            if re.search(r"\b(int|float)\b", str(field.annotation))
            and not re.search(r"tuple|list", str(field.annotation))
        }
        for kind, model in KINDS.items()
    }
    declared["RestoreRequest"].add("factor")
    assert declared == {kind: set(rows) for kind, rows in RANGES.items()}


@pytest.mark.parametrize("kind", RANGES)
def test_limits_are_allowed_and_numbers_beyond_them_are_refused(kind: str) -> None:
    for name, (below, lowest, highest, above) in RANGES[kind].items():
        for value in (lowest, highest):
            assert getattr(make(kind, **{name: value}), name) == value
        for value, limit in ((below, lowest), (above, highest)):
            shown = "0" if limit == 1e-9 else "finite" if value == math.inf else number(limit)
            sentence = rf"^{name}: {value!r} cannot be used; .*\b{shown}\b.*\.$"
            refused(kind, match=sentence, **{name: value})


@pytest.mark.parametrize("kind", RANGES)
def test_what_is_no_number_is_refused(kind: str) -> None:
    for name, (_, lowest, *_) in RANGES[kind].items():
        wrong = [math.nan, math.inf, -math.inf, True, "8", [lowest]]
        wrong += [lowest + 0.5] if name in WHOLE else []
        wrong += [] if name in OPTIONAL else [None]
        for value in wrong:
            refused(kind, match=rf"^{name}: .+ cannot be used; .+\.$", **{name: value})


def test_a_whole_number_may_come_as_a_float() -> None:
    for kind, rows in RANGES.items():
        for name in WHOLE & set(rows):
            value = getattr(make(kind, **{name: float(rows[name][1])}), name)
            assert value == rows[name][1] and type(value) is int


def test_an_option_that_is_none_is_left_to_the_model() -> None:
    for kind, rows in RANGES.items():
        for name in OPTIONAL & set(rows):
            assert getattr(make(kind, **{name: None}), name) is None


def test_a_switch_is_true_or_false() -> None:
    for kind, name in (("TranslateRequest", "cycle"), ("AugmentRequest", "quick")):
        assert [getattr(make(kind, **{name: v}), name) for v in (True, False)] == [True, False]
        for value in (None, 1, "yes"):
            refused(kind, match=rf"^{name}: .+ cannot be used; .*boolean", **{name: value})


def test_a_text_has_at_most_two_hundred_characters() -> None:
    for kind, name in NAMES + LABELS + PROMPTS:
        assert getattr(make(kind, **{name: "x" * 200}), name) == "x" * 200
        for value in ("x" * 201, "x" * 10_000):
            refused(kind, match=rf"^{name}: 'x+… cannot be used; .* 200 ", **{name: value})


def test_what_is_no_text_is_refused() -> None:
    for kind, name in NAMES + LABELS + PROMPTS:
        for value in (7, b"x", ["x"]):
            refused(kind, match=rf"^{name}: .+ cannot be used; .*string", **{name: value})


def test_a_name_is_neither_empty_nor_holds_a_nul() -> None:
    for kind, name in NAMES:
        for value in ("", "\0", "a\0b"):
            refused(kind, match=rf"^{name}: '.*' cannot be used; ", **{name: value})


def test_a_prompt_may_be_any_words() -> None:
    for kind, name in PROMPTS:
        for prompt in ("", " ", "🐬", "דולפין כחול", "海豚", "<b>; DROP TABLE"):
            assert getattr(make(kind, **{name: prompt}), name) == prompt


def test_a_prompt_that_is_no_text_for_a_model_is_refused() -> None:
    for kind, name in PROMPTS:
        for prompt, reason in (("\0", "NUL"), ("dol\0phin", "NUL"), ("\ud800", "unicode")):
            refused(kind, match=rf"^{name}: .+ cannot be used; .*{reason}", **{name: prompt})


@pytest.mark.parametrize(
    ("kind", "field", "choices"),
    [
        ("RestoreRequest", "factor", (2, 4)),
        ("TranslateRequest", "direction", ("AtoB", "BtoA")),
        ("TranslateRequest", "scale", ("auto", "picture", "trained")),
    ],
)
def test_a_choice_is_one_of_those_that_there_are(
    kind: str, field: str, choices: tuple[Any, ...]
) -> None:
    for value in choices:
        assert getattr(make(kind, **{field: value}), field) == value
    for value in (3, "atob", "", None):
        refused(kind, match=rf"^{field}: .+ cannot be used; .*{choices[0]}", **{field: value})


def test_a_palette_has_two_to_sixteen_colours() -> None:
    for count in (2, 16):
        assert len(make("CrfRequest", palette=("#00fF7a",) * count).palette) == count
    refused("CrfRequest", match="^palette: .* 2 ", palette=("#000000",))
    refused("CrfRequest", match="^palette: .* 16 ", palette=("#000000",) * 17)
    for colour in ("red", "#00000", "#0000000", "#00000g", "000000", 0):
        refused("CrfRequest", match=r"^palette\.1: ", palette=("#000000", colour))


def test_offsets_are_at_most_six_numbers_from_minus_three_to_three() -> None:
    for offsets in ((), (-3.0, 3.0), (0.0,) * 6, [1.0]):
        assert make("DirectionRequest", offsets=offsets).offsets == tuple(offsets)
    refused("DirectionRequest", match="^offsets: .* 6 ", offsets=(0.0,) * 7)
    for value in (3.1, -3.1, math.nan, "1", None):
        refused("DirectionRequest", match=r"^offsets\.1: ", offsets=(0.0, value))


def test_boxes_are_at_most_a_hundred_of_four_finite_numbers() -> None:
    box = (0.0, 0.0, 1.0, 1.0)
    assert make("AugmentRequest", boxes=[box] * 100).boxes == [box] * 100
    refused("AugmentRequest", match="^boxes: .* 100 ", boxes=[box] * 101)
    refused("AugmentRequest", match=r"^boxes\.0\.3: ", boxes=[(0.0, 0.0, 1.0, math.inf)])
    for wrong in ((0.0, 0.0, 1.0), 5.0, "0011", None):
        told = r"^boxes\.0: .+ cannot be used; it should be four numbers: left, top"
        refused("AugmentRequest", match=told, boxes=[wrong])
    other = tv_tensors.BoundingBoxes([box], format="XYWH", canvas_size=(4, 4))
    refused("AugmentRequest", match=r"^boxes: .+ cannot be used; .*\(XYXY\)", boxes=other)


def test_boxes_may_be_lists_arrays_and_tensors() -> None:
    box = (0.0, 0.0, 1.0, 2.0)
    for boxes in (
        [[0, 0, 1, 2]],
        ([0, 0, 1, 2],),
        np.array([box], np.float32),
        np.array([box], np.int16),
        torch.tensor([box]),
        [torch.tensor(box)],
        [np.float32(box)],
        [tuple(np.int64(side) for side in box)],
        tv_tensors.BoundingBoxes([box], format="XYXY", canvas_size=(4, 4)),
    ):
        assert make("AugmentRequest", boxes=boxes).boxes == [box]
    assert make("AugmentRequest", boxes=np.zeros((0, 4))).boxes == []


def test_labels_are_one_a_box() -> None:
    boxes = [(0.0, 0.0, 1.0, 1.0)] * 2
    for labels in (["cat", "dog"], (3, 4), np.array([3, 4]), ["cat", np.int64(4)]):
        assert make("AugmentRequest", boxes=boxes, labels=labels).labels == list(labels)
    refused("AugmentRequest", match="^labels: there are 1 for 2 boxes", boxes=boxes, labels=["a"])
    refused("AugmentRequest", match="^labels: there are 1 for 0 boxes", labels=["a"])


def test_numbers_of_numpy_and_torch_are_numbers() -> None:
    for kind, rows in RANGES.items():
        for name, (_, lowest, *_) in rows.items():
            types = (np.int64, np.uint8) if name in WHOLE | {"factor"} else (np.float64, np.int64)
            for value in (*(t(max(lowest, 2)) for t in types), torch.tensor(max(lowest, 2))):
                if RANGES[kind][name][2] >= 2:
                    assert getattr(make(kind, **{name: value}), name) == value.item()
            if name in WHOLE:
                assert type(getattr(make(kind, **{name: np.int32(2)}), name)) is int
            refused(kind, match=rf"^{name}: True cannot be used; ", **{name: np.bool_(True)})
    x = {"x": "seed", "x_values": np.arange(3)}
    assert make("GridRequest", **x).x_values == (0, 1, 2)
    offsets = make("DirectionRequest", offsets=torch.tensor([0.5, 1.0])).offsets
    assert offsets == (0.5, 1.0)
    plan = make("TrainPlan", config={"width": np.int64(8), "depth": [np.int32(1)]})
    assert plan.model_dump_json(include={"config"}) == '{"config":{"width":8,"depth":[1]}}'


def test_what_is_no_picture_is_refused() -> None:
    pictures = [(kind, "image") for kind in MINIMAL if "image" in MINIMAL[kind]]
    pictures += [("RestoreRequest", "mask"), ("RestoreRequest", "truth"), ("CrfRequest", "hints")]
    pictures += [("MaskRequest", "thing"), ("MaskRequest", "background")]
    pictures += [("AugmentRequest", "mask"), ("AugmentRequest", "partner")]
    for kind, name in pictures:
        for value in ("cat.png", 7):
            refused(kind, match=rf"^{name}: {value!r} cannot be used; .*Image", **{name: value})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"x": "seed", "x_values": (1, -1)}, "x: seed: -1 "),
        ({"x": "seed", "x_values": (1.5,)}, "x: seed: 1.5 "),
        ({"x": "guidance", "x_values": (9.0,)}, "x: guidance: 9.0 .*5"),
        ({"x": "evaluations", "x_values": (2.0, 2.5)}, "x: evaluations: 2.5 "),
        ({"x": "prompt", "x_values": ("x" * 201,)}, "x: prompt: "),
        ({"x": "label", "x_values": (7,)}, "x: label: 7 "),
        ({"x": "model", "x_values": ("",)}, "x: model: "),
        ({"x": "seed", "x_values": ()}, "x_values: .* 1 "),
        ({"x": "seed", "x_values": tuple(range(9))}, "x_values: .* 8 "),
        ({"x": "count", "x_values": (1,)}, "x: 'count' cannot be used; .*'seed'"),
        ({"x": "truncation", "x_values": (0.5,)}, "y: both axes are truncation"),
        ({"y_values": (0.5, 2.0)}, "y: truncation: 2.0 "),
    ],
    ids=lambda value: str(value)[:40],
)
def test_a_value_on_an_axis_is_refused_by_the_name_of_the_axis(
    fields: dict[str, Any], message: str
) -> None:
    axes = {"y": "truncation", "y_values": (1.0,)}
    refused("GridRequest", match=f"^{message}", **axes | fields)


def test_an_axis_has_up_to_eight_values() -> None:
    assert make("GridRequest", x_values=list(range(8))).x_values == tuple(range(8))


def test_an_unknown_field_is_refused_by_its_name() -> None:
    for kind in KINDS:
        refused(kind, match="^cuont: there is no such field; leave it out", cuont=3)


def test_a_missing_field_is_named() -> None:
    for kind, fields in MINIMAL.items():
        for name in set(fields) - {"steps", "seconds"}:
            with pytest.raises(BadValue, match=f"^{name}: a value is missing; give one"):
                KINDS[kind](**{n: v for n, v in fields.items() if n != name})


def test_a_request_cannot_be_changed() -> None:
    for kind, fields in MINIMAL.items():
        for name, value in fields.items():
            with pytest.raises(ValidationError):
                setattr(make(kind), name, value)


def test_a_request_without_pictures_survives_json() -> None:
    for kind, fields in MINIMAL.items():
        if "image" not in fields:
            request = make(kind)
            assert KINDS[kind].model_validate_json(request.model_dump_json()) == request


def test_a_plan_needs_one_of_two_budgets() -> None:
    with pytest.raises(BadValue, match=r"^steps or seconds: a budget is missing; give one\.$"):
        TrainPlan(method="flow", data="mnist")
    for budget in ({"steps": 1}, {"seconds": 0.5}):
        plan = TrainPlan(method="flow", data="mnist", **budget)
        assert plan.model_dump().items() >= budget.items()


def test_a_plan_has_at_most_twenty_augmentation_steps() -> None:
    assert len(make("TrainPlan", augment=[{"name": "flip"}] * 20).augment) == 20
    refused("TrainPlan", match="^augment: .* 20 ", augment=[{"name": "flip"}] * 21)
