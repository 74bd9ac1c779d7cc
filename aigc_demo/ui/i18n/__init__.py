"""All words that the page shows: `T(key)` is shown in the language of the browser.

They stand in ``en.json`` and ``zh.json``, longer ones as Markdown in ``lessons/``.
"""

from __future__ import annotations

import json
from pathlib import Path

import gradio as gr

FOLDER = Path(__file__).parent
LANGUAGES = ("en", "zh")


def _read(language: str) -> dict[str, str]:
    texts = json.loads((FOLDER / f"{language}.json").read_text(encoding="utf-8"))
    for path in sorted((FOLDER / "lessons").glob(f"*.{language}.md")):
        texts[path.name.split(".")[0]] = path.read_text(encoding="utf-8").strip()
    return texts


TEXTS = {language: _read(language) for language in LANGUAGES}
# A word that Gradio says to screen readers and has in no language.
DONE = "common.complete"
_SHOWN = {"en": TEXTS["en"] | {DONE: "Done"}, "zh": TEXTS["zh"] | {DONE: "完成"}}
I18N = gr.I18n(**_SHOWN, **{"zh-CN": _SHOWN["zh"]})


def T(key: str) -> gr.I18n:
    """Return the text of `key` for the browser to translate; KeyError where there is none."""
    TEXTS["en"][key]
    return I18N(key)


def both(key: str) -> tuple[str, str]:
    """Return the text of `key` in English and in Chinese."""
    return TEXTS["en"][key], TEXTS["zh"][key]


def say(key: str, language: str, **values: object) -> str:
    """Return the text of `key` in `language` (“zh…” is Chinese), filled in with `values`."""
    return TEXTS["zh" if language.startswith("zh") else "en"][key].format(**values)


def language_of(request: gr.Request | None) -> str:
    """Return the first language that a person's browser asks for."""
    headers = request.headers if request else {}
    return (headers.get("accept-language") or "en").lower()
