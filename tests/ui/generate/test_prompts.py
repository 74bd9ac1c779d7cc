"""What the prompt's controls do, without a browser."""

from __future__ import annotations

from typing import Any

import pytest
from PIL import ImageChops

from aigc_demo.errors import BadValue, UserError
from aigc_demo.requests import GenerateRequest, MorphRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.generate import callbacks, prompts
from aigc_demo.ui.generate.prompts import BlendForm, StyleForm, StylesForm

TEXT, PLAIN = "shapes-text2image", "shapes-dcgan"
STYLES = ("fluentui", "noto", "openmoji")
OPTIONS = {"guidance": 1.5, "evaluations": 4, "temperature": 1.0}


def test_a_style_takes_the_place_of_another() -> None:
    for before, after in (
        ("dolphin", "dolphin, noto style"),
        ("dolphin, openmoji style", "dolphin, noto style"),
        ("OpenMoji: dolphin", "dolphin, noto style"),
        ("dolphin in the style of fluentui", "dolphin, noto style"),
        ("dolphin in noto style", "dolphin, noto style"),
        ("red heart, noto style, symbols", "red heart, symbols, noto style"),
        ("notorious openmojis", "notorious openmojis, noto style"),
        ("", "noto style"),
        (None, "noto style"),
    ):
        assert prompts.in_style(before, "noto", STYLES) == after
        assert prompts.in_style(after, "noto", STYLES) == after


def test_a_style_fits_into_the_longest_prompt() -> None:
    for length in (1, 180, 200, 5000):
        prompt = prompts.in_style("x" * length, "openmoji", STYLES)
        assert len(prompt) <= 200 and prompt.endswith(", openmoji style")


def blend(studio: Studio, **fields: Any) -> dict[str, Any]:
    settings = {"model": TEXT, "prompt": "discs", "to_prompt": "squares", "frames": 3, "seed": 7}
    return prompts.blend(studio, BlendForm(**settings | OPTIONS | fields))


def test_a_blend_begins_and_ends_with_what_the_prompts_say(studio: Studio) -> None:
    shown = blend(studio, frames=5)
    for prompt, at in (("discs", 0), ("squares", -1)):
        request = GenerateRequest(model=TEXT, prompt=prompt, count=1, seed=7, **OPTIONS)
        frame = shown["kept"][at]
        alone = studio.generate(request).images[0].resize(frame.size, 1)
        assert ImageChops.difference(alone, frame).getbbox() is None
    assert len(shown["kept"]) == 5 and shown["strip"].width > 4 * shown["strip"].height


def test_the_slider_shows_the_nearest_picture_of_a_blend(studio: Studio) -> None:
    frames: list[Any] = list("abcde")
    for percent, frame in {0: "a", 12: "a", 13: "b", 50: "c", 100: "e"}.items():
        assert prompts.show_frame(studio, frames, percent) == {"still": frame}
    assert prompts.show_frame(studio, [], 50) == {"still": None}


def test_all_styles_are_rows(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    requests = []
    info = studio.info(TEXT)
    monkeypatch.setattr(
        Studio, "info", lambda *_: info.__class__(**vars(info) | {"styles": STYLES})
    )
    generate = Studio.generate

    def recording(self: Studio, request: Any) -> Any:
        requests.append((request.prompt, request.count, request.seed))
        return generate(self, request)

    monkeypatch.setattr(Studio, "generate", recording)
    form = StylesForm(model=TEXT, prompt="disc, noto style", seed=3, columns=2, **OPTIONS)
    sheet = prompts.all_styles(studio, form)["sheet"]
    assert requests == [(f"disc, {style} style", 2, 3) for style in STYLES]
    assert sheet.height > 3 * 90 and sheet.width > 2 * 90


def test_a_wrong_prompt_is_refused_by_its_name(studio: Studio) -> None:
    for prompt in ("a\0b", "x" * 201, 7, ["discs"]):
        with pytest.raises(BadValue, match="^prompt: "):
            callbacks.generate(studio, TEXT, prompt=prompt)
        with pytest.raises(BadValue, match="^prompt: "):
            blend(studio, prompt=prompt)
        with pytest.raises(BadValue, match="^to_prompt: "):
            blend(studio, to_prompt=prompt)
        with pytest.raises(BadValue, match="^prompt: "):
            StyleForm(model=TEXT, prompt=prompt, style="noto")


def test_only_a_text_conditioned_model_takes_a_prompt(studio: Studio) -> None:
    for model in (PLAIN, "nothing", None):
        for act in (
            lambda model: prompts.restyle(
                studio, StyleForm(model=model, prompt="discs", style="noto")
            ),
            lambda model: prompts.all_styles(studio, StylesForm(model=model, prompt="discs")),
            lambda model: blend(studio, model=model),
        ):
            with pytest.raises(UserError, match="^model: "):
                act(model)


def test_the_controls_follow_the_model(studio: Studio) -> None:
    shown = prompts.fit(studio.info(TEXT))
    assert shown["group"].visible and shown["below"].visible
    assert shown["prompt"].value == next(iter(studio.info(TEXT).examples), "")
    assert prompts.fit(studio.info(TEXT), "squares")["prompt"].value == "squares"
    hidden = prompts.fit(studio.info(PLAIN), "squares")
    assert not hidden["group"].visible and hidden["prompt"].value == ""


def test_an_empty_other_prompt_is_no_words(studio: Studio) -> None:
    frames = blend(studio, to_prompt="", seed=2)["kept"]
    request = MorphRequest(
        model=TEXT, prompt="", to_prompt="discs", seed=2, to_seed=2, frames=3, **OPTIONS
    )
    back = studio.morph(request).images
    assert back[0].resize(frames[-1].size, 1).tobytes() == frames[-1].tobytes()
