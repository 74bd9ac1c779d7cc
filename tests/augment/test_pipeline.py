"""Pipelines as data: read, written, refused in words."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest

from aigc_demo import augment
from aigc_demo.augment import AUGMENTS, Sampled, Step, parse
from aigc_demo.errors import BadValue


def refusal(given: Any) -> str:
    with pytest.raises(BadValue) as caught:
        parse(given)
    return str(caught.value)


def test_a_pipeline_survives_json() -> None:
    pipeline = parse([{"name": name, "p": 0.25} for name in list(AUGMENTS)[:20]])
    pipeline += parse([{"name": name} for name in list(AUGMENTS)[20:]])
    assert len(pipeline) == 27
    again = [parse(json.dumps(augment.data((step,))))[0] for step in pipeline]
    assert tuple(again) == pipeline


def test_what_is_left_out_takes_its_default() -> None:
    (step,) = parse([{"name": "rotate", "fill": 9.0}])
    assert step == Step("rotate", 1.0, {"degrees": 15.0, "fill": 9})
    assert parse([{"name": "flip_horizontal"}])[0].p == 0.5
    assert parse("") == ()


def test_a_wrong_number_is_named_with_its_step() -> None:
    for key in ("p", "degrees", "fill"):
        for value in (math.nan, math.inf, -1, 1e9, True, None, "8", [], {}):
            said = refusal([{"name": "grey"}, {"name": "rotate", key: value}])
            assert re.match(rf"pipeline\.1\.{key}: .*; take ", said), (key, value)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("[", "pipeline: it is not JSON"),
        ("[" * 9000, "pipeline: it is not JSON"),
        ("{}", "pipeline: it is not a list"),
        (" " * 30_000, "pipeline: it has 30000 characters; the limit is 20000"),
        ([{"name": "rotate"}] * 21, "pipeline: it has 21 steps; the limit is 20"),
        ([7], "pipeline.0: it is not a step"),
        ([{}], "pipeline.0.name: there is no step “None”"),
        ([{"name": ["x"]}], "pipeline.0.name: there is no step"),
        ([{"name": "rotat"}], "pipeline.0.name: there is no step “rotat”; choose one of flip"),
        ([{"name": "rotate", "angle": 3}], "pipeline.0.angle: rotate has no such number"),
        (
            [{"name": "posterise", "bits": 2.5}],
            "pipeline.0.bits: 2.5 cannot be used; take a w",
        ),
        ([{"name": "auto_augment", "policy": "x"}], "pipeline.0.policy: “x” cannot be used"),
        (
            [{"name": "erase", "smallest": 0.5, "largest": 0.1}],
            "pipeline.0.smallest: it is more than the largest",
        ),
    ],
)
def test_what_is_no_pipeline_is_refused_in_words(given: Any, said: str) -> None:
    message = refusal(given)
    assert message.startswith(said) and len(message) < 500


def test_a_step_without_strength_has_none_to_go_through() -> None:
    with pytest.raises(BadValue, match="^step: trivial_augment has no strength"):
        Step("trivial_augment").at(0.5)


def test_descriptions_give_what_was_sampled_in_numbers() -> None:
    jitter = {"brightness_factor": 1.2, "contrast_factor": None, "hue_factor": -0.04}
    operations = [("Color", 0.4), ("Equalize", 0.0)]
    corner = {"top": 3, "left": 4, "height": 20, "width": 30}
    for name, values, description in (
        ("rotate", None, "rotate –"),
        ("rotate", {"angle": 12}, "rotate +12.0°"),
        ("translate", {"translate": (3, -4)}, "translate +3, -4 px"),
        ("scale", {"scale": 0.9}, "scale ×0.90"),
        ("shear", {"shear": (5.0, -7.0)}, "shear +5°, -7°"),
        ("crop", corner, "crop 30×20 at 4, 3"),
        ("resized_crop", corner, "resized_crop 30×20 at 4, 3"),
        ("colour_jitter", jitter, "colour_jitter bri ×1.20, hue -0.04"),
        ("blur", {"sigma": [1.26, 1.26]}, "blur σ 1.3 px"),
        ("jpeg", {"quality": 40}, "jpeg quality 40"),
        ("erase", {"v": 0, "i": 1, "j": 2, "h": 3, "w": 4}, "erase 4×3 at 2, 1"),
        ("cutout", {"v": None}, "cutout nothing"),
        ("aug_mix", {"operations": operations}, "aug_mix : Color 0.4, Equalize"),
        ("auto_augment", {}, "auto_augment : nothing"),
        ("mixup", {"share": 0.25}, "mixup 0.25"),
        ("grey", {}, "grey"),
    ):
        assert Sampled(name, values).description == description
