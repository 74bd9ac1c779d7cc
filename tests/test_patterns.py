"""No regular expression of the package takes long on a text that was written to make it so."""

from __future__ import annotations

import ast
import contextlib
import itertools
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from aigc_demo.requests import MAX_PROMPT
from aigc_demo.ui.generate import prompts

PACKAGE = Path(__file__).parents[1] / "aigc_demo"
CALLS = {"compile", "match", "search", "fullmatch", "split", "sub", "subn", "findall", "finditer"}
LENGTH, SECONDS = 20_000, 0.5  # characters; a pattern that is quadratic in them takes several
# Where words of a caller stand in a pattern.
FILLED_IN = "noto"


def text_of(node: ast.expr) -> str | None:
    """Return what a literal or an f-string is, FILLED_IN in place of what is filled in."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(text_of(part) or FILLED_IN for part in node.values)
    return None


def declared() -> dict[str, str]:
    """Return every pattern of the package by its place: arguments of `re` and of pydantic."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if not isinstance(node, ast.Call):
                continue
            given = [k.value for k in node.keywords if k.arg == "pattern"]
            if isinstance(node.func, ast.Attribute) and node.func.attr in CALLS:
                of_re = isinstance(node.func.value, ast.Name) and node.func.value.id == "re"
                given += node.args[:1] if of_re else []
            for value in given:
                place = f"{path.relative_to(PACKAGE)}:{value.lineno}"
                pattern = text_of(value)
                assert pattern is not None, f"{place}: a pattern that cannot be read here"
                found[place] = pattern
    return found


def adversarial(pattern: str) -> Iterator[str]:
    """Yield long texts of what the pattern may repeat: each of its signs, each two of them in
    turn, and its words, with an end that does not fit.
    """
    words = {FILLED_IN, *re.findall(r"\w{2,}", pattern)}
    signs = sorted({*" \n0a_-.,", *(c for c in pattern if not c.isalnum())})
    parts = [*signs, *words, *(a + b for a, b in itertools.permutations(signs, 2))]
    for part in parts:
        text = part * (LENGTH // len(part))
        yield from (text + "\x01", "x" + text + "\x01x")


@contextlib.contextmanager
def stopped_after(seconds: float) -> Iterator[None]:
    """Raise TimeoutError in a block that takes longer; `re` looks for signals now and then."""

    def stop(*_: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGALRM, stop)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def test_patterns_are_found() -> None:
    found = declared()
    assert len(found) >= 20
    assert any("style" in pattern and FILLED_IN in pattern for pattern in found.values())


@pytest.mark.parametrize(("place", "pattern"), declared().items(), ids=declared())
def test_no_pattern_backtracks(place: str, pattern: str) -> None:
    compiled = re.compile(pattern, re.IGNORECASE)
    for text in adversarial(pattern):
        with stopped_after(SECONDS):
            compiled.sub("", text)
            compiled.fullmatch(text)


def test_a_style_is_set_at_once_whatever_the_prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    styles = ("twemoji", "fluentui", "noto", "openmoji")
    for part in (" ", "\t", ", ", "in the ", "noto ", "noto style", "in the style of noto,"):
        start = time.perf_counter()
        with stopped_after(5):
            made = prompts.in_style(part * (60_000 // len(part)), "noto", styles)
        assert time.perf_counter() - start < 0.5 and len(made) <= MAX_PROMPT
