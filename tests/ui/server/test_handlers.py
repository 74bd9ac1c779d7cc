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
from aigc_demo.requests import Request, Whole
from aigc_demo.studio import Studio
from aigc_demo.ui.server import handlers
from aigc_demo.ui.server.handlers import bind, connect, downloadable


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


def test_a_message_holds_no_tags_since_the_page_takes_it_for_html(studio: Studio) -> None:
    def refuse(studio: Studio) -> None:
        raise BadValue('model: there is no “<a href="//evil.example">b</a>”; choose another.')

    with pytest.raises(gr.Error, match="there is no “‹a href=.*›b‹/a›”") as told:
        bind(refuse, studio)()
    assert not set("<>") & set(str(told.value))


def test_a_user_error_late_in_a_generator_is_shown_too(studio: Studio) -> None:
    steps = bind(count, studio)(2)
    assert [next(steps), next(steps)] == [0, 1]
    with pytest.raises(gr.Error, match="used up"):
        next(steps)


def test_a_name_that_is_too_long_for_a_system_is_shortened() -> None:
    path = Path(downloadable(b"x", f"{'😀' * 60}-{2**53}.png"))
    assert path.read_bytes() == b"x" and path.name.endswith(f"-{2**53}.png")


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


class Doubling(Request):
    number: Whole = 0
    name: str = ""


def wired(handler: Callable[..., Any], studio: Studio, outputs: tuple[str, ...]) -> Any:
    """Return the function that Gradio calls for `handler`, with two inputs."""
    components = {name: gr.Textbox(render=False) for name in ("number", "name", *outputs)}
    inputs = {name: components[name] for name in ("number", "name")}
    found: list[Any] = []
    connect(
        lambda function, *_, **__: found.append(function),
        handler,
        studio,
        inputs,
        {name: components[name] for name in outputs},
    )
    return found[0]


def test_a_handler_gets_a_checked_form_and_names_what_changes(studio: Studio) -> None:
    def handler(studio: Studio, form: Doubling) -> dict[str, Any]:
        return {"result": 2 * form.number}

    call = wired(handler, studio, ("other", "result"))
    kept, result = call(4.0, "x")
    assert result == 8
    assert kept == gr.skip()
    with pytest.raises(gr.Error, match="number: 'many' cannot be used"):
        call("many", "x")


def test_a_handler_gets_its_values_by_name_whatever_their_order(studio: Studio) -> None:
    def handler(studio: Studio, name: str, number: int) -> Iterator[dict[str, Any]]:
        yield {"result": name * number}

    assert list(wired(handler, studio, ("result",))(2, "ab")) == ["abab"]


def test_what_gradio_fills_in_follows_the_inputs(studio: Studio) -> None:
    def handler(studio: Studio, form: Doubling, event: gr.SelectData) -> dict[str, Any]:
        return {"result": event}

    call = wired(handler, studio, ("result",))
    assert list(inspect.signature(call).parameters) == ["number", "name", "event"]
    assert call.__annotations__["event"] is gr.SelectData
    assert call(1, "", "selected") == "selected"


def test_an_output_that_is_not_there_is_a_bug(studio: Studio) -> None:
    with pytest.raises(KeyError, match="reslut"):
        wired(lambda studio, number, name: {"reslut": 1}, studio, ("result",))(1, "")
