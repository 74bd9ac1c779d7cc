"""What people have typed is shown as text."""

from __future__ import annotations

from aigc_demo.ui.components.pictures import code, literal
from tests import hostile


def test_a_text_is_shown_as_it_is_whatever_is_in_it() -> None:
    for text in (
        hostile.TEXT,
        hostile.SHORT,
        "- a point",
        "2) a number",
        "# a heading",
        "> a quotation",
        "WWW.evil.example http://evil.example ftp://evil.example",
        "***",
        "a\\[b\\]",
        "猫, T-shirt 100% (no. 3): “x”",
    ):
        assert hostile.shown(literal(text)).strip() == text
        assert hostile.shown(code(text)).strip() == text


def test_a_text_stays_in_its_paragraph() -> None:
    for text in ("a\n\n# b", "a\n===", "a\r\n- b", "    a"):
        assert hostile.shown(literal(text)).strip() == " ".join(text.split())


def test_plain_words_are_not_changed() -> None:
    for text in ("猫, T-shirt", "data: it is gone; bring it back.", "Compare runs – “x”"):
        assert literal(text) == text
