"""A run in words."""

from __future__ import annotations

import dataclasses
from typing import Any

from aigc_demo.training.events import Finished
from aigc_demo.training.run_monitor import RunLog, RunView
from aigc_demo.ui.train import run_text
from tests import factories, hostile


def view(status: Any, *, data: str = "shapes", slow: bool = False, **log: Any) -> RunView:
    plan = factories.plan("dcgan", data, steps=None, seconds=125.0)
    return RunView("20261125-024949-shapes-dcgan", plan, status, RunLog(**log), 3, slow)


def line(status: Any, **fields: Any) -> str:
    return run_text.status_line(view(status, **fields), "en")


def test_the_status_says_what_the_run_does() -> None:
    assert "Waiting, place 3 in the queue" in line("waiting")
    assert "Starting: reading the pictures" in line("training")
    assert "Starting: a model paints" in line("training", data="generated:mnist-vae")
    series = {"generator": [(1, 0.5)]}
    assert "**Training**" in line("training", series=series)
    assert "**Slow motion**" in line("training", series=series, slow=True)


def test_the_status_says_how_far_the_run_is() -> None:
    log = {"step": 1234, "elapsed": 65.0, "speed": 99.6, "progress": 0.5, "scoring": 13.0}
    text = line("training", series={"generator": [(1, 0.5)]}, **log)
    assert "step 1,234 · 1:05 / 2:05 · 100 pictures/s" in text
    assert "about 1:05 left" in text and "scoring took 20% of the time" in text
    assert "left" not in line("done", **log)
    assert "scoring" not in line("done", **log | {"elapsed": 59.0})


def test_the_status_says_why_a_run_has_failed() -> None:
    failed = Finished("failed", 0, 0.0, "data: it is gone; bring it back.")
    assert line("failed", last=failed).endswith("data: it is gone; bring it back.")


def test_a_run_is_called_by_its_time_its_data_and_its_method() -> None:
    title = run_text.title(view("done"))
    assert title.startswith("02:49:49 · ") and title.endswith(" · GAN")
    choice = (f"✓ {title}", "20261125-024949-shapes-dcgan")
    assert run_text.choices([view("done")]) == [choice]


def test_runs_of_one_minute_have_different_titles_and_may_be_given_one() -> None:
    second = dataclasses.replace(view("done"), name="20261125-024949-shapes-dcgan-2")
    named = dataclasses.replace(second, plan=second.plan.model_copy(update={"title": "R1 off"}))
    titles = {run_text.title(v) for v in (view("done"), second, named)}
    assert len(titles) == 3 and any(t.startswith("R1 off · ") for t in titles)


def test_what_is_said_of_a_run_is_shown_as_text() -> None:
    failed = Finished("failed", 0, 0.0, hostile.TEXT)
    assert hostile.TEXT in hostile.shown(line("failed", last=failed))
