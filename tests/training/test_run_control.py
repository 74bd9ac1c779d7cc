"""People steer a run through files: it pauses, steps once, slows down, and its budget waits."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from aigc_demo.methods import checkpoint
from aigc_demo.training import run_control, runs
from aigc_demo.training.events import DiscriminatorLogits, Finished, Paused, Preview, Saved, Step
from tests import factories
from tests.conftest import TinyData

pytestmark = pytest.mark.usefixtures("one_thread")


def start(root: Path, data: TinyData, **fields: Any) -> Path:
    return runs.create(root, factories.plan("dcgan", data.zip, **{"steps": 10_000} | fields))


def test_a_paused_run_waits_saved_and_goes_on(tmp_path: Path, tiny_data: TinyData) -> None:
    directory = start(tmp_path, tiny_data, steps=6)
    run_control.set_pace(directory, "pause")
    events = []
    for event in factories.follow(directory):
        events.append(event)
        if isinstance(event, Paused):
            assert runs.status(directory, event) == "paused"
            run_control.set_pace(directory, "run")
    assert any(isinstance(e, Paused) for e in events)
    assert (events[-1].reason, events[-1].step) == ("done", 6)


def test_a_run_is_saved_when_it_pauses(tmp_path: Path, tiny_data: TinyData) -> None:
    directory = start(tmp_path, tiny_data)
    for event in factories.follow(directory):
        if isinstance(event, Step) and event.step == 2:
            run_control.set_pace(directory, "pause")
        if isinstance(event, Paused):
            _, card = checkpoint.load(directory / "model")
            assert card.steps == event.step
            runs.stop(directory)
    assert event.reason == "stopped"


def test_a_granted_step_is_one_step_with_a_preview(tmp_path: Path, tiny_data: TinyData) -> None:
    directory = start(tmp_path, tiny_data)
    run_control.set_pace(directory, "pause")
    events: list[Any] = []
    for event in factories.follow(directory):
        events.append(event)
        if isinstance(event, Paused):
            run_control.grant_step(directory)
        steps = [e.step for e in events if isinstance(e, Step)]
        if isinstance(event, Preview) and len(steps) < 3:
            run_control.grant_step(directory)
        elif isinstance(event, Preview):
            runs.stop(directory)
    assert steps == [1, 2, 3]
    assert [e.step for e in events if isinstance(e, Preview)] == [1, 2, 3]


@pytest.mark.parametrize("part", ["generator", "discriminator"])
def test_a_single_step_updates_one_network_only(
    tmp_path: Path, tiny_data: TinyData, part: str
) -> None:
    directory = start(tmp_path, tiny_data)
    states = []
    for event in factories.follow(directory):
        if isinstance(event, Step) and event.step == 2:
            run_control.set_pace(directory, "pause")
        if isinstance(event, Paused):
            states.append(checkpoint.load_state(directory / "state.safetensors"))
            run_control.grant_step(directory, part)
        if isinstance(event, Preview) and states:
            runs.stop(directory)
    states.append(checkpoint.load_state(directory / "state.safetensors"))
    before, after = (s["trainer"]["modules"] for s in states)

    def moved(name: str) -> bool:
        return not all(
            factories.same(before[name][k], after[name][k])
            for k in before[name]
            if k.endswith("weight") and before[name][k].ndim == 4
        )

    assert moved("discriminator") == (part == "discriminator")
    assert moved("network") == (part == "generator")


def test_waiting_uses_up_no_budget(tmp_path: Path, tiny_data: TinyData) -> None:
    directory = start(tmp_path, tiny_data, steps=2)
    run_control.set_pace(directory, "pause")
    begin = 0.0
    for event in factories.follow(directory):
        begin = begin or time.monotonic()
        if isinstance(event, Paused):
            threading.Timer(0.6, run_control.set_pace, (directory, "run")).start()
    assert isinstance(event, Finished) and event.step == 2
    assert event.seconds < time.monotonic() - begin - 0.4


def test_slow_motion_shows_every_step(
    tmp_path: Path, tiny_data: TinyData, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_control, "SLOW_MOTION_SECONDS", 0.15)
    directory = start(tmp_path, tiny_data, steps=4)
    run_control.set_pace(directory, "slow")
    begin = time.monotonic()
    events = list(factories.follow(directory, log_every=60.0))
    assert time.monotonic() - begin > 4 * 0.15
    for kind in (Step, Preview):
        assert [e.step for e in events if isinstance(e, kind)] == [1, 2, 3, 4]
    assert events[-1].seconds < time.monotonic() - begin - 3 * 0.15


def test_a_stop_wakes_a_paused_run(tmp_path: Path, tiny_data: TinyData) -> None:
    directory = start(tmp_path, tiny_data)
    for event in factories.follow(directory):
        if isinstance(event, Step) and event.step == 1:
            run_control.set_pace(directory, "pause")
        if isinstance(event, Paused):
            runs.stop(directory)
    assert event.reason == "stopped"
    assert (directory / "model").is_dir()


def test_a_damaged_control_file_asks_for_nothing(tmp_path: Path) -> None:
    for text in ("", "{", "[]", '{"pace": "fly"}', '{"granted": -1}', "\x00"):
        (tmp_path / run_control.CONTROL).write_text(text)
        assert run_control.read(tmp_path) == run_control.Control()


def test_a_discriminators_opinion_is_told(tmp_path: Path, tiny_data: TinyData) -> None:
    events = factories.train(tmp_path, factories.plan("dcgan", tiny_data.zip, steps=2))
    judged = [e for e in events if isinstance(e, DiscriminatorLogits)]
    assert judged and all(set(e.outputs) == {"real", "fake"} for e in judged)
    assert all(len(v) == 32 for e in judged for v in e.outputs.values())


def test_a_run_is_saved_before_it_waits_for_the_first_time_only_if_it_has_learnt(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    directory = start(tmp_path, tiny_data)
    run_control.set_pace(directory, "pause")
    for event in factories.follow(directory):
        assert not isinstance(event, Saved)
        if isinstance(event, Paused):
            runs.stop(directory)
    assert not (directory / "model").exists()


def test_a_change_is_seen_whatever_the_clock_says(tmp_path: Path) -> None:
    control = run_control.ControlReader(tmp_path)
    for pace in ("pause", "run", "pause"):
        run_control.set_pace(tmp_path, pace)
        os.utime(tmp_path / run_control.CONTROL, (1, 1))
        assert control.may_step() == (pace == "run")
