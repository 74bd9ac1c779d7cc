"""A log becomes series, a film, a state and warnings; it is read from where it was left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from aigc_demo.errors import BadValue
from aigc_demo.training import run_control, run_monitor, runs
from aigc_demo.training.events import Started, from_line
from aigc_demo.training.run_monitor import (
    RunLog,
    RunMonitor,
    RunView,
    downsample,
)
from tests import factories
from tests.conftest import TinyData


def log_of(*events: dict[str, Any]) -> RunLog:
    log = RunLog()
    for event in events:
        log.add(from_line(json.dumps(event)))
    return log


def step(n: int, **losses: float) -> dict[str, Any]:
    return {
        "event": "Step",
        "step": n,
        "seconds": n / 10,
        "progress": min(1.0, n / 1000),
        "losses": losses,
        "images_per_second": 100.0,
    }


def scored(n: int, name: str, value: float | None, **more: Any) -> dict[str, Any]:
    return {
        "event": "Scored",
        "step": n,
        "name": name,
        "value": value,
        "n": 1000,
        "std": None,
        "reason": "",
        "seconds": 1.0,
    } | more


def view_of(log: RunLog, status: Any = "training") -> RunView:
    return RunView("run", factories.plan("dcgan", "x"), status, log)


# --- Series ---


def test_a_curve_is_downsampled_to_few_points_and_keeps_its_end_and_mean() -> None:
    for n in (0, 1, 499, 500, 501, 1000, 12_345):
        points = [(i, float(i % 7)) for i in range(n)]
        found = downsample(points)
        assert found[-1:] == points[-1:]
        assert [s for s, _ in found] == sorted({s for s, _ in found})
        if n <= 500:
            assert found == points
        else:
            assert 250 <= len(found) <= 500
            assert sum(v for _, v in found) / len(found) == pytest.approx(3, abs=0.2)


def test_losses_are_apart_from_what_else_is_measured() -> None:
    view = view_of(log_of(step(1, discriminator=1.0, generator=2.0, grad_norm=3.0, real=0.5)))
    assert set(view.losses()) == {"discriminator", "generator"}
    assert view.metric("grad_norm") == [(1, 3.0)]
    assert view.metric("images_per_second") == [(1, 100.0)]


def test_a_score_comes_with_its_floor_or_the_reason_why_there_is_none() -> None:
    view = view_of(
        log_of(
            scored(0, "floor_fid_compact_1k", 2.0),
            scored(5, "fid_compact_1k", 9.0),
            scored(5, "kid_compact_1k", None, reason="needs more"),
            scored(9, "fid_compact_1k", 7.0),
        )
    )
    assert view.score("fid") == ("fid_compact_1k", [(5, 9.0), (9, 7.0)], 2.0)
    assert view.score("kid") == ("", [], None)
    assert view.reason("kid") == "needs more"
    assert view.last_scores() == {"fid_compact_1k": 7.0}


def test_what_a_killed_run_had_not_saved_is_forgotten_when_it_goes_on() -> None:
    preview = {"event": "Preview", "step": 30, "path": "previews/30.png"}
    log = log_of(step(10, loss=1), step(30, loss=2), preview, scored(30, "fid_compact_1k", 5.0))
    log.add(Started("flow", "x", 1, 20))
    log.add(from_line(json.dumps(step(25, loss=3))))
    assert view_of(log).losses() == {"loss": [(10, 1), (25, 3)]}
    assert log.previews == []
    assert log.scores == {"fid_compact_1k": []}


def test_the_time_left_follows_from_the_progress() -> None:
    view = view_of(log_of(step(250, loss=1)))
    assert view.left == pytest.approx(75)
    assert view_of(view.log, "paused").left is None


# --- Reading ---


def test_a_log_is_followed_as_it_grows(tmp_path: Path) -> None:
    directory = runs.create(tmp_path, factories.plan("flow", "x"), "run")
    reader = RunMonitor(tmp_path)
    assert reader.view("run").log.count == 0
    with open(directory / "events.jsonl", "a") as file:
        file.write(json.dumps(step(1, loss=1)) + "\n" + json.dumps(step(2, loss=2))[:20])
    assert reader.view("run").log.step == 1
    with open(directory / "events.jsonl", "a") as file:
        file.write(json.dumps(step(2, loss=2))[20:] + "\n")
    view = reader.view("run")
    assert view.losses() == {"loss": [(1, 1), (2, 2)]} and view.log.count == 2


def test_another_run_of_the_same_name_is_read_anew(tmp_path: Path) -> None:
    plan, reader = factories.plan("flow", "x"), RunMonitor(tmp_path)
    directory = runs.create(tmp_path, plan, "run")
    (directory / "events.jsonl").write_text(json.dumps(step(7, loss=1)) + "\n")
    assert reader.view("run").log.step == 7
    runs.discard(directory)
    with open(tmp_path / "occupied", "w"):  # so that the new log is another file
        directory = runs.create(tmp_path, plan, "run")
        (directory / "events.jsonl").write_text(json.dumps(step(3, loss=1)) + "\n")
    assert reader.view("run").log.step == 3


def test_a_new_budget_is_seen(tmp_path: Path) -> None:
    directory = runs.create(tmp_path, factories.plan("dcgan", "x"), "a")
    monitor = RunMonitor(tmp_path)
    assert monitor.views(fresh=True)[0].plan.steps == monitor.view("a").plan.steps == 3
    runs.revise(directory, steps=9)
    assert monitor.views(fresh=True)[0].plan.steps == monitor.view("a").plan.steps == 9


def test_a_run_that_was_trained_can_be_seen_from_start_to_end(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    factories.train(tmp_path, factories.plan("dcgan", tiny_data.zip, preview_every=1e-6))
    view = RunMonitor(tmp_path).view("run")
    assert view.status == "done" and view.log.saved and view.log.step == 3
    steps = [s for s, _ in view.log.previews]
    assert (steps[0], steps[-1]) == (1, 3) and steps == sorted(set(steps))
    assert set(view.losses()) == {"discriminator", "generator"}
    assert set(view.log.logits) == {"real", "fake"}


def test_a_name_that_leads_elsewhere_is_refused(tmp_path: Path) -> None:
    for name in ("../x", "/etc", "", "a\x00b", "x" * 300):
        with pytest.raises(BadValue, match="^name: "):
            RunMonitor(tmp_path).view(name)


def test_the_reader_remembers_few_logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = RunMonitor(tmp_path)
    for i in range(30):
        runs.create(tmp_path, factories.plan("flow", "x"), f"run{i}")
    assert len(reader.views()) == 30
    monkeypatch.setattr(run_monitor, "MAX_RUNS", 10)
    assert len(reader.views(fresh=True)) == 10
    assert len(reader._logs) <= 10 and len(reader._plans) <= 10


def test_those_who_look_at_once_share_a_look(tmp_path: Path) -> None:
    reader = RunMonitor(tmp_path, fresh_for=60)
    assert reader.views() == []
    runs.create(tmp_path, factories.plan("flow", "x"), "run")
    assert reader.views() == []
    assert [v.name for v in reader.views(fresh=True)] == ["run"]
    assert [v.name for v in reader.views()] == ["run"]


def test_a_paused_run_that_nobody_trains_is_interrupted(tmp_path: Path) -> None:
    directory = runs.create(tmp_path, factories.plan("flow", "x"), "run")
    (directory / "events.jsonl").write_text(json.dumps(step(3, loss=1)) + "\n")
    run_control.set_pace(directory, "pause")
    assert RunMonitor(tmp_path).view("run").status == "interrupted"


# --- Diagnoses ---


def test_a_run_is_diagnosed_by_its_own_loss_and_by_how_it_ended() -> None:
    duel = [step(100 * i, discriminator=1.9, separation=0.6) for i in range(1, 9)]
    for loss, expected in {"bce": [], "hinge": [], "relativistic": ["diverges"]}.items():
        plan = factories.plan("dcgan", "x", config={"loss": loss})
        assert RunView("run", plan, "training", log_of(*duel)).diagnoses() == expected
    assert view_of(RunLog(), "diverged").diagnoses() == ["diverges"]


def test_measures_that_are_no_losses_do_not_run_away() -> None:
    events = [step(i, loss=1.0, grad_norm=1.0) for i in range(40)]
    events += [step(40 + i, loss=1.0, grad_norm=500.0) for i in range(8)]
    assert view_of(log_of(*events)).diagnoses() == []


def test_few_samples_repeated_are_told_from_the_previews() -> None:
    duel = [step(100 * i, discriminator=1.3, separation=0.7) for i in range(1, 9)]
    sheet = {"event": "Preview", "path": "previews/1.png"}
    previews = [sheet | {"step": 500 + 50 * i, "diversity": 0.1} for i in range(4)]
    assert view_of(log_of(*duel, *previews)).diagnoses() == ["collapses"]
    assert view_of(log_of(*duel, *[sheet | {"step": 500 + i} for i in range(4)])).diagnoses() == []
