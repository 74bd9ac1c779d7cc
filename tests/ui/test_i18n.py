"""Every text is there in both languages."""

from __future__ import annotations

import re
import string

from aigc_demo.ui.i18n import DONE, I18N, TEXTS
from tests import factories


def fields(text: str) -> set[str]:
    """Return the names of what a text is filled in with."""
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_every_text_is_there_in_english_and_in_chinese() -> None:
    assert TEXTS["en"].keys() == TEXTS["zh"].keys()
    assert [k for k, text in TEXTS["en"].items() if not text.strip()] == []
    assert [k for k, text in TEXTS["zh"].items() if not re.search(r"[\u4e00-\u9fff]", text)] == []


def test_both_languages_are_filled_in_with_the_same_values() -> None:
    short = [k for k in TEXTS["en"] if "$" not in TEXTS["en"][k]]  # formulas have braces, too
    assert [k for k in short if fields(TEXTS["en"][k]) != fields(TEXTS["zh"][k])] == []


def test_what_gradio_has_in_no_language_is_said_in_each() -> None:
    assert {I18N.translations[name][DONE] for name in ("en", "zh", "zh-CN")} == {"Done", "完成"}


def test_both_languages_show_the_same_equations() -> None:
    def equations(key: str, language: str) -> list[str]:
        found = re.findall(r"\$\$.*?\$\$", TEXTS[language][key], re.DOTALL)
        return [re.sub(r"\\text\{.*?\}|\s", "", equation) for equation in found]

    for key in TEXTS["en"]:
        assert equations(key, "en") == equations(key, "zh"), key


def test_the_lessons_name_the_losses_that_are_trained() -> None:
    for texts in TEXTS.values():
        assert r"\min_G" not in texts["how_dcgan"] and r"\max_G" in texts["how_dcgan"]
        assert r"\mathbb{E}_{q(z" in texts["how_vae"]
        assert r"2 \log 2 \approx 1.386" in texts["lesson_train"]


def test_every_method_that_generates_has_a_lesson_with_an_equation() -> None:
    lessons = [texts[f"how_{method}"] for texts in TEXTS.values() for method in factories.GENERATE]
    assert all("$$" in lesson for lesson in lessons)
