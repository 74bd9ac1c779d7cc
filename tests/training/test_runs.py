"""A run is a directory that grows; names stay inside, and a reader never trips."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from aigc_demo.errors import BadValue, UserError
from aigc_demo.requests import TrainPlan
from aigc_demo.training import runs
from aigc_demo.training.events import DiscriminatorLogits, Paused, Scored
from tests import factories
from tests.conftest import TinyData

PLAN = TrainPlan(method="dcgan", data="mnist", steps=3)
NAMES = [
    "",
    ".",
    "..",
    "../x",
    "/abs",
    "a/b",
    "a\\b",
    "a\0b",
    "\0",
    ".hidden",
    "-x",
    "a b",
    "a\n",
    "x" * 101,
    "x" * 300,
    "裙子",
    "👗",
    "\u202ea",
]


def test_a_name_that_could_lead_elsewhere_is_refused_and_nothing_written(tmp_path: Path) -> None:
    for name in NAMES:
        for use in (
            lambda n: runs.create(tmp_path / "r", PLAN, n),
            lambda n: runs.find(tmp_path, n),
        ):
            with pytest.raises(BadValue, match="^name: "):
                use(name)
    assert list(tmp_path.rglob("*")) == []


def test_a_plain_name_becomes_a_directory_with_the_plan(tmp_path: Path) -> None:
    root = tmp_path / "deep" / "runs"
    for name in ("a", "cifar10-flow", "v1.2_x", "x" * 100):
        directory = runs.create(root, PLAN, name)
        assert directory == root / name
        assert runs.read_plan(directory) == PLAN
        assert runs.find(root, name) == directory


def test_a_run_without_a_name_gets_a_new_one_that_stays_inside(tmp_path: Path) -> None:
    sources = ["mnist", "mnist", "../../etc/x.zip", "/a/b c.zip", "裙子", "x" * 200]
    for source in sources:
        directory = runs.create(tmp_path, PLAN.model_copy(update={"data": source}))
        assert directory.parent == tmp_path
        assert "-dcgan" in directory.name
    assert len(runs.directories(tmp_path)) == len(sources)


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    runs.create(tmp_path, PLAN, "a")
    with pytest.raises(BadValue, match="^name: the run “a” exists already"):
        runs.create(tmp_path, PLAN, "a")


def test_a_run_that_is_trained_cannot_be_given_another_budget(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = runs.create(tmp_path, PLAN, "a")
    monkeypatch.setattr(runs, "LOCK_TIMEOUT", 0)
    with runs.lock(directory), pytest.raises(BadValue, match="^run: “a” is being trained"):
        runs.revise(directory, steps=9)
    assert runs.read_plan(directory) == PLAN
    runs.revise(directory, steps=9)
    assert runs.read_plan(directory) == PLAN.model_copy(update={"steps": 9})


def test_a_folder_of_runs_that_is_a_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="^The folder of runs cannot be written to"):
        runs.create(tmp_path / "file", PLAN, "a")


def test_a_directory_without_a_sound_plan_is_no_run(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    contents = [b"{", b"[]", b'{"method": 3}', b'{"method": "flow", "data": "mnist"}', b"\xff\xfe"]
    for content in [None, *contents]:
        if content is not None:
            (tmp_path / "a" / "plan.json").write_bytes(content)
        with pytest.raises(BadValue):
            runs.find(tmp_path, "a")


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


def test_lines_that_are_partial_damaged_or_of_another_version_are_left_out(
    tmp_path: Path,
) -> None:
    lines = [
        '{"event": "Paused", "step": 1}',
        '{"event": "Paused"}',
        '{"event": "Celebrated", "step": 2}',
        "[1, 2]",
        '{"event": "Step',
        '{"event": "Paused", "step": 3, "mood": "new"}',
        '{"event": "Scored", "step": 4, "name": "fid", "value": null, "n": 9}',
        '{"event": "Judged", "step": 5, "outputs": {"real": [1, 2.5]}}',
    ]
    text = "\n".join(lines) + "\n"
    found = [Paused(1), Paused(3), Scored(4, "fid", None, 9)]
    found.append(DiscriminatorLogits(5, {"real": (1.0, 2.5)}))
    for partial in ("", '{"event": "Paus', '{"event": "Paused", "step": 6}'):
        (tmp_path / "events.jsonl").write_text(text + partial)
        assert runs.read_events(tmp_path, 0) == (found, len(text))


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
