"""Every text is there in both languages."""

from __future__ import annotations

import re

import pytest

from aigc_demo.ui.i18n import TEXTS
from tests import factories


@pytest.mark.parametrize("key", TEXTS)
def test_a_text_is_there_in_english_and_in_chinese(key: str) -> None:
    english, chinese = TEXTS[key]
    assert english.strip()
    assert re.search(r"[\u4e00-\u9fff]", chinese)


@pytest.mark.parametrize("method", factories.GENERATE)
def test_every_method_has_a_lesson_with_an_equation(method: str) -> None:
    assert all("$$" in text for text in TEXTS[f"how_{method}"])
