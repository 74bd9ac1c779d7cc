"""What can be trained from the page, and with what."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from aigc_demo.data import DATASETS, all_available, sample_models
from aigc_demo.errors import BadValue
from aigc_demo.methods import METHODS
from aigc_demo.training.presets import PRESETS
from aigc_demo.ui.train import form as forms


def test_each_method_is_offered_only_what_it_can_learn_from() -> None:
    one = {name for name, source in DATASETS.items() if not source.domains}
    one |= {painter.name for painter in sample_models()}
    pairs = {"facades", "twemoji2fluentui", "emoji_styles", "outlines"}
    two = {"facades", "twemoji2fluentui", "monet2photo", "summer2winter", "outlines"}
    for method in forms.TRAINABLE:
        expected = {
            "pictures": one,
            "pairs": pairs,
            "domains": two,
            "plans": {"facades"},
        }[method.needs]
        if method.condition == "text":  # names of classes can be captions, if there are any
            expected = expected - {"bsds500", "landscapes"}
        assert set(forms.sets_for(method.name)) == expected


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_can_start_where_there_is_no_data(
    preset: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIGC_DATA", str(tmp_path))
    wanted = forms.fill(preset)
    form = forms.at_hand(wanted)
    assert form.data in all_available() and wanted.data not in all_available()
    assert dataclasses.replace(form, data=wanted.data) == wanted
    assert forms.plan_of(form).data == form.data


@pytest.mark.parametrize("method", [m.name for m in forms.TRAINABLE])
def test_another_method_brings_a_set_that_it_can_learn_from(method: str) -> None:
    for before in ("gan_fashion", "pix2pix_facades", "cyclegan_summer"):
        form = forms.fit(method, forms.fill(before))
        assert form.method == method and form.data in forms.sets_for(method)
        plan = forms.plan_of(form)
        METHODS[method].config.model_validate({"classes": 0} | plan.config)


@pytest.mark.parametrize(
    ("preset", "data"),
    [("gan_fashion", "facades"), ("pix2pix_facades", "mnist"), ("cyclegan_summer", "mnist"),
     ("pix2pix_facades", "summer2winter"), ("cyclegan_summer", "emoji_styles")],
)  # fmt: skip
def test_a_set_that_a_method_cannot_use_is_refused(preset: str, data: str) -> None:
    form = dataclasses.replace(forms.fill(preset), data=data)
    with pytest.raises(BadValue, match=r"^data: choose one of "):
        forms.plan_of(form)


def test_losses_are_those_of_the_method() -> None:
    assert forms.losses_of("dcgan") == ["bce", "hinge", "relativistic"]
    for method in ("cyclegan", "pix2pix"):
        assert forms.losses_of(method) == ["least_squares", "hinge", "relativistic"]
        for game in forms.losses_of(method):
            form = dataclasses.replace(
                forms.fit(method, forms.fill("gan_fashion")), loss=game, width=48
            )
            config = METHODS[method].config.model_validate(forms.plan_of(form).config)
            assert config.game == game
            widths = getattr(config, "widths", None) or (config.width,)
            assert widths[0] == 48 and config.size == 64
    assert forms.losses_of("flow") == []
