"""Handlers: errors for people, arguments that can travel, files that are whole."""

from __future__ import annotations

import inspect
import pickle
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest

from aigc_demo.errors import BadValue
from aigc_demo.studio import Studio
from aigc_demo.ui.server import handlers
from aigc_demo.ui.server.handlers import bind, downloadable


def double(studio: Studio, number: int) -> int:
    if number < 0:
        raise BadValue("number: it is negative; take a positive one.")
    return 2 * number


def count(studio: Studio, number: int) -> Iterator[int]:
    yield from range(number)
    raise BadValue("number: it is used up; take a larger one.")


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_the_studio_is_not_among_the_arguments(studio: Studio) -> None:
    bound = bind(double, studio)
    assert list(inspect.signature(bound).parameters) == ["number"]
    assert bound(4) == 8


def test_a_user_error_becomes_the_message_that_is_shown(studio: Studio) -> None:
    with pytest.raises(gr.Error, match="number: it is negative"):
        bind(double, studio)(-1)


def test_a_user_error_late_in_a_generator_is_shown_too(studio: Studio) -> None:
    steps = bind(count, studio)(2)
    assert [next(steps), next(steps)] == [0, 1]
    with pytest.raises(gr.Error, match="used up"):
        next(steps)


def test_a_bug_is_not_dressed_up_as_a_user_error(studio: Studio) -> None:
    with pytest.raises(TypeError):
        bind(double, studio)("not a number")


def test_work_for_a_gpu_travels_to_another_process_without_the_studio(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = []

    def gpu(duration: int) -> Callable[..., Any]:
        def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
            def call(*values: Any) -> Any:
                sent.append(pickle.dumps(values))
                return function(*values)

            return call

        return decorate

    monkeypatch.setattr(handlers, "spaces", types.SimpleNamespace(GPU=gpu))
    assert bind(double, studio, gpu=True)(4) == 8
    assert len(sent) == 1
    assert bind(double, studio)(4) == 8
    assert len(sent) == 1


def test_the_same_download_is_kept_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    first, second = downloadable(b"picture", "a.png"), downloadable(b"picture", "a.png")
    assert first == second
    assert Path(first).read_bytes() == b"picture"
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["a.png"]
