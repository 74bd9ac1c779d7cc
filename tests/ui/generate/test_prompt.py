"""What the prompt's controls do, without a browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import pytest
from PIL import ImageChops

from aigc_demo.errors import BadValue, UserError
from aigc_demo.requests import MAX_PROMPT, MorphRequest
from aigc_demo.studio import Studio
from aigc_demo.ui.generate import callbacks as painting, prompts

TEXT, PLAIN = "shapes-text2image", "shapes-dcgan"
STYLES = ("fluentui", "noto", "openmoji")
OPTIONS = (1.5, 4, None, 1.0)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("dolphin", "dolphin, noto style"),
        ("dolphin, openmoji style", "dolphin, noto style"),
        ("OpenMoji: dolphin", "dolphin, noto style"),
        ("dolphin in the style of fluentui", "dolphin, noto style"),
        ("dolphin in noto style", "dolphin, noto style"),
        ("red heart, noto style, symbols", "red heart, symbols, noto style"),
        ("notorious openmojis", "notorious openmojis, noto style"),
        ("", "noto style"),
        (None, "noto style"),
    ],
)
def test_a_style_takes_the_place_of_another(before: str | None, after: str) -> None:
    assert prompts.in_style(before, "noto", STYLES) == after
    assert prompts.in_style(after, "noto", STYLES) == after


@pytest.mark.parametrize("length", [1, 180, 200, 5000])
def test_a_style_fits_into_the_longest_prompt(length: int) -> None:
    said = prompts.in_style("x" * length, "openmoji", STYLES)
    assert len(said) <= MAX_PROMPT and said.endswith(", openmoji style")


def test_a_blend_begins_and_ends_with_what_the_prompts_say(studio: Studio) -> None:
    strip, shown = prompts.blend(studio, TEXT, "discs", "squares", 5, 7, *OPTIONS)
    for prompt, at in (("discs", 0), ("squares", -1)):
        request = painting.request_of(studio, TEXT, None, 1, 7, False, *OPTIONS, prompt=prompt)
        alone = studio.generate(request).images[0].resize(shown[at].size, 1)
        assert ImageChops.difference(alone, shown[at]).getbbox() is None
    assert len(shown) == 5 and strip.width > 4 * strip.height


def test_the_slider_shows_the_nearest_picture_of_a_blend() -> None:
    frames: list[Any] = list("abcde")
    at = {0: "a", 12: "a", 13: "b", 50: "c", 100: "e"}
    assert {percent: prompts.pick(frames, percent) for percent in at} == at
    assert prompts.pick([], 50) is None


def test_all_styles_are_rows(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    info = studio.info(TEXT)
    monkeypatch.setattr(
        Studio, "info", lambda *_: info.__class__(**vars(info) | {"styles": STYLES})
    )
    generate = Studio.generate

    def watched(self: Studio, request: Any) -> Any:
        asked.append((request.prompt, request.count, request.seed))
        return generate(self, request)

    monkeypatch.setattr(Studio, "generate", watched)
    sheet = prompts.all_styles(studio, TEXT, "disc, noto style", 3, 2, *OPTIONS)
    assert asked == [(f"disc, {style} style", 2, 3) for style in STYLES]
    assert sheet.height > 3 * 90 and sheet.width > 2 * 90


@pytest.mark.parametrize("prompt", ["a\0b", "x" * 201, 7, ["discs"]], ids=ascii)
def test_a_wrong_prompt_is_refused_by_its_name(studio: Studio, prompt: Any) -> None:
    with pytest.raises(BadValue, match="^prompt: "):
        painting.generate(studio, TEXT, prompt=prompt)
    with pytest.raises(BadValue, match="^prompt: "):
        prompts.blend(studio, TEXT, prompt, "squares", 3, 0, *OPTIONS)
    with pytest.raises(BadValue, match="^to_prompt: "):
        prompts.blend(studio, TEXT, "discs", prompt, 3, 0, *OPTIONS)


@pytest.mark.parametrize("model", [PLAIN, "nothing", None])
def test_only_a_model_that_reads_takes_words(studio: Studio, model: Any) -> None:
    for act in (
        lambda: prompts.styled(studio, model, "discs", "noto"),
        lambda: prompts.all_styles(studio, model, "discs", 0, 1, *OPTIONS),
        lambda: prompts.blend(studio, model, "discs", "squares", 3, 0, *OPTIONS),
    ):
        with pytest.raises(UserError, match="^model: "):
            act()


def test_settings_carry_the_prompt(studio: Studio) -> None:
    said = "discs & squares = 100 %?"
    *_, settings = painting.generate(studio, TEXT, count=2, prompt=said)
    request = painting.restored(settings)
    assert request.prompt == said
    again = painting.from_query(studio, dict(parse_qsl(painting.query(settings))))
    assert again == request


def test_a_long_prompt_makes_a_short_file_name(studio: Studio) -> None:
    pictures, *_ = painting.generate(studio, TEXT, count=1, prompt="é/" * 100)
    assert pictures[0]["label"] == "é/" * 100
    assert len(painting._file_name(3, "é/" * 100).encode()) < 120


def test_an_empty_other_prompt_is_no_words(studio: Studio) -> None:
    _, shown = prompts.blend(studio, TEXT, "discs", "", 3, 2, *OPTIONS)
    request = MorphRequest(
        model=TEXT, prompt="", to_prompt="discs", seed=2, to_seed=2, frames=3,
        guidance=1.5, evaluations=4, temperature=1.0,
    )  # fmt: skip
    back = studio.morph(request).images
    assert back[0].resize(shown[-1].size, 1).tobytes() == shown[-1].tobytes()
