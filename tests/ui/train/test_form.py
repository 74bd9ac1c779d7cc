"""The form: presets and methods fill it in, plans come out of it, mistakes are named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from aigc_demo.data import DATASETS, all_available, sample_models
from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.training.presets import PRESETS
from aigc_demo.ui.i18n import TEXTS
from aigc_demo.ui.train import form as forms
from aigc_demo.ui.train.form import TrainForm
from tests import hostile

FORM = forms.preset_form("gan_fashion")


def changed(form: TrainForm = FORM, **fields: Any) -> TrainForm:
    return TrainForm(**form.model_dump() | fields)


def test_a_preset_survives_the_form() -> None:
    for name, plan in PRESETS.items():
        assert f"preset_{name}" in TEXTS["en"]
        made, method = forms.plan_of(forms.preset_form(name)), METHODS[plan.method]
        for field in ("method", "data", "seconds", "steps", "seed", "warmup", "ema"):
            assert getattr(made, field) == getattr(plan, field), field
        assert made.batch == (plan.batch or method.batch) and made.lr == (plan.lr or method.lr)
        before, after = (method.config.model_validate(p.config) for p in (plan, made))
        assert before == after


def test_every_preset_can_start_where_there_is_no_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_DATA", str(tmp_path))
    for preset in PRESETS:
        wanted = forms.preset_form(preset)
        form = forms.with_local_data(wanted)
        assert form.data in all_available() and wanted.data not in all_available()
        assert form.model_copy(update={"data": wanted.data}) == wanted
        assert forms.plan_of(form).data == form.data
    assert forms.method_form("pix2pix", "mnist", 3).data == "outlines"


def test_another_method_brings_its_own_settings_and_keeps_the_rest() -> None:
    form = forms.method_form("flow", "fashion_mnist", 7)
    assert (form.method, form.batch, form.lr) == ("flow", 64, 1e-3)
    assert (form.minutes, form.data) == (7, "fashion_mnist")
    assert forms.method_form("flow", None, None).minutes == 3
    with pytest.raises(BadValue, match="^method: choose one of"):
        forms.method_form("alchemy", "fashion_mnist", 7)


def test_another_method_brings_a_data_set_that_it_can_learn_from() -> None:
    for method in forms.TRAINABLE:
        for before in ("fashion_mnist", "facades", "summer2winter"):
            form = forms.method_form(method.name, before, 3)
            assert form.method == method.name
            assert form.data in forms.datasets_for(method.name)
            plan = forms.plan_of(form)
            method.config.model_validate({"classes": 0} | plan.config)


def test_each_method_is_offered_only_the_data_sets_that_it_can_learn_from() -> None:
    one = {name for name, source in DATASETS.items() if not source.domains}
    one |= {model.name for model in sample_models()}
    expected = {
        "pictures": one,
        "pairs": {"facades", "twemoji2fluentui", "emoji_styles", "outlines"},
        "domains": {"facades", "twemoji2fluentui", "monet2photo", "summer2winter", "outlines"},
        "plans": {"facades"},
    }
    for method in forms.TRAINABLE:
        suitable = expected[method.needs]
        if method.condition == "text":  # names of classes can be captions, if there are any
            suitable = suitable - {"bsds500", "landscapes"}
        assert set(forms.datasets_for(method.name)) == suitable


def test_a_wrong_value_is_refused_by_the_name_of_its_field() -> None:
    wrong = [float("nan"), float("inf"), None, "8", True, -1, 1e17, [3]]
    for field in ("minutes", "steps", "batch", "lr", "width", "r1", "seed"):
        for value in wrong:
            with pytest.raises(BadValue, match=f"^{field}: .*; .*\\.$"):
                changed(**{field: value})
    for field, fraction in {"batch": 3.7, "width": 32.5, "seed": 0.5, "steps": 3.7}.items():
        with pytest.raises(BadValue, match=f"^{field}: "):
            changed(**{field: fraction})


def test_numbers_have_limits() -> None:
    limits = {
        "minutes": (0, 100_000),
        "steps": (0, 100_000_000),
        "batch": (2, 4096),
        "width": (8, 512),
        "r1": (0, 100),
        "seed": (0, 2**53 - 1),
    }
    for field, (low, high) in limits.items():
        for value in (low, high):
            assert getattr(changed(**{field: float(value)}), field) == value
        for value in (low - 1, high + 1):
            with pytest.raises(BadValue, match=f"^{field}: "):
                changed(**{field: value})


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"method": "alchemy"}, "method: “alchemy” cannot be trained here; use dcgan"),
        ({"method": "classifier"}, "method: “classifier” cannot be trained here; use dcgan"),
        ({"data": "/etc"}, "data: choose one of mnist"),
        ({"data": "facades"}, "data: choose one of mnist"),
        ({"method": "pix2pix", "data": "summer2winter"}, "data: choose one of facades"),
        ({"method": "cyclegan", "data": "emoji_styles"}, "data: choose one of monet2photo"),
        ({"loss": "love"}, "loss: “love” cannot be used; choose one of bce"),
        ({"minutes": 0, "steps": 0}, "steps or seconds: a budget is missing"),
        ({"augment": "[{}]"}, r"augmentation\.0\.name: "),
    ],
)
def test_what_cannot_be_trained_is_refused(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(BadValue, match=f"^{message}"):
        forms.plan_of(changed(**fields))


def test_the_settings_reach_the_method() -> None:
    assert forms.losses_of("dcgan") == ["bce", "hinge", "relativistic"]
    assert forms.losses_of("flow") == []
    form = changed(loss="hinge", r1=1.0, diffaugment=True, width=48, ema=False)
    plan = forms.plan_of(changed(form, augment='[{"name": "flip_horizontal"}]'))
    config = METHODS["dcgan"].config.model_validate(plan.config)
    assert (config.loss, config.width, config.r1, config.r1_every) == ("hinge", 48, 1.0, 4)
    assert list(config.diffaugment) == ["translation"] and plan.ema == 0
    for latent, expected in ((0, config.latent), (1, 1)):
        config = METHODS["dcgan"].config(**forms.plan_of(changed(latent=latent)).config)
        assert config.latent == expected
    assert [step["name"] for step in plan.augment] == ["flip_horizontal"]
    generated = "generated:fashion_mnist-vae?n=64"
    assert forms.plan_of(changed(data=generated)).data == generated
    for method in ("cyclegan", "pix2pix"):
        assert forms.losses_of(method) == ["least_squares", "hinge", "relativistic"]
        for game in forms.losses_of(method):
            form = changed(forms.method_form(method, None, 3), loss=game, width=48)
            config = METHODS[method].config.model_validate(forms.plan_of(form).config)
            widths = getattr(config, "widths", None) or (config.width,)
            assert (config.game, widths[0], config.size) == (game, 48, 64)


def test_the_name_of_a_models_samples_is_read_before_it_is_accepted() -> None:
    name = next(n for n in forms.datasets_for("flow") if n.startswith("generated:"))
    for query in ("", "?n=2000&seed=7"):
        assert forms.plan_of(changed(data=name + query)).data == name + query
    for query in (f"?{hostile.TEXT[:80]}", "?n=2000&log=in", "?n=1e9", "?classes=[x](//evil)"):
        with pytest.raises(BadValue, match="^data: "):
            forms.plan_of(changed(data=name + query))
