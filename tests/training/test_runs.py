"""A run is a directory that grows; names stay inside, and a reader never trips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aigc_demo.errors import BadValue
from aigc_demo.requests import TrainPlan
from aigc_demo.training import runs
from aigc_demo.training.events import Paused
from tests import factories
from tests.conftest import TinyData

PLAN = TrainPlan(method="dcgan", data="mnist", steps=3)
NAMES = ["", ".", "..", "../x", "/abs", "a/b", "a\\b", "a\0b", "\0", ".hidden", "-x", "a b", "a\n",
         "x" * 101, "x" * 300, "裙子", "👗", "\u202ea"]  # fmt: skip


@pytest.mark.parametrize("name", NAMES, ids=ascii)
@pytest.mark.parametrize("use", ["create", "find"])
def test_a_name_that_could_lead_elsewhere_is_refused_and_nothing_written(
    tmp_path: Path, name: str, use: str
) -> None:
    root = tmp_path / "runs"
    with pytest.raises(BadValue, match="^name: "):
        runs.create(root, PLAN, name) if use == "create" else runs.find(root, name)
    assert list(tmp_path.rglob("*")) == []


@pytest.mark.parametrize("name", ["a", "cifar10-flow", "v1.2_x", "x" * 100])
def test_a_plain_name_becomes_a_directory_with_the_plan(tmp_path: Path, name: str) -> None:
    directory = runs.create(tmp_path / "deep" / "runs", PLAN, name)
    assert directory == tmp_path / "deep" / "runs" / name
    assert runs.read_plan(directory) == PLAN
    assert runs.find(tmp_path / "deep" / "runs", name) == directory


@pytest.mark.parametrize("data", ["mnist", "../../etc/x.zip", "/a/b c.zip", "裙子", "x" * 200])
def test_a_run_without_a_name_gets_one_that_stays_inside(tmp_path: Path, data: str) -> None:
    directory = runs.create(tmp_path, PLAN.model_copy(update={"data": data}))
    assert directory.parent == tmp_path
    assert directory.name.endswith("-dcgan")


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    runs.create(tmp_path, PLAN, "a")
    with pytest.raises(BadValue, match="^name: the run “a” exists already"):
        runs.create(tmp_path, PLAN, "a")


PLANS = {
    "missing": None,
    "no JSON": "{",
    "a list": "[]",
    "of the wrong kind": '{"method": 3}',
    "without a budget": '{"method": "flow", "data": "mnist"}',
    "bytes": "\ufffe",
}


@pytest.mark.parametrize("text", PLANS.values(), ids=PLANS)
def test_a_directory_without_a_sound_plan_is_no_run(tmp_path: Path, text: str | None) -> None:
    (tmp_path / "a").mkdir()
    if text is not None:
        (tmp_path / "a" / "plan.json").write_text(text, encoding="utf-16" if text > "z" else None)
    with pytest.raises(BadValue):
        list(runs.run(runs.find(tmp_path, "a")))
    assert not (tmp_path / "a" / "events.jsonl").exists()


def test_the_log_holds_the_events(tmp_path: Path, tiny_data: TinyData) -> None:
    events = factories.train(tmp_path, factories.plan("dcgan", tiny_data.zip))
    assert runs.events(tmp_path / "run") == events


def test_a_run_leaves_these_files(tmp_path: Path, tiny_data: TinyData) -> None:
    factories.train(tmp_path, factories.plan("dcgan", tiny_data.zip))
    found = {p.relative_to(tmp_path / "run").as_posix() for p in tmp_path.rglob("*.*")}
    assert found == {
        "plan.json",
        "events.jsonl",
        "state.safetensors",
        "previews/00000001.png",
        "previews/00000003.png",
        "model/model.safetensors",
        "model/card.json",
    }


@pytest.mark.parametrize("cut", [1, 5, 20])
def test_a_half_written_line_is_left_out(tmp_path: Path, cut: int) -> None:
    lines = '{"event": "Paused", "step": 0}\n{"event": "Paused", "step": 1}\n'
    (tmp_path / "events.jsonl").write_text(lines[:-cut])
    assert runs.events(tmp_path) == [Paused(0)]


def test_a_run_without_a_log_has_no_events(tmp_path: Path) -> None:
    assert runs.events(tmp_path) == []


def test_a_resumed_run_does_not_write_on_into_a_half_written_line(
    tmp_path: Path, tiny_data: TinyData
) -> None:
    before = factories.train(tmp_path, factories.plan("dcgan", tiny_data.zip))
    log = tmp_path / "run" / "events.jsonl"
    os.truncate(log, log.stat().st_size - 7)
    after = list(factories.follow(tmp_path / "run"))
    assert len(runs.events(tmp_path / "run")) == len(before) - 1 + len(after)


def test_an_old_stop_does_not_hinder_a_resumed_run(tmp_path: Path, tiny_data: TinyData) -> None:
    directory = runs.create(tmp_path, factories.plan("dcgan", tiny_data.zip))
    runs.stop(directory)
    assert list(factories.follow(directory))[-1].reason == "done"


def test_runs_are_listed_the_newest_first(tmp_path: Path) -> None:
    for i, name in enumerate(["b", "c", "a"]):
        os.utime(runs.create(tmp_path, PLAN, name) / "plan.json", (i, i))
    (tmp_path / "no-run").mkdir()
    assert [p.name for p in runs.directories(tmp_path)] == ["a", "c", "b"]
    assert runs.directories(tmp_path / "nowhere") == []
